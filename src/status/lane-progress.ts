import { asWallMs, steadyMs } from '../clock.ts';
import type { Parcel, Refusal, TrackerParcel } from '../backends/contract.ts';
import type { MirrorError } from '../errors.ts';
import { keyOfFile, keyOfRun, type RunRef } from '../model/index.ts';
import type { FactLog } from './fact-log.ts';

/** How a lane stands. `waiting`: it tries again by itself, soon. `parked`: somebody has to mend something; it tries again slowly. */
export type LaneCondition = 'active' | 'waiting' | 'parked';

/** What was heard of a file, and how far the lane is. */
interface FileLag {
  size: number;
  watermark: number;
  /** When it was first heard of what is not mirrored yet. */
  sinceMs: number;
}

export interface LaneProgressOptions {
  readonly name: string;
  /** The backend's type. */
  readonly type: string;
  /** The target, without secrets. */
  readonly where: string;
  readonly log?: FactLog | undefined;
  readonly now?: () => number;
}

/** One lane as seen from outside: what it accepted, how far the files are ahead, and why it stands still if it does. */
export class LaneProgress {
  readonly name: string;
  readonly type: string;
  readonly where: string;
  state: LaneCondition = 'active';
  reason: string | undefined;
  remedy: string | undefined;
  sinceMs: number;
  acceptedAtMs = 0;
  /** When it last accepted something, or failed at it. */
  #movedAtMs = 0;
  /** Accepted since the start. */
  points = 0;
  records = 0;
  bytes = 0;
  /** Points the tracker will never take, and those it has no place for. */
  refused = 0;
  unsupported = 0;
  /** Points that routes keep from the lane, of what was read since the start. */
  leftOut = 0;
  /** Why the last send failed, also where it is only tried again; undefined once one went well. */
  lastError: MirrorError | undefined;
  /** Runs the tracker does not take any more, with the reason. */
  readonly stoppedRuns = new Map<string, { readonly run: RunRef; readonly reason: string; readonly remedy: string | undefined }>();
  readonly #lags = new Map<string, FileLag>();
  readonly #log: FactLog | undefined;
  readonly #now: () => number;
  readonly #wall: (steadyMs: number) => number;

  constructor({ name, type, where, log, now }: LaneProgressOptions) {
    this.name = name;
    this.type = type;
    this.where = where;
    this.#log = log;
    this.#now = now ?? steadyMs;
    this.#wall = now === undefined ? asWallMs : (ms) => ms;
    this.sinceMs = this.#now();
  }

  /** For how long there has been something to do and nothing was done; 0 where there is nothing to do. */
  get quietMs(): number {
    const { lagMs } = this;
    return this.#movedAtMs === 0 ? lagMs : Math.min(lagMs, this.#now() - this.#movedAtMs);
  }

