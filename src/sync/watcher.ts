/**
 * Joins the parts into a continuous watch: the discovery threads report what changed, and each lane's sync brings its
 * lane there.
 */

import { resolve } from 'node:path';
import { DAMAGED_HINT, type LocalBackend } from '../backends/local/index.ts';
import { type Clock, systemClock } from '../clock.ts';
import {
  ALL_RUNS,
  type DiscoverFact,
  DiscoverThreads,
  filterOf,
  globsOf,
  type ResolvedRoot,
  type RunChange,
  resolveRoots,
  type SeenFile,
  type UnseenRoots,
} from '../discover/index.ts';
import { messageOf } from '../errors.ts';
import { asksForOthers } from '../lanes/index.ts';
import { collectGarbage } from '../memory/index.ts';
import { inodeOf, type RunRef } from '../model/index.ts';
import { checkIdentities, checkMovedRoots, heldBy, type Movable, movable, otherRoots, rootsNextTo, walkOf } from '../moves/index.ts';
import { BatchCache, JobReader } from '../reading/index.ts';
import { RunTree } from '../route/index.ts';
import type { LaneState, StateFile } from '../state/index.ts';
import { readSnapshot, WatchStatus } from '../status/index.ts';
import { HeldBackRuns } from './held-back-runs.ts';
import type { LaneSync, SyncEvents } from './lane-sync.ts';
import { LateRoots } from './late-roots.ts';
import { LocalSync } from './local-sync.ts';
import { QuietRuns } from './quiet-runs.ts';
import { RetrySchedule } from './retry-schedule.ts';
import { RUN_ENDED_AFTER_MS } from './run-ended-after.ts';
import { TrackerSync } from './tracker-sync.ts';
import { UnreadNotes } from './unread-notes.ts';
import type { WatchOptions } from './watch-options.ts';
import { WatchedMoves } from './watched-moves.ts';

const TICK_MS = 1000;
/** How often the state gets a new status document. */
const STATUS_MS = 2000;

