/** Brings one tracker to the ends of the files: takes a piece of a run from the lane's own positions, delivers it, notes it, and goes on. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Backend, Handle, RunSource, TrackerParcel } from './backends/contract.ts';
import type { BatchCache, CachedBatch } from './batch-cache.ts';
import { isEmpty, TrackerLane } from './deliver/index.ts';
import type { ChangedFile } from './discover/index.ts';
import { messageOf, MirrorError } from './errors.ts';
import { type Feed, type FeedEvents, type FeedStatus, keyOfRun } from './feed.ts';
import type { JobReader } from './job-reader.ts';
import type { RunNames } from './lane-options.ts';
import { StateBook } from './state-book.ts';
import { type Batch, type FileState, isPending, needsSearch, pointCount, type RunRef, type Series } from './model/index.ts';
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
export const OVER_MS = 30 * 60_000;

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
    const watermark = state?.position.watermark ?? 0;
    const unread = this.progress.unreadBytes(ref, name) ?? Math.max(0, (state?.size ?? 0) - watermark);
    const owed = state?.position.gaps.reduce((sum, gap) => sum + gap.end - gap.start, 0) ?? 0;
    this.#options.events.fileSound(this.lane, ref, name);
    this.#options.status.fileGone(this.lane, ref, name, unread + owed);
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
    const handle = this.#laneState.handle(ref);
    if (handle === undefined || this.#laneState.isEnded(ref)) return;
    const { lastWallTime, hasFailed } = this.#laneState.delivered(ref);
    const endedAt = lastWallTime === null || !Number.isFinite(lastWallTime) ? changedAtMs / 1000 : lastWallTime;
    if (Date.now() - Math.max(changedAtMs, endedAt * 1000) < OVER_MS) return;
    await this.#finish(ref, handle, endedAt, hasFailed);
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
        if (run.isQuiet) await this.#endQuiet(run);
        continue;
      }
      // Who finds nothing left of the turn keeps what it has to do for the next one.
      if (left <= 0) continue;
      const pieces = await this.#read(run, Math.max(1, Math.floor(left)));
      left -= pieces.reduce((sum, { batch }) => sum + batch.end - batch.start, 0);
      const handle = pieces.every(({ batch }) => isEmpty(batch)) ? NO_HANDLE : await this.#open(run, pieces);
      if (handle !== undefined) parcels.push(...pieces.map((piece) => ({ ...piece, handle })));
    }
    const deliveries = await this.#delivery.deliver(parcels);
    for (const run of runs) {
      const delivery = deliveries.get(run.key);
      if (delivery?.kind === 'runFatal') this.#stop(run, delivery.error);
      else if (delivery?.kind === 'delivered' && run.isQuiet && run.dirty.size === 0) await this.#endQuiet(run);
    }
  }

  /** A piece of a run, from the lane's positions: from the cache where another lane was just there, else from the files. */
  async #read(run: FedRun, mostBytes: number): Promise<readonly CachedBatch[]> {
    const { reader, cache, backend, isSettled, status } = this.#options;
    const { ref, directory } = run;
    const heal = run.toHeal.size > 0;
    const names = [...new Set([...run.dirty, ...run.toHeal])].sort();
    run.dirty.clear();
    run.toHeal.clear();
    const known = new Map(this.#laneState.known(ref).files.map((state) => [state.name, state]));
    const pieces: CachedBatch[] = [];
    const files: { readonly name: string }[] = [];
    for (const name of names) {
      const isDone = !heal && this.#takeCached(ref, name, known, pieces);
      if (!isDone) files.push({ name });
    }
    if (files.length === 0) return pieces;
    const { pointsPerSend } = backend.describe().limits;
    const series: Series[] = [...this.#laneState.catalogue(ref)];
    const job = {
      run: ref,
      directory,
      files,
      known: [...known.values()],
      series: [...series],
      settled: isSettled || run.isQuiet,
      heal,
      mostBytes,
      batchPoints: pointsPerSend,
    };
    for (const event of await reader.read(job)) {
      if (event.kind === 'batch') {
        series.push(...event.batch.newSeries);
        const piece = { batch: event.batch, state: event.state, series };
        pieces.push(piece);
        if (!heal) cache.keep(piece);
      } else if (event.kind === 'file') {
        status.fileRead(this.lane, ref, event.file, event.outcome, event.reason);
        if (event.outcome === 'unreadable' || (event.outcome === 'vanished' && isSettled)) this.progress.fileForgotten(ref, event.file);
        if (event.outcome === 'unreadable') this.#options.events.fileTroubled(this.lane, ref, event.file);
      } else if (event.hasMore) {
        for (const { name } of files) run.dirty.add(name);
      }
    }
    return pieces;
  }

  /** Takes what the cache has of a file from where the lane is. True where that reaches to the end the file had when it was read. */
  #takeCached(ref: RunRef, name: string, known: Map<string, FileState>, pieces: CachedBatch[]): boolean {
    const { cache, backend } = this.#options;
    const { pointsPerSend } = backend.describe().limits;
    let state = known.get(name);
    if ((state?.position.gaps.length ?? 0) > 0) return false;
    for (;;) {
      const start = state?.position.watermark ?? 0;
      const cached = cache.at(ref, name, state?.generation ?? 0, start);
      // Gaps are the other lane's: what it owes is not what this one owes.
      if (cached === undefined || pointCount(cached.batch) > pointsPerSend || cached.state.position.gaps.length > 0) return false;
      if (cached.state.position.watermark <= start) return false;
      pieces.push(cached);
      state = cached.state;
      known.set(name, state);
      const isEnd = state.stamp !== '' && state.damage.length === 0 && state.position.watermark === state.size;
      if (isEnd && (this.progress.sizeOf(ref, name) ?? 0) <= state.size) return true;
    }
  }

  /** The run's handle: the tracker run is looked for, or made, when there is something to send for the first time. */
  async #open(run: FedRun, pieces: readonly CachedBatch[]): Promise<Handle | undefined> {
    const { backend, namesOf, state, rootPaths } = this.#options;
    const { ref } = run;
    if (run.handle === undefined) {
      const source: RunSource = {
        run: ref,
        rootPath: rootPaths.get(ref.root) ?? '',
        key: runKey(ref),
        ...namesOf(ref),
        instanceId: state.instanceId,
        fingerprint: fingerprintOf(pieces),
        startedAt: firstWallTime(pieces),
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

  /** A run that did not grow for long has ended, as far as its files have been delivered. */
  async #endQuiet(run: FedRun): Promise<void> {
    const handle = run.handle ?? this.#laneState.handle(run.ref);
    if (handle === undefined || this.#laneState.isEnded(run.ref)) return;
    const { lastWallTime, hasFailed } = this.#laneState.delivered(run.ref);
    const endedAt = lastWallTime === null || !Number.isFinite(lastWallTime) ? Date.now() / 1000 : lastWallTime;
    await this.#finish(run.ref, handle, endedAt, hasFailed);
  }

  async #finish(ref: RunRef, handle: Handle, endedAt: number, hasFailed: boolean): Promise<void> {
    const end = { status: hasFailed ? 'failed' : 'finished', endedAt } as const;
    const done = await this.#delivery.attempt((signal) => this.#options.backend.finish(handle, end, signal));
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

/** By which a tracker run is found again, on every machine. */
export function runKey({ root, path }: RunRef): string {
  return createHash('sha256')
    .update(JSON.stringify([root, path]))
    .digest('hex')
    .slice(0, 32);
}

/** The first record with values of each file that is read from its start. */
function fingerprintOf(pieces: readonly CachedBatch[]): RunSource['fingerprint'] {
  const found = new Map<string, number>();
  for (const { batch } of pieces) {
    if (found.has(batch.file) || batch.start > 0) continue;
    const checksum = batch.scalars.count > 0 ? batch.scalars.checksum[0] : batch.objects[0]?.checksum;
    if (checksum !== undefined) found.set(batch.file, checksum);
  }
  return [...found].map(([file, checksum]) => ({ file, checksum }));
}

function firstWallTime(pieces: readonly CachedBatch[]): number | undefined {
  const times = pieces.map(({ batch }) => wallTimes(batch)).filter((time) => Number.isFinite(time));
  return times.length === 0 ? undefined : Math.min(...times);
}

function wallTimes({ scalars, objects }: Batch): number {
  let first = Infinity;
  for (let row = 0; row < scalars.count; row++) first = Math.min(first, scalars.wallTime[row] as number);
  for (const { wallTime } of objects) first = Math.min(first, wallTime);
  return first;
}