  /** A send failed, and is tried again. */
  sendFailed(error: MirrorError): void {
    this.lastError = error;
    this.#movedAtMs = this.#now();
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

  /** Judged by the bytes a point took so far; undefined where nothing was mirrored yet. */
  get lagPoints(): number | undefined {
    return this.bytes > 0 ? Math.round((this.lagBytes * this.points) / this.bytes) : undefined;
  }

  /** Files that are ahead of the lane. */
  get filesBehind(): number {
    let files = 0;
    for (const { size, watermark } of this.#lags.values()) if (size > watermark) files++;
    return files;
  }

  /** Bytes of a file that were heard of and are not mirrored; undefined where nothing was heard of it. */
  unreadBytes(run: RunRef, name: string): number | undefined {
    const lag = this.#lags.get(keyOfFile(run, name));
    return lag === undefined ? undefined : Math.max(0, lag.size - lag.watermark);
  }

  /** The size a file was last heard to have. */
  sizeOf(run: RunRef, name: string): number | undefined {
    return this.#lags.get(keyOfFile(run, name))?.size;
  }

  /** `mirrored`: the bytes up to which it is, where nothing was heard of the file before. */
  fileGrew(run: RunRef, name: string, size: number, mirrored = 0): void {
    const key = keyOfFile(run, name);
    const lag = this.#lags.get(key);
    if (lag === undefined) this.#lags.set(key, { size, watermark: Math.min(mirrored, size), sinceMs: this.#now() });
    else {
      if (lag.watermark >= lag.size) lag.sinceMs = this.#now();
      lag.size = size;
    }
  }

  /** Nothing of a file can be waited for now. */
  fileForgotten(run: RunRef, name: string): void {
    this.#lags.delete(keyOfFile(run, name));
  }

  parcelAccepted(
    { batch, state, target = batch.run }: Parcel & Partial<Pick<TrackerParcel, 'target'>>,
    points: number,
    refusals: readonly Refusal[] = [],
  ): void {
    this.points += points;
    this.records += batch.records;
    this.bytes += batch.end - batch.start;
    this.acceptedAtMs = this.#now();
    this.#movedAtMs = this.acceptedAtMs;
    this.stoppedRuns.delete(keyOfRun(target));
    for (const { kind } of refusals) {
      if (kind === 'unsupported') this.unsupported++;
      else this.refused++;
    }
    this.resumed();
    // An end that is torn or damaged waits for its writer, not for us.
    const end = state.damage.reduce((last, damage) => Math.max(last, damage.end), state.position.watermark);
    const lag = this.#lags.get(keyOfFile(batch.run, state.name));
    if (lag !== undefined) {
      if (end > lag.watermark) lag.sinceMs = this.#now();
      lag.watermark = end;
    }
    const { root, path } = batch.run;
    this.#log?.debug({ lane: this.name, root, run: path, file: state.name, offset: batch.start, points }, 'batch accepted');
    if (refusals.length > 0) {
      const [{ reason }] = refusals as [Refusal, ...Refusal[]];
      this.#log?.warn({ lane: this.name, root, run: path, file: state.name, points: refusals.length, reason }, 'points refused');
    }
  }

  stalled(error: MirrorError | undefined, retryMs: number, state: 'waiting' | 'parked' = 'waiting'): void {
    if (this.state !== state) this.sinceMs = this.#now();
    this.#movedAtMs = this.#now();
    const isNews = this.state !== state || this.reason !== error?.message;
    this.state = state;
    this.reason = error?.message;
    this.remedy = error?.hint;
    // The same again is no news, however often it is tried.
    const fields = { lane: this.name, code: error?.code, reason: error?.message, remedy: error?.hint, retryMs };
    if (isNews) this.#log?.warn(fields, `lane ${state}`);
    else this.#log?.debug(fields, `lane ${state}`);
  }

  resumed(): void {
    this.lastError = undefined;
    if (this.state === 'active') return;
    this.state = 'active';
    this.sinceMs = this.#now();
    this.reason = undefined;
    this.remedy = undefined;
    this.#log?.info({ lane: this.name }, 'lane active');
  }

  runStopped(run: RunRef, error: MirrorError): void {
    this.stoppedRuns.set(keyOfRun(run), { run, reason: error.message, remedy: error.hint });
    this.#log?.warn(
      { lane: this.name, root: run.root, run: run.path, code: error.code, reason: error.message, remedy: error.hint },
      'run stopped',
    );
  }

  /** As plain JSON, units in the names. */
  document(): Record<string, unknown> {
    return {
      name: this.name,
      type: this.type,
      where: this.where,
      state: this.state,
      since: this.#time(this.sinceMs),
      reason: this.reason ?? null,
      remedy: this.remedy ?? null,
      last_accepted_at: this.#time(this.acceptedAtMs),
      points: this.points,
      records: this.records,
      bytes: this.bytes,
      refused: this.refused,
      unsupported: this.unsupported,
      left_out: this.leftOut,
      stopped_runs: [...this.stoppedRuns.values()].map(({ run, reason, remedy }) => ({
        root: run.root,
        run: run.path,
        reason,
        remedy: remedy ?? null,
      })),
      lag_bytes: this.lagBytes,
      lag_points_estimate: this.lagPoints ?? null,
      lag_seconds: this.lagMs / 1000,
      files_behind: this.filesBehind,
    };
  }

  #time(ms: number): string | null {
    return ms === 0 ? null : new Date(this.#wall(ms)).toISOString();
  }
}
