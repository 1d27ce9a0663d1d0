import type { LinkRule, RunGlobs, WalkResult } from '../discover/index.ts';
import type { memoryInUse } from '../memory/index.ts';
import type { RunRef } from '../model/index.ts';
import type { ReadEvent, RunJob } from './read-event.ts';

/** What a reader's thread begins with. */
export interface ReaderWork {
  /** See the places below. */
  readonly shared: Int32Array;
  /** Where it notes the call it is in: see `CallMark`. */
  readonly mark: SharedArrayBuffer;
  /** Bytes that may be on their way or waiting at a lane: the bound of the thread's memory. */
  readonly mostOutstanding: number;
  /** What it gets along with. */
  readonly memory: ReturnType<typeof memoryInUse>;
  /** Paths that hung a thread before it, and why they are passed over. */
  readonly passedOver: readonly (readonly [path: string, reason: string])[];
}

/**
 * Runs found since the last piece, and the number of directories read so far. The last piece lists the obstacles, and
 * on request the paths that were passed over.
 */
export type WalkPiece = Pick<WalkResult, 'runs' | 'obstacles' | 'directories'> & Partial<Pick<WalkResult, 'passedOver'>>;

/** Messages between the main thread and the reader's. */
export type ReaderRequest =
  | (RunGlobs & {
      readonly kind: 'walk';
      readonly root: string;
      readonly below: string;
      readonly links: LinkRule;
      /** Say what is passed over, too. Default false. */
      readonly isNaming?: boolean;
    })
  /** `keep`: what is known of the runs is kept, and later jobs of them need not bring it again. */
  | { readonly kind: 'read'; readonly jobs: readonly RunJob[]; readonly keep: boolean }
  | { readonly kind: 'forget'; readonly runs: readonly RunRef[] }
  | { readonly kind: 'answers'; readonly path: string };

/** What a reader's thread sends. */
export type ReaderReply =
  /** A piece of a walk: runs that were found since the last one; in the last, what stood in the way. */
  | { readonly kind: 'found'; readonly found: WalkPiece; readonly isLast: boolean }
  /** Events of one request, in order; `cost` is what has to be given back once they are dealt with. */
  | { readonly kind: 'events'; readonly events: readonly ReadEvent[]; readonly cost: number; readonly isLast: boolean }
  | { readonly kind: 'failed'; readonly message: string; readonly stack: string };

/** Shared between the threads: bytes on their way, and whether to stop. */
export const OUTSTANDING = 0;
/** Where the shared memory says that the thread is to stop. */
export const STOP = 1;
/** Integers in the shared memory. */
export const SHARED_INTS = 2;
