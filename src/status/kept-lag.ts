import { keyOfFile, type RunRef } from '../model/index.ts';

/** Files that are kept: those whose bytes are pending for longest. All others are younger. */
export const MOST_KEPT = 200;

/** A file that a lane was behind of: its bytes from `offset` to `end` are missing since then, by the wall clock. */
export interface PendingFile {
  readonly root: string;
  readonly run: string;
  readonly file: string;
  readonly offset: number;
  readonly end: number;
  readonly since_ms: number;
}

/** What a lane's last process left of what it was behind of, for the next one and for `status`. */
export class KeptLag {
  readonly #files: ReadonlyMap<string, PendingFile>;
  /** What is not kept is younger. */
  readonly #notBeforeMs: number;

  /** `lookedMs`: when that process looked last, by the wall clock. */
  constructor(files: readonly PendingFile[], lookedMs: number) {
    this.#files = new Map(files.map((file) => [keyOfFile({ root: file.root, path: file.run }, file.file), file]));
    this.#notBeforeMs = files.length < MOST_KEPT ? lookedMs : files.reduce((latest, { since_ms }) => Math.max(latest, since_ms), 0);
  }

  /**
   * Since when the byte at `offset` of a file could be seen, by the wall clock: as it was kept, or between then and
   * when the file changed last.
   */
  sinceMs(run: RunRef, name: string, offset: number, changedMs: number): { readonly ms: number; readonly isKnown: boolean } {
    const kept = this.#files.get(keyOfFile(run, name));
    if (kept !== undefined && offset < kept.end) return { ms: kept.since_ms, isKnown: true };
    return { ms: Math.max(this.#notBeforeMs, changedMs), isKnown: false };
  }

  get notBeforeMs(): number {
    return this.#notBeforeMs;
  }

  /** Nothing but what is kept was missing at `notBeforeMs`: a byte that was there then was mirrored, or not meant. */
  get isWhole(): boolean {
    return this.#files.size < MOST_KEPT;
  }
}
