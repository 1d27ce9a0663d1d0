/** Joins the rooms into one pass: roots → discover → reader (tail, decode) → lane → backend. */
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { KnownRun, PositionOwner } from './backends/contract.ts';
import { LocalBackend, storeBytes } from './backends/local/index.ts';
import { Lane } from './deliver/index.ts';
import { type Found, type FoundRun, type ResolvedRoot, resolveRoots, type RootRequest } from './discover/index.ts';
import { MirrorError } from './errors.ts';
import type { RunRef } from './model/index.ts';
import type { RunJob } from './reader.ts';
import { ReaderThread } from './reader-thread.ts';
import { FileLock } from './state/index.ts';
import { PassTracker, type Report } from './status/index.ts';
import { compareFile } from './tail/index.ts';

export interface BackfillOptions {
  readonly roots: readonly RootRequest[];
  readonly store: { readonly path: string; readonly mediaPath: string };
  /** Ends the pass early and cleanly: what was accepted is kept. */
  readonly signal: AbortSignal;
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
  const lock = FileLock.acquire(path);
  let report: Report;
  try {
    const backend = new LocalBackend(options.store);
    try {
      report = await new Pass(backend, options).run();
    } finally {
      await backend.close();
    }
    // Measured last: closing merges what was written ahead.
    return { ...report, stores: [{ lane: 'local', where: path, bytes: storeBytes(path) }] };
  } finally {
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
  readonly #tracker = new PassTracker();
  readonly #lane: Lane;
  readonly #reader = new ReaderThread();

  constructor(backend: PositionOwner, options: BackfillOptions) {
    this.#backend = backend;
    this.#options = options;
    this.#lane = new Lane('local', backend, this.#tracker, options.signal);
  }

  async run(): Promise<Report> {
    const { signal } = this.#options;
    const tracker = this.#tracker;
    const stop = (): void => this.#reader.stop();
    signal.addEventListener('abort', stop);
    try {
      this.#options.onStart?.(tracker);
      const roots = resolveRoots(this.#options.roots, this.#backend.roots());
      const found: [ResolvedRoot, Found][] = [];
      for (const root of roots) {
        const there = await this.#reader.walk(root.path, root.below);
        checkIdentity(root, there, this.#backend);
        for (const run of there.runs) tracker.runFound(run.files);
        for (const { path, reason } of there.obstacles) tracker.incident({ kind: 'folder', root: root.name, path, reason });
        found.push([root, there]);
      }
      tracker.phase = 'mirroring';
      for (const [root, { runs }] of found) await this.#mirror(root, runs);
      tracker.phase = 'draining';
      await this.#lane.drain();
      if (this.#lane.failure !== undefined) throw this.#lane.failure;
      tracker.phase = 'done';
      return tracker.report(signal.aborted);
    } finally {
      signal.removeEventListener('abort', stop);
      await this.#reader.close();
    }
  }

  /** Keeps one request ahead of the one being dealt with. */
  async #mirror(root: ResolvedRoot, runs: readonly FoundRun[]): Promise<void> {
    const handles = new Map<string, Awaited<ReturnType<PositionOwner['open']>>>();
    const request = async (from: number): Promise<boolean> => {
      if (from >= runs.length || this.#stopped) return false;
      const jobs: RunJob[] = [];
      for (const run of runs.slice(from, from + RUNS_PER_REQUEST)) {
        const ref = { root: root.name, path: run.path };
        handles.set(run.path, await this.#backend.open({ run: ref, rootPath: root.path }));
        jobs.push(this.#job(root, run, ref));
      }
      this.#reader.request(jobs);
      return true;
    };
    let isAsked = await request(0);
    for (let next = RUNS_PER_REQUEST; isAsked; next += RUNS_PER_REQUEST) {
      isAsked = await request(next);
      for await (const { events, release } of this.#reader.events()) {
        let open = 1;
        const settled = (): void => {
          if (--open === 0) release();
        };
        for (const event of events) {
          if (event.kind === 'file') {
            this.#tracker.fileDone(event.run, event.file, event.outcome, event.size, event.reason);
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
        if (this.#lane.failure !== undefined) this.#reader.stop();
      }
    }
  }

  #job(root: ResolvedRoot, found: FoundRun, run: RunRef): RunJob {
    const known = this.#backend.positions(run);
    const states = new Map(known.files.map((state) => [state.name, state]));
    this.#tracker.runBegun({ run, files: found.files, states: known.files, series: known.series, pointsBefore: pointsOf(known) });
    const files = found.files.map(({ name }) => {
      const state = states.get(name);
      return state === undefined ? { name } : { name, state };
    });
    return { run, directory: join(root.path, run.path), files, series: known.series, settled: true };
  }

  get #stopped(): boolean {
    return this.#options.signal.aborted || this.#lane.failure !== undefined;
  }
}

function pointsOf(known: KnownRun): number {
  return known.series.reduce((sum, series) => sum + ('count' in series ? Number(series.count) : 0), 0);
}

/** Files looked at to tell whether a root of a known name is the same one, mounted elsewhere. */
const FILES_COMPARED = 64;

/**
 * Two people's `runs/` must not meet: a root whose name is taken, but whose path is another one, has to hold at least one
 * file that is known, unless somebody named it on purpose.
 */
function checkIdentity(root: ResolvedRoot, found: Found, backend: PositionOwner): void {
  const known = backend.roots().find(({ name }) => name === root.name);
  if (known === undefined || known.path === root.path || root.isNamed) return;
  let compared = 0;
  for (const run of found.runs) {
    const names = new Set(run.files.map(({ name }) => name));
    for (const state of backend.positions({ root: root.name, path: run.path }).files) {
      if (!names.has(state.name) || state.guard.first === undefined) continue;
      if (compareFile(join(root.path, run.path, state.name), state) === 'same') return;
      if (++compared >= FILES_COMPARED) break;
    }
    if (compared >= FILES_COMPARED) break;
  }
  throw new MirrorError('MB2007', `the store holds ${known.path} as ${root.name}; ${root.path} has none of its files`, {
    hint: `Name this one: ${root.name}-2=${root.path}; or, if it is the same root moved: ${root.name}=${root.path}`,
    context: { path: root.path, name: root.name },
  });
}
