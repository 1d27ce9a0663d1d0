/**
 * Brings one tracker to the ends of the files: takes a piece of a run from the lane's own positions, delivers it,
 * notes it, and continues. Longer than other files: which run has its turn, and what becomes of a run (opened,
 * stopped, ended, gone), are one state that does not part well.
 */

import { posix } from 'node:path';
import { type Clock, type StopTimer, systemClock } from '../clock.ts';
import type { Backend, Handle, TrackerParcel } from '../contract/index.ts';
import type { ChangedFile } from '../discover/index.ts';
import { MirrorError, messageOf } from '../errors.ts';
import { type LaneRouting, type TrackerLaneOptions, wholeRouting } from '../lanes/index.ts';
import { noteGarbage } from '../memory/index.ts';
import {
  type Batch,
  changedMsOf,
  compareNames,
  type FileState,
  isAtEnd,
  isPending,
  isTroubled,
  isUndecided,
  keyOfRun,
  owedGapBytes,
  pointCount,
  type RunRef,
  unmirroredBytes,
} from '../model/index.ts';
import type { Random } from '../random.ts';
import { type BatchCache, type JobReader, PieceReader, piecesAnew } from '../reading/index.ts';
import type { RunTree } from '../route/index.ts';
import type { LaneState, LaneView, StateFile } from '../state/index.ts';
import type { LaneProgress, LaneReport } from '../status/index.ts';
import type { RootPlace } from '../untrusted/index.ts';
import { ArtifactSync, isDueAgain } from './artifact-sync.ts';
import { isEmpty, TrackerLane } from './delivery/index.ts';
import { FilesOfRun } from './files-of-run.ts';
import { LaneRoutes } from './lane-routes.ts';
import type { LaneSync, SyncEvents, SyncStatus } from './lane-sync.ts';
import { Parents } from './parents.ts';
import { RUN_ENDED_AFTER_MS } from './run-ended-after.ts';
import { RunOpener } from './run-opener.ts';
import { RunStates } from './run-states.ts';
import { isSessionOver, sessionEndIn } from './session-end.ts';
import { FedSource, rootPlace, type SourcePiece, SyncedRun } from './synced-run.ts';
import type { ParamText, TagParams } from './tag-params.ts';

/** The tracker that is kept up to date. */
export interface TrackerSyncOptions {
  readonly lane: string;
  readonly backend: Backend;
  readonly namesOf: TrackerLaneOptions['namesOf'];
  readonly routing?: LaneRouting;
  /** Every run that is known. */
  readonly tree: RunTree;
  readonly state: StateFile;
  readonly laneState: LaneState;
  readonly status: SyncStatus;
  readonly events: SyncEvents;
  readonly places: ReadonlyMap<string, RootPlace>;
  readonly reader: JobReader;
  readonly cache: BatchCache;
  /** Comes when every run of a root that is there has been heard of once. */
  readonly allHeard: (root: string) => Promise<void>;
  /**
   * How long a run of the root that lies there must not have grown to have ended, in milliseconds. Default: half an
   * hour.
   */
  readonly runEndedAfterOf?: (rootPath: string) => number;
  /** Nobody writes to the files: incomplete ends are looked into, and nothing is waited for. */
  readonly isSettled: boolean;
  /** Whether every run is known by now: before, what lies below a run may be another one's. Default: it is. */
  readonly isTreeWhole?: () => boolean;
  readonly signal: AbortSignal;
  /** The time and its timers. Default: the system's. */
  readonly clock?: Clock;
  /** Chance. Default: the system's. */
  readonly random?: Random;
}

/** Bytes of a run that are read for one turn: what is held while a tracker is down. */
const TURN_BYTES = 1024 * 1024;
/** Turns that are made ready while the sends before them are under way. */
const TURNS_AHEAD = 1;
/** Of a turn that holds more, there is one at a time in a lane: the memory has room for one large record of each. */
const LARGE_BYTES = 8 * 1024 * 1024;
/** A run that its tracker does not take is retried in case a person changed that. */
const STOPPED_MS = 30 * 60_000;
/**
 * A few of those that are stopped are tried so often: what one of them meets was most often the same for all, as when
 * an experiment was deleted.
 */
