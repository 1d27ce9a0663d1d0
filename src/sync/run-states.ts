/** A lane's book, kept in the state file. */
import type { JournalEntry, TrackerParcel } from '../contract/index.ts';
import { interpret, type Json, lastStepOf, type RunRef } from '../model/index.ts';
import type { Delivery, LaneState, StateFile } from '../state/index.ts';
import type { Begun, CheckpointStore, Settled } from './delivery/index.ts';

export class StateCheckpoints implements CheckpointStore {
  readonly #state: StateFile;
  readonly #lane: LaneState;
  readonly #onSettled: (settled: Settled) => void;

  constructor(state: StateFile, lane: LaneState, onSettled: (settled: Settled) => void) {
    this.#state = state;
    this.#lane = lane;
    this.#onSettled = onSettled;
  }

  settled(settled: Settled): void {
    const { parcel, points, refusals } = settled;
    const { batch, state } = parcel;
    this.#state.together(() => {
      this.#lane.accepted(batch.run, state, batch.newSeries, deliveryOf(parcel, points));
      if (refusals.length > 0) this.#lane.refused(batch.run, state.name, batch.generation, refusals);
    });
    this.#onSettled(settled);
  }

  journal(run: RunRef): readonly JournalEntry[] {
    return this.#lane.journal(run);
  }

  begun(run: RunRef): Begun | undefined {
    const text = this.#lane.intent(run);
    return text === undefined ? undefined : (JSON.parse(text) as Begun);
  }

  begin(run: RunRef, begun: Begun): boolean {
    this.#lane.keepIntent(run, JSON.stringify(begun) as Begun['intent']);
    return this.#state.flush();
  }

  finishBegun(run: RunRef, entries: readonly JournalEntry[]): void {
    this.#state.together(() => {
      for (const entry of entries) this.#lane.keepJournal(run, entry);
      this.#lane.clearIntent(run);
    });
  }
}

/** What a parcel adds to what is known of its run. */
function deliveryOf({ batch, series }: TrackerParcel, points: number): Delivery {
  const { scalars, objects } = batch;
  let lastWallTime: number | null = null;
  for (let row = 0; row < scalars.count; row++) {
    const wallTime = scalars.wallTime[row] as number;
    if (Number.isFinite(wallTime) && (lastWallTime === null || wallTime > lastWallTime)) lastWallTime = wallTime;
  }
  let hasFailed = false;
  for (const point of objects) {
    const { wallTime, form, series: id } = point;
    if (Number.isFinite(wallTime) && (lastWallTime === null || wallTime > lastWallTime)) lastWallTime = wallTime;
    if (form === 'content' && series[id]?.plugin === 'hparams') hasFailed ||= saysFailed(interpret('hparams', point));
  }
  return { points, lastStep: lastStepOf(batch), lastWallTime, hasFailed };
}

/** The end of an hparams session has a status. */
function saysFailed(value: ReturnType<typeof interpret>): boolean {
  if (value.kind !== 'hparams') return false;
  const isFailure = (json: Json | undefined): boolean =>
    typeof json === 'object' && json !== null && !Array.isArray(json) && 'status' in json && json['status'] === 'STATUS_FAILURE';
  return Object.values(value.data).some(isFailure);
}
