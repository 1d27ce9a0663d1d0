import type { VNode } from 'preact';
import type { MediaJson, ValueJson } from '../../model/media-values.ts';
import { visibleText } from '../../model/visible-text.ts';
import { useBlobUrl } from './blob-url.ts';

/** More images of a value than this are not shown at once. */
const MOST_IMAGES = 16;

/** The images of a value. */
export function Images({ value, name }: { readonly value: ValueJson; readonly name: string }): VNode {
  const { media } = value;
  return (
    <div class="images">
      {media.slice(0, MOST_IMAGES).map((each, i) => (
        <OneImage key={`${i} ${each.sha256}`} media={each} name={`${name}, ${i + 1} of ${media.length}`} />
      ))}
      {media.length > MOST_IMAGES ? <p class="muted">{media.length - MOST_IMAGES} more</p> : null}
    </div>
  );
}

function OneImage({ media, name }: { readonly media: MediaJson; readonly name: string }): VNode {
  const found = useBlobUrl(media);
  if (found === undefined) return <div class="image-place" />;
  if ('problem' in found) return <p class="problem">{visibleText(found.problem)}</p>;
  return (
    <a href={found.url} download={`${media.sha256.slice(0, 12)}.${media.format}`} title={`Download (${media.bytes} bytes)`}>
      <img src={found.url} alt={visibleText(name)} />
    </a>
  );
}
