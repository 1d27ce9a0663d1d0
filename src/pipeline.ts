/** Joins the rooms into one pass: roots → discover → reader (tail, decode) → lane → backend. */
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Handle, PositionOwner } from './backends/contract.ts';
import { LocalBackend, storeBytes } from './backends/local/index.ts';
import { Lane } from './deliver/index.ts';
import { type Found, type FoundRun, type ResolvedRoot, resolveRoots, type RootRequest } from './discover/index.ts';
import { MirrorError } from './errors.ts';
import { checkIdentity } from './root-identity.ts';
import { needsSearch, type RunRef } from './model/index.ts';
import type { RunJob } from './reader.ts';
import { type EventGroup, ReaderThread } from './reader-thread.ts';
import { FileLock } from './state/index.ts';
import { type FactLog, PassTracker, type Report } from './status/index.ts';

export interface BackfillOptions {
  readonly roots: readonly RootRequest[];
  readonly store: { readonly path: string; readonly mediaPath: string };
  /** Ends the pass early and cleanly: what was accepted is kept. */
  readonly signal: AbortSignal;
  /** Where facts are logged; nowhere by default. */
  readonly log?: FactLog;
  /** Called once the counters exist, so that a display can look at them. */
  readonly onStart?: (tracker: PassTracker) => void;
}

/** Runs whose files are asked for in one request: enough to hide the way between the threads. */
const RUNS_PER_REQUEST = 64;

/** Mirrors everything below the roots once, into the local store. */
export async function backfill(options: BackfillOptions): Promise<Report> {
  const { path } = options.store;
  checkRoots(options.roots);
  makeFolder(path);
  // Under whatever name: a link to a store is that store.
  const lock = FileLock.acquire(path);
  // Its thread starts while the store is opened.
  const reader = new ReaderThread();
  let report: Report;
  try {
    const backend = new LocalBackend(options.store);
    try {
      report = await new Pass(backend, reader, options).run();
    } finally {
      await backend.close();
    }
    // Measured last: closing merges what was written ahead.
    return { ...report, stores: [{ lane: 'local', where: path, bytes: storeBytes(path) }] };
  } finally {
    await reader.close();
    lock.release();
  }
}

/** Wrong roots are said before a store is made. */
function checkRoots(roots: readonly RootRequest[]): void {
  resolveRoots(roots, []);
}

function makeFolder(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
  } catch (cause) {
    throw new MirrorError('MB3001', `making the folder of ${path}`, {
      hint: 'Name a store in a folder that can be written with --store.',
      cause,
    });
  }
}

class Pass {
  readonly #backend: PositionOwner;
  readonly #options: BackfillOptions;
  readonly #tracker: PassTracker;
  readonly #lane: Lane;
  readonly #reader: ReaderThread;
  /** Runs of which a file was replaced. */
  readonly #recounted = new Map<string, RunRef>();

  constructor(backend: PositionOwner, reader: ReaderThread, options: BackfillOptions) {
    this.#backend = backend;
    this.#reader = reader;
    this.#options = options;
    this.#tracker = new PassTracker({ log: options.log });
    this.#lane = new Lane('local', backend, this.#tracker);
  }

  async run(): Promise<Report> {
    const { signal } = this.#options;
    const tracker = this.#tracker;
    const stop = (): void => this.#reader.stop();
    signal.addEventListener('abort', stop);
    try {
      this.#options.onStart?.(tracker);
      const roots = resolveRoots(this.#options.roots, this.#backend.roots());
      for (const root of roots) checkIdentity(root, this.#backend);
      const found: [ResolvedRoot, Found][] = [];
      for (const root of roots) {
        const there = await this.#reader.walk(root.path, root.below);
        for (const run of there.runs) tracker.runFound(run.files);
        for (const { path, reason } of there.obstacles) tracker.incident({ kind: 'folder', root: root.name, path, reason });
        found.push([root, there]);
      }
      tracker.phase = 'mirroring';
      for (const [root, { runs }] of found) await this.#mirror(root, runs);
      tracker.phase = 'draining';
      await this.#lane.drain();
      if (this.#lane.failure !== undefined) throw this.#lane.failure;
      for (const run of this.#recounted.values()) tracker.runRecounted(run, this.#backend.positions(run).points);
      if (!signal.aborted) tracker.filesHeld(found.reduce((sum, [root]) => sum + this.#backend.fileCount(root.name, root.below), 0));
      tracker.phase = 'done';
      return tracker.report(signal.aborted);
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  /** Keeps one request ahead of the one being dealt with. */
  async #mirror(root: ResolvedRoot, runs: readonly FoundRun[]): Promise<void> {
    const handles = new Map<string, Handle>();
    let next = 0;
    const request = async (): Promise<boolean> => {
      const jobs: RunJob[] = [];
      while (jobs.length < RUNS_PER_REQUEST && next < runs.length && !this.#stopped) {
        const job = this.#job(root, runs[next++] as FoundRun);
        if (job === undefined) continue;
        handles.set(job.run.path, await this.#backend.open({ run: job.run, rootPath: root.path }));
        jobs.push(job);
      }
      if (jobs.length > 0) this.#reader.request(jobs);
      return jobs.length > 0;
    };
    let isAsked = await request();
    while (isAsked) {
      isAsked = await request();
      for await (const group of this.#reader.events()) {
        this.#deal(group, handles);
        if (this.#lane.failure !== undefined) this.#reader.stop();
      }
    }
  }

  /** What of a run has to be read; undefined where nothing happened to its files. */
  #job(root: ResolvedRoot, found: FoundRun): RunJob | undefined {
    const run = { root: root.name, path: found.path };
    const known = this.#backend.positions(run);
    const states = new Map(known.files.map((state) => [state.name, state]));
    this.#tracker.runBegun({ run, files: found.files, known });
    const files: RunJob['files'][number][] = [];
    for (const { name, size, stamp } of found.files) {
      const state = states.get(name);
      if (state === undefined) files.push({ name });
      else if (state.stamp === stamp && state.size === size && !needsSearch(state)) this.#tracker.fileUnchanged(size);
      else files.push({ name, state });
    }
    if (files.length === 0) {
      this.#tracker.runDone();
      return undefined;
    }
    const series = states.size === 0 ? [] : this.#backend.catalogue(run);
    this.#tracker.catalogueRead(run, series);
    return { run, directory: join(root.path, run.path), files, series, settled: true };
  }

  #deal({ events, release }: EventGroup, handles: ReadonlyMap<string, Handle>): void {
    let open = 1;
    const settled = (): void => {
      if (--open === 0) release();
    };
    for (const event of events) {
      if (event.kind === 'file') {
        if (event.outcome === 'replaced' || event.outcome === 'shortened') this.#recounted.set(JSON.stringify(event.run), event.run);
        this.#tracker.fileDone(event.run, event.file, event.outcome, event.reason);
      } else if (event.kind === 'runDone') {
        this.#tracker.runDone();
      } else {
        const handle = handles.get(event.batch.run.path);
        if (handle === undefined) continue;
        open++;
        this.#lane.offer({ handle, batch: event.batch, state: event.state }, settled);
      }
    }
    settled();
  }

  get #stopped(): boolean {
    return this.#options.signal.aborted || this.#lane.failure !== undefined;
  }
}
