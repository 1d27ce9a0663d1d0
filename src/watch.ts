/** Joins the rooms for ever: the discovery thread says what changed, the reader's thread reads it, a lane stores it. */
import { mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Handle, KnownFile, PositionOwner } from './backends/contract.ts';
import { LocalBackend } from './backends/local/index.ts';
import { Lane } from './deliver/index.ts';
import { type ResolvedRoot, resolveRoots, type RootRequest } from './discover/index.ts';
import type { DiscoverFact } from './discover-protocol.ts';
import { DiscoverThread } from './discover-thread.ts';
import { MirrorError } from './errors.ts';
import { isPending, type RunRef } from './model/index.ts';
import { checkIdentity } from './root-identity.ts';
import type { ReadEvent, RunJob } from './reader.ts';
import { type EventGroup, ReaderThread } from './reader-thread.ts';
import { FileLock, type LaneState, nextRetry, StateFile } from './state/index.ts';
import { type FactLog, WatchStatus } from './status/index.ts';

export interface WatchOptions {
  readonly roots: readonly RootRequest[];
  readonly store: { readonly path: string; readonly mediaPath: string };
  /** The state file. */
  readonly statePath: string;
  /** Globs of runs to mirror (all, where empty) and to leave out. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** Between two scans of a root, at least. Default 60,000. */
  readonly scanIntervalMs?: number;
  /** Use notifications where the file system has them. Default true. */
  readonly notify?: boolean;
  /** Ends the watch: what was read is stored first. */
  readonly signal: AbortSignal;
  readonly log?: FactLog;
  /** Called, and waited for, before anything is read. */
  readonly onStart?: (status: WatchStatus) => Promise<void>;
}

/** Runs whose files are asked for in one request. */
const RUNS_PER_REQUEST = 16;
/** Bytes read of a run before others have their turn. */
const FAIR_BYTES = 16 * 1024 * 1024;
/** Runs of which the reader keeps what it knows. */
const MOST_SESSIONS = 256;
/** A run that did not grow for so long is taken for quiet: torn ends are looked into, its points are brought together. */
const QUIET_MS = 30 * 60_000;
const TICK_MS = 1000;
/** How often the state gets a new status document. */
const STATUS_MS = 2000;
/** Where nothing comes in, the store gives its memory back this often. */
const REST_MS = 30_000;
const FIRST_RETRY_MS = 1000;
const MOST_RETRY_MS = 60_000;

/** What is known of a run that did something while we watched. */
interface WatchedRun {
  readonly ref: RunRef;
  readonly directory: string;
  readonly handle: Handle;
  /** Files to read, by name. */
  readonly dirty: Set<string>;
  /** Files whose gaps are to be tried again. */
  readonly toHeal: Set<string>;
  /** Files of the jobs whose parcels are not all accepted yet. */
  readonly unsettled: Set<string>;
  /** A job of it is with the reader. */
  isRead: boolean;
  /** Parcels that are with the lane. */
  inFlight: number;
  hasSession: boolean;
  grewAtMs: number;
  isQuiet: boolean;
}

interface Heal {
  readonly run: WatchedRun;
  readonly name: string;
  dueMs: number;
  attempts: number;
}

/** Mirrors what is below the roots, and goes on with what comes, until the signal says stop. */
export async function watch(options: WatchOptions): Promise<WatchStatus> {
  const { path } = options.store;
  const checked = resolveRoots(options.roots, []);
  if (checked.length === 0)
    throw new MirrorError('MB1001', 'there is nothing to watch: no log directory is given', { command: 'mirrorboard watch LOGDIR' });
  mkdirSync(dirname(path), { recursive: true });
  const lock = FileLock.acquire(path);
  try {
    const state = StateFile.open(options.statePath, {
      now: Date.now,
      onFailure: (error) =>
        options.log?.warn({ code: error.code, reason: error.message, remedy: error.hint }, 'state not written, trying again'),
    });
    const reader = new ReaderThread();
    try {
      const backend = new LocalBackend(options.store);
      try {
        return await new Watch(backend, reader, state, options).run();
      } finally {
        await backend.close();
      }
    } finally {
      await reader.close();
      state.close();
    }
  } finally {
    lock.release();
  }
}

