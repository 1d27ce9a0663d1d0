/**
 * Writes the state of a lane's runs while they are mirrored. It is the only object of this directory that writes it.
 * Others decide what happens to a run (a delivery, an opening, a route) and report it here. This object decides what
 * that does to positions, handle, mapping and artifacts.
 */
import type { Handle, JournalEntry, TrackerParcel } from '../contract/index.ts';
import type { CheckpointStore, Settled, StartedSend } from '../delivery/index.ts';
import { type FileState, type Gap, interpret, type Json, lastStepOf, type RunRef } from '../model/index.ts';
import type { Opened, RunMapping } from '../route/index.ts';
import type { ArtifactState, LaneState, LaneView, NewlyDelivered, StateFile } from '../state/index.ts';

/** A run that goes into a tracker run, and its mapping; without a mapping the run goes there whole, as itself. */
interface MappedRun {
  readonly run: RunRef;
  readonly mapping: RunMapping | undefined;
}

/** Writes what happens to a lane's runs into the state. */
export class RunStates implements CheckpointStore {
  readonly #state: Pick<StateFile, 'together' | 'flush'>;
  readonly #lane: LaneState;
  readonly #onSettled: (settled: Settled) => void;

  constructor(state: Pick<StateFile, 'together' | 'flush'>, lane: LaneState, onSettled: (settled: Settled) => void) {
    this.#state = state;
    this.#lane = lane;
    this.#onSettled = onSettled;
  }

  /** The state of the lane, for reading. */
  get view(): LaneView {
    return this.#lane;
  }

  /** Notes that a tracker run is open, and the names under which it was opened. */
  opened(target: RunRef, handle: Handle, as: Opened): void {
    const isSame = this.#lane.handle(target) === handle && JSON.stringify(this.#lane.opened(target)) === JSON.stringify(as);
    if (!isSame) this.#lane.keepHandle(target, handle, as);
  }

  /** Notes that mirrorboard told the tracker that the run has ended, or that it has not. */
  ended(target: RunRef, isEnded: boolean): void {
    this.#lane.noteEnd(target, isEnded);
  }

  /**
   * Notes that a tracker run is left or gone. Everything that goes into it is sent from the beginning: into the
   * tracker run `handle`, or into one that is opened later as `as`. The mapping of its runs stays.
   */
  restart(target: RunRef, sources: readonly MappedRun[], as: Opened, handle?: Handle): void {
    this.#state.together(() => {
      for (const { run, mapping } of sources) {
        this.#lane.restart(run);
        this.#lane.keepMapping(run, mapping);
      }
      if (handle === undefined) this.#lane.keepRestart(target, as);
      else this.#lane.keepHandle(target, handle, as);
    });
  }

  /** Notes that a run goes into another tracker run from now on: everything is sent again. */
  moved(run: RunRef): void {
    this.#lane.restart(run);
  }

  /** Notes the decision on how a run is treated. */
  mapped({ run, mapping }: MappedRun): void {
    this.#lane.keepMapping(run, mapping);
  }

  /** Notes what is still pending of a file, after the configuration wants more than before. */
  widened(run: RunRef, file: string, gaps: readonly Gap[]): void {
    this.#lane.setGaps(run, file, gaps);
  }

  /** Notes that a file has other content from its beginning on: nothing of that content was sent. */
  replaced(run: RunRef, { name, generation, guard }: FileState): void {
    const anchor = { first: guard.first, last: undefined };
    const state = { name, generation, position: { watermark: 0, gaps: [] }, guard: anchor, damage: [], size: 0, stamp: '', records: 0 };
    this.#lane.accepted(run, state, []);
  }

  /** Notes what happened to a param file or an artifact. */
  artifact(target: RunRef, state: ArtifactState): void {
    this.#lane.keepArtifact(target, state);
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

  startedSend(run: RunRef): StartedSend | undefined {
    const text = this.#lane.intent(run);
    return text === undefined ? undefined : (JSON.parse(text) as StartedSend);
  }

  begin(run: RunRef, send: StartedSend): void {
    this.#lane.keepIntent(run, JSON.stringify(send) as StartedSend['intent']);
  }

  flush(): boolean {
    return this.#state.flush();
  }

  finishSend(run: RunRef, entries: readonly JournalEntry[]): void {
    this.#state.together(() => {
      for (const entry of entries) this.#lane.keepJournal(run, entry);
      this.#lane.clearIntent(run);
    });
  }
}

/** Returns what a parcel adds to what is known about its run. */
function deliveryOf({ batch, series }: TrackerParcel, points: number): NewlyDelivered {
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
    if (form === 'content' && series[id]?.plugin === 'hparams') hasFailed ||= isFailedEnd(interpret('hparams', point));
  }
  return { points, lastStep: lastStepOf(batch), lastWallTime, hasFailed };
}

/** True if the end of an hparams session has a failure status. */
function isFailedEnd(value: ReturnType<typeof interpret>): boolean {
  if (value.kind !== 'hparams') return false;
  const isFailure = (json: Json | undefined): boolean =>
    typeof json === 'object' && json !== null && !Array.isArray(json) && 'status' in json && json['status'] === 'STATUS_FAILURE';
  return Object.values(value.data).some(isFailure);
}
