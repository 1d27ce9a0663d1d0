/**
 * Brings one tracker to the ends of the files: takes a piece of a run from the lane's own positions, delivers it,
 * notes it, and continues.
 */

import { type Clock, systemClock } from '../clock.ts';
import { TrackerLane } from '../delivery/index.ts';
import type { ChangedFile } from '../discover/index.ts';
import { linkTo, wholeRouting } from '../lanes/index.ts';
import {
  changedMsOf,
  type FileState,
  isAtEnd,
  isPending,
  isTroubled,
  isUndecided,
  pendingGapBytes,
  type RunRef,
  unmirroredBytes,
} from '../model/index.ts';
import { PieceReader } from '../reading/index.ts';
import type { LaneView } from '../state/index.ts';
import type { LaneProgress, LaneReport } from '../status/index.ts';
import { ArtifactSync } from './artifact-sync.ts';
import { FileOwners } from './file-owners.ts';
import { FilesOfRun } from './files-of-run.ts';
import { LaneRoutes } from './lane-routes.ts';
import type { LaneSync } from './lane-sync.ts';
import { Parents } from './parents.ts';
import { pastTexts } from './past-texts.ts';
import { RunControl } from './run-control.ts';
import { RUN_ENDED_AFTER_MS } from './run-ended-after.ts';
import { RunOpener } from './run-opener.ts';
import { RunStates } from './run-states.ts';
import { rootDirectory, type SyncedRun } from './synced-run.ts';
import { SyncedRuns } from './synced-runs.ts';
import type { TrackerSyncOptions } from './tracker-sync-options.ts';
import { TURN_BYTES, TurnDelivery } from './turn-delivery.ts';
import { TurnReader } from './turn-reader.ts';
import { Turns } from './turns.ts';

/** How often mirrorboard checks whether the tracker makes progress. */
const LOOK_MS = 250;

/** Keeps one tracker up to date with the ends of the files. */
export class TrackerSync implements LaneSync {
  readonly lane: string;
  readonly progress: LaneProgress;
  readonly #options: TrackerSyncOptions;
  readonly #clock: Clock;
  readonly #laneState: LaneView;
  readonly #delivery: TrackerLane;
  readonly #opener: RunOpener;
  readonly #artifacts: ArtifactSync;
  readonly #routes: LaneRoutes;
  readonly #parents: Parents;
  readonly #isNested: boolean;
  readonly #runs: SyncedRuns;
  readonly #owners: FileOwners;
  readonly #turns: Turns;
  readonly #control: RunControl;
  readonly #end = new AbortController();
  /** Aborted when this object ends, or by the owner's signal. */
  readonly #signal: AbortSignal;
  #state: LaneReport['state'] = 'done';
  #progressAtMs: number;
  #hasCaughtUp = false;
  readonly #waiting = new Set<() => void>();

