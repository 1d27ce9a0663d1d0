/** What a thread that compares runs of a local store receives, and what it answers. */
import type { StoreOptions } from '../lanes/index.ts';
import type { Difference, Obstacle, RunVerdict, Sample, TroubledFile } from './compare/index.ts';

/** The data that the thread starts with. */
export interface RunWork {
  readonly store: StoreOptions;
  readonly sample: Sample | undefined;
}

/** Differences that are sent together. */
export type DifferencePiece = readonly Difference[];

/** What was done since the last message. */
export interface RunSteps {
  readonly points: number;
  readonly records: number;
  readonly bytes: number;
  readonly files: number;
  readonly damaged: number;
}

/** What a thread tells while it compares. */
export type RunNote =
  | { readonly kind: 'steps'; readonly steps: RunSteps }
  | { readonly kind: 'waits'; readonly path: string; readonly sinceMs: number };

/** The findings about one run. */
export interface RunFindings {
  readonly verdicts: readonly RunVerdict[];
  readonly troubled: readonly TroubledFile[];
  readonly damagedFiles: readonly string[];
  readonly obstacles: readonly Obstacle[];
}
