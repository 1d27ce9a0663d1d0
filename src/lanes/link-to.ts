import type { Backend, Handle } from '../contract/index.ts';

/**
 * Returns the address of a tracker run for a person; undefined if the backend has none, or cannot read the handle.
 */
export function linkTo(backend: { readonly link?: Backend['link'] | undefined }, handle: Handle): string | undefined {
  try {
    return backend.link?.(handle);
  } catch {
    // A list of links must not fail because of one handle. Opening the run reports the reason.
    return undefined;
  }
}
