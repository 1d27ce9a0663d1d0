/**
 * Brings the local store to the ends of the files. Reads run by run with sessions that are kept, and stores through a
 * lane.
 */
import { type Clock, systemClock } from '../clock.ts';
import type { Parcel, PositionOwner } from '../contract/index.ts';
import { Lane } from '../delivery/index.ts';
import type { ChangedFile } from '../discover/index.ts';
import { memoryShares } from '../memory/index.ts';
import {
  changedMsOf,
  isPending,
  isTroubled,
  isUndecided,
  keyOfFile,
  keyOfRun,
  lastStepOf,
  pointCount,
  type RunRef,
  unmirroredBytes,
} from '../model/index.ts';
import { type BatchCache, type EventGroup, PatientReader, type ReadEvent, type RunJob } from '../reading/index.ts';
import type { LaneState } from '../state/index.ts';
import type { WatchStatus } from '../status/index.ts';
import { directoryOf, type RootDirectory } from '../untrusted/index.ts';
import type { LaneSync, SyncEvents } from './lane-sync.ts';
import { ReaderSessions } from './reader-sessions.ts';
import { type RootQueue, RootQueues } from './root-queues.ts';
import { StoreUpkeep } from './store-upkeep.ts';
import { SyncedStoreRun } from './stored-run.ts';
import { rootDirectory } from './synced-run.ts';

/** The store that is kept up to date, and what that needs. */
interface LocalSyncOptions {
  readonly lane: string;
  readonly backend: PositionOwner;
  /** The state's notes about the lane; the positions that count are in the store. */
  readonly state: LaneState;
  readonly status: WatchStatus;
  readonly events: SyncEvents;
  /** The directory of each root. */
  readonly places: ReadonlyMap<string, RootDirectory>;
  /** The cache for lanes that come later; undefined if there are none. */
  readonly cache: BatchCache | undefined;
  readonly signal: AbortSignal;
  /** The clock and its timers. Default: the system's. */
  readonly clock?: Clock;
}

/**
 * A live run may write many times a second, and a commit rewrites whole pages of the store, however little is new. So
 * what all runs write in this time is stored together. What a run writes after a rest is read at once.
 */
const GATHER_MS = 500;
/** Runs whose files are asked for in one request. */
const RUNS_PER_REQUEST = 16;
/** Bytes that are read of a run before other runs have their turn. */
const FAIR_BYTES = 16 * 1024 * 1024;
const FIRST_RETRY_MS = 1000;
const MOST_RETRY_MS = 60_000;
/** The least bytes that a reader may have under way, however many readers share the limit. */
const LEAST_OUTSTANDING_BYTES = 4 * 1024 * 1024;

/** Keeps the local store up to date with the ends of the files. */
export class LocalSync implements LaneSync {
  readonly lane: string;
  readonly #options: LocalSyncOptions;
  readonly #backend: PositionOwner;
  readonly #status: WatchStatus;
  readonly #queues: RootQueues;
  readonly #sessions: ReaderSessions;
  readonly #upkeep: StoreUpkeep;
  readonly #runs = new Map<string, SyncedStoreRun>();
  /** Paused runs with something to read. */
  readonly #held = new Set<SyncedStoreRun>();
  /** Files that are gone, by `keyOfFile`, whose runs have data under way. */
  readonly #goneLater = new Map<string, { readonly ref: RunRef; readonly name: string }>();
  #lane: Lane;
  #retryMs = FIRST_RETRY_MS;
  #recovering: Promise<void> | undefined;
  /** Aborted, and replaced, when a store that failed should be tried at once. */
  #hurry = new AbortController();

  constructor(options: LocalSyncOptions) {
    this.lane = options.lane;
    this.#options = options;
    this.#backend = options.backend;
    this.#status = options.status;
    this.#lane = this.#newLane();
    this.#queues = new RootQueues(options.places);
    this.#sessions = new ReaderSessions(this.#queues);
    this.#upkeep = new StoreUpkeep(options.backend);
  }

