import type { Parcel } from '../backends/contract.ts';
import type { MirrorError } from '../errors.ts';
import { type Damage, isPending, type RunRef } from '../model/index.ts';
import type { FoundDamage, Incident } from './progress.ts';
import type { FactLog } from './tracker.ts';

/** A root as the last scan found it. */
export interface RootStatus {
  directories: number;
  files: number;
  scannedAtMs: number;
  tookMs: number;
  isMissing: boolean;
  obstacles: readonly { readonly path: string; readonly reason: string }[];
  /** Directories with a notification; 0: polling alone. */
  notified: number;
}

/** A lane as seen from outside: what it holds, and how far the files are ahead. */
export interface LanePosture {
  readonly name: string;
  readonly where: string;
  readonly points: number;
  readonly lagBytes: number;
  /** Judged by the bytes a point took so far; undefined where nothing was mirrored yet. */
  readonly lagPoints: number | undefined;
  /** Since the oldest change that is not mirrored. */
  readonly lagMs: number;
  readonly runsBehind: number;
}

export interface LaneStatus {
  readonly name: string;
  readonly where: string;
  state: 'active' | 'waiting';
  reason: string | undefined;
  remedy: string | undefined;
  sinceMs: number;
  acceptedAtMs: number;
}

/** What was heard of a file, and how far the lane is. */
interface FileLag {
  size: number;
  watermark: number;
  /** When it was first heard of what is not mirrored yet. */
  sinceMs: number;
}

/** Incidents that are kept to be shown; all are logged. */
const MOST_INCIDENTS = 100;
/** Without a terminal, a line of counts is logged this often while something happens. */
const LOG_INTERVAL_MS = 10_000;

export interface WatchStatusOptions {
  readonly log?: FactLog | undefined;
  readonly lane: string;
  readonly where: string;
  /** Names of the roots that are watched: ready is who has looked at all of them. */
  readonly roots?: readonly string[];
  readonly now?: () => number;
}

/** How a watch stands: counts, lag, the lane, the roots, damage. The source of the display, the log, `status` and health. */
export class WatchStatus {
  readonly startedAtMs: number;
  readonly lane: LaneStatus;
  readonly roots = new Map<string, RootStatus>();
  points = 0;
  records = 0;
  bytes = 0;
  readonly #log: FactLog | undefined;
  readonly #expected: readonly string[];
  readonly #now: () => number;
  readonly #lags = new Map<string, FileLag>();
  readonly #damage = new Map<string, readonly FoundDamage[]>();
  readonly #incidents: Incident[] = [];
  #logged = { atMs: 0, points: 0 };

  constructor({ log, lane, where, roots = [], now = Date.now }: WatchStatusOptions) {
    this.#log = log;
    this.#expected = roots;
    this.#now = now;
    this.startedAtMs = now();
    this.#logged.atMs = this.startedAtMs;
    this.lane = { name: lane, where, state: 'active', reason: undefined, remedy: undefined, sinceMs: this.startedAtMs, acceptedAtMs: 0 };
  }

  /** Every root was looked at once. */
  get isReady(): boolean {
    return this.roots.size > 0 && this.#expected.every((name) => this.roots.has(name));
  }

