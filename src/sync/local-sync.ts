/**
 * Brings the local store to the ends of the files: reads run by run with sessions that are kept, and stores through a
 * lane.
 */
import { type Clock, systemClock } from '../clock.ts';
import type { Handle, Parcel, PositionOwner } from '../contract/index.ts';
import type { ChangedFile } from '../discover/index.ts';
import { MOST_READERS, memoryShares } from '../memory/index.ts';
import {
  changedMsOf,
  isPending,
  isTroubled,
  isUndecided,
  keyOfRun,
  lastStepOf,
  pointCount,
  type RunRef,
  type Series,
  unmirroredBytes,
  type WrittenPoint,
  weightOfSeries,
} from '../model/index.ts';
import { type BatchCache, type EventGroup, PatientReader, type ReadEvent, type RunJob } from '../reading/index.ts';
import type { LaneState } from '../state/index.ts';
import type { WatchStatus } from '../status/index.ts';
import { isWithin, type Place, placeOf, type RootPlace } from '../untrusted/index.ts';
import { Lane } from './delivery/index.ts';
import type { LaneSync, SyncEvents } from './lane-sync.ts';
import { rootPlace } from './synced-run.ts';

/** The store that is kept up to date. */
export interface LocalSyncOptions {
  readonly lane: string;
  readonly backend: PositionOwner;
  /** What the state notes of the lane; the positions that count are in the store. */
  readonly state: LaneState;
  readonly status: WatchStatus;
  readonly events: SyncEvents;
  /** Where each root lies. */
  readonly places: ReadonlyMap<string, RootPlace>;
  /** For lanes that come behind; undefined where there are none. */
  readonly cache: BatchCache | undefined;
  readonly signal: AbortSignal;
  /** The time and its timers. Default: the system's. */
  readonly clock?: Clock;
}

/** Runs whose files are asked for in one request. */
const RUNS_PER_REQUEST = 16;
/** Bytes read of a run before others have their turn. */
const FAIR_BYTES = 16 * 1024 * 1024;
/** Runs of which the reader keeps what it knows. */
const MOST_SESSIONS = 256;
const FIRST_RETRY_MS = 1000;
const MOST_RETRY_MS = 60_000;
/** Where nothing comes in, the store gives its memory back this often. */
const REST_MS = 30_000;

/** What is known of a run that did something while we watched. */
interface SyncedRun {
  readonly ref: RunRef;
  readonly directory: Place;
  readonly handle: Handle;
  /** Files to read, by name. */
  readonly dirty: Set<string>;
  /** Files whose gaps are to be tried again. */
  readonly toHeal: Set<string>;
  /** Files of the jobs whose parcels are not all accepted yet. */
  readonly unsettled: Set<string>;
  /** The catalogue as the session has it, for those who take its batches from the cache. */
  series: Series[];
  /**
   * Files that hold a beginning of what was read, with the points of their last record: whether those are old ones is
   * looked up.
   */
  readonly cutShort: Map<string, readonly WrittenPoint[]>;
  /** Files that hold something else behind such a beginning. */
  readonly others: Set<string>;
  /** Of these, those whose new content is read, and not stored yet. */
  readonly anew: Set<string>;
  /** Files that do not answer: asked again when something does. */
  readonly silent: Set<string>;
  /** About what its session takes in memory. */
  weight: number;
  /** A job of it is with the reader. */
  isRead: boolean;
  /** Parcels that are with the lane. */
  inFlight: number;
  hasSession: boolean;
  isQuiet: boolean;
}

/** Bytes that a reader may have on their way, however many share in what all may have. */
const LEAST_OUTSTANDING_BYTES = 4 * 1024 * 1024;

/** How the runs of a root, or of some, are read. */
interface Road {
  /** Keys of runs with something to read, in the order in which it was heard of. */
  readonly queue: Set<string>;
  /** Begins with `run`. */
  reader: PatientReader | undefined;
  wake: (() => void) | undefined;
  reading: Promise<void> | undefined;
}

