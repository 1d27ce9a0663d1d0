import { keyOfFile, type RunRef } from '../model/index.ts';

/** The most files that are kept: those whose bytes have been pending for longest. All others are younger. */
export const MOST_KEPT = 200;

/**
 * A file in which a lane was behind: its bytes from `offset` to `end` are missing since `since_ms`, by the wall
 * clock.
 */
export interface PendingFile {
  readonly root: string;
  readonly run: string;
  readonly file: string;
  readonly offset: number;
  readonly end: number;
  readonly since_ms: number;
}

/** The lag that a lane's last process stored for the next one and for `status`. */
export class KeptLag {
  readonly #files: ReadonlyMap<string, PendingFile>;
  /** Files that are not kept are younger than this. */
  readonly #notBeforeMs: number;

  /** `lookedMs`: the time of that process's last check, by the wall clock. */
  constructor(files: readonly PendingFile[], lookedMs: number) {
    this.#files = new Map(files.map((file) => [keyOfFile({ root: file.root, path: file.run }, file.file), file]));
    this.#notBeforeMs = files.length < MOST_KEPT ? lookedMs : files.reduce((latest, { since_ms }) => Math.max(latest, since_ms), 0);
  }

  /**
   * Returns since when the byte at `offset` of a file was visible, by the wall clock: the stored time, or else the
   * later of `notBeforeMs` and the file's last change.
   */
  sinceMs(run: RunRef, name: string, offset: number, changedMs: number): { readonly ms: number; readonly isKnown: boolean } {
    const kept = this.#files.get(keyOfFile(run, name));
    if (kept !== undefined && offset < kept.end) return { ms: kept.since_ms, isKnown: true };
    return { ms: Math.max(this.#notBeforeMs, changedMs), isKnown: false };
  }

  get notBeforeMs(): number {
    return this.#notBeforeMs;
  }

  /**
   * True if only the kept files missed bytes at `notBeforeMs`: all other bytes of that time were mirrored, or
   * excluded.
   */
  get isWhole(): boolean {
    return this.#files.size < MOST_KEPT;
  }
}
