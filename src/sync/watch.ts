/** Joins the rooms forever: the discovery thread says what changed, and each lane's feed brings its lane there. */

import { resolve } from 'node:path';
import { DAMAGED_HINT, LocalBackend } from '../backends/local/index.ts';
import { type Clock, systemClock } from '../clock.ts';
import {
  ALL_RUNS,
  type ChangedFile,
  type DiscoverFact,
  DiscoverThreads,
  type FoundRun,
  filterOf,
  globsOf,
  type ResolvedRoot,
  type RootRequest,
  type RunChange,
  type RunRules,
  resolveRoots,
  type SeenFile,
  type UnseenRoots,
  unseenRoots,
} from '../discover/index.ts';
import { MirrorError } from '../errors.ts';
import { asksForOthers, type StoreOptions, type TrackerLaneOptions } from '../lanes/index.ts';
import { useMemory } from '../memory/index.ts';
import { inodeOf, keyOfFile, keyOfRun, type RunRef } from '../model/index.ts';
import {
  CopiedRuns,
  checkIdentities,
  checkMovedRoots,
  checkRoots,
  type FindOptions,
  findMoves,
  followMoves,
  heldBy,
  KnownInodes,
  type Movable,
  type MovedFact,
  type Moves,
  movable,
  movedIncident,
  moveKey,
  otherRoots,
  rootsBeside,
  TakenPlaces,
  walkOf,
} from '../moves/index.ts';
import type { Random } from '../random.ts';
import { BatchCache, JobReader } from '../reading/index.ts';
import { RunTree } from '../route/index.ts';
import { FileLock, type LaneState, type StateFile } from '../state/index.ts';
import { type FactLog, readStand, WatchStatus } from '../status/index.ts';
import { finishTidying } from '../tidy/index.ts';
import type { LinkRules } from '../untrusted/index.ts';
import { makeStoreFolder, openState } from './lane-files.ts';
import type { LaneSync, SyncEvents } from './lane-sync.ts';
import { LocalSync } from './local-sync.ts';
import { RetrySchedule } from './retry-schedule.ts';
import { RUN_ENDED_AFTER_MS } from './run-ended-after.ts';
import { TrackerSync } from './tracker-sync.ts';

/** What is watched, and where it is mirrored to. */
export interface WatchOptions {
  readonly roots: readonly RootRequest[];
  /** Which links of each root are followed. Default: `owner`. */
  readonly linksOf?: LinkRules;
  /** Undefined where nothing is mirrored into a local store. */
  readonly store: StoreOptions | undefined;
  /** Closed in the end. Default: none. */
  readonly trackers?: readonly TrackerLaneOptions[];
  /** The state file. */
  readonly statePath: string;
  /** Which runs are mirrored. Default: all. */
  readonly rules?: RunRules;
  /** What becomes of runs that lie elsewhere now. Default: follow. */
  readonly moved?: 'follow' | 'new';
  /** Between two scans of a root, a fifth more or less. Default 60,000. */
  readonly scanIntervalMs?: number;
  /**
   * How long a run of the root that lies there must not have grown to have ended, in milliseconds: incomplete ends are
   * looked into, trackers hear of it. Default: half an hour.
   */
  readonly runEndedAfterOf?: (rootPath: string) => number;
  /** So long nothing new comes to a root before a fold decides by what lies beside a run. Default 5000. */
  readonly besideMs?: number;
  /** Use notifications where the file system has them. Default true. */
  readonly notify?: boolean;
  /** Ends the watch: what was read is stored first. */
  readonly signal: AbortSignal;
  readonly log?: FactLog;
  /** Called, and waited for, before anything is read. */
  readonly onStart?: (status: WatchStatus) => Promise<void>;
  /** The time and its timers. Default: the system's. */
  readonly clock?: Clock;
  /** Chance. Default: the system's. */
  readonly random?: Random;
}

const TICK_MS = 1000;
/**
 * So long nothing new comes to a root before it is decided which of several directories of a kind is the first; and
 * so many times that at most.
 */
