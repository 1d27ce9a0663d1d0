import { asWallMs, type Clock, systemClock } from '../clock.ts';
import type { Parcel, Refusal, RefusedFile } from '../contract/index.ts';
import { MirrorError } from '../errors.ts';
import { filePathOf, isPending, keyOfFile, type LanePause, type RunRef } from '../model/index.ts';
import type { FactLog } from './fact-log.ts';
import { KnownDamage } from './known-damage.ts';
import { LaneProgress, type LaneProgressOptions } from './lane-progress.ts';
import type { LaneSnapshot } from './lane-snapshot.ts';
import type { FoundDamage, Incident } from './progress.ts';

/** A path that does not answer. */
export interface Silence {
  readonly root: string;
  /** The absolute path. */
  readonly path: string;
  /** The start of the silence, by the wall clock. */
  readonly sinceMs: number;
}

/** A root, as the last scan found it. */
export interface RootStatus {
  directories: number;
  files: number;
  scannedAtMs: number;
  tookMs: number;
  isMissing: boolean;
  /** True if the root exists, and all its files disappeared at once. */
  isEmptied: boolean;
  obstacles: readonly { readonly path: string; readonly reason: string; readonly isLeft?: boolean }[];
  /** The number of obstacles that could not be read. */
  unreadable: number;
  /** Directories with a notification; 0: only polling. */
  notified: number;
  /** The reason why the system gives no more notifications; empty if it does. */
  notifiedReason: string;
}

/** The state of a root, in one word. */
export type RootCondition = 'scanned' | 'unscanned' | 'missing' | 'emptied' | 'not_answering';

/** The public view of a lane: what it holds, and how far the files are ahead. */
export interface LanePosture {
  readonly name: string;
  readonly type: string;
  readonly where: string;
  /** Points that the lane holds; for a tracker the points it accepted, repeated ones included. */
  readonly points: number;
  /** Points that it will never take, and those for which it has no place. */
  readonly refused: number;
  readonly unsupported: number;
  /** Files and params next to the event files that the lane refused. */
  readonly refusedFiles: readonly RefusedFile[];
  /**
   * Files and params for which the lane has no place, or none for the model or dataset that should be made of them.
   */
  readonly unsupportedFiles: readonly RefusedFile[];
  /** Runs with a tracker run in addition to their former one, because files were replaced. */
  readonly runsReplaced: number;
  readonly lagBytes: number;
  /** The lag in points, estimated from the bytes per point so far; undefined if nothing was mirrored yet. */
  readonly lagPoints: number | undefined;
  /** The age of the oldest point that is in the files and not in the lane, counted from when it was visible. */
  readonly lagMs: number;
  readonly runsBehind: number;
  /** The snapshot of the process that drives the lane, or of the last one that did; undefined if there was none. */
  readonly snapshot: LaneSnapshot | undefined;
  /** The lane's pauses, which people asked for. */
  readonly pauses: readonly LanePause[];
  /** True if that process is alive: its snapshot is up to date. */
  readonly isDriven: boolean;
  /** Files next to the event files, by outcome; undefined if none are searched for. */
  readonly files: Readonly<Record<string, number>> | undefined;
  /** Links to its tracker runs; empty if they were not requested. */
  readonly links: readonly { readonly run: RunRef; readonly url: string }[];
}

/** The receiver of durations, for metrics. */
export interface StatusWatcher {
  /** Notes that a request to a lane's tracker ended with this HTTP status; undefined: there was no answer. */
  requestEnded(lane: string, status: number | undefined, ms: number): void;
  rootScanned(ms: number): void;
}

/** The most roots whose first scans are logged line by line; with more roots, one line reports all. */
const MOST_ROOT_LINES = 20;
/** The number of scan intervals, plus a grace period, after which a root is late. */
const SCANS_MISSED = 4;
const SCAN_GRACE_MS = 30_000;
/** How long a lane with work may make no progress before a restart is recommended. */
const STILL_MS = 10 * 60_000;
/** The most incidents that are kept for display; all are logged. */
const MOST_INCIDENTS = 100;
/** The most places of damage that a document names. */
const MOST_DAMAGE = 1000;
/** How often a line of counts is logged without a terminal, while something happens. */
const LOG_INTERVAL_MS = 10_000;
/** How often a lane without progress is logged as behind. */
const BEHIND_INTERVAL_MS = 60_000;

