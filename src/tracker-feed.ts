/**
 * Brings one tracker to the ends of the files: takes a piece of a run from the lane's own positions, delivers it, notes it, and goes on. Longer than
 * other files: which run has its turn, and what becomes of a run (opened, stopped, ended, gone), are one state that does not part well.
 */
import { join } from 'node:path';
import type { Backend, Handle, RunSource, TrackerParcel } from './backends/contract.ts';
import type { BatchCache, CachedBatch } from './batch-cache.ts';
import { isEmpty, TrackerLane } from './deliver/index.ts';
import type { ChangedFile } from './discover/index.ts';
import { messageOf, MirrorError } from './errors.ts';
import type { Feed, FeedEvents, FeedStatus } from './feed.ts';
import type { JobReader } from './job-reader.ts';
import type { RunNames } from './lane-options.ts';
import { PieceReader } from './piece-reader.ts';
import { fingerprintOf, firstWallTime, trackerRunKey } from './run-source.ts';
import { StateBook } from './state-book.ts';
import { type FileState, isPending, keyOfRun, needsSearch, type RunRef, unmirroredBytes } from './model/index.ts';
import type { LaneState, StateFile } from './state/index.ts';
import type { LaneProgress, LaneReport } from './status/index.ts';

export interface TrackerFeedOptions {
  readonly lane: string;
  readonly backend: Backend;
  readonly namesOf: (run: RunRef) => RunNames;
  readonly state: StateFile;
  readonly laneState: LaneState;
  readonly status: FeedStatus;
  readonly events: FeedEvents;
  readonly rootPaths: ReadonlyMap<string, string>;
  readonly reader: JobReader;
  readonly cache: BatchCache;
  /** Nobody writes to the files: torn ends are looked into, and nothing is waited for. */
  readonly isSettled: boolean;
  readonly signal: AbortSignal;
}

/** Bytes of a run that are read for one turn: what is held while a tracker is down. */
const TURN_BYTES = 1024 * 1024;
/** Turns that are made ready while the sends before them are under way. */
const TURNS_AHEAD = 1;
/** A run that its tracker does not take is tried again for when somebody changed that. */
const STOPPED_MS = 30 * 60_000;
/** A run is over when its last event and its files are older. */
const OVER_MS = 30 * 60_000;

interface FedRun {
  readonly ref: RunRef;
  readonly key: string;
  readonly directory: string;
  readonly dirty: Set<string>;
  readonly toHeal: Set<string>;
  handle: Handle | undefined;
  isBusy: boolean;
  isQuiet: boolean;
  /** Until then the tracker does not take it. */
  stoppedUntilMs: number;
}

export class TrackerFeed implements Feed {
  readonly lane: string;
  readonly progress: LaneProgress;
  readonly #options: TrackerFeedOptions;
  readonly #laneState: LaneState;
  readonly #delivery: TrackerLane;
  readonly #runs = new Map<string, FedRun>();
  /** Runs whose turn it may be, in the order in which they got ready. */
  readonly #ready = new Set<FedRun>();
  readonly #gathering = new Map<FedRun, NodeJS.Timeout>();
  readonly #mostTurns: number;
  readonly #pieces: PieceReader;
  readonly #end = new AbortController();
  /** Ends by itself, or by the signal of whoever drives it. */
  readonly #signal: AbortSignal;
  #turns = 0;
  #stand: LaneReport['stand'] = 'done';
  #progressAtMs = Date.now();
  readonly #waiting = new Set<() => void>();