const BESIDE_MS = 5000;
const MOST_BESIDE = 12;
/** Renames are gathered so long: whole trees move at once. */
const GATHER_MS = 500;
/** So many times that where a run lies in another one's place, which may turn up elsewhere. */
const MOST_GATHERED = 10;
const GONE = 'it does not exist';
/** How often the state gets a new status document. */
const STATUS_MS = 2000;

/**
 * Mirrors what is below the roots, then what is added to it, until the signal is aborted; returns how things stand then. Closes the
 * lanes' backends. A lane that fails waits and does not end the watch. Throws as `backfill` does.
 */
export async function watch(options: WatchOptions): Promise<WatchStatus> {
  const { store, trackers = [] } = options;
  useMemory({ roots: options.roots.length });
  const unseen = await unseenRoots(options.roots, { isPatient: true });
  if (checkRoots(options.roots, { store: store?.path, state: options.statePath }, unseen).length === 0)
    throw new MirrorError('MB1001', 'nothing to watch: no log directory given', { command: 'mirrorboard watch LOGDIR' });
  if (store !== undefined) makeStoreFolder(store.path);
  const lock = store === undefined ? undefined : FileLock.acquire(store.path);
  try {
    const state = openState(options.statePath, options.log, options);
    try {
      const local = store === undefined ? undefined : new LocalBackend(store);
      try {
        const warn = (message: string): void => options.log?.warn({}, message);
        const places = { state, local: local === undefined || store === undefined ? undefined : { backend: local, path: store.path } };
        await finishTidying({ ...places, trackers, warn, signal: options.signal, clock: options.clock });
        return await new Watch(local, state, unseen, options).run();
      } finally {
        await local?.close();
        for (const { backend } of trackers) await backend.close();
      }
    } finally {
      state.close();
    }
  } finally {
    lock?.release();
  }
}

/** Files that a feed is not told of yet. */
interface HeldFiles {
  readonly feed: LaneSync;
  readonly run: RunRef;
  readonly sinceMs: number;
  readonly files: (readonly ChangedFile[])[];
}

class Watch {
  readonly #options: WatchOptions;
  readonly #clock: Clock;
  readonly #local: LocalBackend | undefined;
  readonly #state: StateFile;
  readonly #roots: ReadonlyMap<string, ResolvedRoot>;
  /** Paths of roots that could not be looked at when we began, nor since. */
  readonly #unseen: Set<string>;
  readonly #status: WatchStatus;
  #heals: RetrySchedule;
  readonly #reader: JobReader;
  readonly #tree = new RunTree();
  #feeds: readonly LaneSync[] = [];
  /** Ends the feeds, to begin them again once runs that lie elsewhere are followed. */
  #round = new AbortController();
  /** Files heard of since one was seen that lies elsewhere now, by root, run and name: more may have moved with it. */
  readonly #moving = new Map<string, Map<string, Map<string, ChangedFile>>>();
  /** Moves that could not be followed. */
  readonly #unmovable = new Set<string>();
  /** Runs that went away, and may have been copied before. */
  #copies: CopiedRuns | undefined;
  /** Files of which it can't be told yet whether they are known, by `keyOfFile`: no lane hears of them. */
  readonly #unclear = new Set<string>();
  /** Runs whose places were taken. */
  #places: TakenPlaces | undefined;
  /** Of all files that are known: only a new file with one of them can have been elsewhere. */
  #inodes = new KnownInodes();
  /** Runs that grew lately: when each did, by `steadyMs`. */
  readonly #grew = new Map<string, { readonly run: RunRef; atMs: number }>();
  /** Lanes whose folding depends on which runs there are. */
  readonly #asksForOthers: ReadonlySet<string>;
  /** By lane and run. */
  readonly #held = new Map<string, HeldFiles>();
  readonly #scans = new Map<string, PromiseWithResolvers<void>>();
  /** When a run was heard of last that is new, by root and `steadyMs`. */
  readonly #newAtMs = new Map<string, number>();
  /** What of each root could not be read, as it was noted. */
  readonly #unread = new Map<string, string | undefined>();
  #failure: unknown;
  #wake: (() => void) | undefined;
  #statusAtMs = 0;