const TRIAL_MS = 20_000;
const TRIALS = 4;
/** How often it is looked whether the tracker gets anywhere. */
const LOOK_MS = 250;
/** Files that could not be read are read again so much later for the texts that were sent before. */
const UNREAD_MS = 10 * 60_000;

/** Keeps one tracker at the ends of the files. */
export class TrackerSync implements LaneSync {
  readonly lane: string;
  readonly progress: LaneProgress;
  readonly #options: TrackerSyncOptions;
  readonly #clock: Clock;
  readonly #laneState: LaneView;
  readonly #delivery: TrackerLane;
  readonly #opener: RunOpener;
  readonly #side: ArtifactSync;
  readonly #routes: LaneRoutes;
  readonly #parents: Parents;
  readonly #isNested: boolean;
  readonly #runs = new Map<string, SyncedRun>();
  /** When runs that are stopped were tried last. */
  #triedAtMs: number;
  /**
   * To whom files above runs belong: each of the runs beside each other asks. Until others may have something to
   * send.
   */
  readonly #owners = new Map<string, SyncedRun | undefined>();
  /** Runs whose turn it may be, in the order in which they got ready. */
  readonly #ready = new Set<SyncedRun>();
  readonly #gathering = new Map<SyncedRun, StopTimer>();
  readonly #mostTurns: number;
  readonly #pieces: PieceReader;
  readonly #end = new AbortController();
  /** Ends by itself, or by the signal of its owner. */
  readonly #signal: AbortSignal;
  #turns = 0;
  /**
   * Of a root, the reading that is under way, or the turn of the large record that was read last: the next reading
   * waits for it.
   */
  readonly #reading = new Map<string, Promise<void>>();
  #stand: LaneReport['stand'] = 'done';
  #progressAtMs: number;
  readonly #waiting = new Set<() => void>();

