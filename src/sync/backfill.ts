/** Joins the parts into one pass: roots → discover → reader (tail, decode) → lanes → backends. */
import { resolve } from 'node:path';
import { DAMAGED_HINT, LocalBackend, storeBytes } from '../backends/local/index.ts';
import { type Clock, systemClock } from '../clock.ts';
import { withSignal } from '../concurrency/index.ts';
import type { KnownRoot } from '../contract/index.ts';
import {
  ALL_RUNS,
  type FoundFile,
  type FoundRun,
  filterOf,
  globsOf,
  isKnownTo,
  isWithin,
  type ResolvedRoot,
  type RootRequest,
  type RunRules,
  readOnce,
  resolveRoots,
  type UnseenRoots,
  unseenRoots,
} from '../discover/index.ts';
import { MirrorError } from '../errors.ts';
import { asksForOthers, type StoreOptions, type TrackerLaneOptions } from '../lanes/index.ts';
import { useMemory } from '../memory/index.ts';
import { changedMsOf, compareNames, isRootPaused, isWholePaused, keyOfRun, type LanePause, type RunRef } from '../model/index.ts';
import {
  checkIdentities,
  checkMovedRoots,
  checkRoots,
  countKnown,
  followMoves,
  type HeldRoots,
  hasOtherInode,
  heldBy,
  knownAmong,
  type Movable,
  movable,
  movedIncident,
  otherRoots,
  rootsNextTo,
  seenOf,
  walkOf,
  withoutUnclear,
} from '../moves/index.ts';
import type { Random } from '../random.ts';
import { BatchCache, JobReader, PatientReader } from '../reading/index.ts';
import { RunTree } from '../route/index.ts';
import { FileLock, pausesIn, type StateFile } from '../state/index.ts';
import { type FactLog, LaneProgress, type LaneReport, PassCounters, type Report, type StatusWatcher } from '../status/index.ts';
import { finishTidying } from '../tidy/index.ts';
import type { LinkRules } from '../untrusted/index.ts';
import { closeTrackers } from './close-trackers.ts';
import { FoundRuns } from './found-runs.ts';
import { makeStoreFolder, openState } from './lane-files.ts';
import type { SyncEvents } from './lane-sync.ts';
import { LocalPass } from './local-pass.ts';
import { PassStatus } from './pass-status.ts';
import type { TrackerSync } from './tracker-sync.ts';
import { type StoreUpgrade, upgraded } from './upgrade-store.ts';

/** The roots of a backfill, and the lanes it mirrors them to. */
export interface BackfillOptions {
  readonly roots: readonly RootRequest[];
  /** The rules that select runs. Default: all. */
  readonly rules?: RunRules;
  /** The treatment of runs that are at another path now. Default: follow. */
  readonly moved?: 'follow' | 'new';
  /** The rules for following links in each root. Default: `owner`. */
  readonly linksOf?: LinkRules;
  /** The local store; undefined if there is none. */
  readonly store: StoreOptions | undefined;
  /** The trackers. The pass closes them at its end. Default: none. */
  readonly trackers?: readonly TrackerLaneOptions[];
  /** The state file: needed if there are trackers. */
  readonly statePath?: string;
  /**
   * Returns how long a run of the root at this path must not have grown to have ended, in milliseconds. Default: half
   * an hour.
   */
  readonly runEndedAfterOf?: (rootPath: string) => number;
  /** How long a tracker may make no progress before this pass gives it up. Default: 10 minutes. */
  readonly patienceMs?: number;
  /** Ends the pass early and cleanly: accepted data is kept. */
  readonly signal: AbortSignal;
  /** The log for facts. Default: none. */
  readonly log?: FactLog;
  /**
   * Called when a request to the tracker of a lane ended, with the HTTP status; undefined: the tracker did not
   * answer.
   */
  readonly requestEnded?: StatusWatcher['requestEnded'];
  /** True if what is pending for the local store is counted, file by file, as for trackers. Default: no. */
  readonly countsStoreLag?: boolean;
  /** Called once the counters exist, so that a display can read them. */
  readonly onStart?: (tracker: PassCounters) => void;
  /** Called while a store of an earlier version is upgraded, every few seconds and at the end. */
  readonly onUpgrade?: (progress: StoreUpgrade) => void;
  /** The clock and its timers. Default: the system's. */
  readonly clock?: Clock;
  /** The source of random numbers. Default: the system's. */
  readonly random?: Random;
}

