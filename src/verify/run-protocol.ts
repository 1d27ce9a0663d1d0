/** The messages to a thread that compares runs of a local store, and its answers. */
import type { ErrorCode, ErrorDetails } from '../errors.ts';
import type { StoreOptions } from '../lanes/index.ts';
import type { Memory } from '../memory/index.ts';
import type { Difference, Obstacle, RunVerdict, Sample, TroubledFile } from './compare/index.ts';
import type { VerifiedRun } from './verify-scope.ts';

/** The place in `RunWork.shared` of the number of pieces of differences that were taken from the thread. */
export const TAKEN = 0;
/** The place of a number that is not 0 once the thread should stop. */
export const STOP = 1;
/** How many numbers there are. */
export const SHARED_NUMBERS = 2;

/** The data that the thread starts with. */
export interface RunWork {
  readonly store: StoreOptions;
  readonly sample: Sample | undefined;
  readonly memory: Memory;
  /** What the other side tells the thread while it waits. */
  readonly shared: Int32Array;
}

/** `compare`: compare a run, after those requested before. `stop`: end the present run early. `close`: end. */
export type RunRequest =
  | { readonly kind: 'compare'; readonly number: number; readonly candidate: VerifiedRun }
  | { readonly kind: 'stop' }
  | { readonly kind: 'close' };

/** What was done since the last message. */
export interface RunSteps {
  readonly points: number;
  readonly records: number;
  readonly bytes: number;
  readonly files: number;
  readonly damaged: number;
}

/** The findings about one run. */
export interface RunFindings {
  readonly verdicts: readonly RunVerdict[];
  readonly troubled: readonly TroubledFile[];
  readonly damagedFiles: readonly string[];
  readonly obstacles: readonly Obstacle[];
}

/** An answer. `number` is that of the run. */
export type RunReply =
  | { readonly kind: 'steps'; readonly steps: RunSteps }
  | { readonly kind: 'waits'; readonly path: string; readonly sinceMs: number }
  | { readonly kind: 'differences'; readonly number: number; readonly differences: readonly Difference[] }
  | ({ readonly kind: 'compared'; readonly number: number; readonly steps: RunSteps } & RunFindings)
  | {
      readonly kind: 'failed';
      readonly number: number;
      readonly code: ErrorCode;
      readonly message: string;
      readonly details: ErrorDetails;
    };