  constructor(local: LocalBackend | undefined, state: StateFile, unseen: UnseenRoots, options: WatchOptions) {
    const { roots, store, trackers = [], log } = options;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#unseen = new Set(unseen.places.values());
    this.#local = local;
    this.#state = state;
    this.#roots = new Map(
      resolveRoots(roots, rootsBeside(local ?? state, roots), options.linksOf, unseen).map((root) => [root.name, root]),
    );
    const lanes = [
      ...(store === undefined ? [] : [{ name: 'local', type: 'local', where: store.path, kept: readStand(this.#localState().stand()) }]),
      ...trackers.map(({ name, type, target }) => ({
        name,
        type,
        where: target,
        kept: readStand(state.lane(name, target).stand()),
      })),
    ];
    const { scanIntervalMs } = options;
    const held = local ?? state;
    const fresh = [...this.#roots.values()].filter(({ name, path }) => this.#unseen.has(path) && !held.hasRuns(name));
    this.#status = new WatchStatus({
      log,
      lanes,
      newRoots: new Map(fresh.map(({ name, path }) => [name, path])),
      roots: [...this.#roots.keys()],
      clock: this.#clock,
      ...(scanIntervalMs === undefined ? {} : { scanIntervalMs }),
    });
    this.#heals = new RetrySchedule(state, this.#clock);
    this.#asksForOthers = new Set(trackers.flatMap(({ name, routing }) => (routing !== undefined && asksForOthers(routing) ? [name] : [])));
    this.#reader = new JobReader({
      fellSilent: (fact) => this.#status.fellSilent(fact),
      answersAgain: (fact) => {
        this.#status.answersAgain(fact);
        for (const root of fact.waiting) for (const feed of this.#feeds) feed.answersAgain?.(root);
      },
    });
  }

  async run(): Promise<WatchStatus> {
    const { signal } = this.#options;
    const resolved = [...this.#roots.values()];
    // One that can't be looked at is taken for what it was.
    const seen = resolved.filter(({ path }) => !this.#unseen.has(path));
    checkIdentities(seen, this.#local ?? heldBy(this.#state, this.#laneStates()));
    if (this.#options.moved !== 'new') {
      const { rules = ALL_RUNS } = this.#options;
      const helds = this.#movables();
      await checkMovedRoots(seen, helds, await otherRoots(resolved, helds), walkOf(rules));
    }
    await this.#options.onStart?.(this.#status);
    const damage = this.#local?.damage();
    if (damage !== undefined) this.#status.storeDamaged(this.#options.store?.path ?? '', `${damage}. ${DAMAGED_HINT}`);
    // In one transaction: of thousands of roots, the commits would cost more than the first scan.
    this.#state.together(() => {
      for (const root of resolved) this.#state.root(root.name, root.path);
    });
    const stored = new Map((this.#local?.roots() ?? []).map(({ name, path }) => [name, path]));
    for (const root of resolved) if (stored.has(root.name) && stored.get(root.name) !== root.path) this.#local?.moveRoot(root);
    const stop = (): void => {
      this.#reader.stop();
      this.#wake?.();
    };
    signal.addEventListener('abort', stop);
    const stopTimer = this.#clock.every(TICK_MS, () => this.#tick(this.#clock.steadyMs()));
    try {
      // A round ends where runs that lie elsewhere have to be followed: nothing of them may be on its way meanwhile.
      while (!signal.aborted) {
        await this.#watchOnce(resolved);
        if (this.#failure !== undefined) throw this.#failure;
        if (!signal.aborted) this.#follow();
      }
      return this.#status;
    } finally {
      stopTimer();
      signal.removeEventListener('abort', stop);
      await this.#reader.close();
      this.#writeStatus(true);
    }
  }

  /** Watches until the signal says stop, something failed, or a run was seen that lies elsewhere now. */
  async #watchOnce(resolved: readonly ResolvedRoot[]): Promise<void> {
    const { signal, rules = ALL_RUNS, scanIntervalMs = 60_000, notify = true, moved } = this.#options;
    const isOurs = this.#scope();
    this.#round = new AbortController();
    this.#heals = new RetrySchedule(this.#state, this.#clock);
    this.#feeds = this.#newFeeds();
    this.#held.clear();
    this.#inodes = this.#knownInodes();
    this.#heals.restore(
      this.#feeds.map(({ lane }) => lane),
      isOurs,
    );
    const roots = resolved.map(({ name, path, below, links }) => ({ name, path, below, links, ...globsOf(rules, { name, path }) }));
    // As above: a thread that takes another's place later asks for all.
    const known = new Set((this.#local ?? this.#state).roots().map(({ name }) => name));
    let hasBegun = false;
    const discover = new DiscoverThreads({
      settings: { roots, scanIntervalMs, notify },
      seen: (root) => (hasBegun || known.has(root) ? this.#seen(root, isOurs) : []),
      onFact: (fact) => this.#hear(fact),
      onFailure: (error) => this.#fail(error),
    });
    // What a lane with a store of its own knows is newer than what the state does.
    const held = this.#movables().at(-1);
    this.#copies =
      held &&
      new CopiedRuns(
        held,
        (name) => this.#answeringPath(name),
        () => this.#clock.steadyMs(),
      );
    this.#unclear.clear();
    this.#places =
      moved === 'new'
        ? undefined
        : new TakenPlaces({
            helds: this.#movables(),
            pathOf: (root) => this.#roots.get(root)?.path,
            roots: () => this.#answering(),
            scanSoon: () => discover.scanSoon(),
          });
    discover.begin();
    hasBegun = true;
    try {
      const feeds = this.#feeds.map((feed) => feed.run().catch((error: unknown) => this.#fail(error)));
      while (!signal.aborted && !this.#round.signal.aborted && this.#failure === undefined) {
        await new Promise<void>((wake) => {
          this.#wake = wake;
        });
      }
      // A failure ends the watch without the signal: the feeds are left where they are, being safe there.
      if (this.#failure === undefined) await Promise.all(feeds);
    } finally {
      await discover.close();
    }
  }

  /**
   * Whether one of some files that are new is a known one that lies elsewhere: then this round ends, and nothing more
   * is heard in it.
   */
  #isMoved(root: string, changes: readonly RunChange[]): boolean {
    if (this.#moving.size > 0) return true;
    const found = changes.flatMap(({ run: path, files }) => {
      const isFollowed = files.some(
        ({ name, before, isOther, stamp }) =>
          (before === 0 || isOther === true || this.#unclear.has(keyOfFile({ root, path }, name))) && this.#inodes.has(stamp),
      );
      return isFollowed ? [{ path, files }] : [];
    });
    if (found.length === 0) return false;
    const all = this.#findMoves(root, found);
    const isNew = this.#options.moved === 'new';
    for (const { path, files } of found) for (const { name } of files) this.#unclear.delete(keyOfFile({ root, path }, name));
    for (const { followed, apart, unclear } of all) {
      if (!isNew) for (const file of unclear) this.#unclear.add(file);
      for (const { otherwise, ...place } of isNew ? [...followed, ...apart] : apart) {
        // What lies in another one's place waits for what becomes of that.
        if (!isNew && otherwise === 'other') continue;
        this.#status.runMoved(movedIncident({ ...place, becomes: otherwise }));
      }
    }
    return (
      !isNew &&
      all.some(({ followed, apart }) => [...followed, ...apart.filter(isInPlace)].some((move) => !this.#unmovable.has(moveKey(move))))
    );
  }

  #findMoves(root: string, found: readonly FoundRun[]): Moves[] {
    const resolved = this.#roots.get(root);
    if (resolved === undefined) return [];
    return this.#movables().map((held) => findMoves(resolved, found, held, this.#byInode(root)));
  }

  /**
   * Whether something lies where another run was that did not turn up yet: several may be moved one after the other.
   */
  get #isMoving(): boolean {
    return [...this.#movingRuns()].some(([root, found]) =>
      this.#findMoves(root, found).some(({ apart }) => apart.some((move) => isInPlace(move) && !this.#unmovable.has(moveKey(move)))),
    );
  }

  *#movingRuns(): Generator<readonly [root: string, found: readonly FoundRun[]], void, void> {
    for (const [root, runs] of this.#moving) yield [root, [...runs].map(([path, files]) => ({ path, files: [...files.values()] }))];
  }

  #follow(): void {
    for (const [root, found] of this.#movingRuns()) {
      const resolved = this.#roots.get(root);
      if (resolved === undefined) continue;
      for (const fact of followMoves(resolved, found, this.#movables(), 'follow', this.#byInode(root)).facts) {
        this.#status.runMoved(movedIncident(fact));
        if (fact.becomes !== 'followed') this.#unmovable.add(moveKey(fact));
      }
    }
    this.#moving.clear();
  }

  /** No file is opened here: one that hangs must not stop everybody. */
  #byInode(root: string): FindOptions {
    const names = new Set(this.#answering());
    return { byInode: true, others: [...this.#roots.values()].filter(({ name }) => name !== root && names.has(name)) };
  }

  /** The roots that answer. */
  #answering(): string[] {
    return [...this.#roots.keys()].filter((name) => this.#answeringPath(name) !== undefined);
  }

  /** Where a root lies; undefined where it does not answer. */
  #answeringPath(name: string): string | undefined {
    const path = this.#roots.get(name)?.path;
    return path === undefined || this.#unseen.has(path) || this.#status.isSilent(name) ? undefined : path;
  }

  #knownInodes(): KnownInodes {
    const inodes = new KnownInodes();
    for (const held of this.#movables()) {
      // Of thousands of roots, most may be new: those are not asked for one by one.
      for (const { name } of held.roots()) if (this.#roots.has(name)) for (const { stamp } of held.knownFiles(name)) inodes.seed(stamp);
    }
    return inodes;
  }

  /** The state first: should we end between the two, the store's turn comes with the next start. */
  #movables(): Movable[] {
    return [this.#state, this.#local].flatMap((held) => (held === undefined ? [] : [movable(held)]));
  }

  #newFeeds(): LaneSync[] {
    const { trackers = [], runEndedAfterOf = () => RUN_ENDED_AFTER_MS } = this.#options;
    const signal = AbortSignal.any([this.#options.signal, this.#round.signal]);
    const places = new Map([...this.#roots].map(([name, { path, links }]) => [name, { path, links }]));
    const cache = new BatchCache();
    const shared = { status: this.#status, events: this.#events(), places, signal, clock: this.#clock };
    const feeds: LaneSync[] = trackers.map((tracker) => {
      const laneState = this.#state.lane(tracker.name, tracker.target);
      return new TrackerSync({
        ...shared,
        ...tracker,
        ...(this.#options.random === undefined ? {} : { random: this.#options.random }),
        lane: tracker.name,
        state: this.#state,
        tree: this.#tree,
        laneState,
        reader: this.#reader,
        cache,
        isSettled: false,
        runEndedAfterOf,
        allHeard: (root) => this.#scanOf(root).promise,
        isTreeWhole: () => this.#status.isReady,
      });
    });
    if (this.#local === undefined) return feeds;
    const state = this.#localState();
    const local = new LocalSync({ ...shared, lane: 'local', backend: this.#local, state, cache: trackers.length > 0 ? cache : undefined });
    return [local, ...feeds];
  }

  #events(): SyncEvents {
    const heals = this.#heals;
    return {
      fileTroubled: (lane, run, name, isSoon) => heals.fileTroubled(lane, run, name, isSoon),
      fileSound: (lane, run, name) => heals.fileSound(lane, run, name),
      fileAnew: (lane, run, name) => {
        for (const feed of this.#feeds) if (feed.lane !== lane) feed.tryAgain(run, name);
      },
    };
  }

  #localState(): LaneState {
    return this.#state.lane('local', resolve(this.#options.store?.path ?? ''), { ownsPositions: true });
  }

  #laneStates(): LaneState[] {
    return (this.#options.trackers ?? []).map(({ name, target }) => this.#state.lane(name, target));
  }

  /** Which runs are watched: those below what was asked for that the globs let through. */
  #scope(): (run: RunRef) => boolean {
    const { rules = ALL_RUNS } = this.#options;
    const filters = new Map([...this.#roots.values()].map((root) => [root.name, filterOf(rules, root)]));
    return ({ root, path }) => {
      const below = this.#roots.get(root)?.below;
      if (below === undefined) return false;
      return (below === '' || path === below || path.startsWith(`${below}/`)) && filters.get(root)?.accepts(path) !== false;
    };
  }

  /** What was mirrored before: only what differs is told, and what is gone. */
  *#seen(root: string, isOurs: (run: RunRef) => boolean): Generator<SeenFile, void, void> {
    const isAlone = (this.#options.trackers ?? []).length === 0;
    for (const file of this.#local?.knownFiles(root) ?? []) {
      const run = { root, path: file.run };
      if (file.isDamaged && isOurs(run)) this.#heals.fileTroubled('local', run, file.name);
      if (file.wasRewritten && isOurs(run)) for (const feed of this.#feeds) feed.tidy?.(run);
      // Other lanes may be elsewhere in it: then each feed looks for itself.
      yield isAlone ? file : unsure(file);
    }
    if (this.#local !== undefined) return;
    for (const file of this.#state.knownFiles(root)) yield unsure(file);
  }

  #tellMoved(facts: readonly MovedFact[]): void {
    for (const fact of facts) this.#status.runMoved(movedIncident(fact));
  }

  #hear(fact: DiscoverFact): void {
    // What is found after we were asked to end is for the next start; of thousands of roots, it would hold up the end.
    if (this.#options.signal.aborted) return;
    switch (fact.kind) {
      case 'filesChanged':
        if (this.#isMoved(fact.root, fact.changes)) {
          this.#gather(fact.root, fact.changes);
          return;
        }
        this.#tellOf(fact.root, this.#sift(fact.root, fact.changes));
        return;
      case 'filesGone':
        // A round that ends says nothing of what continues elsewhere: the next one looks at everything.
        if (this.#moving.size > 0) return;
        this.#tellMoved(this.#copies?.filesGone(fact.root, fact.files) ?? []);
        for (const { run: path, name } of fact.files) for (const feed of this.#feeds) feed.fileGone({ root: fact.root, path }, name);
        return;
      case 'rootScanned':
        this.#status.rootScanned(fact);
        if (!fact.isMissing && !fact.obstacles.some(({ path }) => path === '.'))
          this.#unseen.delete(this.#roots.get(fact.root)?.path ?? '');
        this.#tellMoved(this.#copies?.copiesFound() ?? []);
        this.#places?.scanned(fact.root, fact.startedAtMs);
        this.#tellDue();
        this.#noteUnread(fact);
        this.#tellHeld();
        this.#scanOf(fact.root).resolve();
        return;
      case 'fellSilent':
        this.#status.fellSilent(fact);
        return;
      case 'answersAgain':
        this.#status.answersAgain(fact);
        return;
      case 'notificationsChanged':
        this.#status.notificationsChanged(fact);
        return;
      default:
        fact satisfies never;
    }
  }

  /** The changes that can be told: it is certain which files they are of, and whose place they lie in. */
  #sift(root: string, changes: readonly RunChange[]): readonly RunChange[] {
    const clear =
      this.#unclear.size === 0
        ? changes
        : changes.flatMap(({ run: path, files }) => {
            const some = files.filter(({ name }) => !this.#unclear.has(keyOfFile({ root, path }, name)));
            return some.length === 0 ? [] : [{ run: path, files: some }];
          });
    return this.#places?.sift(root, clear) ?? clear;
  }

  /** What waited in places that were taken. */
  #tellDue(): void {
    // A round that ends looks at everything once more.
    if (this.#moving.size > 0) return;
    for (const { root, changes } of this.#places?.due() ?? []) this.#tellOf(root, changes);
  }

  #tellOf(root: string, changes: readonly RunChange[]): void {
    this.#noteNew(root, changes);
    // Only trackers' lanes fold runs: nobody else needs to know who lies beside whom.
    if ((this.#options.trackers ?? []).length > 0) for (const { run: path } of changes) this.#tree.add({ root, path });
    for (const { run: path, files } of changes) {
      const run = { root, path };
      this.#noteGrowth(run);
      for (const { stamp } of files) this.#inodes.add(stamp);
      for (const feed of this.#feeds) if (!this.#isHeldBack(feed, run, files)) feed.filesChanged(run, files);
      // Written to without growing: perhaps bytes that could not be read are there now.
      for (const { name, size, before } of files) {
        if (size === before && this.#heals.has(run, name)) for (const feed of this.#feeds) feed.tryAgain(run, name);
      }
    }
  }

  /** Keeps files for `#follow`; the round ends a moment later, when all that moved together was heard of. */
  #gather(root: string, changes: readonly RunChange[]): void {
    if (this.#moving.size === 0) this.#endRoundLater(1);
    const runs = this.#moving.get(root) ?? new Map<string, Map<string, ChangedFile>>();
    this.#moving.set(root, runs);
    for (const { run, files } of changes) {
      const known = runs.get(run) ?? new Map<string, ChangedFile>();
      runs.set(run, known);
      for (const file of files) known.set(file.name, file);
    }
  }

  /**
   * What moved together has been heard of a moment later, and what is moved by several commands a few moments later.
   */
  #endRoundLater(nth: number): void {
    this.#clock.after(GATHER_MS, () => {
      if (!this.#options.signal.aborted && nth < MOST_GATHERED && this.#isMoving) {
        this.#endRoundLater(nth + 1);
        return;
      }
      this.#round.abort();
      this.#wake?.();
    });
  }

  /**
   * Notes what of a root could not be read, for those who ask when we are gone; that all could be, only a scan of all
   * can say.
   */
  #noteUnread({ root: name, obstacles, isMissing }: Extract<DiscoverFact, { kind: 'rootScanned' }>): void {
    const root = this.#roots.get(name);
    const first = obstacles.find(({ isLeft }) => isLeft !== true);
    if (root === undefined || (first === undefined && isMissing && this.#status.isSilent(name))) return;
    const reason =
      first === undefined ? (isMissing ? GONE : undefined) : first.path === '.' ? first.reason : `${first.path}: ${first.reason}`;
    if (this.#unread.get(name) === reason && this.#unread.has(name)) return;
    const isPart = root.below !== '' || filterOf(this.#options.rules ?? ALL_RUNS, root) !== undefined;
    if (reason === undefined && isPart) return;
    this.#unread.set(name, reason);
    this.#state.noteUnread(name, reason);
    this.#local?.noteUnread(root, reason);
  }

  /** The first scan of a root. */
  #scanOf(root: string): PromiseWithResolvers<void> {
    const scan = this.#scans.get(root) ?? Promise.withResolvers<void>();
    this.#scans.set(root, scan);
    return scan;
  }

  /**
   * A lane that asks who else lies beside a run hears of those of a first scan when it is over, and all are known; of
   * a run that would be the first of its kind when nothing new came to its root for a moment: whole trees are copied
   * in any order.
   */
  #isHeldBack(feed: LaneSync, run: RunRef, files: readonly ChangedFile[]): boolean {
    if (!this.#asksForOthers.has(feed.lane)) return false;
    const key = JSON.stringify([feed.lane, run.root, run.path]);
    const held = this.#held.get(key);
    // What came first is told first.
    if (held === undefined && !this.#isToWait(feed, run, this.#clock.steadyMs())) return false;
    if (held === undefined) this.#held.set(key, { feed, run, sinceMs: this.#clock.steadyMs(), files: [files] });
    else held.files.push(files);
    return true;
  }

  #isToWait(feed: LaneSync, run: RunRef, sinceMs: number): boolean {
    return !this.#status.roots.has(run.root) || this.#isWaitingFor(feed, run, sinceMs);
  }

  #isWaitingFor(feed: LaneSync, run: RunRef, sinceMs: number): boolean {
    const { besideMs = BESIDE_MS } = this.#options;
    const nowMs = this.#clock.steadyMs();
    if (nowMs - sinceMs >= MOST_BESIDE * besideMs || nowMs - (this.#newAtMs.get(run.root) ?? 0) >= besideMs) return false;
    return feed.waitsForOthers?.(run) === true;
  }

  #tellHeld(): void {
    for (const [key, { feed, run, sinceMs, files }] of this.#held) {
      if (this.#isToWait(feed, run, sinceMs)) continue;
      this.#held.delete(key);
      for (const each of files) feed.filesChanged(run, each);
    }
  }

  /** Says when something new came to a root. */
  #noteNew(root: string, changes: readonly RunChange[]): void {
    if (changes.some(({ run: path, files }) => files.some(({ before }) => before === 0) && !this.#tree.has({ root, path })))
      this.#newAtMs.set(root, this.#clock.steadyMs());
  }

  #noteGrowth(run: RunRef): void {
    const atMs = this.#clock.steadyMs();
    const key = keyOfRun(run);
    const known = this.#grew.get(key);
    if (known === undefined) this.#grew.set(key, { run, atMs });
    else known.atMs = atMs;
    this.#state.noteGrowth(run, this.#clock.wallMs());
  }

  #tick(nowMs: number): void {
    for (const { run, name, lanes } of this.#heals.due(nowMs)) {
      for (const feed of this.#feeds) if (lanes.has(feed.lane)) feed.tryAgain(run, name);
    }
    for (const [key, { run, atMs }] of this.#grew) {
      if (nowMs - atMs < this.#endedAfterMs(run)) continue;
      this.#grew.delete(key);
      for (const feed of this.#feeds) feed.runQuiet(run);
    }
    this.#tellDue();
    this.#tellHeld();
    for (const feed of this.#feeds) feed.tick(nowMs);
    this.#status.tick(nowMs);
    if (nowMs - this.#statusAtMs < STATUS_MS) return;
    this.#statusAtMs = nowMs;
    this.#writeStatus(false);
  }

  #endedAfterMs({ root }: RunRef): number {
    const path = this.#roots.get(root)?.path;
    const { runEndedAfterOf } = this.#options;
    return path === undefined || runEndedAfterOf === undefined ? RUN_ENDED_AFTER_MS : runEndedAfterOf(path);
  }

  /** For `status`: how all of it stands, and of each lane what is to be known of it when we are gone. */
  #writeStatus(isEnded: boolean): void {
    this.#state.together(() => {
      this.#state.writeStatus({ ...this.#status.document(), ...(isEnded ? { ended: true } : {}) });
      const kept = [...(this.#local === undefined ? [] : [this.#localState()]), ...this.#laneStates()];
      for (const lane of kept) lane.keepStand(this.#status.lane(lane.name).stand('watch', isEnded));
    });
  }

  #fail(error: unknown): void {
    this.#failure = error;
    this.#wake?.();
  }
}

/** A file of which each feed looks for itself how far it is: all that is reported of its state is which file it is. */
function unsure<File extends SeenFile>(file: File): File {
  return { ...file, stamp: `.${inodeOf(file.stamp)}` };
}

/** Whether it lies where another run was that is not there any more. */
function isInPlace({ otherwise }: { readonly otherwise: string }): boolean {
  return otherwise === 'other';
}
