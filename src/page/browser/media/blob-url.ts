import { useEffect, useState } from 'preact/hooks';
import { type MediaJson, mediaType } from '../../model/media-values.ts';
import { isAbort, send } from '../api/client.ts';
import { inTurn } from '../curves/request-queue.ts';

/** An address for the bytes of a medium, or why there is none. */
export type BlobUrl = { readonly url: string } | { readonly problem: string } | undefined;

/**
 * Fetches bytes for an image or a clip. They come by `fetch`, since an element of the page cannot send the token, and
 * get a type that we choose: nothing from a log is ever a document.
 */
export function useBlobUrl(media: MediaJson | undefined): BlobUrl {
  const [found, setFound] = useState<BlobUrl>();
  const [path, format] = [media?.url, media?.format ?? ''];
  useEffect(() => {
    setFound(undefined);
    if (path === undefined) return;
    const type = mediaType(format);
    if (type === undefined) {
      setFound({ problem: `The page does not show the format ${format}.` });
      return;
    }
    const stop = new AbortController();
    let url: string | undefined;
    inTurn(stop.signal, async () => (await send(path, { signal: stop.signal })).arrayBuffer()).then(
      (bytes) => {
        if (stop.signal.aborted) return;
        url = URL.createObjectURL(new Blob([bytes], { type }));
        setFound({ url });
      },
      (error: unknown) => {
        if (!isAbort(error) && !stop.signal.aborted) setFound({ problem: error instanceof Error ? error.message : String(error) });
      },
    );
    return () => {
      stop.abort();
      if (url !== undefined) URL.revokeObjectURL(url);
    };
  }, [path, format]);
  return found;
}
