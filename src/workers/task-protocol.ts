/** The messages to a thread that does tasks, and its answers. */
import type { ErrorCode, ErrorDetails } from '../errors.ts';
import type { Memory } from '../memory/index.ts';

/** The place in `WorkerWork.shared` of the weight of the pieces that were sent and not taken yet. */
export const AHEAD = 0;
/** The place of a number that is not 0 once the thread should stop. */
export const STOP = 1;
/** How many numbers there are. */
export const SHARED_NUMBERS = 2;

/** The data that a thread starts with. */
export interface WorkerWork {
  readonly data: unknown;
  readonly memory: Memory;
  /** What the other side tells the thread while it waits. */
  readonly shared: Int32Array;
  /** The weight of pieces that may wait to be taken. */
  readonly mostAhead: number;
}

/**
 * `prepare`: get ready, for instance open what the tasks need. `task`: do a task, after those requested before.
 * `stop`: end the present task early. `close`: end.
 */
export type WorkerRequest =
  | { readonly kind: 'prepare' }
  | { readonly kind: 'task'; readonly number: number; readonly task: unknown }
  | { readonly kind: 'stop' }
  | { readonly kind: 'close' };

/** An error, as it crosses threads. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: ErrorDetails;
}

/** An answer. `number` is that of the task. */
export type WorkerReply =
  | { readonly kind: 'note'; readonly note: unknown }
  | { readonly kind: 'prepared'; readonly failure?: Failure }
  | { readonly kind: 'piece'; readonly number: number; readonly piece: unknown; readonly weight: number }
  | { readonly kind: 'done'; readonly number: number; readonly result: unknown }
  | { readonly kind: 'failed'; readonly number: number; readonly failure: Failure };