const PATIENCE_MS = 10 * 60_000;
/** How often the state gets snapshots of the lanes. */
const KEEP_MS = 2000;

/**
 * Mirrors everything below the roots once, into every lane, and closes the lanes' backends. The report lists what a
 * lane did not accept. Throws for errors that prevent the whole pass: MB20… for a root that can't be used, MB3004 and
 * MB3106 if another process writes to the store or the state, MB3001 and MB3101 if one of them can't be opened.
 */
export async function backfill(options: BackfillOptions): Promise<Report> {
  const { store, trackers = [], statePath } = options;
  const toTrackers = trackers.length === 0 ? undefined : await import('./tracker-sync.ts');
  // The local store mirrors one root after the other, trackers mirror all roots at once.
  useMemory({ roots: trackers.length > 0 ? options.roots.length : 1 });
  // Wrong roots are reported before anything is created.
  const unseen = await unseenRoots(options.roots);
  checkRoots(options.roots, { store: store?.path, state: statePath }, unseen);
  if (store !== undefined) makeStoreFolder(store.path);
  // The lock ignores the name: a link to a store is that store.
  const lock = store === undefined ? undefined : FileLock.acquire(store.path);
  // For a new store, the reader's thread starts while the store is opened. Otherwise, there may be nothing to read.
  const reader = new PatientReader({ startsLate: store !== undefined && storeBytes(store.path) > 0 });
  let report: Report;
  try {
    const state =
      trackers.length === 0 && options.rules?.shard === undefined ? undefined : openState(neededPath(statePath), options.log, options);
    if (store !== undefined) await upgraded(store.path, options);
    const local = store === undefined ? undefined : new LocalBackend(store);
    try {
      const warn = (message: string): void => options.log?.warn({}, message);
      const places = { state, local: local === undefined || store === undefined ? undefined : { backend: local, path: store.path } };
      await finishTidying({ ...places, trackers, warn, signal: options.signal, clock: options.clock });
      report = await new Pass(local, state, reader, unseen, toTrackers, options).run();
    } finally {
      await local?.close();
      await closeTrackers(trackers, options);
      state?.close();
    }
    if (store === undefined) return report;
    // The size is measured last: closing merges the write-ahead log.
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

/** A root, and the runs that a walk finds in it. */
interface RootWalk {
  readonly root: ResolvedRoot;
  readonly runs: FoundRuns;
}

/** A run, and the time when its files last changed. */
type ChangedRun = readonly [run: RunRef, atMs: number];

class Pass {
  readonly #local: LocalBackend | undefined;
  readonly #state: StateFile | undefined;
  readonly #options: BackfillOptions;
  readonly #clock: Clock;
  readonly #tracker: PassCounters;
  readonly #status: PassStatus;
  /** The first reader. A root that hangs keeps its own, and the next root gets another. */
  readonly #reader: PatientReader;
  readonly #readers: PatientReader[] = [];
  /** Loaded only if there are trackers. */
  readonly #toTrackers: typeof import('./tracker-sync.ts') | undefined;
  readonly #unseen: UnseenRoots;
  readonly #jobs: JobReader;
  readonly #tree = new RunTree();
  /** Resolved when the feeds have all runs. */
  readonly #allReported = Promise.withResolvers<void>();
  /** Runs that were found, with the time of their last change. */
  readonly #changed = new Map<string, ChangedRun>();
  #trackerSyncs: readonly TrackerSync[] = [];
  /** The pauses of the local store. */
  readonly #localPauses: readonly LanePause[];
  #roots: readonly ResolvedRoot[] = [];
  /** The parts of each root that could not be accessed, by its name. */
  readonly #hidden = new Map<string, Set<string>>();
  /** Known roots that are not part of this pass: runs may have come from there. */
  #others: readonly KnownRoot[] = [];

  constructor(
    local: LocalBackend | undefined,
    state: StateFile | undefined,
    reader: PatientReader,
    unseen: UnseenRoots,
    toTrackers: typeof import('./tracker-sync.ts') | undefined,
    options: BackfillOptions,
  ) {
    const { log, trackers = [] } = options;
    this.#local = local;
    this.#state = state;
    this.#reader = reader;
    this.#toTrackers = toTrackers;
    this.#unseen = unseen;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    const { store, statePath } = options;
    this.#localPauses = store === undefined || statePath === undefined ? [] : pausesIn(statePath, 'local', resolve(store.path));
    this.#tracker = new PassCounters({ log, clock: this.#clock });
    // The lane whose points the display counts.
    const lead = local === undefined ? trackers[0]?.name : undefined;
    this.#status = new PassStatus(this.#tracker, trackers, lead, log, state, this.#clock, options.requestEnded);
    if (options.countsStoreLag === true && store !== undefined) this.#tracker.storeLane = this.#newStoreLane(store.path);
    this.#jobs = new JobReader({
      fellSilent: (fact) => this.#status.fellSilent(fact),
      answersAgain: (fact) => {
        this.#status.answersAgain(fact);
        for (const root of fact.waiting) for (const sync of this.#trackerSyncs) sync.answersAgain(root);
      },
    });
  }

  #newStoreLane(where: string): LaneProgress {
    const lane = new LaneProgress({ name: 'local', type: 'local', where, clock: this.#clock });
    lane.pause(this.#localPauses);
    return lane;
  }

  async run(): Promise<Report> {
    const { signal } = this.#options;
    const tracker = this.#tracker;
    const stop = (): void => {
      for (const reader of [this.#reader, ...this.#readers]) reader.stop();
      this.#jobs.stop();
    };
    signal.addEventListener('abort', stop);
    const stopKeeping = this.#clock.every(KEEP_MS, () => this.#status.keep(false));
    try {
      this.#options.onStart?.(tracker);
      this.#checkStore();
      const walks = (await this.#begin()).map((root) => ({ root, runs: new FoundRuns() }));
      const walking = this.#walk(walks).finally(() => this.#allReported.resolve());
      // Walking and mirroring run at the same time: a walk may take long, and found runs can already be read.
      const results = await Promise.allSettled([walking, this.#mirrorLocally(walks, walking), this.#mirrorIntoTrackers(walking)]);
      for (const result of results) if (result.status === 'rejected') throw result.reason;
      tracker.phase = 'done';
      const lanes = [...this.#pausedStore(), ...this.#trackerSyncs.map((sync) => this.#laneReport(sync))];
      return { ...tracker.report(signal.aborted), lanes };
    } finally {
      signal.removeEventListener('abort', stop);
      stopKeeping();
      this.#status.keep(true);
      await Promise.all([this.#jobs.close(), ...this.#readers.map((reader) => reader.close())]);
    }
  }

  /** Returns a report for the store if it is paused; otherwise it needs none of its own. */
  #pausedStore(): LaneReport[] {
    const where = this.#options.store?.path;
    if (where === undefined || !this.#roots.some(({ name }) => isRootPaused(this.#localPauses, name))) return [];
    return [
      {
        name: 'local',
        type: 'local',
        where,
        state: 'paused',
        ...pausedWords('local', this.#localPauses),
        points: 0,
        refused: 0,
        refusal: undefined,
        refusedInAll: 0,
        refusedFiles: [],
        unsupportedFiles: [],
        unsupported: 0,
        leftOut: 0,
        pendingBytes: 0,
        stoppedRuns: [],
        links: [],
      },
    ];
  }

  /**
   * Reports damage of the store. Damage does not stop the pass: only mirroring can restore what the event files hold.
   */
  #checkStore(): void {
    const damage = this.#local?.damage();
    if (damage === undefined) return;
    this.#tracker.incident({ kind: 'store', root: '', path: this.#options.store?.path ?? '', reason: `${damage}. ${DAMAGED_HINT}` });
  }

  /** Resolves the roots, and checks them against what is known before anything about them is noted. */
  async #begin(): Promise<ResolvedRoot[]> {
    const held = this.#held();
    const roots = resolveRoots(this.#options.roots, rootsNextTo(held, this.#options.roots), this.#options.linksOf, this.#unseen);
    this.#roots = roots;
    const seen = seenOf(roots, this.#unseen);
    checkIdentities(seen, held);
    this.#others = await otherRoots(roots, this.#movables());
    if (this.#options.moved !== 'new') {
      const { rules = ALL_RUNS } = this.#options;
      await checkMovedRoots(seen, this.#movables(), this.#others, walkOf(rules));
    }
    this.#reader.listen(this.#silenceEvents());
    for (const root of roots) {
      this.#state?.root(root.name, root.path);
      this.#local?.moveRoot(root);
    }
    return roots;
  }

  /**
   * Walks root by root; lanes get the runs meanwhile. Some runs wait for the end of the walk: runs with a file that
   * has several names, since only one of them is read; new runs if others are known, since they may be moved ones.
   * Trackers' lanes wait if either is possible, or if a fold depends on sibling runs.
   */
  async #walk(walks: readonly RootWalk[]): Promise<void> {
    const { signal, rules = ALL_RUNS } = this.#options;
    const held = this.#held();
    const helds = this.#movables();
    const isUnknown = ({ name }: ResolvedRoot): boolean => helds.every((each) => each.fileCount(name, '') === 0);
    const isFirst = this.#others.length === 0 && walks.every(({ root }) => isUnknown(root));
    const isReportedAtOnce =
      isFirst && !(this.#options.trackers ?? []).some(({ routing }) => routing !== undefined && asksForOthers(routing));
    if (isReportedAtOnce) this.#trackerSyncs = this.#newSyncs(this.#roots);
    // The store's lane takes the runs as they are found; only trackers' lanes need the whole tree.
    const isForTrackers = this.#toTrackers !== undefined;
    const unreported: (readonly [root: ResolvedRoot, runs: readonly FoundRun[]])[] = [];
    const hand = ({ root, runs }: RootWalk, found: readonly FoundRun[]): void => {
      for (const run of found) {
        this.#tracker.runFound(run.files);
        if (isForTrackers) this.#tree.add({ root: root.name, path: run.path });
      }
      if (isReportedAtOnce) this.#reportRuns(root, found);
      else if (isForTrackers) unreported.push([root, found]);
      runs.add(found);
      if (this.#tracker.phase === 'scanning' && this.#tracker.runs.total > 0) this.#tracker.phase = 'mirroring';
    };
    const mayBeKnown = knownAmong(helds);
    const waiting: { readonly one: RootWalk; readonly found: readonly FoundRun[] }[] = [];
    // Without a store nothing else uses the reader during the walk.
    let walker = this.#local === undefined ? this.#reader : this.#anotherReader();
    try {
      for (const one of walks) {
        const { root, runs } = one;
        // A root that hangs keeps its own reader, and the next root gets another.
        if (walker.silent.size > 0) walker = this.#anotherReader();
        const { path, below, links } = root;
        const isKnown = isKnownTo(held, root.name);
        const isNew = isUnknown(root);
        let stampsIn = stampsOf(held, root.name);
        // A known name may now belong to another known file: runs may have swapped places.
        const isItself = (run: string, { name, stamp }: FoundFile): boolean => {
          const before = stampsIn(run).get(name);
          return before !== undefined && !(hasOtherInode(before, stamp) && mayBeKnown({ name: '', size: 0, stamp }));
        };
        const isPlain = (run: FoundRun): boolean =>
          run.files.every((file) => file.id === undefined && (isNew ? !mayBeKnown(file) : isItself(run.path, file)));
        // A run that lost a file, or has another file in its place, may appear elsewhere. Then this path begins
        // without data.
        const mayHaveLeft = ({ path: run, files }: FoundRun): boolean => !isNew && !isAllThere(stampsIn(run), files);
        const kept: FoundRun[] = [];
        const left: FoundRun[] = [];
        let met = 0;
        let unread: string | undefined;
        const hidden = new Set<string>();
        this.#hidden.set(root.name, hidden);
        let known = 0;
        const pieces = walker.walk({ root: path, below, links, ...globsOf(rules, root) });
        for (;;) {
          const piece = await withSignal(pieces.next(), signal);
          if (piece.done === true) break;
          met += piece.value.runs.length + piece.value.obstacles.length;
          for (const obstacle of piece.value.obstacles) {
            this.#tracker.obstacleMet(root.name, obstacle);
            hidden.add(obstacle.path);
            if (obstacle.isLeft !== true) unread ??= obstacle.path === '.' ? obstacle.reason : `${obstacle.path}: ${obstacle.reason}`;
          }
          const plain: FoundRun[] = [];
          for (const run of piece.value.runs) {
            const isKept = !isPlain(run);
            (isKept ? kept : mayHaveLeft(run) ? left : plain).push(run);
            if (!isNew && !isKept) known += run.files.length;
          }
          hand(one, plain);
        }
        this.#noteUnread(root, unread);
        kept.sort((a, b) => compareNames(a.path, b.path));
        const { runs: some } = readOnce({ runs: kept, passedOver: [] }, isKnown);
        const unclear = this.#followMoves(root, some, { mayBeKnown, isNew });
        // The moves may have changed what is known of these runs.
        stampsIn = stampsOf(held, root.name);
        const rest = withoutUnclear(root.name, some, unclear, stampsIn);
        const { here = [], away = [] } = Object.groupBy([...rest, ...left], (run) => (mayHaveLeft(run) ? 'away' : 'here'));
        hand(one, here);
        // The run may appear in a root that comes later.
        if (away.length > 0) waiting.push({ one, found: away });
        // With a store, the store reports at the end what it holds of files that were not found.
        if (this.#local === undefined && met > 0) {
          const isThere = isKnownTo(held, root.name);
          for (const { path: run, files } of rest) for (const { name } of files) if (isThere(run, name)) known++;
          this.#tracker.filesMissing(Math.max(0, countKnown(held, root, filterOf(rules, root), hidden) - known));
        }
        const gone = met > 0 ? 0 : countKnown(held, root, filterOf(rules, root));
        if (gone > 0) this.#tracker.incident({ kind: 'emptied', root: root.name, path: below || '.', reason: filesText(gone) });
        if (away.length === 0) runs.end();
      }
      for (const { one, found } of waiting) hand(one, found);
      await this.#endWalker(walker);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      for (const { runs } of walks) runs.end();
    }
    if (isReportedAtOnce) return;
    this.#trackerSyncs = this.#newSyncs(this.#roots);
    for (const [root, found] of unreported) this.#reportRuns(root, found);
  }

  /** Ends a thread that only walked: its memory is given back while the rest is read. */
  async #endWalker(walker: PatientReader): Promise<void> {
    const at = this.#readers.indexOf(walker);
    // If something does not answer, its report is still to come.
    if (at < 0 || walker.silent.size > 0) return;
    this.#readers.splice(at, 1);
    await walker.close();
  }

  /**
   * Notes what of a root could not be read, for commands that ask later. Only a walk of the whole root can note that
   * everything was readable.
   */
  #noteUnread(root: ResolvedRoot, reason: string | undefined): void {
    if (reason === undefined && (root.below !== '' || filterOf(this.#options.rules ?? ALL_RUNS, root) !== undefined)) return;
    this.#state?.noteUnread(root.name, reason);
    this.#local?.noteUnread(root, reason);
  }

  /**
   * Continues runs that were found at another path. `mayBeKnown`: true if a file may have been in another root, as
   * few were. Returns the files for which this can't be decided yet.
   */
  #followMoves(
    root: ResolvedRoot,
    runs: readonly FoundRun[],
    { mayBeKnown, isNew }: { readonly mayBeKnown: (file: FoundFile) => boolean; readonly isNew: boolean },
  ): ReadonlySet<string> {
    if (runs.length === 0) return new Set();
    const others = runs.some(({ files }) => files.some(mayBeKnown)) ? [...this.#roots, ...this.#others] : [];
    const options = { others: others.filter((other) => other !== root), ...(isNew ? { mayBeKnown } : {}) };
    const { facts, unclear } = followMoves(root, runs, this.#movables(), this.#options.moved ?? 'follow', options);
    for (const fact of facts) this.#tracker.incident(movedIncident(fact));
    return unclear;
  }

  /**
   * Returns the state, then the store. If the process ends between the two, the next pass moves the run in the store.
   */
  #movables(): Movable[] {
    return [this.#state, this.#local].flatMap((each) => (each === undefined ? [] : [movable(each)]));
  }

  #reportRuns(root: ResolvedRoot, runs: readonly FoundRun[]): void {
    const state = this.#state;
    if (state === undefined || this.#trackerSyncs.length === 0) return;
    for (const { path, files } of runs) {
      const run = { root: root.name, path };
      this.#status.runBegun(run, files, state);
      const found = files.map((file) => ({ ...file, before: 0 }));
      for (const sync of this.#trackerSyncs) sync.filesChanged(run, found);
      const lastMs = files.reduce((last, { stamp }) => Math.max(last, changedMsOf(stamp)), Number.NEGATIVE_INFINITY);
      this.#changed.set(keyOfRun(run), [run, lastMs]);
    }
  }

  async #mirrorLocally(walks: readonly RootWalk[], walking: Promise<void>): Promise<void> {
    const local = this.#local;
    if (local === undefined) return;
    const { signal, rules = ALL_RUNS } = this.#options;
    const pass = new LocalPass(local, this.#tracker, signal, this.#clock);
    let reader = this.#reader;
    for (const { root, runs } of walks) {
      // A root in which something hangs keeps its reader, and the next root gets another.
      if (reader.silent.size > 0) reader = this.#anotherReader();
      if (!isRootPaused(this.#localPauses, root.name)) await pass.mirror(root, runs, reader);
    }
    await pass.again(this.#options.patienceMs ?? PATIENCE_MS);
    this.#tracker.phase = 'draining';
    await pass.finish();
    await walking;
    const held = (root: ResolvedRoot): number => {
      const filter = filterOf(rules, root);
      const hidden = this.#hidden.get(root.name);
      const isPlain = filter === undefined && (hidden === undefined || hidden.size === 0);
      return isPlain ? local.fileCount(root.name, root.below) : countKnown(local, root, filter, hidden);
    };
    // In a paused root nothing was checked: its files are not gone.
    const isActive = ({ root }: RootWalk): boolean => !isRootPaused(this.#localPauses, root.name);
    if (!signal.aborted) this.#tracker.filesHeld(walks.filter(isActive).reduce((sum, { root }) => sum + held(root), 0));
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

  /** Creates each tracker's sync, which begins its work with the first file that it gets. */
  #newSyncs(roots: readonly ResolvedRoot[]): TrackerSync[] {
    const state = this.#state;
    const toTrackers = this.#toTrackers;
    if (state === undefined || toTrackers === undefined) return [];
    const { trackers = [], signal, runEndedAfterOf } = this.#options;
    const places = new Map(roots.map(({ name, path, links }) => [name, { path, links }]));
    const cache = new BatchCache();
    const tree = this.#tree;
    return trackers.map((tracker) => {
      const laneState = state.lane(tracker.name, tracker.target);
      const { random } = this.#options;
      const time = { clock: this.#clock, ...(random === undefined ? {} : { random }) };
      const shared = {
        ...time,
        status: this.#status,
        events: IGNORED,
        places,
        tree,
        signal,
        state,
        reader: this.#jobs,
        cache,
        isSettled: true,
      };
      const ends = runEndedAfterOf === undefined ? {} : { runEndedAfterOf };
      return new toTrackers.TrackerSync({
        ...shared,
        ...ends,
        allReported: () => this.#allReported.promise,
        ...tracker,
        lane: tracker.name,
        laneState,
      });
    });
  }

  async #mirrorIntoTrackers(walking: Promise<void>): Promise<void> {
    await walking;
    const results = await Promise.allSettled(this.#trackerSyncs.map((sync) => this.#bringToEnd(sync)));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  /** Brings a tracker to the end of all files, and reports to it which runs are over. */
  async #bringToEnd(sync: TrackerSync): Promise<void> {
    const { patienceMs = PATIENCE_MS } = this.#options;
    await sync.reachEnd(patienceMs);
    if (sync.state === 'done') await sync.endOver([...this.#changed.values()], patienceMs);
  }

  #held(): HeldRoots {
    return this.#local ?? heldBy(this.#state, this.#laneStates());
  }

  #laneReport(sync: TrackerSync): LaneReport {
    const { progress } = sync;
    const laneState = this.#laneStates().find(({ name }) => name === progress.name);
    return {
      name: progress.name,
      type: progress.type,
      where: progress.where,
      state: sync.state,
      reason: progress.reason ?? progress.lastError?.message,
      remedy: progress.remedy ?? progress.lastError?.hint,
      ...(sync.state === 'paused' ? pausedWords(progress.name, progress.pauses) : {}),
      points: progress.points,
      refused: progress.refused,
      refusal: progress.refusal,
      refusedInAll: laneState?.refusedInAll() ?? 0,
      refusedFiles: laneState?.refusedFiles() ?? [],
      unsupportedFiles: laneState?.unsupportedFiles() ?? [],
      unsupported: progress.unsupported,
      leftOut: progress.leftOut,
      pendingBytes: progress.lagBytes,
      stoppedRuns: [...progress.stoppedRuns.values()],
      links: sync.links(),
    };
  }

  #laneStates(): ReturnType<StateFile['lane']>[] {
    const state = this.#state;
    return state === undefined ? [] : (this.#options.trackers ?? []).map(({ name, target }) => state.lane(name, target));
  }
}

function pausedWords(lane: string, pauses: readonly LanePause[]): Pick<LaneReport, 'reason' | 'remedy'> {
  const roots = pauses.flatMap(({ root }) => root ?? []);
  const what = isWholePaused(pauses) ? 'it is paused' : `paused for ${roots.join(', ')}`;
  return { reason: `${what}, so this backfill sent nothing there`, remedy: `mirrorboard lane resume ${lane}` };
}

/** Returns a function that gets the stamps of files at their last read, run by run. */
function stampsOf(held: HeldRoots, root: string): (run: string) => ReadonlyMap<string, string> {
  let last: { readonly run: string; readonly stamps: ReadonlyMap<string, string> } | undefined;
  return (run) => {
    if (last?.run !== run)
      last = { run, stamps: new Map(held.positions({ root, path: run }).files.map((file) => [file.name, file.stamp])) };
    return last.stamps;
  };
}

/** True if every known file of a run exists under its name, and none was replaced. */
function isAllThere(known: ReadonlyMap<string, string>, found: readonly FoundFile[]): boolean {
  let there = 0;
  for (const { name, stamp } of found) {
    const before = known.get(name);
    if (before === undefined) continue;
    if (hasOtherInode(before, stamp)) return false;
    there++;
  }
  return there === known.size;
}

function filesText(count: number): string {
  return count === 1 ? '1 file' : `${count} files`;
}

/** Bytes that can't be read are reported, and the next pass retries them. */
const ignore = (): void => undefined;
const IGNORED: SyncEvents = { fileTroubled: ignore, fileValid: ignore, readFailed: ignore, fileRead: ignore, fileGone: ignore };