  constructor(options: TrackerSyncOptions) {
    const { lane, backend, laneState, state, status, signal, tree, routing = wholeRouting(options.lane) } = options;
    this.lane = lane;
    this.#clock = options.clock ?? systemClock;
    this.#triedAtMs = this.#clock.steadyMs();
    this.#progressAtMs = this.#triedAtMs;
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
    this.#parents = new Parents(this.#routes, options.namesOf);
    this.#isNested = routing.isNested;
    this.#options = options;
    this.#laneState = laneState;
    this.progress = status.lane(lane);
    this.#signal = AbortSignal.any([signal, this.#end.signal]);
    this.#mostTurns = (backend.describe().limits.sendsAtOnce ?? 1) + TURNS_AHEAD;
    const { reader, cache } = options;
    const sizeOf = (run: RunRef, name: string): number => this.progress.sizeOf(run, name) ?? 0;
    this.#pieces = new PieceReader({ reader, cache, laneState, sizeOf, pointsPerSend: () => backend.describe().limits.pointsPerSend });
    this.#delivery = new TrackerLane({
      name: lane,
      backend,
      book: states,
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
      },
    });
    this.#opener = new RunOpener({
      ...options,
      states,
      routing,
      routes: this.#routes,
      parents: this.#parents,
      runOf: (target) => this.#runTo(target),
      delivery: this.#delivery,
      instanceId: state.instanceId,
      signal: this.#signal,
      filesOf: (run) => new FilesOfRun(run, { ...options, routes: this.#routes }),
    });
    this.#side = new ArtifactSync({
      ...options,
      states,
      rules: routing.side,
      delivery: this.#delivery,
      // Where nothing was sent of a run, there is no tracker run to put anything beside.
      open: async (run) => (laneState.handle(run.target) === undefined ? undefined : await this.#open(run, [])),
      isOwner: (run, levels, changedAtMs) => this.#ownerOf(run, levels, changedAtMs) === run,
      pastTexts: (run, tags) => this.#pastTexts(run, tags),
      isOther: (run, path) => this.#isOther(run, path),
      warn: routing.warn,
      signal: this.#signal,
    });
    this.#catchUp();
  }

  /**
   * What the backend kept aside while it could not reach its tracker goes there: a turn of its own, so that a pass
   * waits for it.
   */
  #catchUp(): void {
    const { backend } = this.#options;
    if (backend.catchUp === undefined) return;
    this.#turns++;
    void this.#delivery
      .attempt(async (signal) => backend.catchUp?.(signal))
      .then((done) => {
        if (done.kind === 'runFatal') this.progress.lastError = done.error;
      })
      .finally(() => {
        this.#turns--;
        this.#changed();
        this.#pump();
      });
  }

  waitsForOthers(ref: RunRef): boolean {
    return this.#routes.isOpen(ref);
  }

  filesChanged(ref: RunRef, files: readonly ChangedFile[]): void {
    const { isIncluded, owedFiles } = this.#routes.of(ref);
    if (!isIncluded) return;
    const { isSettled } = this.#options;
    // One by one: a run may have many more files than those that changed.
    const known = new Map(files.map(({ name }) => [name, this.#laneState.knownFile(ref, name)]));
    const changed = files.filter(({ name, size, stamp }) => {
      const state = known.get(name);
      return state === undefined || !isAtEnd(state, size, stamp, isSettled);
    });
    // Of tens of thousands of runs nearly all are at their end: nothing is kept of those.
    if (changed.length + owedFiles.length === 0 && !this.#side.isOn) {
      this.#routes.forget(ref);
      return;
    }
    const source = this.#sourceOf(ref);
    for (const { name } of files) source?.note(name);
    if (source === undefined || changed.length + owedFiles.length === 0) return;
    for (const { name, size, stamp } of changed) {
      const state = known.get(name);
      source.dirty.add(name);
      // Nobody comes back to what is pending later: this pass tries it.
      if (isSettled && (state?.position.gaps.length ?? 0) > 0) source.toHeal.add(name);
      this.progress.fileGrew(ref, name, size, state?.position.watermark ?? 0, changedMsOf(stamp));
      if (state !== undefined) this.progress.fileOwed(ref, name, owedGapBytes(state));
    }
    source.isQuiet = false;
    this.#owners.clear();
    this.#gather(this.#runOf(ref));
  }

  tryAgain(ref: RunRef, name: string): void {
    const source = this.#sourceOf(ref);
    if (source === undefined) return;
    source.toHeal.add(name);
    this.#getReady(this.#runOf(ref));
  }

  fileGone(ref: RunRef, name: string): void {
    const source = this.#sourceOf(ref);
    if (source === undefined) return;
    const state = this.#laneState.knownFile(ref, name);
    const lost = unmirroredBytes(state, this.progress.unreadBytes(ref, name));
    this.#options.events.fileSound(this.lane, ref, name);
    this.#options.status.fileGone(this.lane, ref, name, lost);
    source.dirty.delete(name);
  }

  answersAgain(root: string): void {
    for (const run of this.#runs.values()) {
      for (const source of run.sources.values()) {
        if (source.ref.root !== root || source.silent.size === 0) continue;
        for (const name of source.silent) source.dirty.add(name);
        source.silent.clear();
        this.#getReady(run);
      }
    }
  }

  /** Files that can't be read because they do not answer. */
  get #hasSilent(): boolean {
    for (const { sources } of this.#runs.values()) for (const { silent } of sources.values()) if (silent.size > 0) return true;
    return false;
  }

  runQuiet(ref: RunRef): void {
    const source = this.#sourceOf(ref);
    if (source === undefined) return;
    source.isQuiet = true;
    for (const state of this.#laneState.known(ref).files) if (state.damage.some(isPending)) source.dirty.add(state.name);
    // Also with nothing to read: its turn says that it has ended.
    this.#getReady(this.#runOf(ref));
  }

  tick(nowMs: number): void {
    for (const run of this.#runs.values()) {
      if (run.stoppedUntilMs === 0 || run.stoppedUntilMs > nowMs) continue;
      run.stoppedUntilMs = 0;
      this.#getReady(run);
    }
    if (nowMs - this.#triedAtMs >= TRIAL_MS) {
      this.#triedAtMs = nowMs;
      this.#resume(this.#stopped().slice(0, TRIALS));
    }
    this.#owners.clear();
    if (this.#options.isTreeWhole?.() !== false) this.#side.tick(this.#runs.values(), nowMs);
  }

  async run(): Promise<void> {
    while (!this.#options.signal.aborted) await this.#change(this.#options.signal);
    await this.#finished();
  }

  /**
   * Waits until every file is at its end, or it is of no use to wait: the lane is parked, or got nowhere for
   * `patienceMs`.
   */
  async reachEnd(patienceMs: number): Promise<void> {
    this.#progressAtMs = this.#clock.steadyMs();
    const stopTimer = this.#clock.every(1000, () => this.#changed());
    try {
      while (!this.#signal.aborted && (this.#isAtWork || this.#hasSilent)) {
        if (this.#delivery.isParked || this.#clock.steadyMs() - this.#progressAtMs > patienceMs) break;
        await this.#change(this.#signal);
      }
    } finally {
      stopTimer();
    }
    if (this.#isAtWork) {
      this.#stand = this.#options.signal.aborted ? 'interrupted' : this.#delivery.isParked ? 'parked' : 'stuck';
      this.#end.abort();
    }
    await this.#finished();
    if (this.#hasSilent && this.#stand === 'done') this.#stand = 'incomplete';
    if (this.#stand !== 'done' || this.#signal.aborted) return;
    this.progress.work = 'files';
    this.#owners.clear();
    await this.#patiently(patienceMs, async () => {
      if (!(await this.#side.bring(this.#runs.values(), patienceMs))) this.#stand = 'incomplete';
    });
  }

  /** Does what comes after the points, as long as the tracker does not let it wait for longer than that. */
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
    if (hopeless !== undefined && !this.#options.signal.aborted) this.#stand = hopeless;
  }

  /** How it stands after `reachEnd`. */
  get stand(): LaneReport['stand'] {
    return this.#stand === 'done' && this.progress.stoppedRuns.size > 0 ? 'incomplete' : this.#stand;
  }

  /** Where a person finds the tracker runs. */
  links(): LaneReport['links'] {
    const { backend } = this.#options;
    return this.#laneState.handles().flatMap(([run, handle]) => {
      const url = backend.link?.(handle);
      return url === undefined ? [] : [{ run, url }];
    });
  }

  /**
   * Tells the tracker which runs are over and were not said to be yet. Each run with the time when its files last
   * changed.
   */
  async endOver(runs: readonly (readonly [ref: RunRef, changedAtMs: number])[], patienceMs: number): Promise<void> {
    const changed = new Map<SyncedRun, number>();
    for (const [ref, atMs] of runs) {
      if (this.#sourceOf(ref) === undefined) continue;
      const run = this.#runOf(ref);
      changed.set(run, Math.max(changed.get(run) ?? 0, atMs));
    }
    const { places, runEndedAfterOf = () => RUN_ENDED_AFTER_MS } = this.#options;
    this.progress.work = 'ends';
    await this.#patiently(patienceMs, async () => {
      for (const [run, changedAtMs] of changed) {
        const olderThanMs = this.#isOver(run) ? 0 : runEndedAfterOf(rootPlace(places, run.target).path);
        await this.#opener.end(run, changedAtMs, olderThanMs);
      }
    });
    this.progress.work = 'done';
  }

  /** Whether a directory, as seen from a tracker run's, belongs to another one. */
  #isOther({ root, path }: RunRef, seen: string): boolean {
    const ref = { root, path: posix.join(path, seen) };
    return this.#options.tree.has(ref) && this.#routes.targetOf(ref) !== path;
  }

  get #isAtWork(): boolean {
    return this.#turns > 0 || this.#ready.size > 0 || this.#gathering.size > 0;
  }

  async #finished(): Promise<void> {
    for (const stopTimer of this.#gathering.values()) stopTimer();
    this.#gathering.clear();
    this.#ready.clear();
    while (this.#turns > 0) await this.#change(undefined);
    await this.#side.idle();
  }

  /** While a run grows, a little more of it is waited for: fewer and fuller sends. */
  #gather(run: SyncedRun): void {
    const { gatherMs = 0 } = this.#options.backend.describe().limits;
    if (this.#options.isSettled || gatherMs === 0) {
      this.#getReady(run);
      return;
    }
    if (this.#gathering.has(run) || this.#ready.has(run)) return;
    this.#gathering.set(
      run,
      this.#clock.after(gatherMs, () => {
        this.#gathering.delete(run);
        this.#getReady(run);
      }),
    );
  }

  #getReady(run: SyncedRun): void {
    if (run.isBusy || run.stoppedUntilMs > 0 || this.#signal.aborted) return;
    this.#ready.add(run);
    // One that waits for the run above it is taken at the end of that one's turn, and changes nothing for the others.
    if (!this.#isBelowAnother(run)) this.#pump();
  }

  #pump(): void {
    const { runsPerSend } = this.#options.backend.describe().limits;
    while (this.#ready.size > 0 && this.#turns < this.#mostTurns && !this.#signal.aborted) {
      const runs: SyncedRun[] = [];
      for (const run of this.#ready) {
        if (runs.length >= runsPerSend) break;
        if (this.#isBelowAnother(run)) continue;
        this.#ready.delete(run);
        run.isBusy = true;
        runs.push(run);
      }
      if (runs.length === 0) return;
      this.#turns++;
      void this.#turn(runs)
        .catch((error: unknown) => {
          // Nothing that was foreseen; other lanes, and other runs of this one, continue.
          for (const run of runs) this.#stop(run, asMirrorError(error, this.lane));
        })
        .finally(() => {
          this.#turns--;
          for (const run of runs) {
            run.isBusy = false;
            if (run.hasWork) this.#getReady(run);
          }
          this.#changed();
          this.#pump();
        });
    }
  }

  /** The run above it is there, and about to be opened: with what it has itself, not with what is below it. */
  #isBelowAnother({ handle, target }: SyncedRun): boolean {
    if (!this.#isNested || (handle ?? this.#laneState.handle(target)) !== undefined) return false;
    const above = this.#parents.of(target);
    const parent = above.kind === 'run' ? this.#runs.get(keyOfRun(above.target)) : undefined;
    if (parent === undefined || (parent.handle ?? this.#laneState.handle(parent.target)) !== undefined) return false;
    return parent.isBusy || this.#ready.has(parent) || this.#gathering.has(parent);
  }

  /** One turn of some runs: a piece of each is read, and they are delivered together. */
  async #turn(runs: readonly SyncedRun[]): Promise<void> {
    const large = Promise.withResolvers<void>();
    try {
      await this.#deliverTurn(runs, large.promise);
    } finally {
      large.resolve();
    }
  }

  /** `delivered`: when all of it is. */
  async #deliverTurn(runs: readonly SyncedRun[], delivered: Promise<void>): Promise<void> {
    const parcels: TrackerParcel[] = [];
    let left = TURN_BYTES;
    for (const run of runs) {
      if (this.#signal.aborted) return;
      if (!run.hasWork) {
        if (run.isQuiet) await this.#opener.end(run, this.#clock.wallMs(), 0);
        continue;
      }
      const pieces: SourcePiece[] = [];
      for (const source of run.sources.values()) {
        // Who finds nothing left of the turn keeps what it has to do for the next one.
        if (left <= 0) break;
        if (!source.hasWork) continue;
        const read = await this.#readInLine(source, Math.max(1, Math.floor(left)), delivered);
        left -= read.reduce((sum, { batch }) => sum + batch.end - batch.start, 0);
        for (const piece of read) pieces.push(piece);
      }
      const texts = pieces.flatMap((piece) => piece.texts);
      const isNothing = texts.length === 0 && pieces.every(({ batch }) => isEmpty(batch));
      const handle = isNothing ? NO_HANDLE : await this.#open(run, pieces);
      if (handle !== undefined && (await this.#setTexts(run, handle, texts)))
        for (const piece of pieces) parcels.push({ ...piece, handle, target: run.target });
    }
    const deliveries = await this.#delivery.deliver(parcels);
    for (const run of runs) {
      const delivery = deliveries.get(run.key);
      if (delivery?.kind === 'delivered' && run.isStopped && run.handle !== undefined) {
        run.isStopped = false;
        this.#resume(this.#stopped());
      }
      if (delivery?.kind === 'runFatal') this.#stopOrRebuild(run, delivery.error);
      else if (delivery?.kind === 'delivered' && !run.hasWork && (run.isQuiet || (!this.#options.isSettled && this.#isOver(run))))
        await this.#opener.end(run, this.#clock.wallMs(), 0);
    }
  }

  /** Its hparams say that its sessions have ended. */
  #isOver({ sources, target }: SyncedRun): boolean {
    const ends = new Map([...sources].map(([key, { sessionEnd }]) => [key, sessionEnd]));
    if ([...ends.values()].every((end) => end === undefined)) return false;
    const laneState = this.#laneState;
    return isSessionOver(
      this.#routes.sourcesOf(target).map((ref) => ({
        sessionEnd: ends.get(keyOfRun(ref)),
        lastStep: laneState.delivered(ref).lastStep,
        hasSession: laneState.catalogue(ref).some(({ plugin }) => plugin === 'hparams'),
      })),
    );
  }

  /**
   * Of the tracker runs that lie as deep below the same directory as one does, itself among them, the one that a file
   * there belongs to.
   */
  #ownerOf({ target: { root, path } }: SyncedRun, levels: number, changedAtMs: number): SyncedRun | undefined {
    const place = placeBelow(path, levels);
    const key = JSON.stringify([root, place, changedAtMs]);
    if (!this.#owners.has(key)) {
      const beside = [...this.#runs.values()].filter(
        (run) =>
          run.target.root === root &&
          placeBelow(run.target.path, levels) === place &&
          // Nothing is ever stored in one that has nothing to send.
          (run.isBusy || run.hasWork || this.#laneState.handle(run.target) !== undefined),
      );
      this.#owners.set(key, begunBefore(changedAtMs, beside));
    }
    return this.#owners.get(key);
  }

  /** Before the points that they stand among are noted as sent. False where these have to wait. */
  async #setTexts(run: SyncedRun, handle: Handle, texts: readonly ParamText[]): Promise<boolean> {
    try {
      await this.#side.setTexts(run, handle, texts);
      return true;
    } catch (error) {
      if (!(error instanceof MirrorError && error.code === 'MB4001')) this.#stopOrRebuild(run, asMirrorError(error, this.lane));
      return false;
    }
  }

  /** Of each run that goes into a tracker run, where there are texts of which the state knows nothing. */
  async *#pastTexts(run: SyncedRun, tags: TagParams): AsyncGenerator<readonly ParamText[], void, void> {
    const { reader } = this.#options;
    const laneState = this.#laneState;
    const due = [...run.sources.values()].filter(({ pastTextsDueMs }) => pastTextsDueMs <= this.#clock.steadyMs());
    if (due.length === 0) return;
    const settled = laneState.side(run.target).filter((state) => !isDueAgain(state, this.#clock.wallMs()));
    const known = new Set(settled.map(({ path, rule }) => JSON.stringify([path, rule])));
    for (const source of due) {
      const { ref, directory } = source;
      // What is in none of the files is gone with its file; texts that are new come with their points.
      let dueMs = Number.POSITIVE_INFINITY;
      if (tags.wantedOf(source, laneState.catalogue(ref)).some(({ path, rule }) => !known.has(JSON.stringify([path, rule])))) {
        const files = laneState.known(ref).files.map(({ name }) => ({ name }));
        const onUnread = (): void => {
          dueMs = this.#clock.steadyMs() + UNREAD_MS;
        };
        for await (const piece of piecesAnew(reader, { run: ref, directory, files, mostBytes: TURN_BYTES, onUnread }))
          yield tags.textsIn(source, piece);
      }
      source.pastTextsDueMs = dueMs;
    }
  }

  /** One reading of a root after the other, so that no two turns come with a large record of it each. */
  async #readInLine(source: FedSource, mostBytes: number, delivered: Promise<void>): Promise<SourcePiece[]> {
    const { root } = source.ref;
    const before = this.#reading.get(root) ?? Promise.resolve();
    const read = before.then(() => this.#read(source, mostBytes));
    // The turn that has the large record reads no more of its own.
    const after = read.then(
      (pieces) =>
        pieces.some(({ batch }) => payloadBytes(batch) > LARGE_BYTES) ? delivered.then(() => noteGarbage(LARGE_BYTES)) : undefined,
      () => undefined,
    );
    this.#reading.set(root, after);
    return await read;
  }

  /** A piece of a run. What is left of its files is to be read in another turn. */
  async #read(source: FedSource, mostBytes: number): Promise<SourcePiece[]> {
    const { status, isSettled } = this.#options;
    const { ref, directory } = source;
    const heal = source.toHeal.size > 0;
    const names = [...new Set([...source.dirty, ...source.toHeal])].sort();
    source.read = names;
    source.dirty.clear();
    source.toHeal.clear();
    const { pieces, outcomes, left } = await this.#pieces.read({
      run: ref,
      directory,
      names,
      heal,
      mostBytes,
      settled: isSettled || source.isQuiet,
    });
    for (const { file, outcome, reason } of outcomes) {
      status.fileRead(this.lane, ref, file, outcome, reason);
      if (outcome === 'silent') source.silent.add(file);
      if (outcome === 'unreadable' || (outcome === 'vanished' && isSettled)) this.progress.fileForgotten(ref, file);
      if (outcome === 'unreadable') this.#options.events.fileTroubled(this.lane, ref, file);
    }
    for (const name of left) source.dirty.add(name);
    return pieces.map((piece) => {
      if (pointCount(piece.batch) > 0) source.sessionEnd = sessionEndIn(piece.batch, piece.series);
      const sent = this.#routes.apply(ref, piece);
      this.progress.wasGiven(pointCount(sent.batch), piece.batch.end - piece.batch.start);
      this.progress.leftOut += pointCount(piece.batch) - pointCount(sent.batch);
      const texts = this.#side.tags.textsIn(source, piece);
      return { ...piece, ...sent, file: source.fileOf(piece.batch.file), texts };
    });
  }

  /** The run's handle: the tracker run is searched for, or made, when there is something to send for the first time. */
  async #open(run: SyncedRun, pieces: readonly SourcePiece[]): Promise<Handle | undefined> {
    const opening = await this.#opener.open(run, pieces);
    switch (opening.kind) {
      case 'open':
        if (opening.isNew) this.#progressAtMs = this.#clock.steadyMs();
        return opening.handle;
      case 'runFatal':
        this.#stopOrRebuild(run, opening.error);
        return undefined;
      case 'restart':
        this.#restart(run, opening.ms);
        return undefined;
      case 'wait':
        if (opening.ms === 0) this.#restart(run);
        else this.#setAside(run, opening.ms);
        return undefined;
      case 'stopped':
        return undefined;
      default:
        return opening satisfies never;
    }
  }

  #stopOrRebuild(run: SyncedRun, error: MirrorError): void {
    if (this.#opener.rebuild(run, error)) this.#restart(run);
    else this.#stop(run, error);
  }

  /** All of it again: runs that nothing was heard of are part of that. */
  #restart(run: SyncedRun, ms = 0): void {
    for (const ref of this.#routes.sourcesOf(run.target)) this.#sourceOf(ref);
    this.#setAside(run, ms);
  }

  #stop(run: SyncedRun, error: MirrorError): void {
    this.#setAside(run, STOPPED_MS);
    run.isStopped = true;
    run.handle = undefined;
    this.progress.runStopped(run.target, error);
  }

  /** Runs that are stopped, those first that were tried the longest ago. */
  #stopped(): readonly SyncedRun[] {
    const stopped = [...this.#runs.values()].filter((run) => run.isStopped && run.stoppedUntilMs > 0 && !run.isBusy);
    return stopped.sort((a, b) => a.stoppedUntilMs - b.stoppedUntilMs);
  }

  #resume(runs: readonly SyncedRun[]): void {
    for (const run of runs) {
      run.stoppedUntilMs = 0;
      this.#getReady(run);
    }
  }

  /** Leaves a run alone for a while; then all of it again, from the positions. */
  #setAside(run: SyncedRun, ms: number): void {
    run.stoppedUntilMs = ms === 0 ? 0 : this.#clock.steadyMs() + ms;
    for (const source of run.sources.values()) {
      for (const { name } of this.#laneState.known(source.ref).files) source.dirty.add(name);
      for (const name of source.read) source.dirty.add(name);
    }
  }

  #noteTrouble(run: RunRef, state: FileState): void {
    const { events } = this.#options;
    const { name, damage } = state;
    if (isTroubled(state)) events.fileTroubled(this.lane, run, name, damage.some(isUndecided));
    else events.fileSound(this.lane, run, name);
  }

  /** A run's part of the feed; undefined where the lane is not to have it. */
  #sourceOf(ref: RunRef): FedSource | undefined {
    const routed = this.#routes.of(ref);
    if (!routed.isIncluded) return undefined;
    const run = this.#runOf(ref);
    let source = run.sources.get(keyOfRun(ref));
    if (source === undefined) {
      source = new FedSource(routed, rootPlace(this.#options.places, ref));
      run.sources.set(keyOfRun(ref), source);
      for (const name of routed.owedFiles) source.toHeal.add(name);
    }
    return source;
  }

  /** The tracker run that a run goes into. */
  #runOf(ref: RunRef): SyncedRun {
    const { target, route } = this.#routes.of(ref);
    const run = this.#runTo(target);
    run.group ??= route.group;
    run.groupTag ??= route.groupTag;
    return run;
  }

  #runTo(target: RunRef): SyncedRun {
    const key = keyOfRun(target);
    let run = this.#runs.get(key);
    if (run === undefined) {
      run = new SyncedRun(target, rootPlace(this.#options.places, target), this.#clock.steadyMs());
      this.#runs.set(key, run);
    }
    return run;
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

function asMirrorError(cause: unknown, lane: string): MirrorError {
  return cause instanceof MirrorError ? cause : new MirrorError('MB9001', `lane ${lane}: ${messageOf(cause)}`, { cause });
}

/** Of some runs, the last one that was begun before a moment; where all were begun later, the first. */
function begunBefore(ms: number, runs: readonly SyncedRun[]): SyncedRun | undefined {
  const order = runs.map((run) => ({ run, atMs: run.begunAtMs }));
  order.sort((a, b) => a.atMs - b.atMs || compareNames(a.run.target.path, b.run.target.path));
  return (order.findLast(({ atMs }) => atMs <= ms) ?? order[0])?.run;
}

/** The directory so many levels above a run, with one that differs for each depth below it. */
function placeBelow(path: string, levels: number): string {
  const parts = path.split('/');
  return [...parts.slice(0, -levels), parts.length].join('/');
}

function payloadBytes({ objects, marks }: Batch): number {
  return [...objects, ...marks].reduce((sum, { payload }) => sum + payload.length, 0);
}

/** For parcels that only move a position: nobody looks at it. */
const NO_HANDLE = '' as Handle;
