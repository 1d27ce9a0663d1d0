/** The values of runs that are no scalars, in sections like the charts. */
import { useComputed } from '@preact/signals';
import type { VNode } from 'preact';
import { groupTags, tagPattern } from '../../model/tag-groups.ts';
import { visibleText } from '../../model/visible-text.ts';
import { Section } from '../curves/section.tsx';
import { shownTags } from '../curves/shown-runs.ts';
import { chartSettings } from '../state/view.ts';
import { Clips } from './clips.tsx';
import { GraphCard } from './graphs.tsx';
import { histogramForm } from './histogram-canvas.tsx';
import { HistogramCard } from './histogram-card.tsx';
import { Hparams } from './hparams.tsx';
import { Images } from './images.tsx';
import { MediaCard } from './media-card.tsx';
import { PrCurveCard } from './pr-curves.tsx';
import type { MediaKind } from './tabs.ts';
import { PLUGINS } from './tabs.ts';
import { isRaw, Texts } from './texts.tsx';

/** The part of a kind of values. */
export function MediaTab({ kind }: { readonly kind: MediaKind }): VNode {
  const tags = useComputed(() => {
    const pattern = tagPattern(chartSettings.value.tagFilter);
    const own = (shownTags.value ?? []).filter(({ plugin }) => PLUGINS[kind].includes(plugin)).map(({ tag }) => tag);
    return [...new Set(own)].filter((tag) => !('test' in pattern) || pattern.test(tag));
  });
  if (kind === 'hparams') return <Hparams />;
  if (shownTags.value === undefined) return <p class="note">Loading…</p>;
  if (tags.value.length === 0) return <p class="note">These runs have none, or no tag matches the filter.</p>;
  return (
    <>
      {kind === 'histograms' ? (
        <label>
          Draw as{' '}
          <select value={histogramForm.value} onChange={(event) => (histogramForm.value = event.currentTarget.value as 'ridges' | 'heat')}>
            <option value="ridges">ridges</option>
            <option value="heat">heat map</option>
          </select>
        </label>
      ) : null}
      {kind === 'text' ? (
        <label>
          <input type="checkbox" checked={isRaw.value} onChange={(event) => (isRaw.value = event.currentTarget.checked)} /> As it is in the
          log
        </label>
      ) : null}
      {groupTags(tags.value).map(({ prefix, tags: own }) => (
        <Section
          key={prefix}
          id={`${kind} ${prefix}`}
          name={prefix === '' ? 'Others' : visibleText(prefix)}
          size={own.length}
          grid={kind === 'pr-curves' ? 'chart-grid' : 'media-list'}
        >
          {own.map((tag) => cardOf(kind, tag))}
        </Section>
      ))}
    </>
  );
}

function cardOf(kind: Exclude<MediaKind, 'hparams'>, tag: string): VNode {
  switch (kind) {
    case 'histograms':
      return <HistogramCard key={tag} tag={tag} />;
    case 'images':
      return <MediaCard key={tag} tag={tag} show={(value, run) => <Images value={value} name={`${tag}, ${run}`} />} />;
    case 'audio':
      return <MediaCard key={tag} tag={tag} show={(value, run) => <Clips value={value} name={`${tag}, ${run}`} />} />;
    case 'text':
      return <MediaCard key={tag} tag={tag} show={(value) => <Texts value={value} />} isWide />;
    case 'pr-curves':
      return <PrCurveCard key={tag} tag={tag} />;
    case 'graphs':
      return <GraphCard key={tag} tag={tag} />;
    default:
      return kind satisfies never;
  }
}