/** Keeps the local store at the ends of the files. */
export class LocalSync implements LaneSync {
  readonly lane: string;
  readonly #options: LocalSyncOptions;
  readonly #backend: PositionOwner;
  readonly #status: WatchStatus;
  /** A reader for each root, so that one that hangs holds up no other. */
  readonly #roads = new Map<string, Road>();
  readonly #runs = new Map<string, SyncedRun>();
  /** Keys of runs the reader keeps, the one used last at the end. */
  readonly #sessions = new Set<string>();
  /** Quiet runs whose points are being brought together, piece by piece. */
  readonly #compacting = new Set<string>();
  readonly #goneLater: { readonly ref: RunRef; readonly name: string }[] = [];
  #lane: Lane;
  #retryMs = FIRST_RETRY_MS;
  #recovering: Promise<void> | undefined;
  #sawPoints = -1;
  #restedAtMs = 0;

  constructor(options: LocalSyncOptions) {
    this.lane = options.lane;
    this.#options = options;
    this.#backend = options.backend;
    this.#status = options.status;
    this.#lane = this.#newLane();
    const roads: Road[] = [];
    for (const root of options.places.keys()) {
      const road = roads[this.#roads.size % MOST_READERS] ?? { queue: new Set(), reader: undefined, wake: undefined, reading: undefined };
      if (!roads.includes(road)) roads.push(road);
      this.#roads.set(root, road);
    }
  }

  filesChanged(ref: RunRef, files: readonly ChangedFile[]): void {
    const changed = this.#options.cache === undefined ? files : this.#notAtEnd(ref, files);
    if (changed.length === 0) return;
    const run = this.#runOf(ref);
    for (const { name, size, before, stamp } of changed) {
      run.dirty.add(name);
      this.#status.lane(this.lane).fileGrew(ref, name, size, before, changedMsOf(stamp));
    }
    run.isQuiet = false;
    // Its turn comes when it is quiet again: whatever is stored of it begins that work again.
    this.#compacting.delete(keyOfRun(ref));
    this.#enqueue(keyOfRun(ref), ref);
  }

  /** Where several lanes are told of files, some are new to another one only. */
  #notAtEnd(ref: RunRef, files: readonly ChangedFile[]): readonly ChangedFile[] {
    // One by one: a run may have many more files than those that changed.
    return files.filter(({ name, size, stamp }) => {
      const state = this.#backend.position(ref, name);
      return state === undefined || state.size !== size || state.stamp !== stamp;
    });
  }

  tryAgain(ref: RunRef, name: string): void {
    this.#runOf(ref).toHeal.add(name);
    this.#enqueue(keyOfRun(ref), ref);
  }

