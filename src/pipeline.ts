/** Joins the rooms into one pass: roots → discover → reader (tail, decode) → lanes → backends. */
import { resolve } from 'node:path';
import { DAMAGED_HINT, LocalBackend, storeBytes } from './backends/local/index.ts';
import {
  ALL_RUNS,
  type Found,
  filterOf,
  globsOf,
  isWithin,
  type ResolvedRoot,
  type RootRequest,
  type RunRules,
  readOnce,
  resolveRoots,
  silentRoots,
} from './discover/index.ts';
import { MirrorError } from './errors.ts';
import { LocalPass, TrackerFeed } from './feeds/index.ts';
import { makeStoreFolder, openState } from './lane-files.ts';
import type { StoreOptions, TrackerLaneOptions } from './lanes/index.ts';
import { followMoves, movable, movedIncident } from './moves.ts';
import { PassStatus } from './pass-status.ts';
import { useMemory } from './memory/index.ts';
import { BatchCache, JobReader, PatientReader } from './reading/index.ts';
import { checkIdentity, countKnown, heldBy, isKnownTo } from './root-identity.ts';
import { RunTree } from './route/index.ts';
import { FileLock, type StateFile } from './state/index.ts';
import { type FactLog, type LaneReport, PassTracker, type Report } from './status/index.ts';

export interface BackfillOptions {
  readonly roots: readonly RootRequest[];
  /** Which runs are mirrored. Default: all. */
  readonly rules?: RunRules;
  /** Undefined where nothing is mirrored into a local store. */
  readonly store: StoreOptions | undefined;
  /** Closed in the end. Default: none. */
  readonly trackers?: readonly TrackerLaneOptions[];
  /** The state file: needed where there are trackers. */
  readonly statePath?: string;
  /** What becomes of runs that lie elsewhere now. Default: follow. */
  readonly moved?: 'follow' | 'new';
  /** A tracker that gets nowhere for so long is given up for this pass. Default: 10 minutes. */
  readonly patienceMs?: number;
  /** Ends the pass early and cleanly: what was accepted is kept. */
  readonly signal: AbortSignal;
  /** Where facts are logged; nowhere by default. */
  readonly log?: FactLog;
  /** Called once the counters exist, so that a display can look at them. */
  readonly onStart?: (tracker: PassTracker) => void;
}

const PATIENCE_MS = 10 * 60_000;

/** Mirrors everything below the roots once, into every lane. */
export async function backfill(options: BackfillOptions): Promise<Report> {
  const { store, trackers = [], statePath } = options;
  // The local store takes one root after the other, trackers take all of them at once.
  useMemory({ roots: trackers.length > 0 ? options.roots.length : 1 });
  // Wrong roots are said before anything is made.
  const silent = await silentRoots(options.roots);
  resolveRoots(options.roots, [], silent);
  if (store !== undefined) makeStoreFolder(store.path);
  // Under whatever name: a link to a store is that store.
  const lock = store === undefined ? undefined : FileLock.acquire(store.path);
  // Its thread starts while the store is opened.
  const reader = new PatientReader();
  let report: Report;
  try {
    const state = trackers.length === 0 ? undefined : openState(neededPath(statePath), options.log);
    const local = store === undefined ? undefined : new LocalBackend(store);
    try {
      report = await new Pass(local, state, reader, silent, options).run();
    } finally {
      await local?.close();
      for (const { backend } of trackers) await backend.close();
      state?.close();
    }
    if (store === undefined) return report;
    // Measured last: closing merges what was written ahead.
    return { ...report, stores: [{ lane: 'local', where: store.path, bytes: storeBytes(store.path) }] };
  } finally {
    await reader.close();
    lock?.release();
  }
}

function neededPath(statePath: string | undefined): string {
  if (statePath === undefined) throw new MirrorError('MB9001', 'lanes that lead to trackers need a state file');
  return statePath;
}

type FoundRoot = readonly [root: ResolvedRoot, found: Found, reader: PatientReader];

class Pass {
  readonly #local: LocalBackend | undefined;
  readonly #state: StateFile | undefined;
  readonly #options: BackfillOptions;
  readonly #tracker: PassTracker;
  readonly #status: PassStatus;
  /** The first of them; a root that hangs keeps its own, and the next one gets another. */
  readonly #reader: PatientReader;
  readonly #readers: PatientReader[] = [];
  readonly #silent: ReadonlySet<string>;
  readonly #jobs: JobReader;
  #trackerFeeds: readonly TrackerFeed[] = [];
  #roots: readonly ResolvedRoot[] = [];

