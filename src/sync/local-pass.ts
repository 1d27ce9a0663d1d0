/** One pass of the local store over the files of some runs: reader → lane → store, as fast as they go. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Clock, systemClock } from '../clock.ts';
import type { Handle, PositionOwner } from '../contract/index.ts';
import type { FoundRun, ResolvedRoot } from '../discover/index.ts';
import { memoryShares } from '../memory/index.ts';
import { fitsNow, keyOfFile, keyOfRun, needsSearch, type RunRef, type WrittenPoint } from '../model/index.ts';
import type { EventGroup, PatientReader, RunJob } from '../reading/index.ts';
import type { PassCounters } from '../status/index.ts';
import { directoryOf } from '../untrusted/index.ts';
import { Lane } from './delivery/index.ts';
import { FoundRuns } from './found-runs.ts';

/** Runs whose files are asked for in one request: enough to hide the way between the threads. */
const RUNS_PER_REQUEST = 64;
/** With the run that brings them to so many series a request ends: each has the catalogue of its runs with it. */
const SERIES_PER_REQUEST = 20_000;
/** Requests the reader has at a time: it is never without work. */
const REQUESTS_AHEAD = 2;

/** A run that is to be read again: something of it did not answer. */
interface Left {
  readonly root: ResolvedRoot;
  readonly found: FoundRun;
  readonly reader: PatientReader;
  /** Files that do not answer, with the reason. */
  readonly silent: Map<string, string>;
  /** Files that hold a beginning of what was read, with the points of their last record. */
  readonly cutShort: Map<string, readonly WrittenPoint[]>;
  /** It was left off before its end. */
  hasMore: boolean;
}

/** One pass of the local store: runs are read and stored, one after the other. */
export class LocalPass {
  readonly #backend: PositionOwner;
  readonly #tracker: PassCounters;
  readonly #lane: Lane;
  readonly #signal: AbortSignal;
  readonly #clock: Clock;
  readonly #left = new Map<string, Left>();
  /** Files, by `keyOfFile`, that hold something else behind a beginning of what was read. */
  readonly #others = new Set<string>();
  /** Runs of which a file was replaced. */
  readonly #recounted = new Map<string, RunRef>();
  /** Runs of which a file was read that was replaced some day: what it held before may be in it again. */
  readonly #rewritten = new Map<string, RunRef>();

  constructor(backend: PositionOwner, tracker: PassCounters, signal: AbortSignal, clock: Clock = systemClock) {
    this.#clock = clock;
    this.#backend = backend;
    this.#tracker = tracker;
    this.#signal = signal;
    this.#lane = new Lane('local', backend, tracker);
  }

