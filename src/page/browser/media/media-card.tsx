/** A tag with the values of all runs, and a slider over their steps. */
import { useSignal } from '@preact/signals';
import type { VNode } from 'preact';
import { useRef } from 'preact/hooks';
import { exactText } from '../../model/exact-number.ts';
import { stepsOf, type ValueJson, valueAt } from '../../model/media-values.ts';
import { runColour } from '../../model/run-colour.ts';
import { visibleText } from '../../model/visible-text.ts';
import { useInView } from '../curves/in-view.ts';
import { runNames, shownRuns } from '../curves/shown-runs.ts';
import { theme } from '../state/view.ts';
import { StepSlider } from './step-slider.tsx';
import { TagCard } from './tag-card.tsx';
import { useValues } from './values.ts';

/** The most values of a run that are fetched: the last ones. */
const MOST_VALUES = 100;

interface Props {
  readonly tag: string;
  /** Draws a value. */
  readonly show: (value: ValueJson, run: string) => VNode | null;
  /** True for values that need the whole width. */
  readonly isWide?: boolean;
}

/** A card with a slider and a value of each run. */
export function MediaCard({ tag, show, isWide = false }: Props): VNode {
  const card = useRef<HTMLElement>(null);
  const isInView = useInView(card);
  const runs = shownRuns.value ?? [];
  const { runs: found, isLoading, failure } = useValues(tag, runs, isInView, MOST_VALUES).value;
  const having = runs.filter((run) => (found.get(run)?.length ?? 0) > 0);
  const steps = stepsOf(having.map((run) => found.get(run) ?? []));
  /** Null is the last step, also when there are more. */
  const place = useSignal<number | null>(null);
  const at = Math.min(place.value ?? Number.POSITIVE_INFINITY, steps.length - 1);
  const step = steps[at];
  return (
    <TagCard tag={tag} card={card} isLoading={isLoading} failure={failure} beside={<StepSlider steps={steps} place={place} />}>
      <div class={isWide ? 'media-rows' : 'media-grid'}>
        {isInView && step !== undefined
          ? having.map((run) => {
              const value = valueAt(found.get(run) ?? [], step);
              return value === undefined ? null : <RunValue key={run} run={run} value={value} show={show} />;
            })
          : null}
      </div>
    </TagCard>
  );
}

interface ValueProps {
  readonly run: string;
  readonly value: ValueJson;
  readonly show: Props['show'];
}

function RunValue({ run, value, show }: ValueProps): VNode {
  return (
    <figure>
      <figcaption class="cut" title={visibleText(run)}>
        <span class="chip" style={{ background: runColour(run, theme.value) }} />
        {visibleText(runNames.value.get(run) ?? run)} <span class="muted">step {exactText(value.step)}</span>
      </figcaption>
      {value.kind === 'malformed' ? <p class="problem">The bytes of this value are not what its plugin writes.</p> : show(value, run)}
    </figure>
  );
}
