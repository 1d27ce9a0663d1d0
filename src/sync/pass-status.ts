/**
 * Counts what the trackers' feeds report during a pass: per lane, and for the leading lane also for the pass itself.
 */
import { type Clock, systemClock } from '../clock.ts';
import type { Refusal, TrackerParcel } from '../contract/index.ts';
import type { FoundFile } from '../discover/index.ts';
import type { TrackerLaneOptions } from '../lanes/index.ts';
import type { RunRef } from '../model/index.ts';
import type { FileOutcome } from '../reading/index.ts';
import type { StateFile } from '../state/index.ts';
import { type FactLog, LaneProgress, type PassCounters, readSnapshot, type StatusWatcher } from '../status/index.ts';
import type { SyncStatus } from './lane-sync.ts';

/** Counts what the lanes of a pass do. */
export class PassStatus implements SyncStatus {
  readonly #tracker: PassCounters;
  readonly #lead: TrackerLaneOptions | undefined;
  readonly #lanes: ReadonlyMap<string, LaneProgress>;

  readonly #state: StateFile | undefined;

  /** `lead`: the tracker whose points the pass counts; undefined if the local store leads. */
  constructor(
    tracker: PassCounters,
    trackers: readonly TrackerLaneOptions[],
    lead: string | undefined,
    log: FactLog | undefined,
    state: StateFile | undefined,
    clock: Clock = systemClock,
    requestEnded?: StatusWatcher['requestEnded'],
  ) {
    this.#state = state;
    this.#tracker = tracker;
    this.#lead = trackers.find(({ name }) => name === lead);
    this.#lanes = new Map(
      trackers.map(({ name, type, target }) => {
        const laneState = state?.lane(name, target);
        const onRequest = (code: number | undefined, ms: number): void => requestEnded?.(name, code, ms);
        const progress = new LaneProgress({ name, type, where: target, log, kept: readSnapshot(laneState?.snapshot()), clock, onRequest });
        progress.pause(laneState?.pauses() ?? []);
        return [name, progress];
      }),
    );
    tracker.lanes = [...this.#lanes.values()];
    tracker.hasStore = this.#lead === undefined;
  }

  /** Keeps snapshots of the lanes in the state. The `status` command shows them during the pass and afterwards. */
  keep(isEnded: boolean): void {
    for (const lane of this.#lanes.values()) this.#state?.lane(lane.name, lane.where).keepSnapshot(lane.snapshot('backfill', isEnded));
  }

  lane(name: string): LaneProgress {
    return this.#lanes.get(name) as LaneProgress;
  }

  /** Counts a run that was found, and compares it with what the leading tracker has of it. */
  runBegun(run: RunRef, files: readonly FoundFile[], state: StateFile): void {
    if (this.#lead === undefined) return;
    const lane = state.lane(this.#lead.name, this.#lead.target);
    const known = lane.known(run);
    const states = new Map(known.files.map((each) => [each.name, each]));
    this.#tracker.runStarted({ run, files, known });
    this.#tracker.catalogueRead(run, lane.catalogue(run));
    for (const { name, size, stamp } of files) {
      const file = states.get(name);
      if (file?.stamp === stamp && file.size === size) this.#tracker.fileUnchanged(size);
    }
    this.#tracker.runDone();
  }

  fileRead(lane: string, run: RunRef, file: string, outcome: FileOutcome, reason?: string): void {
    // The local store's own pass reports the same files.
    if (lane === this.#lead?.name) this.#tracker.fileDone(run, file, outcome, reason);
  }

  fellSilent(fact: { readonly root: string; readonly path: string; readonly sinceMs: number }): void {
    this.#tracker.fellSilent(fact);
  }

  answersAgain(fact: { readonly path: string }): void {
    this.#tracker.answersAgain(fact);
  }

  fileGone(): void {
    // A pass lists the files once. A file that vanishes meanwhile is reported as vanished.
  }

  parcelAccepted(lane: string, parcel: TrackerParcel, points: number, refusals: readonly Refusal[]): void {
    this.lane(lane).parcelAccepted(parcel, points, refusals);
    if (lane === this.#lead?.name) this.#tracker.parcelAccepted(parcel, points, refusals);
  }
}
