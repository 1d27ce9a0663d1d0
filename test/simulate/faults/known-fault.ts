// Faults that the service had, or nearly had: each is put back into a copy of the built code, and the simulator must
// find it.

/** A change of a built module that brings a fault back. */
export interface KnownFault {
  readonly name: string;
  /** What goes wrong, in plain words. */
  readonly words: string;
  /** The module, below `src`, without its ending. */
  readonly module: string;
  /** A text of the built module, which is there once. */
  readonly from: string;
  readonly to: string;
  /** True if the text is there several times, and is changed everywhere. */
  readonly isEverywhere?: true;
}

/**
 * Returns the source of a module with a fault. Throws if the text is not there: then the fault must be put otherwise.
 */
export function withFault(source: string, { name, from, to, isEverywhere }: KnownFault): string {
  const parts = source.split(from);
  if (parts.length < 2 || (parts.length > 2 && isEverywhere !== true))
    throw new Error(`the fault ${name} does not fit: its text is there ${parts.length - 1} times`);
  return parts.join(to);
}