/** The active configuration, and the error of a newer one. */
export interface LoadedConfig {
  /** The configuration file; undefined without one. */
  readonly file: string | undefined;
  /** The time of loading, by the wall clock. */
  readonly loadedAtMs: number;
  /** The error of the last reload: the earlier configuration stays active. Undefined after a successful reload. */
  readonly error?: { readonly code: string; readonly message: string; readonly atMs: number } | undefined;
  /** Changed settings that only a restart applies. */
  readonly needsRestart: readonly string[];
}

function configJson({ file, loadedAtMs, error, needsRestart }: LoadedConfig): object {
  return {
    file: file ?? null,
    loaded_at: stamp(loadedAtMs),
    error: error === undefined ? null : { code: error.code, message: error.message, at: stamp(error.atMs) },
    needs_restart: needsRestart,
  };
}

/** The parts that a watch's status covers. */
export interface WatchStatusOptions {
  readonly log?: FactLog | undefined;
  readonly lanes: readonly Pick<LaneProgressOptions, 'name' | 'type' | 'where' | 'kept'>[];
  /** Names of the watched roots: the watch is ready when all of them were scanned. */
  readonly roots?: readonly string[];
  /** The status of the previous watch in the same process. Its counters continue. */
  readonly before?: WatchStatus | undefined;
  /** The paths of unknown roots: if one of these is missing, it does not exist yet. */
  readonly newRoots?: ReadonlyMap<string, string>;
  /** Milliseconds between two scans of a root. Default 60,000. */
  readonly scanIntervalMs?: number;
  /** Default: the system's. */
  readonly clock?: Clock;
}

/**
 * The state of a watch: counts, lag, the lane, the roots, damage. The source of the display, the log, `status` and
 * health.
 */
export class WatchStatus {
  /** The time when the first watch of this process began. */
  readonly startedAtMs: number;
  /** The active configuration, if this process reloads it. */
  config: LoadedConfig | undefined;
  /** The address of the web page; undefined if it is not served. */
  page: string | undefined;
  /** The time when this watch began. */
  readonly #startedAtMs: number;
  readonly lanes: readonly LaneProgress[];
  readonly roots = new Map<string, RootStatus>();
  readonly #log: FactLog | undefined;
  readonly #expected: readonly string[];
  /** The last scans of the previous watch: their findings are not reported again. */
  readonly #former: ReadonlyMap<string, RootStatus>;
  /** Paths of roots that mirrorboard has never seen. */
  readonly #neverSeen: Map<string, string>;
  readonly #clock: Clock;
  readonly #scanIntervalMs: number;
  /** The lane that reported trouble with a file, by the file's key; a read that succeeds ends it. */
  readonly #troubledLanes = new Map<string, string>();
  readonly #silences = new Map<string, Silence & { readonly threads: number }>();
  /** The unreadable parts of the files. */
  readonly knownDamage: KnownDamage;
  readonly #incidents: Incident[] = [];
  readonly #incidentCounts = new Map<Incident['kind'], number>();
  #watcher: StatusWatcher | undefined;
  /** The totals of the first scans. */
  readonly #first = { directories: 0, files: 0, isReported: false };
  readonly #logged = { atMs: 0, points: new Map<string, number>(), behind: new Map<string, number>() };

  constructor({ log, lanes, roots = [], newRoots = new Map(), scanIntervalMs = 60_000, before, clock = systemClock }: WatchStatusOptions) {
    this.#scanIntervalMs = scanIntervalMs;
    this.#log = log;
    this.#expected = roots;
    this.#former = before?.roots ?? new Map();
    this.#neverSeen = new Map(newRoots);
    const watched = new Set(roots);
    this.knownDamage = new KnownDamage(log, before?.knownDamage, (root) => watched.has(root));
    this.#clock = clock;
    const nowMs = clock.steadyMs();
    this.startedAtMs = before?.startedAtMs ?? nowMs;
    this.#startedAtMs = nowMs;
    this.config = before?.config;
    this.#logged.atMs = nowMs;
    this.lanes = lanes.map((lane) => {
      const same = before?.lanes.find(({ name, where }) => name === lane.name && where === lane.where);
      if (same !== undefined) this.#logged.points.set(lane.name, same.points);
      const onRequest = (status: number | undefined, ms: number): void => this.#watcher?.requestEnded(lane.name, status, ms);
      return new LaneProgress({ ...lane, log, before: same, onRequest, clock });
    });
    for (const incident of before?.incidents ?? []) this.#incidents.push(incident);
    for (const [kind, count] of before?.incidentCounts ?? []) this.#incidentCounts.set(kind, count);
  }