  get lagBytes(): number {
    let bytes = 0;
    for (const { size, watermark } of this.#lags.values()) bytes += Math.max(0, size - watermark);
    return bytes;
  }

  /** Milliseconds since the oldest byte that is not mirrored was heard of; 0 when there is none. */
  get lagMs(): number {
    let sinceMs = Infinity;
    for (const lag of this.#lags.values()) if (lag.size > lag.watermark) sinceMs = Math.min(sinceMs, lag.sinceMs);
    return sinceMs === Infinity ? 0 : this.#now() - sinceMs;
  }

  /** Bytes of a file that were heard of and are not mirrored; undefined where nothing was heard of it. */
  unreadBytes(run: RunRef, name: string): number | undefined {
    const lag = this.#lags.get(keyOf(run, name));
    return lag === undefined ? undefined : Math.max(0, lag.size - lag.watermark);
  }

  get incidents(): readonly Incident[] {
    return this.#incidents;
  }

  get damage(): readonly FoundDamage[] {
    return [...this.#damage.values()].flat();
  }

  /** `before` is the size it had when it was looked at last: up to there it is mirrored, or its lag is known. */
  fileGrew(run: RunRef, name: string, size: number, before = 0): void {
    const key = keyOf(run, name);
    const lag = this.#lags.get(key);
    if (lag === undefined) this.#lags.set(key, { size, watermark: Math.min(before, size), sinceMs: this.#now() });
    else {
      if (lag.watermark >= lag.size) lag.sinceMs = this.#now();
      lag.size = size;
    }
  }

  fileRead(run: RunRef, file: string, outcome: 'read' | Incident['kind'], reason?: string): void {
    if (outcome === 'read') return;
    if (outcome === 'vanished' || outcome === 'unreadable') this.#lags.delete(keyOf(run, file));
    this.#incident({ kind: outcome, root: run.root, path: pathOf(run, file), ...(reason === undefined ? {} : { reason }) });
  }

  fileGone(run: RunRef, name: string, unreadBytes: number): void {
    const key = keyOf(run, name);
    this.#lags.delete(key);
    this.#damage.delete(key);
    const path = pathOf(run, name);
    if (unreadBytes === 0) this.#log?.info({ root: run.root, path }, 'file gone, all of it is mirrored');
    else this.#incident({ kind: 'lost', root: run.root, path, reason: `${unreadBytes} bytes were not mirrored yet` });
  }

  parcelAccepted({ batch, state }: Parcel, points: number): void {
    const key = keyOf(batch.run, state.name);
    this.points += points;
    this.records += batch.records;
    this.bytes += batch.end - batch.start;
    this.lane.acceptedAtMs = this.#now();
    if (this.lane.state === 'waiting') this.#laneResumed();
    // An end that is torn or damaged waits for its writer, not for us.
    const end = state.damage.reduce((last, damage) => Math.max(last, damage.end), state.position.watermark);
    const lag = this.#lags.get(key);
    if (lag !== undefined) {
      if (end > lag.watermark) lag.sinceMs = this.#now();
      lag.watermark = end;
    }
    this.#noteDamage(key, batch.run, state.name, state.damage);
    this.#log?.debug({ root: batch.run.root, run: batch.run.path, file: state.name, offset: batch.start, points }, 'batch accepted');
  }

  rootScanned(fact: {
    root: string;
    directories: number;
    files: number;
    tookMs: number;
    obstacles: RootStatus['obstacles'];
    isMissing: boolean;
  }): void {
    const before = this.roots.get(fact.root);
    if (fact.isMissing !== (before?.isMissing ?? false)) {
      if (fact.isMissing) this.#log?.warn({ root: fact.root }, 'root missing, waiting for it');
      else this.#log?.info({ root: fact.root }, 'root is back');
    }
    for (const { path, reason } of fact.obstacles) {
      if (!before?.obstacles.some((known) => known.path === path)) this.#incident({ kind: 'folder', root: fact.root, path, reason });
    }
    if (before === undefined)
      this.#log?.info({ root: fact.root, directories: fact.directories, files: fact.files, tookMs: fact.tookMs }, 'root scanned');
    this.roots.set(fact.root, { ...fact, scannedAtMs: this.#now(), notified: before?.notified ?? 0 });
  }

  notificationsChanged({ root, directories, reason }: { root: string; directories: number; reason: string }): void {
    const known = this.roots.get(root);
    if (known !== undefined) known.notified = directories;
    if (reason !== '') this.#log?.warn({ root, reason }, 'notifications off, polling goes on');
  }

  laneStalled(error: MirrorError | undefined, retryMs: number): void {
    this.lane.state = 'waiting';
    this.lane.sinceMs = this.#now();
    this.lane.reason = error?.message;
    this.lane.remedy = error?.hint;
    this.#log?.warn({ lane: this.lane.name, code: error?.code, reason: error?.message, remedy: error?.hint, retryMs }, 'lane waiting');
  }

  #laneResumed(): void {
    this.lane.state = 'active';
    this.lane.sinceMs = this.#now();
    this.lane.reason = undefined;
    this.lane.remedy = undefined;
    this.#log?.info({ lane: this.lane.name }, 'lane active');
  }

  /** To be called about once a second. */
  tick(nowMs: number): void {
    if (nowMs - this.#logged.atMs < LOG_INTERVAL_MS) return;
    if (this.points > this.#logged.points) {
      const { points, lagBytes } = this;
      this.#log?.info({ lane: this.lane.name, points, newPoints: points - this.#logged.points, lagBytes, lagMs: this.lagMs }, 'mirrored');
    }
    this.#logged = { atMs: nowMs, points: this.points };
  }

  /** All of it as plain JSON, units in the names. */
  document(): Record<string, unknown> {
    const time = (ms: number): string | null => (ms === 0 ? null : new Date(ms).toISOString());
    const lagBytes = this.lagBytes;
    return {
      type: 'status',
      pid: process.pid,
      started_at: time(this.startedAtMs),
      written_at: time(this.#now()),
      ready: this.isReady,
      lanes: [
        {
          name: this.lane.name,
          where: this.lane.where,
          state: this.lane.state,
          since: time(this.lane.sinceMs),
          reason: this.lane.reason ?? null,
          remedy: this.lane.remedy ?? null,
          last_accepted_at: time(this.lane.acceptedAtMs),
          points: this.points,
          records: this.records,
          bytes: this.bytes,
          lag_bytes: lagBytes,
          lag_points_estimate: this.bytes > 0 ? Math.round((lagBytes * this.points) / this.bytes) : null,
          lag_seconds: this.lagMs / 1000,
        },
      ],
      roots: [...this.roots].map(([name, root]) => ({
        name,
        directories: root.directories,
        files: root.files,
        scanned_at: time(root.scannedAtMs),
        scan_ms: root.tookMs,
        missing: root.isMissing,
        notified_directories: root.notified,
        unreadable: root.obstacles,
      })),
      damage: this.damage.map(({ run, file, start, end, reason, detail }) => ({
        root: run.root,
        run: run.path,
        file,
        start,
        end,
        reason,
        detail: detail ?? null,
        pending: isPending({ start, end, reason }),
      })),
      incidents: this.#incidents,
    };
  }

  #noteDamage(key: string, run: RunRef, file: string, damage: readonly Damage[]): void {
    const known = this.#damage.get(key) ?? [];
    for (const item of damage) {
      if (isPending(item) || known.some(({ start, reason }) => start === item.start && reason === item.reason)) continue;
      this.#log?.warn({ root: run.root, run: run.path, file, ...item }, 'damage found');
    }
    for (const item of known) {
      if (!isPending(item) && !damage.some(({ start }) => start === item.start)) {
        this.#log?.info({ root: run.root, run: run.path, file, start: item.start, end: item.end }, 'damage healed');
      }
    }
    if (damage.length === 0) this.#damage.delete(key);
    else
      this.#damage.set(
        key,
        damage.map((item) => ({ ...item, run, file })),
      );
  }

  #incident(incident: Incident): void {
    this.#log?.warn({ ...incident }, 'incident');
    this.#incidents.push(incident);
    if (this.#incidents.length > MOST_INCIDENTS) this.#incidents.shift();
  }
}

function keyOf({ root, path }: RunRef, file: string): string {
  return JSON.stringify([root, path, file]);
}

function pathOf(run: RunRef, file: string): string {
  return run.path === '.' ? file : `${run.path}/${file}`;
}