  filesChanged(ref: RunRef, files: readonly ChangedFile[]): void {
    const changed = this.#options.cache === undefined ? files : this.#notAtEnd(ref, files);
    if (changed.length === 0) return;
    const run = this.#runOf(ref);
    for (const { name, size, before, stamp } of changed) {
      run.dirty.add(name);
      run.found.found(name, stamp);
      // It is there again.
      this.#goneLater.delete(keyOfFile(ref, name));
      this.#status.lane(this.lane).fileGrew(ref, name, size, before, changedMsOf(stamp));
    }
    run.isQuiet = false;
    this.#upkeep.drop(run);
    this.#queues.add(run);
  }

  /**
   * Returns the files that this lane has not read to the end: if several lanes get files, some are new only to
   * another lane.
   */
  #notAtEnd(ref: RunRef, files: readonly ChangedFile[]): readonly ChangedFile[] {
    // Files are looked up one by one: a run may have many more files than the changed ones.
    return files.filter(({ name, size, stamp }) => {
      const state = this.#backend.position(ref, name);
      if (state === undefined || state.size !== size || state.stamp !== stamp) return true;
      this.#status.lane(this.lane).fileAtEnd(ref, name, size);
      return false;
    });
  }

  tryAgain(ref: RunRef, name: string): void {
    const run = this.#runOf(ref);
    run.toRetry.add(name);
    this.#queues.add(run);
  }

  fileGone(ref: RunRef, name: string): void {
    const run = this.#runs.get(keyOfRun(ref));
    if (run !== undefined && !run.isIdle) {
      // Data under way decides how much is lost.
      this.#goneLater.set(keyOfFile(ref, name), { ref, name });
      return;
    }
    const state = this.#backend.position(ref, name);
    const lost = unmirroredBytes(state, this.#status.lane(this.lane).unreadBytes(ref, name));
    this.#options.events.fileGone(this.lane, ref, name);
    this.#status.fileGone(this.lane, ref, name, lost);
    run?.dirty.delete(name);
    // If a file with this name appears again, its state must be that of the backend.
    if (run?.hasSession) this.#sessions.forget(run);
  }

  pausesChanged(): void {
    const held = [...this.#held];
    this.#held.clear();
    for (const run of held) this.#queues.add(run);
    this.#queues.wakeAll();
  }

  retryNow(): void {
    this.#retryMs = FIRST_RETRY_MS;
    this.#hurry.abort();
    this.#hurry = new AbortController();
  }

  /** Reads incomplete ends once, and compacts the run's points. */
  runQuiet(ref: RunRef): void {
    const run = this.#runOf(ref);
    run.isQuiet = true;
    this.#upkeep.add(run);
    for (const state of this.#backend.positions(ref).files) if (state.damage.some(isPending)) run.dirty.add(state.name);
    if (run.dirty.size > 0) this.#queues.add(run);
  }

  tidy(ref: RunRef): void {
    this.#upkeep.add(this.#runOf(ref));
  }

  tick(nowMs: number): void {
    // This notices a lane that failed while it had nothing to read.
    if (this.#lane.failure !== undefined) this.#queues.wakeAll();
    for (const [key, { ref, name }] of [...this.#goneLater]) {
      this.#goneLater.delete(key);
      this.fileGone(ref, name);
    }
    // A user who pauses the store may be about to copy its file.
    if (this.#status.lane(this.lane).isPaused) return;
    if (this.#lane.failure === undefined) this.#upkeep.compact();
    this.#upkeep.rest(this.#status.lane(this.lane).points, nowMs, this.#status.isReady);
  }

  /** Reads what changes, run by run, until the signal aborts. If the lane fails, it waits. */
  async run(): Promise<void> {
    const { signal } = this.#options;
    const queues = this.#queues.all();
    const stop = (): void => {
      for (const queue of queues.keys()) queue.reader?.stop();
      this.#queues.wakeAll();
    };
    signal.addEventListener('abort', stop);
    try {
      const pumps = [...queues].map(([queue, root]) => {
        queue.reader = this.#newReader(queue, root, queues.size);
        return this.#pump(queue, queue.reader, signal);
      });
      await Promise.all(pumps);
      await this.#lane.drain();
      if (this.#lane.failure !== undefined) throw this.#lane.failure;
    } finally {
      signal.removeEventListener('abort', stop);
      await Promise.all([...queues.keys()].map(({ reader }) => reader?.close()));
    }
  }

  #newReader(queue: RootQueue, root: string, count: number): PatientReader {
    const { status } = this.#options;
    const rootOf = (path: string): string => this.#queues.rootOf(queue, path) ?? root;
    return new PatientReader({
      // A watch over files that do not change needs no reader.
      startsLate: true,
      mostOutstanding: Math.max(LEAST_OUTSTANDING_BYTES, memoryShares().outstanding / count),
      fellSilent: (path, sinceMs) => status.fellSilent({ root: rootOf(path), path, sinceMs }),
      answersAgain: (path) => {
        status.answersAgain({ root: rootOf(path), path });
        for (const run of this.#runs.values()) {
          if (run.silent.size === 0 || this.#queues.of(run) !== queue) continue;
          for (const name of run.silent) run.dirty.add(name);
          run.silent.clear();
          this.#queues.add(run);
        }
      },
      onReplaced: () => this.#sessions.readerReplaced(queue),
    });
  }

  async #pump(queue: RootQueue, reader: PatientReader, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (this.#lane.failure !== undefined) {
        // All failures share one recovery.
        this.#recovering ??= this.#recover().finally(() => {
          this.#recovering = undefined;
        });
        await this.#recovering;
        // The signal may have come meanwhile, and nothing wakes this queue after that.
        continue;
      }
      const jobs = this.#nextJobs(queue);
      if (jobs.length === 0) {
        await new Promise<void>((resolve) => {
          queue.wake = resolve;
        });
        queue.wake = undefined;
        continue;
      }
      queue.reading = this.#read(reader, jobs);
      await queue.reading;
    }
  }

  async #read(reader: PatientReader, jobs: readonly RunJob[]): Promise<void> {
    // These have no session, whatever their jobs brought.
    for (const ref of reader.request(jobs, { keep: true })) {
      const run = this.#runs.get(keyOfRun(ref));
      if (run !== undefined) this.#sessions.forget(run);
    }
    for await (const group of reader.events()) this.#deal(group);
  }

  #nextJobs(queue: RootQueue): RunJob[] {
    const { keys } = queue;
    const jobs: RunJob[] = [];
    const progress = this.#status.lane(this.lane);
    const { clock = systemClock } = this.#options;
    const nowMs = clock.steadyMs();
    // The same moment for all runs: those that wait are read together.
    const nextMs = (Math.floor(nowMs / GATHER_MS) + 1) * GATHER_MS;
    let isWaiting = false;
    for (const key of keys) {
      if (jobs.length >= RUNS_PER_REQUEST) break;
      const run = this.#runs.get(key);
      if (run !== undefined && progress.holds(run.ref.root)) {
        keys.delete(key);
        this.#held.add(run);
        continue;
      }
      // A run without a session begins from the store's positions: data under way must be stored first.
      if (run !== undefined && !run.hasSession && run.inFlight > 0) continue;
      if (run !== undefined && run.notBeforeMs > nowMs && !run.isQuiet && run.toRetry.size === 0) {
        isWaiting = true;
        continue;
      }
      keys.delete(key);
      if (run !== undefined) {
        jobs.push(this.#job(run));
        run.notBeforeMs = nextMs;
      }
    }
    if (isWaiting && jobs.length === 0 && !queue.isGathering) {
      queue.isGathering = true;
      const read = (): void => {
        queue.isGathering = false;
        queue.wake?.();
      };
      clock.after(nextMs - nowMs, read, { keepsAlive: false });
    }
    return jobs;
  }

  #job(run: SyncedStoreRun): RunJob {
    const names = [...new Set([...run.dirty, ...run.toRetry])].sort();
    const retriesGaps = run.toRetry.size > 0;
    for (const name of names) run.unsettled.add(name);
    run.isRead = true;
    run.dirty.clear();
    run.toRetry.clear();
    const files = names.map((name) => {
      const { inode } = run.found.file(name);
      return { name, ...(inode === undefined ? {} : { inode }), ...(run.others.has(name) ? { isOther: true } : {}) };
    });
    run.others.clear();
    const base = { run: run.ref, directory: run.directory, settled: run.isQuiet, retriesGaps, mostBytes: FAIR_BYTES, joinsGaps: true };
    this.#sessions.use(run);
    if (run.hasSession) return { ...base, files, series: [] };
    const known = this.#backend.positions(run.ref);
    const series = known.files.length === 0 ? [] : this.#backend.catalogue(run.ref);
    run.beginSession(series);
    return { ...base, files, known: known.files, series };
  }

  #deal({ events, release }: EventGroup): void {
    let open = 1;
    const settled = (): void => {
      if (--open === 0) release();
    };
    for (const event of events) {
      const key = keyOfRun(event.kind === 'batch' ? event.batch.run : event.run);
      const run = this.#runs.get(key);
      if (run === undefined) continue;
      if (event.kind === 'batch') {
        open++;
        run.inFlight++;
        this.#offer(run, event, () => {
          run.inFlight--;
          this.#settleIfIdle(run);
          settled();
        });
      } else {
        this.#note(event, run);
      }
    }
    settled();
  }

  #offer(run: SyncedStoreRun, { batch, state }: Extract<ReadEvent, { kind: 'batch' }>, settled: () => void): void {
    const { cache } = this.#options;
    run.addSeries(batch.newSeries);
    this.#options.events.fileRead(this.lane, run.ref, state.name);
    this.#status.lane(this.lane).fileRead(run.ref, state, batch.start);
    if (cache !== undefined) {
      for (const series of batch.newSeries) run.series.push(series);
      cache.keep({ batch, state, series: run.series });
    }
    this.#status.lane(this.lane).wasGiven(pointCount(batch), batch.end - batch.start);
    this.#lane.offer({ handle: run.handle, batch, state }, settled);
  }

  #note(event: Exclude<ReadEvent, { kind: 'batch' }>, run: SyncedStoreRun): void {
    if (event.kind === 'file' && event.outcome === 'silent') {
      run.unsettled.delete(event.file);
      run.dirty.delete(event.file);
      run.silent.add(event.file);
      return;
    }
    if (event.kind === 'file') {
      run.found.forget(event.file);
      this.#status.fileRead(this.lane, run.ref, event.file, event.outcome, event.reason);
      // Unread data of a file that vanished is lost: the scan that misses the file reports how much.
      if (event.outcome === 'unreadable') this.#status.lane(this.lane).fileUnreadable(run.ref, event.file);
      // The file is out of reach for now (a server that hangs, too many open files, a root that is not mounted). It is
      // retried even if it does not change. If it is gone, the scan that misses it ends that.
      const { events } = this.#options;
      if (event.outcome === 'unreadable' || event.outcome === 'vanished') events.readFailed(this.lane, run.ref, event.file);
      return;
    }
    // No job of a sync asks for sums.
    if (event.kind === 'searched' || event.kind === 'counted') return;
    if (event.kind === 'otherFile') {
      run.found.passedOver(event.file);
      // The next scan finds it. If that is late, the file is read without it.
      this.#options.events.readFailed(this.lane, run.ref, event.file);
      return;
    }
    if (event.kind === 'cutShort') {
      run.cutShort.set(event.file, event.last);
      return;
    }
    run.isRead = false;
    if (event.hasMore) {
      for (const name of run.unsettled) run.dirty.add(name);
      run.notBeforeMs = 0;
      this.#queues.add(run);
    }
    this.#settleIfIdle(run);
  }

  /** Forgets the files that a retry would need, once everything that was read is stored. */
  #settleIfIdle(run: SyncedStoreRun): void {
    if (run.isIdle && this.#lane.failure === undefined) {
      run.unsettled.clear();
      this.#compareCut(run);
      this.#resumeIfDone();
    }
    const queue = this.#queues.of(run);
    if (run.inFlight === 0 && queue?.keys.has(run.key) === true) queue.wake?.();
  }

  /** After a failure, the lane works again if nothing is left to store: the files may be gone meanwhile. */
  #resumeIfDone(): void {
    const progress = this.#status.lane(this.lane);
    if (progress.state !== 'waiting') return;
    for (const { unsettled, dirty, toRetry } of this.#runs.values()) if (unsettled.size + dirty.size + toRetry.size > 0) return;
    progress.resumed();
  }

  /**
   * Compares what follows the beginning that a file kept. If it is not what was stored from there, it is new, and the
   * file is read again.
   */
  #compareCut(run: SyncedStoreRun): void {
    for (const [name, last] of run.cutShort) {
      run.cutShort.delete(name);
      if (this.#backend.holds?.(run.ref, name, last) !== false) continue;
      run.others.add(name);
      run.replaced.add(name);
      run.dirty.add(name);
      run.notBeforeMs = 0;
      this.#queues.add(run);
    }
  }

  #newLane(): Lane {
    return new Lane(this.lane, this.#backend, { parcelAccepted: (parcel, points) => this.#accepted(parcel, points) });
  }

  #accepted(parcel: Parcel, points: number): void {
    const { state, batch } = parcel;
    const { events, state: laneState } = this.#options;
    this.#retryMs = FIRST_RETRY_MS;
    this.#status.parcelAccepted(this.lane, parcel, points);
    laneState.accepted(batch.run, state, batch.newSeries, { points, lastStep: lastStepOf(batch) });
    const run = this.#runs.get(keyOfRun(batch.run));
    if (run !== undefined && batch.scalars.count > 0) this.#upkeep.grew(run);
    // The state knows the new generation from now on.
    if (state.generation > 0 && run?.replaced.delete(state.name) === true) events.fileReplaced?.(this.lane, batch.run, state.name);
    if (isTroubled(state)) {
      events.fileTroubled(this.lane, batch.run, state.name, state.damage.some(isUndecided));
    } else {
      events.fileValid(this.lane, batch.run, state.name);
    }
  }

  /**
   * Recovers when the lane accepts no more: after a while everything that was not accepted is read again from the
   * positions.
   */
  async #recover(): Promise<void> {
    const failure = this.#lane.failure;
    // The next lane must not get data that follows what this lane dropped.
    await this.#queues.idle();
    await this.#lane.drain();
    this.#status.lane(this.lane).stalled(failure, this.#retryMs);
    if (failure?.retry === 'never') throw failure;
    const { clock = systemClock, signal } = this.#options;
    await clock.sleep(this.#retryMs, AbortSignal.any([signal, this.#hurry.signal]));
    this.#retryMs = Math.min(MOST_RETRY_MS, this.#retryMs * 2);
    for (const run of this.#runs.values()) {
      if (run.hasSession) this.#sessions.forget(run);
      if (run.unsettled.size === 0) continue;
      for (const name of run.unsettled) run.dirty.add(name);
      this.#queues.add(run);
    }
    this.#lane = this.#newLane();
  }

  #runOf(ref: RunRef): SyncedStoreRun {
    const key = keyOfRun(ref);
    let run = this.#runs.get(key);
    if (run === undefined) {
      const root = rootDirectory(this.#options.places, ref);
      // The local store opens a run at once, without waiting.
      void this.#backend.open({ run: ref, rootPath: root.path });
      run = new SyncedStoreRun(ref, directoryOf(root, ref.path));
      this.#runs.set(key, run);
    }
    return run;
  }
}