  fileGone(ref: RunRef, name: string): void {
    const run = this.#runs.get(keyOfRun(ref));
    if (run !== undefined && !isIdle(run)) {
      // What is on its way decides how much is lost.
      this.#goneLater.push({ ref, name });
      return;
    }
    const state = this.#backend.position(ref, name);
    const lost = unmirroredBytes(state, this.#status.lane(this.lane).unreadBytes(ref, name));
    this.#options.events.fileSound(this.lane, ref, name);
    this.#status.fileGone(this.lane, ref, name, lost);
    run?.dirty.delete(name);
    // Should the name come back, its state has to be that of the backend.
    if (run?.hasSession) this.#forget(keyOfRun(ref), run);
  }

  /** Torn ends are looked into once, and the run's points brought together. */
  runQuiet(ref: RunRef): void {
    const key = keyOfRun(ref);
    const run = this.#runOf(ref);
    run.isQuiet = true;
    this.#compacting.add(key);
    for (const state of this.#backend.positions(ref).files) if (state.damage.some(isPending)) run.dirty.add(state.name);
    if (run.dirty.size > 0) this.#enqueue(key, run.ref);
  }

  tidy(ref: RunRef): void {
    this.#compacting.add(keyOfRun(this.#runOf(ref).ref));
  }

  tick(nowMs: number): void {
    // A lane that failed while there was nothing to read is noticed here.
    if (this.#lane.failure !== undefined) this.#wakeAll();
    for (const { ref, name } of this.#goneLater.splice(0)) this.fileGone(ref, name);
    for (const key of this.#compacting) {
      const run = this.#runs.get(key);
      if (run === undefined || !isIdle(run) || this.#lane.failure !== undefined) continue;
      // Of a large run a piece; the rest has its turn in the next ticks.
      if (this.#backend.compact?.(run.ref) !== true) this.#compacting.delete(key);
      break;
    }
    const { points } = this.#status.lane(this.lane);
    if (this.#sawPoints !== points || nowMs - this.#restedAtMs < REST_MS || !this.#status.isReady) {
      this.#sawPoints = points;
      return;
    }
    this.#restedAtMs = nowMs;
    this.#backend.rest?.();
  }

  /** Reads what is heard of, run by run, until it is told to stop. A lane that fails is waited for. */
  async run(): Promise<void> {
    const { signal } = this.#options;
    const roads = new Map([...this.#roads].map(([root, road]) => [road, root]));
    const stop = (): void => {
      for (const road of roads.keys()) road.reader?.stop();
      this.#wakeAll();
    };
    signal.addEventListener('abort', stop);
    try {
      const pumps = [...roads].map(([road, root]) => {
        road.reader = this.#newReader(road, root, roads.size);
        return this.#pump(road, road.reader, signal);
      });
      await Promise.all(pumps);
      await this.#lane.drain();
      if (this.#lane.failure !== undefined) throw this.#lane.failure;
    } finally {
      signal.removeEventListener('abort', stop);
      await Promise.all([...roads.keys()].map(({ reader }) => reader?.close()));
    }
  }

  #newReader(road: Road, root: string, count: number): PatientReader {
    const { status } = this.#options;
    const rootOf = (path: string): string => this.#rootOf(road, path) ?? root;
    return new PatientReader({
      mostOutstanding: Math.max(LEAST_OUTSTANDING_BYTES, memoryShares().outstanding / count),
      fellSilent: (path, sinceMs) => status.fellSilent({ root: rootOf(path), path, sinceMs }),
      answersAgain: (path) => {
        status.answersAgain({ root: rootOf(path), path });
        for (const [key, run] of this.#runs) {
          if (run.silent.size === 0 || this.#roadOf(run.ref) !== road) continue;
          for (const name of run.silent) run.dirty.add(name);
          run.silent.clear();
          this.#enqueue(key, run.ref);
        }
      },
      onReplaced: () => {
        for (const key of this.#sessions) {
          const run = this.#runs.get(key);
          if (run === undefined || this.#roadOf(run.ref) !== road) continue;
          this.#sessions.delete(key);
          run.hasSession = false;
          run.series = [];
        }
      },
    });
  }

  /** The root that a path lies in, of those that share a road; undefined of what a link leads to. */
  #rootOf(road: Road, path: string): string | undefined {
    for (const [name, place] of this.#options.places) if (this.#roads.get(name) === road && isWithin(path, place.path)) return name;
    return undefined;
  }

  async #pump(road: Road, reader: PatientReader, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (this.#lane.failure !== undefined) {
        // Once for all of them.
        this.#recovering ??= this.#recover().finally(() => {
          this.#recovering = undefined;
        });
        await this.#recovering;
      }
      const jobs = this.#nextJobs(road);
      if (jobs.length === 0) {
        await new Promise<void>((resolve) => {
          road.wake = resolve;
        });
        road.wake = undefined;
        continue;
      }
      road.reading = this.#read(reader, jobs);
      await road.reading;
    }
  }

  async #read(reader: PatientReader, jobs: readonly RunJob[]): Promise<void> {
    reader.request(jobs, { keep: true });
    for await (const group of reader.events()) this.#deal(group);
  }

  #roadOf({ root }: RunRef): Road | undefined {
    return this.#roads.get(root);
  }

  #wakeAll(): void {
    for (const { wake } of this.#roads.values()) wake?.();
  }

  #nextJobs({ queue }: Road): RunJob[] {
    const jobs: RunJob[] = [];
    for (const key of queue) {
      if (jobs.length >= RUNS_PER_REQUEST) break;
      const run = this.#runs.get(key);
      // Without a session it begins from the store's positions: what is on its way has to be there first.
      if (run !== undefined && !run.hasSession && run.inFlight > 0) continue;
      queue.delete(key);
      if (run !== undefined) jobs.push(this.#job(key, run));
    }
    return jobs;
  }

  #job(key: string, run: SyncedRun): RunJob {
    const names = [...new Set([...run.dirty, ...run.toHeal])].sort();
    const heal = run.toHeal.size > 0;
    for (const name of names) run.unsettled.add(name);
    run.isRead = true;
    run.dirty.clear();
    run.toHeal.clear();
    const files = names.map((name) => (run.others.has(name) ? { name, isOther: true } : { name }));
    run.others.clear();
    const base = { run: run.ref, directory: run.directory, settled: run.isQuiet, heal, mostBytes: FAIR_BYTES, joinsGaps: true };
    this.#keep(key, run);
    if (run.hasSession) return { ...base, files, series: [] };
    const known = this.#backend.positions(run.ref);
    const series = known.files.length === 0 ? [] : this.#backend.catalogue(run.ref);
    run.hasSession = true;
    run.series = [...series];
    run.weight = weightOf(series);
    return { ...base, files, known: known.files, series };
  }

  /** Notes the use of a session, and lets go of the one not used for longest. */
  #keep(key: string, run: SyncedRun): void {
    this.#sessions.delete(key);
    this.#sessions.add(key);
    let weight = 0;
    for (const other of this.#sessions) weight += this.#runs.get(other)?.weight ?? 0;
    for (const oldest of this.#sessions) {
      // A run with very many tags is as good as many runs.
      if (this.#sessions.size <= MOST_SESSIONS && weight <= memoryShares().tags) return;
      const other = this.#runs.get(oldest);
      // What is under way is still being stored: its positions are not those of the backend yet.
      if (other === undefined || other === run || !isIdle(other)) continue;
      weight -= other.weight;
      this.#forget(oldest, other);
    }
  }

  #forget(key: string, run: SyncedRun): void {
    this.#sessions.delete(key);
    run.hasSession = false;
    run.series = [];
    this.#roadOf(run.ref)?.reader?.forget([run.ref]);
    run.weight = 0;
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
        this.#note(event, key, run);
      }
    }
    settled();
  }