  constructor(
    local: LocalBackend | undefined,
    state: StateFile | undefined,
    reader: PatientReader,
    silent: ReadonlySet<string>,
    options: BackfillOptions,
  ) {
    const { log, trackers = [] } = options;
    this.#local = local;
    this.#state = state;
    this.#reader = reader;
    this.#silent = silent;
    this.#options = options;
    this.#tracker = new PassTracker({ log });
    // The one whose points the display counts.
    const lead = local === undefined ? trackers[0]?.name : undefined;
    this.#status = new PassStatus(this.#tracker, trackers, lead, log);
    this.#jobs = new JobReader({
      fellSilent: (fact) => this.#status.fellSilent(fact),
      answersAgain: (fact) => {
        this.#status.answersAgain(fact);
        for (const feed of this.#trackerFeeds) feed.answersAgain(fact.root);
      },
    });
  }

  async run(): Promise<Report> {
    const { signal } = this.#options;
    const tracker = this.#tracker;
    const stop = (): void => {
      for (const reader of [this.#reader, ...this.#readers]) reader.stop();
      this.#jobs.stop();
    };
    signal.addEventListener('abort', stop);
    try {
      this.#options.onStart?.(tracker);
      this.#checkStore();
      const found = await this.#find();
      tracker.phase = 'mirroring';
      const feeds = this.#feeds(found);
      this.#trackerFeeds = feeds;
      const [local, ...rest] = await Promise.allSettled([
        this.#mirrorLocally(found),
        ...feeds.map((feed) => this.#bringToEnd(feed, found)),
      ]);
      for (const result of [local, ...rest]) if (result?.status === 'rejected') throw result.reason;
      tracker.phase = 'done';
      return { ...tracker.report(signal.aborted), lanes: feeds.map((feed) => this.#laneReport(feed)) };
    } finally {
      signal.removeEventListener('abort', stop);
      await Promise.all([this.#jobs.close(), ...this.#readers.map((reader) => reader.close())]);
    }
  }

  /** Damage is said and not a reason to stop: what the event files hold can only be restored by mirroring. */
  #checkStore(): void {
    const damage = this.#local?.damage();
    if (damage === undefined) return;
    this.#tracker.incident({ kind: 'store', root: '', path: this.#options.store?.path ?? '', reason: `${damage}. ${DAMAGED_HINT}` });
  }

  async #find(): Promise<FoundRoot[]> {
    const held = this.#local ?? heldBy(this.#state, this.#laneStates());
    const roots = resolveRoots(this.#options.roots, held.roots(), this.#silent);
    this.#roots = roots;
    const unheard = new Set([...this.#silent].map((path) => resolve(path)));
    for (const root of roots) if (!unheard.has(root.path)) checkIdentity(root, held);
    const found: FoundRoot[] = [];
    let reader = this.#reader.listen(this.#silenceEvents());
    for (const root of roots) {
      this.#state?.root(root.name, root.path);
      this.#local?.moveRoot(root);
      if (reader.silent.size > 0) reader = this.#anotherReader();
      const { rules = ALL_RUNS } = this.#options;
      const walked = await reader.walk(root.path, root.below, globsOf(rules, root));
      const there = readOnce(walked, isKnownTo(held, root.name));
      // The state first: should we end between the two, the store's turn comes with the next pass.
      const helds = [this.#state, this.#local].flatMap((each) => (each === undefined ? [] : [movable(each, this.#laneStates())]));
      for (const fact of followMoves(root, there.runs, helds, this.#options.moved ?? 'follow')) this.#tracker.incident(movedIncident(fact));
      for (const run of there.runs) this.#tracker.runFound(run.files);
      for (const { path, reason } of there.obstacles) this.#tracker.incident({ kind: 'folder', root: root.name, path, reason });
      const gone = there.runs.length > 0 || there.obstacles.length > 0 ? 0 : countKnown(held, root, filterOf(rules, root));
      if (gone > 0) this.#tracker.incident({ kind: 'emptied', root: root.name, path: root.below || '.', reason: filesText(gone) });
      found.push([root, there, reader]);
    }
    return found;
  }

  async #mirrorLocally(found: readonly FoundRoot[]): Promise<void> {
    const local = this.#local;
    if (local === undefined) return;
    const { signal } = this.#options;
    const pass = new LocalPass(local, this.#tracker, signal);
    const troubled = new Set<PatientReader>();
    for (const [root, { runs }, reader] of found) {
      const own = troubled.has(reader) ? this.#anotherReader() : reader;
      await pass.mirror(root, runs, own);
      if (own.silent.size > 0) troubled.add(reader);
    }
    await pass.again(this.#options.patienceMs ?? PATIENCE_MS);
    this.#tracker.phase = 'draining';
    await pass.finish();
    const { rules = ALL_RUNS } = this.#options;
    const held = (root: ResolvedRoot): number => {
      const filter = filterOf(rules, root);
      return filter === undefined ? local.fileCount(root.name, root.below) : countKnown(local, root, filter);
    };
    if (!signal.aborted) this.#tracker.filesHeld(found.reduce((sum, [root]) => sum + held(root), 0));
  }

  #silenceEvents(): { fellSilent: (path: string, sinceMs: number) => void; answersAgain: (path: string) => void } {
    const rootOf = (path: string): string => this.#roots.find((root) => isWithin(path, root.path))?.name ?? '';
    return {
      fellSilent: (path, sinceMs) => this.#tracker.fellSilent({ root: rootOf(path), path, sinceMs }),
      answersAgain: (path) => this.#tracker.answersAgain({ path }),
    };
  }

  #anotherReader(): PatientReader {
    const reader = new PatientReader().listen(this.#silenceEvents());
    this.#readers.push(reader);
    return reader;
  }

  /** Each tracker's feed, told of every file: it goes to work at once. */
  #feeds(found: readonly FoundRoot[]): TrackerFeed[] {
    const state = this.#state;
    if (state === undefined) return [];
    const { trackers = [], signal } = this.#options;
    const rootPaths = new Map(found.map(([{ name, path }]) => [name, path]));
    const cache = new BatchCache();
    const tree = new RunTree();
    for (const [root, { runs }] of found) for (const { path } of runs) tree.add({ root: root.name, path });
    const feeds = trackers.map((tracker) => {
      const laneState = state.lane(tracker.name, tracker.target);
      const shared = { status: this.#status, events: IGNORED, rootPaths, tree, signal, state, reader: this.#jobs, cache, isSettled: true };
      return new TrackerFeed({ ...shared, ...tracker, lane: tracker.name, laneState });
    });
    for (const [root, { runs }] of found) {
      for (const { path, files } of runs) {
        const run = { root: root.name, path };
        this.#status.runBegun(run, files, state);
        for (const feed of feeds) {
          feed.filesChanged(
            run,
            files.map((file) => ({ ...file, before: 0 })),
          );
        }
      }
    }
    return feeds;
  }

  /** Brings a tracker to the end of all files, and tells it which runs are over. */
  async #bringToEnd(feed: TrackerFeed, found: readonly FoundRoot[]): Promise<void> {
    await feed.reachEnd(this.#options.patienceMs ?? PATIENCE_MS);
    if (feed.stand !== 'done') return;
    const changed = found.flatMap(([root, { runs }]) =>
      runs.map(({ path, files }) => {
        const lastMs = files.reduce((last, { stamp }) => Math.max(last, Number(stamp.split('.')[0] ?? 0) / 1e6), Number.NEGATIVE_INFINITY);
        return [{ root: root.name, path }, lastMs] as const;
      }),
    );
    await feed.endOver(changed);
  }

  #laneReport(feed: TrackerFeed): LaneReport {
    const { progress } = feed;
    return {
      name: progress.name,
      type: progress.type,
      where: progress.where,
      stand: feed.stand,
      reason: progress.reason ?? progress.lastError?.message,
      remedy: progress.remedy ?? progress.lastError?.hint,
      points: progress.points,
      refused: progress.refused,
      unsupported: progress.unsupported,
      leftOut: progress.leftOut,
      owedBytes: progress.lagBytes,
      stoppedRuns: [...progress.stoppedRuns.values()],
      links: feed.links(),
    };
  }

  #laneStates(): ReturnType<StateFile['lane']>[] {
    const state = this.#state;
    return state === undefined ? [] : (this.#options.trackers ?? []).map(({ name, target }) => state.lane(name, target));
  }
}

function filesText(count: number): string {
  return count === 1 ? '1 file' : `${count} files`;
}

/** Bytes that can't be read are reported, and tried again by the next pass. */
const IGNORED = { fileTroubled: () => undefined, fileSound: () => undefined };
