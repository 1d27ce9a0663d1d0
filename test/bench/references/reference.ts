/** Something to compare with, or why it cannot be had on this machine. */
export type Reference<T> = ({ readonly kind: 'ready' } & Prepared<T>) | { readonly kind: 'absent'; readonly reason: string };

/** A reference that is set up. */
export interface Prepared<T> {
  readonly use: T;
  /** Its name and version, for the machine's line of a report. */
  readonly version: string;
  /** Ends what was started for it. */
  readonly stop?: () => Promise<void>;
}

/** A reference that is set up by `prepare`; whatever goes wrong there is the reason for its absence. */
export async function tryReference<T>(what: string, prepare: () => Promise<Prepared<T>>): Promise<Reference<T>> {
  try {
    return { kind: 'ready', ...(await prepare()) };
  } catch (error) {
    return { kind: 'absent', reason: `${what}: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** What a reference can be used for; undefined, with the reason in a note, if it cannot be had. */
export function usable<T>(reference: Reference<T>, note: (text: string) => void): T | undefined {
  if (reference.kind === 'ready') return reference.use;
  note(reference.reason);
  return undefined;
}