  constructor(options: TrackerSyncOptions) {
    const { lane, backend, laneState, state, status, signal, tree, routing = wholeRouting(options.lane) } = options;
    this.lane = lane;
    this.#clock = options.clock ?? systemClock;
    this.#progressAtMs = this.#clock.steadyMs();
    const { replacesByKey, keeps } = backend.describe();
    const states = new RunStates(state, laneState, ({ parcel, points, refusals }) => {
      this.#progressAtMs = this.#clock.steadyMs();
      status.parcelAccepted(lane, parcel, points, refusals);
      this.#noteTrouble(parcel.batch.run, parcel.state);
    });
    this.#routes = new LaneRoutes({
      ...routing,
      namesOf: options.namesOf,
      laneState,
      states,
      tree,
      canSendAgain: replacesByKey || !keeps.equalPoints,
    });
    this.#runs = new SyncedRuns({ routes: this.#routes, places: options.places, clock: this.#clock });
    this.#owners = new FileOwners({ runs: this.#runs, tree, routes: this.#routes, laneState });
    this.#parents = new Parents(this.#routes, options.namesOf);
    this.#isNested = routing.isNested;
    this.#options = options;
    this.#laneState = laneState;
    this.progress = status.lane(lane);
    this.#signal = AbortSignal.any([signal, this.#end.signal]);
    const { reader, cache } = options;
    const sizeOf = (run: RunRef, name: string): number | undefined => this.progress.sizeOf(run, name);
    const pieces = new PieceReader({ reader, cache, laneState, sizeOf, pointsPerSend: () => backend.describe().limits.pointsPerSend });
    this.#delivery = new TrackerLane({
      name: lane,
      backend,
      checkpoints: states,
      signal: this.#signal,
      clock: this.#clock,
      ...(options.random === undefined ? {} : { random: options.random }),
      events: {
        sendFailed: (error) => this.progress.sendFailed(error),
        laneWaiting: (error, retryMs) => this.progress.stalled(error, retryMs),
        laneParked: (error, retryMs) => {
          this.progress.stalled(error, retryMs, 'parked');
          this.#changed();
        },
        laneSilent: (sinceMs) => {
          this.progress.fellSilent(sinceMs);
          this.#changed();
        },
        laneActive: () => this.progress.resumed(),
        requestEnded: (status, ms) => this.progress.requestEnded(status, ms),
      },
    });
    this.#opener = new RunOpener({
      ...options,
      states,
      routing,
      routes: this.#routes,
      parents: this.#parents,
      runOf: (target) => this.#runs.runTo(target),
      delivery: this.#delivery,
      instanceId: state.instanceId,
      signal: this.#signal,
      filesOf: (run) => new FilesOfRun(run, { ...options, routes: this.#routes }),
    });
    this.#control = new RunControl({
      runs: this.#runs,
      opener: this.#opener,
      routes: this.#routes,
      laneState,
      progress: this.progress,
      ready: (run) => this.#turns.add(run),
      onNew: () => {
        this.#progressAtMs = this.#clock.steadyMs();
      },
      clock: this.#clock,
    });
    this.#artifacts = new ArtifactSync({
      ...options,
      states,
      rules: routing.artifacts,
      delivery: this.#delivery,
      // If nothing was sent for a run, no tracker run exists that could get artifacts.
      open: async (run) => (laneState.handle(run.target) === undefined ? undefined : await this.#control.open(run, [])),
      isOwner: (run, levels, changedAtMs) => this.#owners.isOwner(run, levels, changedAtMs),
      pastTexts: (run, tags) => pastTexts(run, tags, { laneState, reader, mostBytes: TURN_BYTES, clock: this.#clock }),
      isOther: (run, path) => this.#owners.isOther(run, path),
      warn: routing.warn,
      signal: this.#signal,
    });
    const delivery = new TurnDelivery({
      lane,
      reader: new TurnReader({ ...options, pieces, routes: this.#routes, tags: this.#artifacts.tags, progress: this.progress }),
      control: this.#control,
      opener: this.#opener,
      artifacts: this.#artifacts,
      isSettled: options.isSettled,
      delivery: this.#delivery,
      bytesPerTurn: backend.describe().limits.bytesPerTurn ?? TURN_BYTES,
      clock: this.#clock,
      signal: this.#signal,
    });
    this.#turns = new Turns({
      backend,
      isSettled: options.isSettled,
      isHeld: ({ target }) => this.progress.holds(target.root),
      parentOf: (run) => this.#parentOf(run),
      turn: (runs) => delivery.take(runs),
      changed: () => this.#changed(),
      clock: this.#clock,
      signal: this.#signal,
    });
    this.pausesChanged();
  }

  /**
   * Uploads data that the backend buffered while it was offline. It is a separate turn, so that a pass waits for it.
   */
  #catchUp(): void {
    const { backend } = this.#options;
    if (backend.catchUp === undefined || this.#hasCaughtUp || this.progress.isPaused) return;
    this.#hasCaughtUp = true;
    this.#turns.take(async () => {
      const done = await this.#delivery.attempt(async (signal) => backend.catchUp?.(signal));
      if (done.kind === 'runFatal') this.progress.lastError = done.error;
    });
  }

  pausesChanged(): void {
    this.#delivery.hold(this.progress.isPaused);
    this.#catchUp();
    this.#turns.holdsChanged();
  }

  retryNow(): void {
    this.#delivery.retryNow();
    this.#control.retryNow();
    this.#artifacts.retryNow(this.#runs);
  }

  /** Returns the runs for which something may be sent. */
  #unheld(): SyncedRun[] {
    return [...this.#runs].filter(({ target }) => !this.progress.holds(target.root));
  }

  waitsForOthers(ref: RunRef): boolean {
    return this.#routes.isOpen(ref);
  }

  filesChanged(ref: RunRef, files: readonly ChangedFile[]): void {
    const { isIncluded, pendingFiles } = this.#routes.of(ref);
    if (!isIncluded) return;
    const { isSettled } = this.#options;
    // Files are looked up one by one: a run may have many more files than the changed ones.
    const known = new Map(files.map(({ name }) => [name, this.#laneState.knownFile(ref, name)]));
    const changed = files.filter(({ name, size, stamp }) => {
      const state = known.get(name);
      if (state === undefined || !isAtEnd(state, size, stamp, isSettled)) return true;
      this.progress.fileAtEnd(ref, name, size);
      return false;
    });
    // Of tens of thousands of runs nearly all are at their end: mirrorboard keeps nothing in memory for those.
    if (changed.length + pendingFiles.length === 0 && !this.#artifacts.isOn) {
      this.#routes.forget(ref);
      return;
    }
    const source = this.#runs.sourceOf(ref);
    for (const { name } of files) source?.note(name);
    if (source === undefined || changed.length + pendingFiles.length === 0) return;
    for (const { name, size, stamp } of changed) {
      const state = known.get(name);
      source.dirty.add(name);
      if (!isSettled) source.found.found(name, stamp);
      // No later pass returns to pending data, so this pass tries it.
      if (isSettled && (state?.position.gaps.length ?? 0) > 0) source.toRetry.add(name);
      this.progress.fileGrew(ref, name, size, state?.position.watermark ?? 0, changedMsOf(stamp));
      if (state !== undefined) this.progress.filePending(ref, name, pendingGapBytes(state));
    }
    source.isQuiet = false;
    this.#owners.clear();
    this.#turns.gather(this.#runs.runOf(ref));
  }

  tryAgain(ref: RunRef, name: string): void {
    const source = this.#runs.sourceOf(ref);
    if (source === undefined) return;
    source.toRetry.add(name);
    this.#turns.add(this.#runs.runOf(ref));
  }

  fileGone(ref: RunRef, name: string): void {
    const source = this.#runs.sourceOf(ref);
    if (source === undefined) return;
    const state = this.#laneState.knownFile(ref, name);
    const lost = unmirroredBytes(state, this.progress.unreadBytes(ref, name));
    this.#options.events.fileGone(this.lane, ref, name);
    this.#options.status.fileGone(this.lane, ref, name, lost);
    source.dirty.delete(name);
  }

  answersAgain(root: string): void {
    for (const run of this.#runs) {
      for (const source of run.sources.values()) {
        if (source.ref.root !== root || source.silent.size === 0) continue;
        for (const name of source.silent) source.dirty.add(name);
        source.silent.clear();
        this.#turns.add(run);
      }
    }
  }

  runQuiet(ref: RunRef): void {
    const source = this.#runs.sourceOf(ref);
    if (source === undefined) return;
    source.isQuiet = true;
    for (const state of this.#laneState.known(ref).files) if (state.damage.some(isPending)) source.dirty.add(state.name);
    // A run with nothing to read also takes a turn, which reports that the run has ended.
    this.#turns.add(this.#runs.runOf(ref));
  }

  tick(nowMs: number): void {
    this.#control.tick(nowMs);
    this.#owners.clear();
    if (this.#options.isTreeWhole?.() !== false && !this.progress.isPaused)
      this.#artifacts.tick(this.progress.pauses.length === 0 ? this.#runs : this.#unheld(), nowMs);
  }

  async run(): Promise<void> {
    while (!this.#options.signal.aborted) await this.#change(this.#options.signal);
    await this.#finished();
  }

  /**
   * Waits until every file is at its end, or until waiting is useless: the lane is parked, or made no progress for
   * `patienceMs`.
   */
  async reachEnd(patienceMs: number): Promise<void> {
    this.#progressAtMs = this.#clock.steadyMs();
    const stopTimer = this.#clock.every(1000, () => this.#changed());
    try {
      while (!this.#signal.aborted && (this.#turns.isAtWork || this.#runs.hasSilent)) {
        if (this.#delivery.isParked || this.#clock.steadyMs() - this.#progressAtMs > patienceMs) break;
        await this.#change(this.#signal);
      }
    } finally {
      stopTimer();
    }
    if (this.#turns.isAtWork) {
      this.#state = this.#options.signal.aborted ? 'interrupted' : this.#delivery.isParked ? 'parked' : 'stuck';
      this.#end.abort();
    }
    await this.#finished();
    if (this.#runs.hasSilent && this.#state === 'done') this.#state = 'incomplete';
    if (this.#state !== 'done' || this.#signal.aborted) return;
    this.progress.work = 'files';
    this.#owners.clear();
    await this.#patiently(patienceMs, async () => {
      if (!(await this.#artifacts.bring(this.#unheld(), patienceMs))) this.#state = 'incomplete';
    });
  }

  /**
   * Does the work that follows the points. Gives up if the lane is parked, or has failed for longer than
   * `patienceMs`.
   */
  async #patiently(patienceMs: number, work: () => Promise<void>): Promise<void> {
    let hopeless: 'parked' | 'stuck' | undefined;
    const stopTimer = this.#clock.every(LOOK_MS, () => {
      const { isParked, failingSinceMs } = this.#delivery;
      const isLong = failingSinceMs !== undefined && this.#clock.steadyMs() - failingSinceMs > patienceMs;
      if (!isParked && !isLong) return;
      hopeless = isParked ? 'parked' : 'stuck';
      this.#end.abort();
    });
    try {
      await work();
    } finally {
      stopTimer();
    }
    if (hopeless !== undefined && !this.#options.signal.aborted) this.#state = hopeless;
  }

  /** The state of the lane after `reachEnd`. */
  get state(): LaneReport['state'] {
    if (this.#state === 'done' && this.progress.pauses.length > 0 && this.progress.lagBytes > 0) return 'paused';
    return this.#state === 'done' && this.progress.stoppedRuns.size > 0 ? 'incomplete' : this.#state;
  }

  /** Returns links to the tracker runs. */
  links(): LaneReport['links'] {
    const { backend } = this.#options;
    return this.#laneState.handles().flatMap(([run, handle]) => {
      const url = linkTo(backend, handle);
      return url === undefined ? [] : [{ run, url }];
    });
  }

  /**
   * Tells the tracker which runs are over, if it does not know yet. Each run comes with the time when its files last
   * changed.
   */
  async endOver(runs: readonly (readonly [ref: RunRef, changedAtMs: number])[], patienceMs: number): Promise<void> {
    const changed = new Map<SyncedRun, number>();
    for (const [ref, atMs] of runs) {
      if (this.progress.holds(ref.root) || this.#runs.sourceOf(ref) === undefined) continue;
      const run = this.#runs.runOf(ref);
      changed.set(run, Math.max(changed.get(run) ?? 0, atMs));
    }
    const { places, runEndedAfterOf = () => RUN_ENDED_AFTER_MS } = this.#options;
    this.progress.work = 'ends';
    await this.#patiently(patienceMs, async () => {
      for (const [run, changedAtMs] of changed) {
        const olderThanMs = this.#control.isOver(run) ? 0 : runEndedAfterOf(rootDirectory(places, run.target).path);
        await this.#opener.end(run, changedAtMs, olderThanMs);
      }
    });
    this.progress.work = 'done';
  }

  async #finished(): Promise<void> {
    await this.#turns.finish();
    await this.#artifacts.idle();
  }

  /** Returns the parent of a run, if the parent must be opened first. */
  #parentOf({ handle, target }: SyncedRun): SyncedRun | undefined {
    if (!this.#isNested || (handle ?? this.#laneState.handle(target)) !== undefined) return undefined;
    const above = this.#parents.of(target);
    const parent = above.kind === 'run' ? this.#runs.known(above.target) : undefined;
    return parent === undefined || (parent.handle ?? this.#laneState.handle(parent.target)) !== undefined ? undefined : parent;
  }

  #noteTrouble(run: RunRef, state: FileState): void {
    const { events } = this.#options;
    const { name, damage, stamp } = state;
    this.#runs.sourceOf(run)?.found.taken(name, stamp);
    if (isTroubled(state)) events.fileTroubled(this.lane, run, name, damage.some(isUndecided));
    else events.fileValid(this.lane, run, name);
  }

  #change(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const tell = (): void => {
        this.#waiting.delete(tell);
        signal?.removeEventListener('abort', tell);
        resolve();
      };
      this.#waiting.add(tell);
      if (signal?.aborted === true) tell();
      else signal?.addEventListener('abort', tell);
    });
  }

  #changed(): void {
    for (const tell of [...this.#waiting]) tell();
  }
}
