import type { VNode } from 'preact';
import { useRef } from 'preact/hooks';
import { runColour } from '../../model/run-colour.ts';
import { tagTitle } from '../../model/tag-groups.ts';
import { visibleText } from '../../model/visible-text.ts';
import { useInView } from '../curves/in-view.ts';
import { runNames, shownRuns } from '../curves/shown-runs.ts';
import { theme } from '../state/view.ts';
import { HistogramCanvas } from './histogram-canvas.tsx';
import { TagCard } from './tag-card.tsx';
import { useValues } from './values.ts';

const MOST_VALUES = 200;

/** The histograms of a tag, a picture for each run. */
export function HistogramCard({ tag }: { readonly tag: string }): VNode {
  const card = useRef<HTMLElement>(null);
  const isInView = useInView(card);
  const runs = shownRuns.value ?? [];
  const { runs: found, isLoading, failure } = useValues(tag, runs, isInView, MOST_VALUES).value;
  const having = runs.filter((run) => (found.get(run)?.length ?? 0) > 0);
  const name = tagTitle(tag);
  return (
    <TagCard tag={tag} card={card} isLoading={isLoading} failure={failure}>
      <div class="media-grid">
        {isInView
          ? having.map((run) => (
              <figure key={run}>
                <figcaption class="cut" title={visibleText(run)}>
                  <span class="chip" style={{ background: runColour(run, theme.value) }} />
                  {visibleText(runNames.value.get(run) ?? run)}
                </figcaption>
                <HistogramCanvas values={found.get(run) ?? []} colour={runColour(run, theme.value)} name={`${name}, ${visibleText(run)}`} />
              </figure>
            ))
          : null}
      </div>
    </TagCard>
  );
}
