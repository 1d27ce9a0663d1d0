import { asWallMs, type Clock, systemClock } from '../clock.ts';
import type { Parcel, Refusal, TrackerParcel } from '../contract/index.ts';
import type { MirrorError } from '../errors.ts';
import { isRootPaused, isWholePaused, keyOfFile, keyOfRun, type LanePause, pendingGapBytes, type RunRef } from '../model/index.ts';
import type { FactLog } from './fact-log.ts';
import { FileLag } from './file-lag.ts';
import { KeptLag } from './kept-lag.ts';
import { LanePace } from './lane-pace.ts';
import { type LaneSnapshot, snapshotOf, waitingWords } from './lane-snapshot.ts';

/**
 * The state of a lane. `waiting`: it tries again by itself, soon. `parked`: a person has to repair something; it
 * retries slowly. `paused`: a person asked for that.
 */
export type LaneCondition = 'active' | 'waiting' | 'parked' | 'paused';

/** What `verify` found last of a lane. */
export interface Verified {
  /** When it ended, by the wall clock. */
  readonly atMs: number;
  readonly differences: number;
}

/** The lane that is counted. */
export interface LaneProgressOptions {
  readonly name: string;
  /** The backend's type. */
  readonly type: string;
  /** The target, without secrets. */
  readonly where: string;
  readonly log?: FactLog | undefined;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** The same lane in the previous watch of this process. Its counters continue. */
  readonly before?: LaneProgress | undefined;
  /** What the process before this one left of the lane. */
  readonly kept?: LaneSnapshot | undefined;
  /** A request to its tracker ended with this HTTP status; undefined: there was no answer. */
  readonly onRequest?: (status: number | undefined, ms: number) => void;
}

const PAUSED_REASON = 'paused with mirrorboard lane pause; nothing is sent to it until it resumes';

const SILENT_REMEDY =
  'It accepts requests but does not answer: check if its server is stopped or overloaded, or its database hangs, and restart it if needed.';

/** One lane as seen from outside: what it accepted, how far it is behind, and why it does not advance. */
export class LaneProgress {
  readonly name: string;
  readonly type: string;
  readonly where: string;
  #state: Exclude<LaneCondition, 'paused'> = 'active';
  #pauses: readonly LanePause[] = [];
  /** Why it does not advance: the error of the last failed send. */
  #failure: MirrorError | undefined;
  /** Since when the tracker does not answer, though it is asked something. */
  silentSinceMs: number | undefined;
  /** When it tries again; undefined if it does not wait. */
  nextTryMs: number | undefined;
  sinceMs: number;
  acceptedAtMs = 0;
  /** When it last accepted something, or failed at it; before that, when it began. */
  #movedAtMs: number;
  /** Accepted since the start. */
  points = 0;
  records = 0;
  bytes = 0;
  /** Points the tracker will never take, and those it has no place for. */
  refused = 0;
  unsupported = 0;
  /** Why the first point was refused that was since the start; of the others most often the same. */
  refusal: string | undefined;
  /** Points that routes keep from the lane, of what was read since the start. */
  leftOut = 0;
  /** Why the last send failed, also if it is only tried again; undefined once one went well. */
  lastError: MirrorError | undefined;
  /** The last failure, whatever came after it, and when it was. */
  pastError: { readonly error: MirrorError; readonly atMs: number } | undefined;
  /** The phase of a pass: first points, then artifacts and params, then ends of runs. */
  work: 'points' | 'files' | 'ends' | 'done' = 'points';
  /** Bytes it had to bring since the start, those of later growth included. */
  bytesPending = 0;
  /** What `verify` found last, if it ever looked. */
  verified: Verified | undefined;
  /** Runs the tracker does not take any more, with the reason. */
  readonly stoppedRuns = new Map<string, { readonly run: RunRef; readonly reason: string; readonly remedy: string | undefined }>();
  readonly #lags = new Map<string, FileLag>();
  /** Files with pending bytes, so that no caller has to go through all files. */
  readonly #behind = new Set<FileLag>();
  /** Sum over all of them. */
  #lagBytes = 0;
  readonly #kept: LaneSnapshot | undefined;
  readonly #keptLag: KeptLag | undefined;
  readonly #pace = new LanePace();
  /** Points and bytes it was given, taken or not: what a byte is worth. */
  #given = { points: 0, bytes: 0 };
  readonly #log: FactLog | undefined;
  readonly #clock: Clock;
  readonly #onRequest: LaneProgressOptions['onRequest'];

