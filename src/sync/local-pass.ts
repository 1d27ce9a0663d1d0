/**
 * Makes one pass of the local store over the files of some runs. Data goes from the reader over the lane to the
 * store, at full speed.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Clock, systemClock } from '../clock.ts';
import type { Handle, PositionOwner } from '../contract/index.ts';
import { Lane } from '../delivery/index.ts';
import type { FoundRun, ResolvedRoot } from '../discover/index.ts';
import { memoryShares } from '../memory/index.ts';
import { fitsNow, keyOfFile, keyOfRun, needsSearch, type RunRef, type WrittenPoint } from '../model/index.ts';
import { type EventGroup, freeBatches, type PatientReader, type RunJob } from '../reading/index.ts';
import type { PassCounters } from '../status/index.ts';
import { directoryOf } from '../untrusted/index.ts';
import { FoundRuns } from './found-runs.ts';

/** Runs whose files one request asks for: enough to hide the latency between the threads. */
const RUNS_PER_REQUEST = 64;
/** Series after which a request takes no more runs: each run brings its catalogue with it. */
const SERIES_PER_REQUEST = 20_000;
/** Requests that are queued at the reader, so that it always has work. */
const REQUESTS_AHEAD = 2;

/** A run that must be read again, because some of its files did not answer or changed. */
interface Left {
  readonly root: ResolvedRoot;
  readonly found: FoundRun;
  readonly reader: PatientReader;
  /** Files that do not answer, with the reason. */
  readonly silent: Map<string, string>;
  /** Files that hold only a beginning of what was read, with the points of their last record. */
  readonly cutShort: Map<string, readonly WrittenPoint[]>;
  /** True if reading stopped before the end. */
  hasMore: boolean;
}

/** One pass of the local store, which reads and stores runs one after the other. */
export class LocalPass {
  readonly #backend: PositionOwner;
  readonly #tracker: PassCounters;
  readonly #lane: Lane;
  readonly #signal: AbortSignal;
  readonly #clock: Clock;
  readonly #left = new Map<string, Left>();
  /** Files, by `keyOfFile`, whose content differs after the same beginning. */
  readonly #others = new Set<string>();
  /** Runs with a file that was replaced. */
  readonly #recounted = new Map<string, RunRef>();
  /** Runs with a read file that was replaced at some time: it may contain its earlier data again. */
  readonly #rewritten = new Map<string, RunRef>();

  constructor(backend: PositionOwner, tracker: PassCounters, signal: AbortSignal, clock: Clock = systemClock) {
    this.#clock = clock;
    this.#backend = backend;
    this.#tracker = tracker;
    this.#signal = signal;
    this.#lane = new Lane('local', backend, tracker);
  }

  /** Reads new data of the runs of a root. A lane that fails ends the pass, and `finish` throws the reason. */
  async mirror(root: ResolvedRoot, runs: FoundRuns, reader: PatientReader, isAgain = false): Promise<void> {
    /** The runs that are being read. */
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
    // A request takes only runs that were already found: it does not wait for the directory walk while there is work.
    const request = async (): Promise<boolean> => {
      const jobs: RunJob[] = [];
      let series = 0;
      while (jobs.length < RUNS_PER_REQUEST && series < SERIES_PER_REQUEST && !this.#stopped) {
        const run = runs.take();
        if (run === undefined) break;
        const job = this.#job(root, run, isAgain);
        if (job === undefined) continue;
        found.set(run.path, run);
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
        for (const path of this.#deal(group, handles, leave, isAgain)) {
          found.delete(path);
          handles.delete(path);
        }
        if (this.#lane.failure !== undefined) reader.stop();
      }
    }
  }

  /**
   * Retries files that did not answer, once something answers again, for at most `patienceMs`. Reports those that
   * still do not.
   */
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
   * Compares what follows the beginning that a file kept. If it is not what was stored from there, it is new, and the
   * file is read again.
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

  /** Returns what must be read of a run; undefined if its files did not change. */
  #job(root: ResolvedRoot, found: FoundRun, isAgain: boolean): RunJob | undefined {
    const run = { root: root.name, path: found.path };
    const known = this.#backend.positions(run);
    const states = new Map(known.files.map((state) => [state.name, state]));
    if (!isAgain) this.#tracker.runStarted({ run, files: found.files, known });
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

  /** Deals with events. Returns the paths of the runs that are read. */
  #deal(
    { events, release }: EventGroup,
    handles: ReadonlyMap<string, Handle>,
    leave: (path: string) => Left,
    isAgain: boolean,
  ): readonly string[] {
    const done: string[] = [];
    let open = 1;
    const settled = (): void => {
      if (--open > 0) return;
      freeBatches(events);
      release();
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
        done.push(event.run.path);
      } else if (event.kind === 'batch') {
        const handle = handles.get(event.batch.run.path);
        if (handle === undefined) continue;
        if (event.state.generation > 0) this.#rewritten.set(keyOfRun(event.batch.run), event.batch.run);
        open++;
        this.#lane.offer({ handle, batch: event.batch, state: event.state }, settled);
      }
    }
    settled();
    return done;
  }

  get #stopped(): boolean {
    return this.#signal.aborted || this.#lane.failure !== undefined;
  }
}