  #offer(run: SyncedRun, { batch, state }: Extract<ReadEvent, { kind: 'batch' }>, settled: () => void): void {
    const { cache } = this.#options;
    run.weight += weightOf(batch.newSeries);
    if (cache !== undefined) {
      for (const series of batch.newSeries) run.series.push(series);
      cache.keep({ batch, state, series: run.series });
    }
    this.#status.lane(this.lane).wasGiven(pointCount(batch), batch.end - batch.start);
    this.#lane.offer({ handle: run.handle, batch, state }, settled);
  }

  #note(event: Exclude<ReadEvent, { kind: 'batch' }>, key: string, run: SyncedRun): void {
    if (event.kind === 'file' && event.outcome === 'silent') {
      run.unsettled.delete(event.file);
      run.dirty.delete(event.file);
      run.silent.add(event.file);
      return;
    }
    if (event.kind === 'file') {
      this.#status.fileRead(this.lane, run.ref, event.file, event.outcome, event.reason);
      // What vanished is lost as far as it was not read: the scan that misses it says how much.
      if (event.outcome === 'unreadable') this.#status.lane(this.lane).fileForgotten(run.ref, event.file);
      // Out of reach for now (a server that hangs, too many open files): it need not change to be read one day.
      if (event.outcome === 'unreadable') this.#options.events.fileTroubled(this.lane, run.ref, event.file);
      return;
    }
    if (event.kind === 'searched') return;
    if (event.kind === 'cutShort') {
      run.cutShort.set(event.file, event.last);
      return;
    }
    run.isRead = false;
    if (event.hasMore) {
      for (const name of run.unsettled) run.dirty.add(name);
      this.#enqueue(key, run.ref);
    }
    this.#settleIfIdle(run);
  }

  /** Everything that was read is stored, and nothing of it has to be remembered for another try. */
  #settleIfIdle(run: SyncedRun): void {
    if (isIdle(run) && this.#lane.failure === undefined) {
      run.unsettled.clear();
      this.#compareCut(run);
    }
    const road = this.#roadOf(run.ref);
    if (run.inFlight === 0 && road?.queue.has(keyOfRun(run.ref)) === true) road.wake?.();
  }

  /**
   * What stands behind a beginning of what was read, and is not what was stored from there, is new: the file is read
   * again.
   */
  #compareCut(run: SyncedRun): void {
    for (const [name, last] of run.cutShort) {
      run.cutShort.delete(name);
      if (this.#backend.holds?.(run.ref, name, last) !== false) continue;
      run.others.add(name);
      run.anew.add(name);
      run.dirty.add(name);
      this.#enqueue(keyOfRun(run.ref), run.ref);
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
    // The state knows of the generation from now on.
    if (state.generation > 0 && this.#runs.get(keyOfRun(batch.run))?.anew.delete(state.name) === true)
      events.fileAnew?.(this.lane, batch.run, state.name);
    if (isTroubled(state)) {
      events.fileTroubled(this.lane, batch.run, state.name, state.damage.some(isUndecided));
    } else {
      events.fileSound(this.lane, batch.run, state.name);
    }
  }

  /** The lane does not take more: after a while everything that was not accepted is read again from the positions. */
  async #recover(): Promise<void> {
    const failure = this.#lane.failure;
    // Nobody may offer the next lane what comes behind something that this one dropped.
    await Promise.all([...this.#roads.values()].map(({ reading }) => reading));
    await this.#lane.drain();
    this.#status.lane(this.lane).stalled(failure, this.#retryMs);
    if (failure?.retry === 'never') throw failure;
    const { clock = systemClock, signal } = this.#options;
    await clock.sleep(this.#retryMs, signal);
    this.#retryMs = Math.min(MOST_RETRY_MS, this.#retryMs * 2);
    for (const [key, run] of this.#runs) {
      if (run.hasSession) this.#forget(key, run);
      if (run.unsettled.size === 0) continue;
      for (const name of run.unsettled) run.dirty.add(name);
      this.#enqueue(key, run.ref);
    }
    this.#lane = this.#newLane();
  }

  #runOf(ref: RunRef): SyncedRun {
    const key = keyOfRun(ref);
    let run = this.#runs.get(key);
    if (run === undefined) {
      const root = rootPlace(this.#options.places, ref);
      // The local store opens a run at once and without waiting.
      void this.#backend.open({ run: ref, rootPath: root.path });
      run = {
        ref,
        directory: placeOf(root, ref.path),
        handle: key as Handle,
        dirty: new Set(),
        toHeal: new Set(),
        unsettled: new Set(),
        cutShort: new Map(),
        others: new Set(),
        anew: new Set(),
        silent: new Set(),
        series: [],
        weight: 0,
        isRead: false,
        inFlight: 0,
        hasSession: false,
        isQuiet: false,
      };
      this.#runs.set(key, run);
    }
    return run;
  }

  #enqueue(key: string, ref: RunRef): void {
    const road = this.#roadOf(ref);
    road?.queue.add(key);
    road?.wake?.();
  }
}

function weightOf(series: readonly Series[]): number {
  return series.reduce(
    (sum, { tag, description, displayName, metadata }) => sum + weightOfSeries(tag, description, displayName, metadata.length),
    0,
  );
}

function isIdle(run: SyncedRun): boolean {
  return !run.isRead && run.inFlight === 0;
}