  constructor({ name, type, where, log, clock = systemClock, kept, before, onRequest }: LaneProgressOptions) {
    this.#onRequest = onRequest;
    this.#kept = kept;
    this.#keptLag = kept === undefined ? undefined : new KeptLag(kept.behind, kept.written_ms);
    this.name = name;
    this.type = type;
    this.where = where;
    this.#log = log;
    this.#clock = clock;
    this.sinceMs = this.#clock.steadyMs();
    this.#movedAtMs = this.sinceMs;
    if (before === undefined) return;
    this.points = before.points;
    this.records = before.records;
    this.bytes = before.bytes;
    this.refused = before.refused;
    this.unsupported = before.unsupported;
    this.leftOut = before.leftOut;
    this.acceptedAtMs = before.acceptedAtMs;
    this.pastError = before.pastError;
  }

  /** What people have paused: it gets nothing, and is not late. */
  get pauses(): readonly LanePause[] {
    return this.#pauses;
  }

  /** Returns whether that is news. */
  pause(pauses: readonly LanePause[]): boolean {
    if (JSON.stringify(pauses) === JSON.stringify(this.#pauses)) return false;
    const was = this.#pauses;
    this.#pauses = pauses;
    this.#movedAtMs = this.#clock.steadyMs();
    if (this.isPaused) this.#pace.rests();
    const isPaused = pauses.length > 0;
    const named = isPaused ? pauses : was;
    // If the whole lane is named, so are all of its roots.
    const roots = named.every(({ root }) => root !== undefined) ? named.flatMap(({ root }) => root ?? []) : [];
    this.#log?.info(
      { lane: this.name, ...(roots.length === 0 ? {} : { roots }), ...this.#lagFields() },
      isPaused ? 'lane paused' : 'lane resumed',
    );
    return true;
  }

  /** Whether all of it is paused. */
  get isPaused(): boolean {
    return isWholePaused(this.#pauses);
  }

  /** Whether nothing of a root is to be sent now. */
  holds(root: string): boolean {
    return isRootPaused(this.#pauses, root);
  }

  /** `silent`: it asked something, and has no answer for long. */
  get state(): LaneCondition {
    return this.isPaused ? 'paused' : this.#conditionNow;
  }

  get #conditionNow(): Exclude<LaneCondition, 'paused'> {
    return this.#state === 'active' && this.silentSinceMs !== undefined ? 'waiting' : this.#state;
  }

  get reason(): string | undefined {
    if (this.isPaused) return PAUSED_REASON;
    return this.silentSinceMs === undefined ? this.#failure?.message : waitingWords(this.#clock.steadyMs() - this.silentSinceMs);
  }

  get remedy(): string | undefined {
    if (this.isPaused) return `mirrorboard lane resume ${this.name}`;
    return this.silentSinceMs === undefined ? this.#failure?.hint : SILENT_REMEDY;
  }

  /** The code of the error that stops it. */
  get code(): string | undefined {
    if (this.isPaused) return undefined;
    return this.silentSinceMs === undefined ? this.#failure?.code : 'MB4001';
  }

  /** For how long there has been something to do and nothing was done; 0 if there is nothing to do. */
  get quietMs(): number {
    return Math.min(this.lagMs, this.#clock.steadyMs() - this.#movedAtMs);
  }

  /** A request to the tracker ended with this HTTP status; undefined: there was no answer. */
  requestEnded(status: number | undefined, ms: number): void {
    this.#onRequest?.(status, ms);
  }

  /** When it last accepted something, by the wall clock; undefined: not since the start. */
  get acceptedWallMs(): number | undefined {
    return this.acceptedAtMs === 0 ? undefined : asWallMs(this.acceptedAtMs, this.#clock);
  }

  /** Since when the oldest byte that is missing could be seen, by the wall clock; undefined if none is. */
  get lagSinceWallMs(): number | undefined {
    const sinceMs = this.lagSinceMs;
    return sinceMs === undefined ? undefined : asWallMs(sinceMs, this.#clock);
  }

  /** A send failed, and is tried again. */
  sendFailed(error: MirrorError): void {
    this.lastError = error;
    this.#movedAtMs = this.#clock.steadyMs();
    this.pastError = { error, atMs: this.#movedAtMs };
    this.silentSinceMs = undefined;
  }

  /** The tracker was asked something, and nothing was heard of it since then. */
  fellSilent(sinceMs: number): void {
    const isNews = this.#state === 'active' && this.silentSinceMs === undefined;
    if (isNews) this.sinceMs = this.#clock.steadyMs();
    this.silentSinceMs = sinceMs;
    this.#pace.rests();
    const fields = { lane: this.name, code: this.code, reason: this.reason, remedy: this.remedy, ...this.#lagFields() };
    // A lane that already reported trouble does not report that its tracker is silent, too.
    if (isNews) this.#log?.warn(fields, 'lane waiting');
    else this.#log?.debug(fields, 'lane waiting');
  }

  get lagBytes(): number {
    return this.#lagBytes;
  }

  /**
   * Age of the oldest byte that is in the files and not in the lane, counted from when it could be seen; 0 where
   * there is none.
   */
  get lagMs(): number {
    return this.#ageMs(this.lagSinceMs);
  }

  /** Since when the oldest byte that is missing could be seen; undefined if none is. What is paused is not late. */
  get lagSinceMs(): number | undefined {
    let oldestMs: number | undefined;
    if (this.isPaused) return undefined;
    for (const { run, sinceMs } of this.#behind) {
      if (this.#pauses.length > 0 && this.holds(run.root)) continue;
      if (sinceMs !== undefined && (oldestMs === undefined || sinceMs < oldestMs)) oldestMs = sinceMs;
    }
    return oldestMs;
  }

  /**
   * Judged by the bytes that points took so far, here or in the process before; undefined if nothing is known of
   * that.
   */
  get lagPoints(): number | undefined {
    const perByte = this.#pointsPerByte;
    return perByte === undefined ? undefined : Math.round(this.lagBytes * perByte);
  }

  /** Files that are ahead of the lane. */
  get filesBehind(): number {
    return this.#behind.size;
  }

  /** Points and bytes a second, of the last minute. */
  get rate(): { readonly points: number; readonly bytes: number } {
    return this.#pace.rate(this.#clock.steadyMs());
  }

  /**
   * Points and bytes it took a second while it had something to do, the last time it was at work; undefined if it
   * never was.
   */
  get pace(): LaneSnapshot['pace'] {
    return this.#pace.atWork ?? this.#kept?.pace ?? null;
  }

  /**
   * Until it has everything, as it goes now; 0 if it has, undefined if it never will at this rate, or it is too
   * early to tell.
   */
  get catchUpMs(): number | undefined {
    const { lagBytes } = this;
    if (lagBytes === 0) return 0;
    return this.state === 'active' ? this.#pace.leftMs(this.#clock.steadyMs(), lagBytes) : undefined;
  }

  /** Bytes of a file that were heard of and are not mirrored; undefined if nothing was heard of it. */
  unreadBytes(run: RunRef, name: string): number | undefined {
    return this.#lags.get(keyOfFile(run, name))?.ahead;
  }

  /** The size a file was last heard to have. */
  sizeOf(run: RunRef, name: string): number | undefined {
    return this.#lags.get(keyOfFile(run, name))?.size;
  }

  /**
   * `mirrored`: the bytes up to which it is, where nothing was heard of the file before. `changedMs`: when it changed
   * last, by the wall clock.
   */
  fileGrew(run: RunRef, name: string, size: number, mirrored = 0, changedMs?: number): void {
    const key = keyOfFile(run, name);
    const nowMs = this.#clock.steadyMs();
    let lag = this.#lags.get(key);
    if (lag === undefined) {
      lag = new FileLag(run, name, Math.min(mirrored, size));
      this.#lags.set(key, lag);
      // It was there before we looked: since when is what the process before this one says.
      const kept = changedMs === undefined ? undefined : this.#keptLag?.sinceMs(run, name, lag.watermark, changedMs).ms;
      const sinceMs = kept === undefined ? nowMs : Math.min(nowMs, nowMs - (asWallMs(nowMs, this.#clock) - kept));
      this.#heard(lag, size, sinceMs);
      this.bytesPending += lag.bytes;
    } else {
      const grown = this.#heard(lag, size, nowMs);
      this.bytesPending += grown;
      this.#pace.grew(nowMs, grown);
    }
    if (lag.bytes > 0) this.#pace.began(nowMs);
  }

  /** Of a file that was heard of, so many bytes before the watermark are to be brought. */
  filePending(run: RunRef, name: string, bytes: number): void {
    const lag = this.#lags.get(keyOfFile(run, name));
    if (lag === undefined) return;
    const before = lag.bytes;
    this.#changed(lag, () => lag.hasPending(bytes, this.#clock.steadyMs()));
    this.bytesPending += Math.max(0, lag.bytes - before);
  }

  /** So many points were read of so many bytes: to be taken, or not. */
  wasGiven(points: number, bytes: number): void {
    this.#given = { points: this.#given.points + points, bytes: this.#given.bytes + bytes };
  }

  /** Nothing of a file can be waited for now. */
  fileForgotten(run: RunRef, name: string): void {
    const key = keyOfFile(run, name);
    const lag = this.#lags.get(key);
    if (lag === undefined) return;
    this.#changed(lag, () => {
      lag.settled(lag.size, this.#clock.steadyMs());
      lag.hasPending(0, this.#clock.steadyMs());
    });
    this.#lags.delete(key);
  }

  parcelAccepted(
    { batch, state, target = batch.run }: Parcel & Partial<Pick<TrackerParcel, 'target'>>,
    points: number,
    refusals: readonly Refusal[] = [],
  ): void {
    const nowMs = this.#clock.steadyMs();
    this.points += points;
    this.records += batch.records;
    this.bytes += batch.end - batch.start;
    this.acceptedAtMs = nowMs;
    this.#movedAtMs = nowMs;
    this.stoppedRuns.delete(keyOfRun(target));
    for (const { kind, reason } of refusals) {
      if (kind === 'unsupported') this.unsupported++;
      else {
        this.refused++;
        this.refusal ??= reason;
      }
    }
    this.resumed();
    // An end that is incomplete or damaged waits for its writer, not for us.
    const end = state.damage.reduce((last, damage) => Math.max(last, damage.end), state.position.watermark);
    const lag = this.#lags.get(keyOfFile(batch.run, state.name));
    if (lag !== undefined) {
      this.#changed(lag, () => {
        lag.settled(end, nowMs);
        lag.hasPending(pendingGapBytes(state), nowMs);
      });
    }
    this.#pace.took(nowMs, points, batch.end - batch.start, this.#lagBytes > 0);
    const { root, path } = batch.run;
    this.#log?.debug({ lane: this.name, root, run: path, file: state.name, offset: batch.start, points }, 'batch accepted');
    if (refusals.length > 0) {
      const [{ reason }] = refusals as [Refusal, ...Refusal[]];
      this.#log?.warn({ lane: this.name, root, run: path, file: state.name, points: refusals.length, reason }, 'points refused');
    }
  }

  stalled(error: MirrorError | undefined, retryMs: number, state: 'waiting' | 'parked' = 'waiting'): void {
    const isNews = this.#state !== state || this.#failure?.message !== error?.message;
    this.#movedAtMs = this.#clock.steadyMs();
    if (this.#state !== state) this.sinceMs = this.#movedAtMs;
    this.#state = state;
    this.#failure = error;
    this.silentSinceMs = undefined;
    this.nextTryMs = this.#movedAtMs + retryMs;
    if (error !== undefined) this.pastError = { error, atMs: this.#movedAtMs };
    this.#pace.rests();
    // The same again is no news, however often it is tried.
    const fields = { lane: this.name, code: error?.code, reason: error?.message, remedy: error?.hint, retryMs, ...this.#lagFields() };
    if (isNews) this.#log?.warn(fields, `lane ${state}`);
    else this.#log?.debug(fields, `lane ${state}`);
  }

  resumed(): void {
    this.lastError = undefined;
    if (this.#conditionNow === 'active') return;
    this.#state = 'active';
    this.sinceMs = this.#clock.steadyMs();
    this.#failure = undefined;
    this.silentSinceMs = undefined;
    this.nextTryMs = undefined;
    if (this.lagBytes > 0) this.#pace.began(this.#clock.steadyMs());
    this.#log?.info({ lane: this.name, ...this.#lagFields() }, 'lane active');
  }

  #lagFields(): { readonly lagBytes: number; readonly lagMs: number } {
    return { lagBytes: this.lagBytes, lagMs: Math.round(this.lagMs) };
  }

  #heard(lag: FileLag, size: number, sinceMs: number): number {
    let grown = 0;
    this.#changed(lag, () => {
      grown = Math.max(0, lag.heard(size, sinceMs));
    });
    return grown;
  }

  /** Keeps the sums. */
  #changed(lag: FileLag, change: () => void): void {
    const before = lag.bytes;
    change();
    this.#lagBytes += lag.bytes - before;
    if (lag.bytes > 0) this.#behind.add(lag);
    else this.#behind.delete(lag);
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
    const { rate, catchUpMs, lagSinceMs } = this;
    return {
      name: this.name,
      type: this.type,
      where: this.where,
      state: this.state,
      since: this.isPaused ? isoTime(this.#pauses[0]?.sinceMs) : this.#time(this.sinceMs),
      code: this.code ?? null,
      reason: this.reason ?? null,
      remedy: this.remedy ?? null,
      unanswered_seconds: this.silentSinceMs === undefined ? null : (this.#clock.steadyMs() - this.silentSinceMs) / 1000,
      paused: pausedJson(this.#pauses),
      next_try_at: this.isPaused ? null : this.#time(this.nextTryMs ?? 0),
      last_error: this.pastError === undefined ? null : this.#errorJson(this.pastError),
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
      lag_seconds: this.#ageMs(lagSinceMs) / 1000,
      lag_since: this.#time(lagSinceMs ?? 0),
      points_per_second: round(rate.points),
      bytes_per_second: round(rate.bytes),
      catch_up_seconds: catchUpMs === undefined ? null : catchUpMs / 1000,
      files_behind: this.filesBehind,
      verified_at: this.verified === undefined ? null : new Date(this.verified.atMs).toISOString(),
      verify_differences: this.verified?.differences ?? null,
    };
  }

  /** What is kept of the lane when the process has ended. */
  snapshot(by: LaneSnapshot['by'], isEnded: boolean): LaneSnapshot {
    return snapshotOf(this.document(), {
      by,
      isEnded,
      writtenMs: this.#clock.wallMs(),
      pace: this.pace,
      pointsPerByte: this.#pointsPerByte ?? null,
      lags: this.#behind,
      wall: (ms) => asWallMs(ms, this.#clock),
    });
  }

  /** `over`: something went well since. */
  #errorJson({ error, atMs }: NonNullable<LaneProgress['pastError']>): object {
    const { code, message, hint } = error;
    return {
      code,
      reason: message,
      remedy: hint ?? null,
      at: this.#time(atMs),
      over: this.lastError === undefined && this.#failure === undefined,
    };
  }

  get #pointsPerByte(): number | undefined {
    return (this.#given.bytes > 0 ? this.#given.points / this.#given.bytes : this.#kept?.points_per_byte) ?? undefined;
  }

  #ageMs(sinceMs: number | undefined): number {
    return sinceMs === undefined ? 0 : Math.max(0, this.#clock.steadyMs() - sinceMs);
  }

  #time(ms: number): string | null {
    return ms === 0 ? null : new Date(asWallMs(ms, this.#clock)).toISOString();
  }
}

/** What is paused, as JSON: null if nothing is. A root of null is the whole lane. */
export function pausedJson(pauses: readonly LanePause[]): object | null {
  return pauses.length === 0 ? null : pauses.map(({ root, sinceMs }) => ({ root: root ?? null, since: isoTime(sinceMs) }));
}

function isoTime(ms = 0): string {
  return new Date(ms).toISOString();
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