  constructor(options: TrackerFeedOptions) {
    const { lane, backend, laneState, state, status, signal } = options;
    this.lane = lane;
    this.#options = options;
    this.#laneState = laneState;
    this.progress = status.lane(lane);
    this.#signal = AbortSignal.any([signal, this.#end.signal]);
    this.#mostTurns = (backend.describe().limits.sendsAtOnce ?? 1) + TURNS_AHEAD;
    const { reader, cache } = options;
    const sizeOf = (run: RunRef, name: string): number => this.progress.sizeOf(run, name) ?? 0;
    this.#pieces = new PieceReader({ reader, cache, laneState, sizeOf, pointsPerSend: () => backend.describe().limits.pointsPerSend });
    const book = new StateBook(state, laneState, ({ parcel, points, refusals }) => {
      this.#progressAtMs = Date.now();
      status.parcelAccepted(lane, parcel, points, refusals);
      this.#noteTrouble(parcel.batch.run, parcel.state);
    });
    this.#delivery = new TrackerLane({
      name: lane,
      backend,
      book,
      signal: this.#signal,
      events: {
        sendFailed: (error) => {
          this.progress.lastError = error;
        },
        laneWaiting: (error, retryMs) => this.progress.stalled(error, retryMs),
        laneParked: (error, retryMs) => {
          this.progress.stalled(error, retryMs, 'parked');
          this.#changed();
        },
        laneActive: () => this.progress.resumed(),
      },
    });
    this.#catchUp();
  }

  /** What the backend kept aside while it could not reach its tracker goes there: a turn of its own, so that a pass waits for it. */
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

  filesChanged(ref: RunRef, files: readonly ChangedFile[]): void {
    const known = new Map(this.#laneState.known(ref).files.map((state) => [state.name, state]));
    let run: FedRun | undefined;
    for (const { name, size, stamp } of files) {
      const state = known.get(name);
      if (state !== undefined && isAtEnd(state, size, stamp, this.#options.isSettled)) continue;
      run ??= this.#runOf(ref);
      run.dirty.add(name);
      // Nobody comes back to what is owed later: this pass tries it.
      if (this.#options.isSettled && (state?.position.gaps.length ?? 0) > 0) run.toHeal.add(name);
      this.progress.fileGrew(ref, name, size, state?.position.watermark ?? 0);
    }
    if (run === undefined) return;
    run.isQuiet = false;
    this.#gather(run);
  }

  tryAgain(ref: RunRef, name: string): void {
    const run = this.#runOf(ref);
    run.toHeal.add(name);
    this.#getReady(run);
  }

  fileGone(ref: RunRef, name: string): void {
    const state = this.#laneState.known(ref).files.find((file) => file.name === name);
    const lost = unmirroredBytes(state, this.progress.unreadBytes(ref, name));
    this.#options.events.fileSound(this.lane, ref, name);
    this.#options.status.fileGone(this.lane, ref, name, lost);
    this.#runs.get(keyOfRun(ref))?.dirty.delete(name);
  }

  runQuiet(ref: RunRef): void {
    const run = this.#runOf(ref);
    run.isQuiet = true;
    for (const state of this.#laneState.known(ref).files) if (state.damage.some(isPending)) run.dirty.add(state.name);
    // Also with nothing to read: its turn says that it has ended.
    this.#getReady(run);
  }

  tick(nowMs: number): void {
    for (const run of this.#runs.values()) {
      if (run.stoppedUntilMs === 0 || run.stoppedUntilMs > nowMs) continue;
      run.stoppedUntilMs = 0;
      this.#getReady(run);
    }
  }

  async run(): Promise<void> {
    while (!this.#options.signal.aborted) await this.#change(this.#options.signal);
    await this.#finished();
  }

  /** Waits until every file is at its end, or it is of no use to wait: the lane is parked, or got nowhere for `patienceMs`. */
  async reachEnd(patienceMs: number): Promise<void> {
    this.#progressAtMs = Date.now();
    const timer = setInterval(() => this.#changed(), 1000);
    try {
      while (!this.#signal.aborted && this.#isAtWork) {
        if (this.#delivery.isParked || Date.now() - this.#progressAtMs > patienceMs) break;
        await this.#change(this.#signal);
      }
    } finally {
      clearInterval(timer);
    }
    if (this.#isAtWork) {
      this.#stand = this.#options.signal.aborted ? 'interrupted' : this.#delivery.isParked ? 'parked' : 'stuck';
      this.#end.abort();
    }
    await this.#finished();
  }

  /** How it stands after `reachEnd`. */
  get stand(): LaneReport['stand'] {
    return this.#stand === 'done' && this.progress.stoppedRuns.size > 0 ? 'incomplete' : this.#stand;
  }

  /** Where a person finds the tracker runs this pass wrote to. */
  links(): LaneReport['links'] {
    const { backend } = this.#options;
    return [...this.#runs.values()].flatMap(({ ref, handle }) => {
      const url = handle === undefined ? undefined : backend.link?.(handle);
      return url === undefined ? [] : [{ run: ref, url }];
    });
  }

  /** Tells the tracker that a run is over, if it is and was not told yet. `changedAtMs`: when its files last changed. */
  async endIfOver(ref: RunRef, changedAtMs: number): Promise<void> {
    const handle = this.#openHandle(ref);
    if (handle === undefined) return;
    const endedAt = this.#endOf(ref, changedAtMs);
    if (Date.now() - Math.max(changedAtMs, endedAt * 1000) >= OVER_MS) await this.#finish(ref, handle, endedAt);
  }

  get #isAtWork(): boolean {
    return this.#turns > 0 || this.#ready.size > 0 || this.#gathering.size > 0;
  }

  async #finished(): Promise<void> {
    for (const timer of this.#gathering.values()) clearTimeout(timer);
    this.#gathering.clear();
    this.#ready.clear();
    while (this.#turns > 0) await this.#change(undefined);
  }

  /** While a run grows, a little more of it is waited for: fewer and fuller sends. */
  #gather(run: FedRun): void {
    const { gatherMs = 0 } = this.#options.backend.describe().limits;
    if (this.#options.isSettled || gatherMs === 0) {
      this.#getReady(run);
      return;
    }
    if (this.#gathering.has(run) || this.#ready.has(run)) return;
    this.#gathering.set(
      run,
      setTimeout(() => {
        this.#gathering.delete(run);
        this.#getReady(run);
      }, gatherMs),
    );
  }

  #getReady(run: FedRun): void {
    if (run.isBusy || run.stoppedUntilMs > 0 || this.#signal.aborted) return;
    this.#ready.add(run);
    this.#pump();
  }

  #pump(): void {
    const { runsPerSend } = this.#options.backend.describe().limits;
    while (this.#ready.size > 0 && this.#turns < this.#mostTurns && !this.#signal.aborted) {
      const runs: FedRun[] = [];
      for (const run of this.#ready) {
        if (runs.length >= runsPerSend) break;
        this.#ready.delete(run);
        run.isBusy = true;
        runs.push(run);
      }
      this.#turns++;
      void this.#turn(runs)
        .catch((error: unknown) => {
          // Nothing that was foreseen; other lanes, and other runs of this one, go on.
          for (const run of runs) this.#stop(run, asMirrorError(error, this.lane));
        })
        .finally(() => {
          this.#turns--;
          for (const run of runs) {
            run.isBusy = false;
            if (run.dirty.size > 0 || run.toHeal.size > 0) this.#getReady(run);
          }
          this.#changed();
          this.#pump();
        });
    }
  }

  /** One turn of some runs: a piece of each is read, and they are delivered together. */
  async #turn(runs: readonly FedRun[]): Promise<void> {
    const parcels: TrackerParcel[] = [];
    let left = TURN_BYTES;
    for (const run of runs) {
      if (this.#signal.aborted) return;
      if (run.dirty.size + run.toHeal.size === 0) {
        if (run.isQuiet) await this.#endQuiet(run.ref);
        continue;
      }
      // Who finds nothing left of the turn keeps what it has to do for the next one.
      if (left <= 0) continue;
      const pieces = await this.#read(run, Math.max(1, Math.floor(left)));
      left -= pieces.reduce((sum, { batch }) => sum + batch.end - batch.start, 0);
      const handle = pieces.every(({ batch }) => isEmpty(batch)) ? NO_HANDLE : await this.#open(run, pieces);
      if (handle !== undefined) parcels.push(...pieces.map((piece) => ({ ...piece, handle, target: run.ref, file: piece.batch.file })));
    }
    const deliveries = await this.#delivery.deliver(parcels);
    for (const run of runs) {
      const delivery = deliveries.get(run.key);
      if (delivery?.kind === 'runFatal') this.#stop(run, delivery.error);
      else if (delivery?.kind === 'delivered' && run.isQuiet && run.dirty.size === 0) await this.#endQuiet(run.ref);
    }
  }

  /** A piece of a run. What is left of its files is to be read in another turn. */
  async #read(run: FedRun, mostBytes: number): Promise<readonly CachedBatch[]> {
    const { status, isSettled } = this.#options;
    const { ref, directory } = run;
    const heal = run.toHeal.size > 0;
    const names = [...new Set([...run.dirty, ...run.toHeal])].sort();
    run.dirty.clear();
    run.toHeal.clear();
    const { pieces, outcomes, left } = await this.#pieces.read({
      run: ref,
      directory,
      names,
      heal,
      mostBytes,
      settled: isSettled || run.isQuiet,
    });
    for (const { file, outcome, reason } of outcomes) {
      status.fileRead(this.lane, ref, file, outcome, reason);
      if (outcome === 'unreadable' || (outcome === 'vanished' && isSettled)) this.progress.fileForgotten(ref, file);
      if (outcome === 'unreadable') this.#options.events.fileTroubled(this.lane, ref, file);
    }
    for (const name of left) run.dirty.add(name);
    return pieces;
  }

  /** The run's handle: the tracker run is looked for, or made, when there is something to send for the first time. */
  async #open(run: FedRun, pieces: readonly CachedBatch[]): Promise<Handle | undefined> {
    const { backend, namesOf, state, rootPaths } = this.#options;
    const { ref } = run;
    if (run.handle === undefined) {
      const batches = pieces.map(({ batch }) => batch);
      const source: RunSource = {
        run: ref,
        rootPath: rootPaths.get(ref.root) ?? '',
        key: trackerRunKey(ref),
        ...namesOf(ref),
        instanceId: state.instanceId,
        fingerprint: fingerprintOf(batches),
        startedAt: firstWallTime(batches),
      };
      const kept = this.#laneState.handle(ref);
      const opened = await this.#delivery.attempt((signal) => backend.open(source, kept, signal));
      if (opened.kind === 'runFatal') this.#stop(run, opened.error);
      if (opened.kind !== 'done') return undefined;
      if (opened.value !== kept) this.#laneState.keepHandle(ref, opened.value);
      run.handle = opened.value;
      this.#progressAtMs = Date.now();
    }
    const { handle } = run;
    if (this.#laneState.isEnded(ref)) {
      const reopened = await this.#delivery.attempt((signal) => backend.finish(handle, undefined, signal));
      if (reopened.kind !== 'done') return undefined;
      this.#laneState.noteEnd(ref, false);
    }
    return handle;
  }

  /** When a run ended, in seconds: with its last event, or where that has no time when its files last changed. */
  #endOf(ref: RunRef, changedAtMs: number): number {
    const { lastWallTime } = this.#laneState.delivered(ref);
    return lastWallTime === null || !Number.isFinite(lastWallTime) ? changedAtMs / 1000 : lastWallTime;
  }

  /** The handle of a tracker run that was not told yet that it has ended. */
  #openHandle(ref: RunRef): Handle | undefined {
    return this.#laneState.isEnded(ref) ? undefined : this.#laneState.handle(ref);
  }

  async #endQuiet(ref: RunRef): Promise<void> {
    const handle = this.#openHandle(ref);
    if (handle !== undefined) await this.#finish(ref, handle, this.#endOf(ref, Date.now()));
  }

  async #finish(ref: RunRef, handle: Handle, endedAt: number): Promise<void> {
    const status = this.#laneState.delivered(ref).hasFailed ? 'failed' : 'finished';
    const done = await this.#delivery.attempt((signal) => this.#options.backend.finish(handle, { status, endedAt }, signal));
    if (done.kind === 'done') this.#laneState.noteEnd(ref, true);
  }

  #stop(run: FedRun, error: MirrorError): void {
    run.stoppedUntilMs = Date.now() + STOPPED_MS;
    run.handle = undefined;
    // All of it again then, from the positions.
    for (const { name } of this.#laneState.known(run.ref).files) run.dirty.add(name);
    this.progress.runStopped(run.ref, error);
  }

  #noteTrouble(run: RunRef, { name, position, damage }: FileState): void {
    const { events } = this.#options;
    if (position.gaps.length > 0 || damage.some((item) => !isPending(item))) events.fileTroubled(this.lane, run, name);
    else events.fileSound(this.lane, run, name);
  }

  #runOf(ref: RunRef): FedRun {
    const key = keyOfRun(ref);
    let run = this.#runs.get(key);
    if (run === undefined) {
      run = {
        ref,
        key,
        directory: join(this.#options.rootPaths.get(ref.root) ?? '', ref.path),
        dirty: new Set(),
        toHeal: new Set(),
        handle: undefined,
        isBusy: false,
        isQuiet: false,
        stoppedUntilMs: 0,
      };
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

/** For parcels that only move a position: nobody looks at it. */
const NO_HANDLE = '' as Handle;

/** Whether nothing is left to be read of a file, as far as size and stamp can tell. */
function isAtEnd(state: FileState, size: number, stamp: string, isSettled: boolean): boolean {
  return state.stamp === stamp && state.size === size && state.position.gaps.length === 0 && !(isSettled && needsSearch(state));
}
