import type { LinkRule, RunGlobs, WalkResult } from '../discover/index.ts';
import type { memoryInUse } from '../memory/index.ts';
import type { RunRef } from '../model/index.ts';
import type { ReadEvent, RunJob } from './read-event.ts';

/** The input that a reader's thread starts with. */
export interface ReaderWork {
  /** The shared memory; see the indices below. */
  readonly shared: Int32Array;
  /** The memory where it notes its current call: see `CallMark`. */
  readonly mark: SharedArrayBuffer;
  /** Bytes that may be in transit or waiting at a lane: the limit of the thread's memory. */
  readonly mostOutstanding: number;
  /** The memory that the thread may use. */
  readonly memory: ReturnType<typeof memoryInUse>;
  /** Paths that hung an earlier thread, and why they are passed over. */
  readonly passedOver: readonly (readonly [path: string, reason: string])[];
}

/**
 * The runs found since the last piece, and the number of directories read so far. The last piece lists the obstacles,
 * and on request the paths that were passed over.
 */
export type WalkPiece = Pick<WalkResult, 'runs' | 'obstacles' | 'directories'> & Partial<Pick<WalkResult, 'passedOver'>>;

/** Messages between the main thread and the reader's. */
export type ReaderRequest =
  | (RunGlobs & {
      readonly kind: 'walk';
      readonly root: string;
      readonly below: string;
      readonly links: LinkRule;
      /** True to name what is passed over, too. Default false. */
      readonly isNaming?: boolean;
    })
  /** `keep`: the thread keeps its knowledge of the runs, so that their later jobs need not bring it again. */
  | { readonly kind: 'read'; readonly jobs: readonly RunJob[]; readonly keep: boolean }
  | { readonly kind: 'forget'; readonly runs: readonly RunRef[] }
  | { readonly kind: 'answers'; readonly path: string };

/** A message from the reader's thread. */
export type ReaderReply =
  /** A piece of a walk: the runs found since the last one; the last piece has the obstacles. */
  | { readonly kind: 'found'; readonly found: WalkPiece; readonly isLast: boolean }
  /** Events of one request, in order. `cost` must be given back once they are handled. */
  | { readonly kind: 'events'; readonly events: readonly ReadEvent[]; readonly cost: number; readonly isLast: boolean }
  | { readonly kind: 'failed'; readonly message: string; readonly stack: string };

/** The index of the bytes in transit, in the memory that the threads share. */
export const OUTSTANDING = 0;
/** The index of the flag that tells the thread to stop. */
export const STOP = 1;
/** The number of integers in the shared memory. */
export const SHARED_INTS = 2;
