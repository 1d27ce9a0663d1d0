import type { Intent, JournalEntry, Refusal, TrackerParcel } from '../contract/index.ts';
import type { RunRef } from '../model/index.ts';

/** A send that has begun: enough to finish it, and the lines it will have. */
export interface StartedSend {
  readonly intent: Intent;
  readonly entries: readonly JournalEntry[];
}

/** The final outcome of a parcel. */
export interface Settled {
  readonly parcel: TrackerParcel;
  /** Points that are stored. */
  readonly points: number;
  readonly refusals: readonly Refusal[];
}

/** Stores what a lane must still know after a restart. */
export interface CheckpointStore {
  /** Stores the position of a parcel, and its refusals. */
  settled(settled: Settled): void;
  journal(run: RunRef): readonly JournalEntry[];
  /** Returns the send of a run that has begun. It may not be durable yet. */
  startedSend(run: RunRef): StartedSend | undefined;
  /** Notes that lines are about to be sent. `flush` makes the note durable. */
  begin(run: RunRef, send: StartedSend): void;
  /** Makes all notes durable. Returns false if that was impossible. */
  flush(): boolean;
  /** Notes that a begun send is stored: its lines are in the journal from now on, and nothing is in doubt. */
  finishSend(run: RunRef, entries: readonly JournalEntry[]): void;
}
