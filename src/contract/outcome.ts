/** The results of a send. */
import type { MirrorError } from '../errors.ts';

/** A point that the tracker did not accept. */
export interface Refusal {
  readonly offset: number;
  readonly index: number;
  /** `unsupported`: the tracker has no place for it. `refused`: it has one, but did not accept the point. */
  readonly kind: 'unsupported' | 'refused';
  readonly reason: string;
}

/** The result for one parcel. Accepted means stored permanently. */
export type Outcome =
  /** `points`: how many points are stored. Every other point of the batch is one of `refusals`. */
  | { readonly kind: 'accepted'; readonly points: number; readonly refusals: readonly Refusal[] }
  /**
   * The tracker will never accept part of the parcel, and the backend does not know which point: mirrorboard sends it
   * again in halves, down to single points.
   */
  | { readonly kind: 'rejected'; readonly error: MirrorError }
  /** Retry later. `afterMs`: the time that the tracker named, if it did. */
  | { readonly kind: 'retry'; readonly afterMs?: number; readonly error: MirrorError }
  /** This tracker run accepts nothing more until a person acts (it was deleted). */
  | { readonly kind: 'runFatal'; readonly error: MirrorError }
  /** The tracker accepts nothing more until a person acts: the lane is parked. */
  | { readonly kind: 'fatal'; readonly error: MirrorError };
