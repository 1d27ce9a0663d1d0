import type { Intent, JournalEntry, Refusal, TrackerParcel } from '../../contract/index.ts';
import type { RunRef } from '../../model/index.ts';

/** A send that was begun: enough to finish it, and the lines it will be. */
export interface Begun {
  readonly intent: Intent;
  readonly entries: readonly JournalEntry[];
}

/** What happened to a parcel, for good. */
export interface Settled {
  readonly parcel: TrackerParcel;
  /** Points that are stored. */
  readonly points: number;
  readonly refusals: readonly Refusal[];
}

/** Where a lane writes down what must outlive it. */
export interface CheckpointStore {
  /** The position of a parcel, and its refusals. */
  settled(settled: Settled): void;
  journal(run: RunRef): readonly JournalEntry[];
  begun(run: RunRef): Begun | undefined;
  /** Notes that lines are about to be sent; false if that could not be made certain. */
  begin(run: RunRef, begun: Begun): boolean;
  /** What was begun is stored: its lines are in the journal from now on, and nothing is in doubt. */
  finishBegun(run: RunRef, entries: readonly JournalEntry[]): void;
}
