/** Something to compare with, or why it cannot be had on this machine. */
export type Reference<T> = { readonly kind: 'ready'; readonly use: T } | { readonly kind: 'absent'; readonly reason: string };

/** A reference that is set up by `prepare`; whatever goes wrong there is the reason for its absence. */
export async function tryReference<T>(what: string, prepare: () => Promise<T>): Promise<Reference<T>> {
  try {
    return { kind: 'ready', use: await prepare() };
  } catch (error) {
    return { kind: 'absent', reason: `${what}: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** Calls `make` once, however often the result is asked for. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