class Watch {
  readonly #backend: PositionOwner;
  readonly #reader: ReaderThread;
  readonly #state: StateFile;
  /** What the state notes of the lane; the positions that count are in the store. */
  readonly #laneState: LaneState;
  readonly #options: WatchOptions;
  readonly #status: WatchStatus;
  readonly #runs = new Map<string, WatchedRun>();
  /** Keys of runs with something to read, in the order in which it was heard of. */
  readonly #queue = new Set<string>();
  /** Keys of runs the reader keeps, the one used last at the end. */
  readonly #sessions = new Set<string>();
  readonly #heals = new Map<string, Heal>();
  readonly #roots: ReadonlyMap<string, ResolvedRoot>;
  #lane: Lane;
  #retryMs = FIRST_RETRY_MS;
  #failure: unknown;
  #wake: (() => void) | undefined;
  readonly #goneLater: { readonly ref: RunRef; readonly name: string }[] = [];
  #sawPoints = -1;
  #statusAtMs = 0;
  #restedAtMs = 0;

  constructor(backend: PositionOwner, reader: ReaderThread, state: StateFile, options: WatchOptions) {
    this.#backend = backend;
    this.#state = state;
    this.#laneState = state.lane('local', resolve(options.store.path), { ownsPositions: true });
    this.#reader = reader;
    this.#options = options;
    this.#roots = new Map(resolveRoots(options.roots, backend.roots()).map((root) => [root.name, root]));
    this.#status = new WatchStatus({ log: options.log, lane: 'local', where: options.store.path, roots: [...this.#roots.keys()] });
    this.#lane = this.#newLane();
  }

