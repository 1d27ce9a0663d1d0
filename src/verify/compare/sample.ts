import { createHash } from 'node:crypto';
import type { RunRef } from '../../model/index.ts';

/** A share of all series. It is the same for the same seed, in whatever order the series come. */
export interface Sample {
  /** Above 0, up to 100. */
  readonly percent: number;
  /** The seed; another seed gives another sample. */
  readonly seed: string;
}

/** True if a series belongs to a sample. */
export function isInSample({ percent, seed }: Sample, run: RunRef, tag: string): boolean {
  const digest = createHash('sha256')
    .update(JSON.stringify([seed, run.root, run.path, tag]))
    .digest();
  return digest.readUInt32LE(0) < (percent / 100) * 0x1_0000_0000;
}
