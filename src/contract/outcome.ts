/** What happened to what was sent. */
import type { MirrorError } from '../errors.ts';

/** A point a backend did not take. */
export interface Refusal {
  readonly offset: number;
  readonly index: number;
  /** `unsupported`: the tracker has no place for it. `refused`: it should, and would not. */
  readonly kind: 'unsupported' | 'refused';
  readonly reason: string;
}

/** What happened to one parcel. Accepted means stored: it survives whatever happens next. */
export type Outcome =
  /** `points`: those that are stored. Every other point of the batch is one of `refusals`. */
  | { readonly kind: 'accepted'; readonly points: number; readonly refusals: readonly Refusal[] }
  /**
   * Something of it will never be taken, and it is not known which point: it comes again in halves, at last point by
   * point.
   */
  | { readonly kind: 'rejected'; readonly error: MirrorError }
  /** Not now. `afterMs`: as the tracker asked. */
  | { readonly kind: 'retry'; readonly afterMs?: number; readonly error: MirrorError }
  /** Nothing more is treated as this run until a person changes something (the tracker run was deleted). */
  | { readonly kind: 'runFatal'; readonly error: MirrorError }
  /** Nothing more will be taken at all until a person changes something: the lane is parked. */
  | { readonly kind: 'fatal'; readonly error: MirrorError };