  /** Reads what is new of the runs of a root. A lane that fails ends it; `finish` throws why. */
  async mirror(root: ResolvedRoot, runs: FoundRuns, reader: PatientReader, isAgain = false): Promise<void> {
    const found = new Map<string, FoundRun>();
    const leave = (path: string): Left => {
      const key = keyOfRun({ root: root.name, path });
      const left = this.#left.get(key) ?? {
        root,
        found: found.get(path) ?? { path, files: [] },
        reader,
        silent: new Map(),
        cutShort: new Map(),
        hasMore: false,
      };
      this.#left.set(key, left);
      return left;
    };
    const handles = new Map<string, Handle>();
    // Only of what is there: nobody waits for a walk while there is something to deal with.
    const request = async (): Promise<boolean> => {
      const jobs: RunJob[] = [];
      let series = 0;
      while (jobs.length < RUNS_PER_REQUEST && series < SERIES_PER_REQUEST && !this.#stopped) {
        const run = runs.take();
        if (run === undefined) break;
        found.set(run.path, run);
        const job = this.#job(root, run, isAgain);
        if (job === undefined) continue;
        handles.set(job.run.path, await this.#backend.open({ run: job.run, rootPath: root.path }));
        series += job.series.length;
        jobs.push(job);
      }
      if (jobs.length > 0) reader.request(jobs);
      return jobs.length > 0;
    };
    let asked = 0;
    for (;;) {
      while (asked < REQUESTS_AHEAD && (await request())) asked++;
      if (asked === 0) {
        if (this.#stopped || !(await runs.wait())) return;
        continue;
      }
      asked--;
      for await (const group of reader.events()) {
        this.#deal(group, handles, leave, isAgain);
        if (this.#lane.failure !== undefined) reader.stop();
      }
    }
  }

  /** Reads what did not answer again once it answers, for at most `patienceMs`; reports what still does not. */
  async again(patienceMs: number): Promise<void> {
    const end = this.#clock.steadyMs() + patienceMs;
    while (this.#left.size > 0 && !this.#stopped) {
      await this.#lane.drain();
      this.#compareCut();
      if (this.#left.size === 0) break;
      const round = [...this.#left];
      const isAnyReady = round.some(([, { silent }]) => silent.size === 0);
      const readers = new Set(round.map(([, { reader }]) => reader));
      const hasAnswer =
        isAnyReady || (await Promise.race([...readers].map((each) => each.answered(end - this.#clock.steadyMs(), this.#signal))));
      if (!hasAnswer) break;
      for (const [key, { root, found, reader, silent }] of round) {
        if (isAnyReady && silent.size > 0) continue;
        this.#left.delete(key);
        await this.mirror(root, FoundRuns.of(found), reader, true);
      }
    }
    for (const { root, found, silent } of this.#left.values()) {
      for (const [file, reason] of silent) this.#tracker.fileDone({ root: root.name, path: found.path }, file, 'silent', reason);
    }
  }

  /**
   * What follows a beginning of what was read, and is not what was stored from there, is new: the file is read
   * again.
   */
  #compareCut(): void {
    for (const [key, { root, found, silent, cutShort, hasMore }] of this.#left) {
      if (cutShort.size === 0) continue;
      const run = { root: root.name, path: found.path };
      const others = [...cutShort].filter(([name, last]) => this.#backend.holds?.(run, name, last) === false);
      cutShort.clear();
      for (const [name] of others) this.#others.add(keyOfFile(run, name));
      if (others.length === 0 && silent.size === 0 && !hasMore) this.#left.delete(key);
    }
  }

  /** Waits until everything that was read is stored. */
  async finish(): Promise<void> {
    await this.#lane.drain();
    if (this.#lane.failure !== undefined) throw this.#lane.failure;
    for (const run of this.#recounted.values()) this.#tracker.runRecounted(run, this.#backend.positions(run).points);
    for (const run of this.#rewritten.values()) while (!this.#signal.aborted && this.#backend.dropOlder?.(run) === true) await nextTurn();
  }

  /** What of a run must be read; undefined if nothing happened to its files. */
  #job(root: ResolvedRoot, found: FoundRun, isAgain: boolean): RunJob | undefined {
    const run = { root: root.name, path: found.path };
    const known = this.#backend.positions(run);
    const states = new Map(known.files.map((state) => [state.name, state]));
    if (!isAgain) this.#tracker.runBegun({ run, files: found.files, known });
    const { limit } = memoryShares();
    const files: RunJob['files'][number][] = [];
    for (const { name, size, stamp } of found.files) {
      const state = states.get(name);
      if (state === undefined) files.push({ name });
      else if (this.#others.delete(keyOfFile(run, name))) files.push({ name, state, isOther: true });
      else if (state.stamp === stamp && state.size === size && !needsSearch(state) && !fitsNow(state, limit)) {
        if (!isAgain) this.#tracker.fileUnchanged(size);
      } else files.push({ name, state });
    }
    if (files.length === 0) {
      if (!isAgain) this.#tracker.runDone();
      return undefined;
    }
    const series = states.size === 0 ? [] : this.#backend.catalogue(run);
    if (!isAgain) this.#tracker.catalogueRead(run, series);
    return { run, directory: directoryOf(root, run.path), files, series, settled: true, joinsGaps: true };
  }

  #deal({ events, release }: EventGroup, handles: ReadonlyMap<string, Handle>, leave: (path: string) => Left, isAgain: boolean): void {
    let open = 1;
    const settled = (): void => {
      if (--open === 0) release();
    };
    for (const event of events) {
      if (event.kind === 'file' && event.outcome === 'silent') {
        leave(event.run.path).silent.set(event.file, event.reason ?? '');
      } else if (event.kind === 'file') {
        if (event.outcome === 'replaced' || event.outcome === 'shortened') this.#recounted.set(keyOfRun(event.run), event.run);
        this.#tracker.fileDone(event.run, event.file, event.outcome, event.reason);
      } else if (event.kind === 'cutShort') {
        leave(event.run.path).cutShort.set(event.file, event.last);
      } else if (event.kind === 'searched') {
        this.#tracker.fileSearched(event.bytes);
      } else if (event.kind === 'runDone') {
        if (event.hasMore) leave(event.run.path).hasMore = true;
        if (!isAgain) this.#tracker.runDone();
      } else {
        const handle = handles.get(event.batch.run.path);
        if (handle === undefined) continue;
        if (event.state.generation > 0) this.#rewritten.set(keyOfRun(event.batch.run), event.batch.run);
        open++;
        this.#lane.offer({ handle, batch: event.batch, state: event.state }, settled);
      }
    }
    settled();
  }

  get #stopped(): boolean {
    return this.#signal.aborted || this.#lane.failure !== undefined;
  }
}
