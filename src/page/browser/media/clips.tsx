import type { VNode } from 'preact';
import type { MediaJson, ValueJson } from '../../model/media-values.ts';
import { visibleText } from '../../model/visible-text.ts';
import { useBlobUrl } from './blob-url.ts';

/** The clips of a value. */
export function Clips({ value, name }: { readonly value: ValueJson; readonly name: string }): VNode {
  return (
    <>
      {value.media.map((each, i) => (
        <Clip key={`${i} ${each.sha256}`} media={each} name={name} />
      ))}
    </>
  );
}

function Clip({ media, name }: { readonly media: MediaJson; readonly name: string }): VNode {
  const found = useBlobUrl(media);
  const label = visibleText(media.label);
  return (
    <div class="clip">
      {found === undefined ? (
        <span class="muted">Loading…</span>
      ) : 'problem' in found ? (
        <p class="problem">{visibleText(found.problem)}</p>
      ) : (
        // biome-ignore lint/a11y/useMediaCaption: a log has none
        <audio controls src={found.url} aria-label={`${visibleText(name)} ${label}`} />
      )}
      {label === '' ? null : <span class="muted cut">{label}</span>}
    </div>
  );
}