/** A watch that is under way. */
export class Watcher {
  readonly #options: WatchOptions;
  readonly #clock: Clock;
  readonly #local: LocalBackend | undefined;
  readonly #state: StateFile;
  readonly #roots: ReadonlyMap<string, ResolvedRoot>;
  /** Paths of roots that could not be accessed at the start, nor since. */
  readonly #unseen: Set<string>;
  readonly #late: LateRoots;
  readonly #status: WatchStatus;
  #retries: RetrySchedule;
  readonly #reader: JobReader;
  readonly #tree = new RunTree();
  #syncs: readonly LaneSync[] = [];
  /** Ends the syncs. They begin again after runs at another path were followed. */
  #round = new AbortController();
  readonly #moves: WatchedMoves;
  readonly #quiet: QuietRuns;
  readonly #heldBack: HeldBackRuns;
  readonly #scans = new Map<string, PromiseWithResolvers<void>>();
  readonly #unread: UnreadNotes;
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
      resolveRoots(roots, rootsNextTo(local ?? state, roots), options.linksOf, unseen).map((root) => [root.name, root]),
    );
    const known = (): ReturnType<typeof rootsNextTo> => rootsNextTo(local ?? state, roots);
    this.#late = new LateRoots({ requests: roots, unseen, known, linksOf: options.linksOf });
    const lanes = [
      ...(store === undefined
        ? []
        : [{ name: 'local', type: 'local', where: store.path, kept: readSnapshot(this.#localState().snapshot()) }]),
      ...trackers.map(({ name, type, target }) => ({
        name,
        type,
        where: target,
        kept: readSnapshot(state.lane(name, target).snapshot()),
      })),
    ];
    const { scanIntervalMs } = options;
    const held = local ?? state;
    const fresh = [...this.#roots.values()].filter(({ name, path }) => this.#unseen.has(path) && !held.hasRuns(name));
    this.#status = new WatchStatus({
      log,
      lanes,
      before: options.before,
      newRoots: new Map(fresh.map(({ name, path }) => [name, path])),
      roots: [...this.#roots.keys()],
      clock: this.#clock,
      ...(scanIntervalMs === undefined ? {} : { scanIntervalMs }),
    });
    this.#retries = new RetrySchedule(state, this.#clock);
    this.#unread = new UnreadNotes({
      roots: this.#roots,
      rules: options.rules,
      isSilent: (root) => this.#status.isSilent(root),
      state,
      local,
    });
    this.#quiet = new QuietRuns(state, (run) => this.#endedAfterMs(run), this.#clock);
    this.#heldBack = new HeldBackRuns({
      lanes: new Set(trackers.flatMap(({ name, routing }) => (routing !== undefined && asksForOthers(routing) ? [name] : []))),
      wasScanned: (root) => this.#status.roots.has(root),
      tree: this.#tree,
      // This is read each time: the caller may change it.
      quietMs: () => options.quietRootMs,
      clock: this.#clock,
    });
    this.#moves = new WatchedMoves({
      roots: this.#roots,
      isFollowed: options.moved !== 'new',
      answeringPath: (name) => this.#answeringPath(name),
      movables: () => this.#movables(),
      status: this.#status,
      clock: this.#clock,
      signal: options.signal,
    });
    this.#reader = new JobReader({
      fellSilent: (fact) => this.#status.fellSilent(fact),
      answersAgain: (fact) => {
        this.#status.answersAgain(fact);
        for (const root of fact.waiting) for (const sync of this.#syncs) sync.answersAgain?.(root);
      },
    });
  }

  async run(): Promise<WatchStatus> {
    const { signal } = this.#options;
    const resolved = [...this.#roots.values()];
    // A root that can't be accessed is assumed to be unchanged.
    const seen = resolved.filter(({ path }) => !this.#unseen.has(path));
    checkIdentities(seen, this.#local ?? heldBy(this.#state, this.#laneStates()));
    if (this.#options.moved !== 'new') {
      const { rules = ALL_RUNS } = this.#options;
      const helds = this.#movables();
      await checkMovedRoots(seen, helds, await otherRoots(resolved, helds), walkOf(rules));
    }
    this.#readVerdicts();
    this.#readPauses();
    await this.#options.onStart?.(this.#status);
    const damage = this.#local?.damage();
    if (damage !== undefined) this.#status.storeDamaged(this.#options.store?.path ?? '', `${damage}. ${DAMAGED_HINT}`);
    // One transaction: for thousands of roots, single commits would cost more than the first scan.
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
      // A round ends if runs at another path must be followed: no data of them may be under way meanwhile.
      while (!signal.aborted) {
        await this.#watchOnce(resolved);
        if (this.#failure !== undefined) throw this.#failure;
        if (signal.aborted) break;
        this.#moves.follow();
        this.#status.roundBegins();
      }
      return this.#status;
    } finally {
      stopTimer();
      signal.removeEventListener('abort', stop);
      await this.#reader.close();
      this.#writeStatus(true);
    }
  }

  /** Watches until the signal aborts, something fails, or a run was found at another path. */
  async #watchOnce(resolved: readonly ResolvedRoot[]): Promise<void> {
    const { signal, rules = ALL_RUNS, scanIntervalMs = 60_000, notify = true } = this.#options;
    const isOurs = this.#scope();
    this.#round = new AbortController();
    this.#retries = new RetrySchedule(this.#state, this.#clock);
    this.#syncs = this.#newSyncs();
    this.#heldBack.clear();
    this.#retries.restore(
      this.#syncs.map(({ lane }) => lane),
      isOurs,
    );
    const roots = resolved.map(({ name, path, below, links }) => ({ name, path, below, links, ...globsOf(rules, { name, path }) }));
    // As above: a thread that later replaces another one asks for everything.
    const known = new Set((this.#local ?? this.#state).roots().map(({ name }) => name));
    let hasStarted = false;
    const discover = new DiscoverThreads({
      settings: { roots, scanIntervalMs, notify },
      seen: (root) => (hasStarted || known.has(root) ? this.#seen(root, isOurs) : []),
      onFact: (fact) => this.#onFact(fact),
      onFailure: (error) => this.#fail(error),
    });
    this.#moves.begin(
      () => discover.scanSoon(),
      () => this.#endRound(),
    );
    discover.begin();
    hasStarted = true;
    try {
      const running = this.#syncs.map((sync) => sync.run().catch((error: unknown) => this.#fail(error)));
      while (!signal.aborted && !this.#round.signal.aborted && this.#failure === undefined) {
        await new Promise<void>((wake) => {
          this.#wake = wake;
        });
      }
      // A failure ends the watch without the signal: the syncs are abandoned, which is safe.
      if (this.#failure === undefined) await Promise.all(running);
    } finally {
      await discover.close();
    }
  }

  /** Returns the path of a root; undefined if it does not answer. */
  #answeringPath(name: string): string | undefined {
    const path = this.#roots.get(name)?.path;
    return path === undefined || this.#unseen.has(path) || this.#status.isSilent(name) ? undefined : path;
  }

  /**
   * Returns the state, then the store. If the process ends between the two, the next start moves the run in the
   * store.
   */
  #movables(): Movable[] {
    return [this.#state, this.#local].flatMap((held) => (held === undefined ? [] : [movable(held)]));
  }

  #newSyncs(): LaneSync[] {
    const { trackers = [], runEndedAfterOf = () => RUN_ENDED_AFTER_MS } = this.#options;
    const signal = AbortSignal.any([this.#options.signal, this.#round.signal]);
    const places = new Map([...this.#roots].map(([name, { path, links }]) => [name, { path, links }]));
    const cache = new BatchCache();
    this.#status.queueBytes = () => cache.bytes;
    const shared = { status: this.#status, events: this.#events(), places, signal, clock: this.#clock };
    const syncs: LaneSync[] = trackers.map((tracker) => {
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
        allReported: (root) => this.#scanOf(root).promise,
        isTreeWhole: () => this.#status.isReady,
      });
    });
    if (this.#local === undefined) return syncs;
    const state = this.#localState();
    const local = new LocalSync({ ...shared, lane: 'local', backend: this.#local, state, cache: trackers.length > 0 ? cache : undefined });
    return [local, ...syncs];
  }

  #events(): SyncEvents {
    const retries = this.#retries;
    return {
      fileTroubled: (lane, run, name, isSoon) => retries.fileTroubled(lane, run, name, isSoon),
      fileValid: (lane, run, name) => retries.fileValid(lane, run, name),
      readFailed: (lane, run, name) => retries.readFailed(lane, run, name),
      fileRead: (lane, run, name) => retries.fileRead(lane, run, name),
      fileGone: (lane, run, name) => retries.fileGone(lane, run, name),
      fileReplaced: (lane, run, name) => {
        for (const sync of this.#syncs) if (sync.lane !== lane) sync.tryAgain(run, name);
      },
    };
  }

  #localState(): LaneState {
    return this.#state.lane('local', resolve(this.#options.store?.path ?? ''), { ownsPositions: true });
  }

  #laneStates(): LaneState[] {
    return (this.#options.trackers ?? []).map(({ name, target }) => this.#state.lane(name, target));
  }

  /** Returns a filter for the watched runs: those below the configured paths that the globs let through. */
  #scope(): (run: RunRef) => boolean {
    const { rules = ALL_RUNS } = this.#options;
    const filters = new Map([...this.#roots.values()].map((root) => [root.name, filterOf(rules, root)]));
    return ({ root, path }) => {
      const below = this.#roots.get(root)?.below;
      if (below === undefined) return false;
      return (below === '' || path === below || path.startsWith(`${below}/`)) && filters.get(root)?.accepts(path) !== false;
    };
  }

  /** Yields the files that were mirrored before, so that discovery reports only what differs or is gone. */
  *#seen(root: string, isOurs: (run: RunRef) => boolean): Generator<SeenFile, void, void> {
    const isAlone = (this.#options.trackers ?? []).length === 0;
    for (const file of this.#local?.knownFiles(root) ?? []) {
      const run = { root, path: file.run };
      if (file.isDamaged && isOurs(run)) {
        this.#retries.fileTroubled('local', run, file.name);
        this.#quiet.noteIncomplete(run);
      }
      if (file.wasRewritten && isOurs(run)) for (const sync of this.#syncs) sync.tidy?.(run);
      // Other lanes may have other positions in it: then each sync checks for itself.
      yield isAlone ? file : unsure(file);
    }
    if (this.#local !== undefined) return;
    for (const file of this.#state.knownFiles(root)) yield unsure(file);
  }

  #onFact(fact: DiscoverFact): void {
    // What is found after the signal is left for the next start: with thousands of roots, it would delay the end.
    if (this.#options.signal.aborted) return;
    switch (fact.kind) {
      case 'filesChanged':
        if (this.#late.leavesOut(fact.root)) return;
        if (!this.#moves.takes(fact.root, fact.changes)) this.#report(fact.root, this.#moves.sift(fact.root, fact.changes));
        return;
      case 'filesGone':
        // A round that is ending reports nothing that may have moved elsewhere: the next round checks everything.
        if (this.#moves.hasMoved || this.#late.leavesOut(fact.root)) return;
        this.#moves.filesGone(fact.root, fact.files);
        for (const { run: path, name } of fact.files) for (const sync of this.#syncs) sync.fileGone({ root: fact.root, path }, name);
        return;
      case 'rootScanned':
        this.#rootScanned(fact);
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

  #rootScanned(found: Extract<DiscoverFact, { kind: 'rootScanned' }>): void {
    const verdict = found.isMissing ? undefined : this.#late.scanned(found.root);
    if (verdict?.kind === 'freed') {
      // Only another round reports the files that were left out.
      this.#endRound();
      return;
    }
    const fact =
      verdict?.kind === 'refused'
        ? { ...found, directories: 0, files: 0, isMissing: true, obstacles: [{ path: '.', reason: verdict.reason }] }
        : found;
    const wasReady = this.#status.isReady;
    this.#status.rootScanned(fact);
    // What the first scans left behind would stay: an idle watch allocates little.
    if (!wasReady && this.#status.isReady) collectGarbage();
    if (!fact.isMissing && !fact.obstacles.some(({ path }) => path === '.')) this.#unseen.delete(this.#roots.get(fact.root)?.path ?? '');
    this.#moves.rootScanned(fact.root, fact.startedAtMs);
    this.#reportDue();
    this.#unread.rootScanned(fact);
    this.#heldBack.releaseDue();
    this.#scanOf(fact.root).resolve();
  }

  #endRound(): void {
    this.#round.abort();
    this.#wake?.();
  }

  /** Reports changes that waited because their paths were taken. */
  #reportDue(): void {
    for (const { root, changes } of this.#moves.due()) this.#report(root, changes);
  }

  #report(root: string, changes: readonly RunChange[]): void {
    this.#heldBack.noteNew(root, changes);
    // Only lanes of trackers fold runs, so only they need to know the siblings of a run.
    if ((this.#options.trackers ?? []).length > 0) for (const { run: path } of changes) this.#tree.add({ root, path });
    for (const { run: path, files } of changes) {
      const run = { root, path };
      this.#quiet.noteGrowth(run);
      this.#moves.noteKnown(files);
      for (const sync of this.#syncs) if (!this.#heldBack.holds(sync, run, files)) sync.filesChanged(run, files);
      // The file was written to without growing: bytes that could not be read may be readable now.
      for (const { name, size, before } of files) {
        if (size === before && this.#retries.has(run, name)) for (const sync of this.#syncs) sync.tryAgain(run, name);
      }
    }
  }

  /** The first scan of a root. */
  #scanOf(root: string): PromiseWithResolvers<void> {
    const scan = this.#scans.get(root) ?? Promise.withResolvers<void>();
    this.#scans.set(root, scan);
    return scan;
  }

  #tick(nowMs: number): void {
    for (const { run, name, lanes } of this.#retries.due(nowMs)) {
      for (const sync of this.#syncs) if (lanes.has(sync.lane)) sync.tryAgain(run, name);
    }
    for (const run of this.#quiet.due(nowMs)) for (const sync of this.#syncs) sync.runQuiet(run);
    this.#reportDue();
    this.#heldBack.releaseDue();
    for (const sync of this.#syncs) sync.tick(nowMs);
    this.#status.tick(nowMs);
    if (nowMs - this.#statusAtMs < STATUS_MS) return;
    this.#statusAtMs = nowMs;
    this.#readWhatOthersWrote();
    this.#writeStatus(false);
  }

  /** Reads what other processes (`verify` and `lane`) wrote into the state: findings, and requests of users. */
  #readWhatOthersWrote(): void {
    // A state that cannot be written for a while cannot be read either: the known values stay.
    if (this.#state.failure !== undefined) return;
    try {
      this.#readVerdicts();
      for (const name of this.#readPauses()) this.#syncs.find(({ lane }) => lane === name)?.pausesChanged();
      this.#retryWhatIsWished();
    } catch (error) {
      this.#options.log?.debug({ reason: messageOf(error) }, 'the state cannot be read, retrying');
    }
  }

  #endedAfterMs({ root }: RunRef): number {
    const path = this.#roots.get(root)?.path;
    const { runEndedAfterOf } = this.#options;
    return path === undefined || runEndedAfterOf === undefined ? RUN_ENDED_AFTER_MS : runEndedAfterOf(path);
  }

  /** Writes the state of the watch for `status`, and a snapshot of each lane for the time after this process. */
  #writeStatus(isEnded: boolean): void {
    this.#state.together(() => {
      this.#state.writeStatus({ ...this.#status.document(), ...(isEnded ? { ended: true } : {}) });
      for (const lane of this.#allLaneStates()) lane.keepSnapshot(this.#status.lane(lane.name).snapshot('watch', isEnded));
    });
  }

  #readVerdicts(): void {
    for (const lane of this.#allLaneStates()) this.#status.lane(lane.name).verified = lane.verdict();
  }

  /** Applies the pauses in the state. Returns the lanes whose pauses have changed. */
  #readPauses(): string[] {
    return this.#allLaneStates().flatMap((lane) => (this.#status.lane(lane.name).pause(lane.pauses()) ? [lane.name] : []));
  }

  #retryWhatIsWished(): void {
    for (const lane of this.#allLaneStates()) {
      const wish = lane.retryWish();
      const sync = this.#syncs.find((each) => each.lane === lane.name);
      if (wish === undefined || sync === undefined) continue;
      lane.dropRetryWish(wish);
      this.#retries.retryNow(lane.name);
      sync.retryNow();
      this.#options.log?.info({ lane: lane.name }, 'retrying now');
    }
  }

  #allLaneStates(): LaneState[] {
    return [...(this.#local === undefined ? [] : [this.#localState()]), ...this.#laneStates()];
  }

  #fail(error: unknown): void {
    this.#failure = error;
    this.#wake?.();
  }
}

/** Returns only the identity of a file, without its position: each sync checks for itself how much it has read. */
function unsure<File extends SeenFile>(file: File): File {
  return { ...file, stamp: `.${inodeOf(file.stamp)}` };
}