  async run(): Promise<WatchStatus> {
    const { signal, include, exclude, scanIntervalMs = 60_000, notify = true } = this.#options;
    const resolved = [...this.#roots.values()];
    for (const root of resolved) checkIdentity(root, this.#backend);
    await this.#options.onStart?.(this.#status);
    for (const { name, path } of resolved) this.#state.root(name, path);
    for (const { file, attempts, nextMs } of this.#state.retries()) {
      if (this.#roots.has(file.run.root)) this.#healLater(this.#runOf(file.run), file.name, attempts, nextMs);
    }
    const roots = resolved.map(({ name, path, below }) => ({ name, path, below, include, exclude }));
    const discover = new DiscoverThread(
      { roots, scanIntervalMs, notify },
      (fact) => this.#hear(fact),
      (error) => this.#fail(error),
    );
    for (const { name } of resolved) discover.seed(name, this.#knownFiles(name));
    discover.begin();
    const timer = setInterval(() => this.#tick(Date.now()), TICK_MS);
    const stop = (): void => {
      this.#reader.stop();
      this.#wake?.();
    };
    signal.addEventListener('abort', stop);
    try {
      await this.#pump();
      await this.#lane.drain();
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#lane.failure !== undefined) throw this.#lane.failure;
      return this.#status;
    } finally {
      clearInterval(timer);
      signal.removeEventListener('abort', stop);
      await discover.close();
      this.#state.writeStatus({ ...this.#status.document(), ended: true });
    }
  }

  *#knownFiles(root: string): Generator<KnownFile, void, void> {
    for (const file of this.#backend.knownFiles(root)) {
      if (file.isDamaged) this.#healLater(this.#runOf({ root, path: file.run }), file.name);
      yield file;
    }
  }

  /** Reads what is heard of, run by run, until it is told to stop. A lane that fails is waited for. */
  async #pump(): Promise<void> {
    const { signal } = this.#options;
    while (!signal.aborted && this.#failure === undefined) {
      if (this.#lane.failure !== undefined) await this.#recover();
      const jobs = this.#nextJobs();
      if (jobs.length === 0) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = undefined;
        continue;
      }
      this.#reader.request(jobs, { keep: true });
      for await (const group of this.#reader.events()) this.#deal(group);
    }
  }

  #nextJobs(): RunJob[] {
    const jobs: RunJob[] = [];
    for (const key of this.#queue) {
      if (jobs.length >= RUNS_PER_REQUEST) break;
      this.#queue.delete(key);
      const run = this.#runs.get(key);
      if (run !== undefined) jobs.push(this.#job(key, run));
    }
    return jobs;
  }

  #job(key: string, run: WatchedRun): RunJob {
    const names = [...new Set([...run.dirty, ...run.toHeal])].sort();
    const heal = run.toHeal.size > 0;
    for (const name of names) run.unsettled.add(name);
    run.isRead = true;
    run.dirty.clear();
    run.toHeal.clear();
    const base = { run: run.ref, directory: run.directory, settled: run.isQuiet, heal, mostBytes: FAIR_BYTES };
    this.#keep(key, run);
    if (run.hasSession) return { ...base, files: names.map((name) => ({ name })), series: [] };
    const known = this.#backend.positions(run.ref);
    const series = known.files.length === 0 ? [] : this.#backend.catalogue(run.ref);
    run.hasSession = true;
    return { ...base, files: names.map((name) => ({ name })), known: known.files, series };
  }

  /** Notes the use of a session, and lets go of the one not used for longest. */
  #keep(key: string, run: WatchedRun): void {
    this.#sessions.delete(key);
    this.#sessions.add(key);
    if (this.#sessions.size <= MOST_SESSIONS) return;
    for (const oldest of this.#sessions) {
      const other = this.#runs.get(oldest);
      // What is under way is still being stored: its positions are not those of the backend yet.
      if (other === undefined || other === run || !isIdle(other)) continue;
      this.#forget(oldest, other);
      return;
    }
  }

  #forget(key: string, run: WatchedRun): void {
    this.#sessions.delete(key);
    run.hasSession = false;
    this.#reader.forget([run.ref]);
  }

  #deal({ events, release }: EventGroup): void {
    let open = 1;
    const settled = (): void => {
      if (--open === 0) release();
    };
    for (const event of events) {
      const key = keyOf(event.kind === 'batch' ? event.batch.run : event.run);
      const run = this.#runs.get(key);
      if (run === undefined) continue;
      if (event.kind === 'batch') {
        open++;
        run.inFlight++;
        this.#lane.offer({ handle: run.handle, batch: event.batch, state: event.state }, () => {
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

  #note(event: Exclude<ReadEvent, { kind: 'batch' }>, key: string, run: WatchedRun): void {
    if (event.kind === 'file') {
      this.#status.fileRead(run.ref, event.file, event.outcome, event.reason);
      // Out of reach for now (a server that hangs, too many open files): it need not change to be read one day.
      if (event.outcome === 'unreadable') this.#healLater(run, event.file);
      return;
    }
    run.isRead = false;
    if (event.hasMore) {
      for (const name of run.unsettled) run.dirty.add(name);
      this.#enqueue(key);
    }
    this.#settleIfIdle(run);
  }

  /** Everything that was read is stored, and nothing of it has to be remembered for another try. */
  #settleIfIdle(run: WatchedRun): void {
    if (isIdle(run) && this.#lane.failure === undefined) run.unsettled.clear();
  }

  #newLane(): Lane {
    return new Lane('local', this.#backend, { parcelAccepted: (parcel, points) => this.#accepted(parcel, points) });
  }

  #accepted(parcel: Parameters<Lane['offer']>[0], points: number): void {
    const { state, batch } = parcel;
    const run = this.#runs.get(keyOf(batch.run));
    this.#retryMs = FIRST_RETRY_MS;
    this.#status.parcelAccepted(parcel, points);
    this.#laneState.accepted(batch.run, state, batch.newSeries);
    if (run === undefined) return;
    if (state.damage.length > 0 || state.position.gaps.length > 0) this.#healLater(run, state.name);
    else this.#healed(run.ref, state.name);
  }

  /** The lane does not take more: after a while everything that was not accepted is read again from the positions. */
  async #recover(): Promise<void> {
    const failure = this.#lane.failure;
    await this.#lane.drain();
    this.#status.laneStalled(failure, this.#retryMs);
    if (failure?.retry === 'never') throw failure;
    await this.#sleep(this.#retryMs);
    this.#retryMs = Math.min(MOST_RETRY_MS, this.#retryMs * 2);
    for (const [key, run] of this.#runs) {
      if (run.hasSession) this.#forget(key, run);
      if (run.unsettled.size === 0) continue;
      for (const name of run.unsettled) run.dirty.add(name);
      this.#enqueue(key);
    }
    this.#lane = this.#newLane();
  }

  #hear(fact: DiscoverFact): void {
    switch (fact.kind) {
      case 'filesChanged':
        for (const { run: path, files } of fact.changes) {
          const run = this.#runOf({ root: fact.root, path });
          for (const { name, size, before } of files) {
            run.dirty.add(name);
            // Written to without growing: perhaps bytes that could not be read are there now.
            if (size === before && this.#heals.has(`${keyOf(run.ref)}\0${name}`)) run.toHeal.add(name);
            this.#status.fileGrew(run.ref, name, size, before);
          }
          run.grewAtMs = Date.now();
          this.#state.noteGrowth(run.ref, run.grewAtMs);
          run.isQuiet = false;
          this.#enqueue(keyOf(run.ref));
        }
        return;
      case 'filesGone':
        for (const { run, name } of fact.files) this.#gone({ root: fact.root, path: run }, name);
        return;
      case 'rootScanned':
        this.#status.rootScanned(fact);
        return;
      case 'notificationsChanged':
        this.#status.notificationsChanged(fact);
        return;
      default:
        fact satisfies never;
    }
  }

  #gone(ref: RunRef, name: string): void {
    const run = this.#runs.get(keyOf(ref));
    if (run !== undefined && !isIdle(run)) {
      // What is on its way decides how much is lost.
      this.#goneLater.push({ ref, name });
      return;
    }
    const state = this.#backend.positions(ref).files.find((file) => file.name === name);
    const watermark = state?.position.watermark ?? 0;
    const end = state?.damage.reduce((last, damage) => Math.max(last, damage.end), watermark) ?? 0;
    const unread = end - watermark + (this.#status.unreadBytes(ref, name) ?? Math.max(0, (state?.size ?? 0) - end));
    const owed = state?.position.gaps.reduce((sum, { start, end }) => sum + end - start, 0) ?? 0;
    this.#healed(ref, name);
    this.#status.fileGone(ref, name, unread + owed);
    run?.dirty.delete(name);
    // Should the name come back, its state has to be that of the backend.
    if (run?.hasSession) this.#forget(keyOf(ref), run);
  }

  #tick(nowMs: number): void {
    // A lane that failed while there was nothing to read is noticed here.
    if (this.#lane.failure !== undefined) this.#wake?.();
    for (const { ref, name } of this.#goneLater.splice(0)) this.#gone(ref, name);
    for (const heal of this.#heals.values()) {
      if (heal.dueMs > nowMs) continue;
      heal.attempts++;
      heal.dueMs = nextRetry(heal.attempts, nowMs);
      this.#state.keepRetry({ run: heal.run.ref, name: heal.name }, { attempts: heal.attempts, nextMs: heal.dueMs });
      heal.run.toHeal.add(heal.name);
      this.#enqueue(keyOf(heal.run.ref));
    }
    for (const [key, run] of this.#runs) {
      if (run.isQuiet || nowMs - run.grewAtMs < QUIET_MS || !isIdle(run) || run.dirty.size > 0) continue;
      run.isQuiet = true;
      this.#settle(key, run);
    }
    this.#status.tick(nowMs);
    if (nowMs - this.#statusAtMs >= STATUS_MS) {
      this.#statusAtMs = nowMs;
      this.#state.writeStatus(this.#status.document());
    }
    if (this.#sawPoints !== this.#status.points || nowMs - this.#restedAtMs < REST_MS || !this.#status.isReady) {
      this.#sawPoints = this.#status.points;
      return;
    }
    this.#restedAtMs = nowMs;
    this.#backend.rest?.();
  }

  /** A run has gone quiet: torn ends are looked into once, and its points brought together. */
  #settle(key: string, run: WatchedRun): void {
    this.#backend.compact?.(run.ref);
    for (const state of this.#backend.positions(run.ref).files) {
      if (state.damage.some(isPending)) run.dirty.add(state.name);
    }
    if (run.dirty.size > 0) this.#enqueue(key);
  }

  /** Bytes that could not be read, or are owed, are tried again after a minute, and ever more slowly. */
  #healLater(run: WatchedRun, name: string, attempts = 0, dueMs = nextRetry(0, Date.now())): void {
    const key = `${keyOf(run.ref)}\0${name}`;
    if (this.#heals.has(key)) return;
    this.#heals.set(key, { run, name, dueMs, attempts });
    this.#state.keepRetry({ run: run.ref, name }, { attempts, nextMs: dueMs });
  }

  #healed(ref: RunRef, name: string): void {
    if (this.#heals.delete(`${keyOf(ref)}\0${name}`)) this.#state.keepRetry({ run: ref, name }, undefined);
  }

  #runOf(ref: RunRef): WatchedRun {
    const key = keyOf(ref);
    let run = this.#runs.get(key);
    if (run === undefined) {
      const root = this.#roots.get(ref.root);
      const rootPath = root?.path ?? '';
      // The local store opens a run at once and without waiting.
      void this.#backend.open({ run: ref, rootPath });
      const handle = JSON.stringify([ref.root, ref.path]) as Handle;
      run = {
        ref,
        directory: join(rootPath, ref.path),
        handle,
        dirty: new Set(),
        toHeal: new Set(),
        unsettled: new Set(),
        isRead: false,
        inFlight: 0,
        hasSession: false,
        grewAtMs: Date.now(),
        isQuiet: false,
      };
      this.#runs.set(key, run);
    }
    return run;
  }

  #enqueue(key: string): void {
    this.#queue.add(key);
    this.#wake?.();
  }

  #fail(error: unknown): void {
    this.#failure = error;
    this.#wake?.();
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(done, ms);
      const { signal } = this.#options;
      function done(): void {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      }
      signal.addEventListener('abort', done);
    });
  }
}

function isIdle(run: WatchedRun): boolean {
  return !run.isRead && run.inFlight === 0;
}

function keyOf({ root, path }: RunRef): string {
  return JSON.stringify([root, path]);
}
