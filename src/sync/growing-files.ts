import { type ArtifactSource, beginsWith } from '../artifacts/index.ts';
import type { ArtifactState } from '../state/index.ts';

/**
 * A file that only gets longer is stored again once it is so much longer than what is stored: all of its uploads are
 * three times its length at most.
 */
const STEP = 1.5;

/** Artifacts that only grow, as `result.json` does with every epoch: each time, all of one goes to the tracker. */
export class GrowingFiles {
  readonly #signal: AbortSignal;
  /** What was found at the beginning of a file, by the file's key and the hash of that. */
  readonly #found = new Map<string, { readonly hash: string; readonly isThere: boolean }>();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** Whether a file is what is stored and a little more: it waits for more, or for the end of the run. */
  async waits(key: string, source: ArtifactSource, before: ArtifactState | undefined): Promise<boolean> {
    if (before?.outcome.kind !== 'done' || before.hash === '') return false;
    if (source.bytes <= before.bytes || source.bytes >= before.bytes * STEP) return false;
    const { bytes, hash } = before;
    const known = this.#found.get(key);
    // What a file begins with is read once for each of its contents.
    if (known?.hash === hash) return known.isThere;
    const isThere = await beginsWith(source, { bytes, hash }, this.#signal).catch(() => false);
    this.#found.set(key, { hash, isThere });
    return isThere;
  }
}