  /** Sets a watcher, which gets durations from now on; everything else can be read at any time. */
  watchBy(watcher: StatusWatcher): void {
    this.#watcher = watcher;
  }

  /** True if every root was scanned once, and one of them recently. */
  get isReady(): boolean {
    return this.whyNotReady === undefined;
  }

  /**
   * The reason why the status is not reliable: a first scan is not complete although its root answers, or no root was
   * scanned for several intervals. A root that does not answer is no reason while others are scanned: a restart would
   * not help it, and would delay the others.
   */
  get whyNotReady(): string | undefined {
    if (this.#expected.some((name) => !this.roots.has(name) && !this.isSilent(name))) return 'the first scan is not complete';
    const { absentRoots } = this;
    if (absentRoots.length > 0 && absentRoots.length === this.#expected.length)
      return `no log directory exists yet: ${absentRoots.map(({ path }) => path).join(', ')}`;
    const ages = [...this.roots.values()].map((root) => this.#overdueMs(root));
    if (ages.some((overdueMs) => overdueMs <= 0)) return undefined;
    return this.roots.size === 0 ? 'the first scan is not complete' : `no root was scanned for ${seconds(this.#lastScanMs)} s`;
  }

  /** Remarks on roots that were not scanned for long, and on paths that do not answer. */
  get remarks(): readonly string[] {
    const late = [...this.roots].flatMap(([name, root]) =>
      this.#overdueMs(root) > 0 ? [`${name} was not scanned for ${seconds(this.#clock.steadyMs() - root.scannedAtMs)} s`] : [],
    );
    const absent = this.absentRoots.map(({ name, path, reason = `${path} does not exist yet` }) => `${name}: ${reason}`);
    return [
      ...absent,
      ...late,
      ...this.silences.map(({ root, path, sinceMs }) => `${root}: ${path} has not answered since ${stamp(sinceMs)}`),
    ];
  }

  /**
   * Roots that do not exist yet: mirrorboard has never seen them, so each may be a typing error. `reason`: why it is
   * not mirrored, if something is there.
   */
  get absentRoots(): readonly { readonly name: string; readonly path: string; readonly reason: string | undefined }[] {
    if (this.#neverSeen.size === 0) return [];
    return [...this.#neverSeen].flatMap(([name, path]) => {
      const root = this.roots.get(name);
      return root?.isMissing === true ? [{ name, path, reason: root.obstacles[0]?.reason }] : [];
    });
  }

  /**
   * The reason why a restart would help: every lane has work, and none has accepted anything, or failed, for long. A
   * tracker that hangs is no reason while another lane makes progress; nor is a root that does not answer while
   * others are checked: a restart would not help them.
   */
  get whyNotAlive(): string | undefined {
    const quietMs = this.lanes.reduce((least, lane) => Math.min(least, lane.quietMs), Number.POSITIVE_INFINITY);
    if (quietMs <= STILL_MS) return undefined;
    const isExplained = this.silences.length > 0 && [...this.roots.values()].some((root) => this.#overdueMs(root) <= 0);
    return isExplained ? undefined : `data is pending, but no lane made progress for ${seconds(quietMs)} s`;
  }

  get #lastScanMs(): number {
    let lastMs = this.#startedAtMs;
    for (const { scannedAtMs } of this.roots.values()) lastMs = Math.max(lastMs, scannedAtMs);
    return this.#clock.steadyMs() - lastMs;
  }

  /** True if a path in a root does not answer. */
  isSilent(root: string): boolean {
    return this.silences.some((silence) => silence.root === root);
  }

  /** Returns how much a root's next scan is overdue; below 0 if it is in time. */
  #overdueMs({ scannedAtMs, tookMs }: RootStatus): number {
    return this.#clock.steadyMs() - scannedAtMs - SCANS_MISSED * Math.max(this.#scanIntervalMs, 4 * tookMs) - SCAN_GRACE_MS;
  }

  /** The points accepted by the lane that is furthest. */
  get points(): number {
    return this.lanes.reduce((most, { points }) => Math.max(most, points), 0);
  }

  get bytes(): number {
    return this.lanes.reduce((most, { bytes }) => Math.max(most, bytes), 0);
  }

  lane(name: string): LaneProgress {
    const lane = this.lanes.find((each) => each.name === name);
    if (lane === undefined) throw new MirrorError('MB9001', `there is no lane ${name} in the status`);
    return lane;
  }

  get incidents(): readonly Incident[] {
    return this.#incidents;
  }

  /** The number of incidents since the start, also of those that are not kept. */
  get incidentCounts(): ReadonlyMap<Incident['kind'], number> {
    return this.#incidentCounts;
  }

  get damage(): readonly FoundDamage[] {
    return this.knownDamage.all;
  }

  fileRead(lane: string, run: RunRef, file: string, outcome: 'read' | Incident['kind'], reason?: string): void {
    // Every lane reads the files itself, but trouble with a file is reported by one of them only.
    const key = keyOfFile(run, file);
    if (outcome === 'read') {
      this.#troubledLanes.delete(key);
      for (const other of this.lanes) if (other.name !== lane) other.fileReadable(run, file);
    }
    if (outcome === 'read' || outcome === 'silent' || (this.#troubledLanes.get(key) ?? lane) !== lane) return;
    this.#troubledLanes.set(key, lane);
    this.#incident({ kind: outcome, root: run.root, path: filePathOf(run.path, file), ...(reason === undefined ? {} : { reason }) });
  }

  storeDamaged(path: string, reason: string): void {
    this.#incident({ kind: 'store', root: '', path, reason });
  }

  /** Notes a file that is gone, of which a lane had not mirrored this many bytes. */
  fileGone(lane: string, run: RunRef, name: string, unreadBytes: number): void {
    this.lane(lane).fileForgotten(run, name);
    this.knownDamage.forget(run, name);
    this.#troubledLanes.delete(keyOfFile(run, name));
    const path = filePathOf(run.path, name);
    if (unreadBytes === 0) this.#log?.info({ lane, root: run.root, path }, 'file deleted after it was mirrored');
    else {
      const bytes = `${unreadBytes} byte${unreadBytes === 1 ? ' was' : 's were'}`;
      this.#incident({ kind: 'lost', root: run.root, path, reason: `${bytes} not mirrored yet into ${lane}` });
    }
  }

  /** Notes, and reports once, that a run is at another path now. */
  runMoved(incident: Incident): void {
    const isKnown = this.#incidents.some(
      ({ kind, path, reason }) => kind === 'moved' && path === incident.path && reason === incident.reason,
    );
    if (!isKnown) this.#incident(incident);
  }

  /**
   * Notes that runs were followed to another path. What was known of their former paths counts no more: the files are
   * reported again, under their present paths.
   */
  runsFollowed(moves: readonly { readonly from: RunRef; readonly to: RunRef }[]): void {
    for (const { from } of moves) for (const lane of this.lanes) lane.runForgotten(from);
    this.knownDamage.move(moves);
  }

  /** Notes that the watch begins again, after runs moved: its scans report all files that are there. */
  roundBegins(): void {
    for (const lane of this.lanes) lane.roundBegins();
  }

  parcelAccepted(lane: string, parcel: Parcel, points: number, refusals: readonly Refusal[] = []): void {
    this.lane(lane).parcelAccepted(parcel, points, refusals);
    this.knownDamage.note(parcel.batch.run, parcel.state.name, parcel.state.damage);
  }

  /** Notes that a call to a file system does not return: its thread hangs, the rest continues. */
  fellSilent({ root, path, sinceMs }: { readonly root: string; readonly path: string; readonly sinceMs: number }): void {
    const known = this.#silences.get(path);
    this.#silences.set(path, { root, path, sinceMs: Math.min(sinceMs, known?.sinceMs ?? sinceMs), threads: (known?.threads ?? 0) + 1 });
    if (known === undefined) this.#log?.warn({ root, path, since: new Date(sinceMs).toISOString() }, 'does not answer');
    this.#warnTogether();
  }

  answersAgain({ root, path }: { readonly root: string; readonly path: string }): void {
    const known = this.#silences.get(path);
    if (known === undefined) return;
    if (known.threads > 1) this.#silences.set(path, { ...known, threads: known.threads - 1 });
    else {
      this.#silences.delete(path);
      this.#log?.info({ root, path }, 'answers again');
    }
  }

  /** The oldest time of a root's last scan, by the wall clock; undefined if a root was never scanned. */
  get oldestScanMs(): number | undefined {
    if (this.#expected.some((name) => !this.roots.has(name)) || this.roots.size === 0) return undefined;
    let oldestMs = Infinity;
    for (const { scannedAtMs } of this.roots.values()) oldestMs = Math.min(oldestMs, scannedAtMs);
    return asWallMs(oldestMs, this.#clock);
  }

  /** The number of roots in each state. */
  get rootConditions(): ReadonlyMap<RootCondition, number> {
    const silent = new Set(this.silences.map(({ root }) => root));
    const counts = new Map<RootCondition, number>();
    for (const name of new Set([...this.#expected, ...this.roots.keys()])) {
      const condition = conditionOf(this.roots.get(name), silent.has(name));
      counts.set(condition, (counts.get(condition) ?? 0) + 1);
    }
    return counts;
  }

  /** Returns the bytes of decoded batches that are cached for lanes that come later. */
  queueBytes: () => number = () => 0;

  /** The paths that do not answer now. */
  get silences(): readonly Silence[] {
    return [...this.#silences.values()];
  }

  rootScanned(fact: {
    root: string;
    directories: number;
    files: number;
    tookMs: number;
    obstacles: RootStatus['obstacles'];
    isMissing: boolean;
    isEmptied?: boolean;
  }): void {
    const before = this.roots.get(fact.root);
    this.#watcher?.rootScanned(fact.tookMs);
    // Files in a directory that cannot be read may still be there.
    if (!fact.isMissing && fact.obstacles.length === 0) for (const lane of this.lanes) lane.rootScanned(fact.root);
    if (fact.isMissing !== (before?.isMissing ?? false)) {
      const path = this.#neverSeen.get(fact.root);
      if (!fact.isMissing) this.#log?.info({ root: fact.root }, path === undefined ? 'root is back' : 'root exists now');
      else if (path === undefined) this.#log?.warn({ root: fact.root }, 'root missing, waiting for it');
      else this.#log?.warn({ root: fact.root, path }, 'root does not exist yet, waiting for it');
    }
    if (!fact.isMissing) this.#neverSeen.delete(fact.root);
    const isEmptied = fact.isEmptied === true;
    const last = before ?? this.#former.get(fact.root);
    if (isEmptied && last?.isEmptied !== true) this.#incident({ kind: 'emptied', root: fact.root, path: '.' });
    if (!isEmptied && last?.isEmptied === true) this.#log?.info({ root: fact.root }, 'root is back');
    const known = new Set(last?.obstacles.map(({ path }) => path));
    for (const { path, reason, isLeft } of fact.obstacles) {
      if (!known.has(path)) this.#incident({ kind: isLeft === true ? 'link' : 'folder', root: fact.root, path, reason });
    }
    if (before === undefined) {
      const { root, directories, files, tookMs } = fact;
      this.#log?.[this.#isReportedTogether ? 'debug' : 'info']({ root, directories, files, tookMs }, 'root scanned');
      this.#first.directories += directories;
      this.#first.files += files;
    }
    this.roots.set(fact.root, {
      ...fact,
      isEmptied,
      unreadable: fact.obstacles.reduce((sum, { isLeft }) => sum + Number(isLeft !== true), 0),
      scannedAtMs: this.#clock.steadyMs(),
      notified: before?.notified ?? 0,
      notifiedReason: before?.notifiedReason ?? '',
    });
    if (before === undefined) this.#warnTogether();
  }

  /**
   * True if the first scans are reported in one line: with thousands of roots, a line each would take most of the
   * start.
   */
  get #isReportedTogether(): boolean {
    return this.#expected.length > MOST_ROOT_LINES && !this.#first.isReported;
  }

  /** Reports once that all roots that answer were scanned. Each of the others gets its own line when it answers. */
  #warnTogether(): void {
    const isNear = this.roots.size + this.#silences.size >= this.#expected.length;
    if (!this.#isReportedTogether || !isNear || this.#expected.some((name) => !this.roots.has(name) && !this.isSilent(name))) return;
    this.#first.isReported = true;
    const { directories, files } = this.#first;
    this.#log?.info(
      { roots: this.roots.size, directories, files, tookMs: Math.round(this.#clock.steadyMs() - this.#startedAtMs) },
      'roots scanned',
    );
  }

  notificationsChanged({ root, directories, reason }: { root: string; directories: number; reason: string }): void {
    const known = this.roots.get(root);
    const before = known?.notifiedReason ?? '';
    if (known !== undefined) {
      known.notified = directories;
      known.notifiedReason = reason;
    }
    if (reason !== '' && reason !== before)
      this.#log?.warn(
        { root, directories, reason },
        directories === 0 ? 'notifications off, polling continues' : 'fewer notifications, polling continues',
      );
  }

  /** Logs counts and lag; called about once a second. */
  tick(nowMs: number): void {
    if (nowMs - this.#logged.atMs < LOG_INTERVAL_MS) return;
    for (const lane of this.lanes) {
      const { name, points, lagBytes, reason } = lane;
      const newPoints = points - (this.#logged.points.get(name) ?? 0);
      const lagMs = Math.round(lane.lagMs);
      if (newPoints > 0) this.#log?.info({ lane: name, points, newPoints, lagBytes, lagMs }, 'mirrored');
      const reportedMs = Math.max(this.#logged.behind.get(name) ?? this.#startedAtMs, lane.acceptedAtMs);
      // A blocked lane is reported repeatedly: a later reader of the log must not think it healthy.
      if (newPoints === 0 && lagBytes > 0 && nowMs - reportedMs >= BEHIND_INTERVAL_MS) {
        this.#log?.info({ lane: name, lagBytes, lagMs, ...(reason === undefined ? {} : { reason }) }, 'behind');
        this.#logged.behind.set(name, nowMs);
      }
      this.#logged.points.set(name, points);
    }
    this.#logged.atMs = nowMs;
  }

  /** Returns the status as plain JSON, with units in the names. */
  document(): Record<string, unknown> {
    const time = (ms: number): string | null => (ms === 0 ? null : new Date(asWallMs(ms, this.#clock)).toISOString());
    return {
      type: 'status',
      pid: process.pid,
      cwd: process.cwd(),
      started_at: time(this.startedAtMs),
      written_at: time(this.#clock.steadyMs()),
      ready: this.isReady,
      config: this.config === undefined ? null : configJson(this.config),
      page: this.page ?? null,
      lanes: this.lanes.map((lane) => lane.document()),
      roots: [...this.roots].map(([name, root]) => ({
        name,
        directories: root.directories,
        files: root.files,
        scanned_at: time(root.scannedAtMs),
        scan_ms: root.tookMs,
        missing: root.isMissing,
        never_seen: root.isMissing && this.#neverSeen.has(name),
        emptied: root.isEmptied,
        notified_directories: root.notified,
        notifications_short: shortOf(root),
        unreadable: shown(root.obstacles.filter(({ isLeft }) => isLeft !== true)),
        not_followed: shown(root.obstacles.filter(({ isLeft }) => isLeft === true)),
      })),
      // The document is written every two seconds: a failing disk must not make it as long as all damage.
      damage: this.knownDamage.first(MOST_DAMAGE).map(({ run, file, start, end, reason, detail }) => ({
        root: run.root,
        run: run.path,
        file,
        start,
        end,
        reason,
        detail: detail ?? null,
        pending: isPending({ reason }),
      })),
      not_answering: this.silences.map(({ root, path, sinceMs }) => ({ root, path, since: new Date(sinceMs).toISOString() })),
      incidents: this.#incidents,
    };
  }

  #incident(incident: Incident): void {
    this.#log?.warn({ ...incident }, 'incident');
    this.#incidents.push(incident);
    this.#incidentCounts.set(incident.kind, (this.#incidentCounts.get(incident.kind) ?? 0) + 1);
    if (this.#incidents.length > MOST_INCIDENTS) this.#incidents.shift();
  }
}

function conditionOf(root: RootStatus | undefined, isSilent: boolean): RootCondition {
  if (isSilent) return 'not_answering';
  if (root === undefined) return 'unscanned';
  if (root.isMissing) return 'missing';
  return root.isEmptied ? 'emptied' : 'scanned';
}

function seconds(ms: number): number {
  return Math.round(ms / 1000);
}

function stamp(ms: number): string {
  return new Date(ms).toISOString();
}

/**
 * Returns the reason why not all directories of a root have a notification; null if they do, or if none is requested.
 */
function shortOf({ notified, notifiedReason, directories }: RootStatus): string | null {
  if (notifiedReason !== '') return notifiedReason;
  return notified > 0 && notified < directories ? 'mirrorboard does not request more' : null;
}

/**
 * Returns a part of the obstacles: the document is written every two seconds, and a directory may be full of links.
 */
function shown(obstacles: RootStatus['obstacles']): { readonly path: string; readonly reason: string }[] {
  return obstacles.slice(0, MOST_INCIDENTS).map(({ path, reason }) => ({ path, reason }));
}
