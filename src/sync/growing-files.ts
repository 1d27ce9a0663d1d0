import { type ArtifactSource, beginsWith } from '../artifacts/index.ts';
import type { ArtifactState } from '../state/index.ts';

/**
 * A file that only grows is stored again once it is this many times as long as what is stored: all of its uploads
 * together are at most three times its length.
 */
const STEP = 1.5;

/**
 * Decides when to upload artifacts that only grow, as `result.json` does with every epoch: each upload sends the
 * whole file.
 */
export class GrowingFiles {
  readonly #signal: AbortSignal;
  /** Results for the beginning of a file, by the file's key, with the hash of that beginning. */
  readonly #found = new Map<string, { readonly hash: string; readonly isThere: boolean }>();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /**
   * Returns true if a file is what is stored and a little more. Such a file waits for more, or for the end of the
   * run.
   */
  async waits(key: string, source: ArtifactSource, before: ArtifactState | undefined): Promise<boolean> {
    if (before?.outcome.kind !== 'done' || before.hash === '') return false;
    if (source.bytes <= before.bytes || source.bytes >= before.bytes * STEP) return false;
    const { bytes, hash } = before;
    const known = this.#found.get(key);
    // The beginning of a file is read once for each stored content.
    if (known?.hash === hash) return known.isThere;
    const isThere = await beginsWith(source, { bytes, hash }, this.#signal).catch(() => false);
    this.#found.set(key, { hash, isThere });
    return isThere;
  }
}
