/** All charts: pinned ones on top, then in sections by what stands before the slash of their tags. */
import { useComputed } from '@preact/signals';
import type { VNode } from 'preact';
import { groupTags, tagPattern } from '../../model/tag-groups.ts';
import { visibleText } from '../../model/visible-text.ts';
import { chartSettings } from '../state/view.ts';
import { ChartCard } from './chart-card.tsx';
import { Section } from './section.tsx';
import { shownRuns, shownTags } from './shown-runs.ts';

const PINNED = '\u0000pinned';

/** The charts of the scalars. */
export function ChartSections(): VNode {
  const scalars = useComputed(() => [...new Set((shownTags.value ?? []).filter(isScalar).map(({ tag }) => tag))]);
  const { tagFilter, pins } = chartSettings.value;
  const pattern = tagPattern(tagFilter);
  const pinned = pins.filter((tag) => scalars.value.includes(tag));
  const tags = scalars.value.filter((tag) => !pinned.includes(tag) && (!('test' in pattern) || pattern.test(tag)));
  if (shownRuns.value === undefined || shownTags.value === undefined) return <p class="note">Loading…</p>;
  if (shownRuns.value.length === 0) return <p class="note">There are no runs. Choose some in Runs, or change the filter there.</p>;
  if (scalars.value.length === 0) return <p class="note">These runs have no scalars.</p>;
  return (
    <>
      {pinned.length > 0 ? <Charts id={PINNED} name="Pinned" tags={pinned} /> : null}
      {groupTags(tags).map(({ prefix, tags: own }) => (
        <Charts key={prefix} id={prefix} name={prefix === '' ? 'Others' : visibleText(prefix)} tags={own} />
      ))}
      {tags.length + pinned.length === 0 ? <p class="note">No tag matches the filter.</p> : null}
    </>
  );
}

function isScalar({ plugin }: { readonly plugin: string }): boolean {
  return plugin === 'scalars';
}

interface Props {
  readonly id: string;
  readonly name: string;
  readonly tags: readonly string[];
}

/** The charts of some tags. */
function Charts({ id, name, tags }: Props): VNode {
  return (
    <Section id={id} name={name} size={tags.length} grid="chart-grid">
      {tags.map((tag) => (
        <ChartCard key={tag} tag={tag} />
      ))}
    </Section>
  );
}
