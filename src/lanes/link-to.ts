import type { Backend, Handle } from '../contract/index.ts';

/** Where a person looks at a tracker run; undefined if the backend does not say, or cannot read the handle. */
export function linkTo(backend: { readonly link?: Backend['link'] | undefined }, handle: Handle): string | undefined {
  try {
    return backend.link?.(handle);
  } catch {
    // A list of links must not fail for it. Opening the run reports the reason.
    return undefined;
  }
}
