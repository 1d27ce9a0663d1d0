import { asWallMs, type Clock, systemClock } from '../clock.ts';
import type { Parcel, Refusal, TrackerParcel } from '../contract/index.ts';
import type { MirrorError } from '../errors.ts';
import {
  type FileState,
  isRootPaused,
  isWholePaused,
  keyOfFile,
  keyOfRun,
  type LanePause,
  pendingGapBytes,
  type RunRef,
} from '../model/index.ts';
import type { FactLog } from './fact-log.ts';
import { FileLag } from './file-lag.ts';
import { KeptLag } from './kept-lag.ts';
import { LanePace } from './lane-pace.ts';
import { LaneRequests } from './lane-requests.ts';
import { type LaneSnapshot, snapshotOf, waitingWords } from './lane-snapshot.ts';

/**
 * The state of a lane. `waiting`: it retries by itself, soon. `parked`: a person must repair something; it retries
 * slowly. `paused`: a person asked for that.
 */
export type LaneCondition = 'active' | 'waiting' | 'parked' | 'paused';

/** The last result of `verify` for a lane. */
export interface Verified {
  /** The end of the comparison, by the wall clock. */
  readonly atMs: number;
  readonly differences: number;
}

/** The lane whose progress is counted. */
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
  /** The snapshot that the previous process stored for the lane. */
  readonly kept?: LaneSnapshot | undefined;
  /** Called when a request to its tracker ended, with the HTTP status; undefined: there was no answer. */
  readonly onRequest?: (status: number | undefined, ms: number) => void;
}

const PAUSED_REASON = 'paused with mirrorboard lane pause; nothing is sent to it until it resumes';

const SILENT_REMEDY =
  'It accepts requests but does not answer: check if its server is stopped or overloaded, or its database hangs, and restart it if needed.';

/** The public view of one lane: what it accepted, how far it is behind, and why it does not advance. */
export class LaneProgress {
  readonly name: string;
  readonly type: string;
  readonly where: string;
  #state: Exclude<LaneCondition, 'paused'> = 'active';
  #pauses: readonly LanePause[] = [];
  /** The error of the last failed send, which explains why the lane does not advance. */
  #failure: MirrorError | undefined;
  /** The time since which the tracker does not answer a request under way. */
  silentSinceMs: number | undefined;
  /** The time of the next try; undefined if the lane does not wait. */
  nextTryMs: number | undefined;
  sinceMs: number;
  acceptedAtMs = 0;
  /** The time when the lane last accepted something, or failed; before that, the time of its start. */
  #movedAtMs: number;
  /** Points accepted since the start. */
  points = 0;
  records = 0;
  bytes = 0;
  /** Points that the tracker will never take, and those for which it has no place. */
  refused = 0;
  unsupported = 0;
  /** The reason for the first refusal since the start; the others most often have the same. */
  refusal: string | undefined;
  /** Points that routes exclude from the lane, of those read since the start. */
  leftOut = 0;
  /** The error of the last send, also if it is retried; undefined once a send succeeded. */
  lastError: MirrorError | undefined;
  /** The last failure and its time, even if later sends succeeded. */
  pastError: { readonly error: MirrorError; readonly atMs: number } | undefined;
  /** The phase of a pass: first points, then artifacts and params, then ends of runs. */
  work: 'points' | 'files' | 'ends' | 'done' = 'points';
  /** Bytes that the lane had to mirror since the start, including later growth. */
  bytesPending = 0;
  /** The last result of `verify`, if there is one. */
  verified: Verified | undefined;
  /** Runs that the tracker accepts no more, with the reason. */
  readonly stoppedRuns = new Map<string, { readonly run: RunRef; readonly reason: string; readonly remedy: string | undefined }>();
  readonly #lags = new Map<string, FileLag>();
  /** Files that could not be read last, by their keys, with what the lane was behind by then. */
  readonly #unreadable = new Map<string, Pick<FileLag, 'run' | 'name' | 'size' | 'watermark'>>();
  /** Files with pending bytes, so that no caller must go through all files. */
  readonly #behind = new Set<FileLag>();
  /** Files that the present round of the watch has not found so far. */
  readonly #unfound = new Set<FileLag>();
  /** The sum of their pending bytes. */
  #lagBytes = 0;
  readonly #kept: LaneSnapshot | undefined;
  readonly #keptLag: KeptLag | undefined;
  readonly #pace = new LanePace();
  readonly #requests: LaneRequests;
  /** Points and bytes that the lane was given, accepted or not: they give the points per byte. */
  #given = { points: 0, bytes: 0 };
  readonly #log: FactLog | undefined;
  readonly #clock: Clock;
  readonly #onRequest: LaneProgressOptions['onRequest'];

  constructor({ name, type, where, log, clock = systemClock, kept, before, onRequest }: LaneProgressOptions) {
    this.#onRequest = onRequest;
    this.#requests = new LaneRequests(before === undefined ? undefined : before.#requests);
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

  /** The pauses that people asked for: paused parts get no data, and are not late. */
  get pauses(): readonly LanePause[] {
    return this.#pauses;
  }

  /** Sets the pauses. Returns true if they changed. */
  pause(pauses: readonly LanePause[]): boolean {
    if (JSON.stringify(pauses) === JSON.stringify(this.#pauses)) return false;
    const was = this.#pauses;
    this.#pauses = pauses;
    this.#movedAtMs = this.#clock.steadyMs();
    if (this.isPaused) this.#pace.rests();
    const isPaused = pauses.length > 0;
    const named = isPaused ? pauses : was;
    // If the whole lane is named, its roots need not be.
    const roots = named.every(({ root }) => root !== undefined) ? named.flatMap(({ root }) => root ?? []) : [];
    this.#log?.info(
      { lane: this.name, ...(roots.length === 0 ? {} : { roots }), ...this.#lagFields() },
      isPaused ? 'lane paused' : 'lane resumed',
    );
    return true;
  }

  /** True if the whole lane is paused. */
  get isPaused(): boolean {
    return isWholePaused(this.#pauses);
  }

  /** True if nothing of a root may be sent now. */
  holds(root: string): boolean {
    return isRootPaused(this.#pauses, root);
  }

  /** The state of the lane. A lane whose request has had no answer for long is waiting. */
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

  /** The code of the error that stops the lane. */
  get code(): string | undefined {
    if (this.isPaused) return undefined;
    return this.silentSinceMs === undefined ? this.#failure?.code : 'MB4001';
  }

  /** How long there has been work, but no progress; 0 if there is no work. */
  get quietMs(): number {
    return Math.min(this.lagMs, this.#clock.steadyMs() - this.#movedAtMs);
  }

  /** Notes that a request to the tracker ended with this HTTP status; undefined: there was no answer. */
  requestEnded(status: number | undefined, ms: number): void {
    this.#requests.ended(this.#clock.steadyMs(), status, ms);
    this.#onRequest?.(status, ms);
  }

  /** The time when the lane last accepted something, by the wall clock; undefined: not since the start. */
  get acceptedWallMs(): number | undefined {
    return this.acceptedAtMs === 0 ? undefined : asWallMs(this.acceptedAtMs, this.#clock);
  }

  /** The time since which the oldest missing byte was visible, by the wall clock; undefined if no byte is missing. */
  get lagSinceWallMs(): number | undefined {
    const sinceMs = this.lagSinceMs;
    return sinceMs === undefined ? undefined : asWallMs(sinceMs, this.#clock);
  }

  /** Notes that a send failed, and will be retried. */
  sendFailed(error: MirrorError): void {
    this.lastError = error;
    this.#movedAtMs = this.#clock.steadyMs();
    this.pastError = { error, atMs: this.#movedAtMs };
    this.silentSinceMs = undefined;
  }

  /** Notes that the tracker has not answered a request since then. */
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
   * The age of the oldest byte that is in the files and not in the lane, counted from when it was visible; 0 if there
   * is none.
   */
  get lagMs(): number {
    return this.#ageMs(this.lagSinceMs);
  }

  /**
   * The time since which the oldest missing byte was visible; undefined if no byte is missing. Paused data is not
   * late.
   */
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
   * The lag in points, estimated from the bytes per point so far, in this process or the previous one; undefined if
   * these are unknown.
   */
  get lagPoints(): number | undefined {
    const perByte = this.#pointsPerByte;
    return perByte === undefined ? undefined : Math.round(this.lagBytes * perByte);
  }

  /** The number of files that are ahead of the lane. */
  get filesBehind(): number {
    return this.#behind.size;
  }

  /** Points and bytes per second over the last minute. */
  get rate(): { readonly points: number; readonly bytes: number } {
    return this.#pace.rate(this.#clock.steadyMs());
  }

  /** Points and bytes per second while the lane last had work; null if it never had. */
  get pace(): LaneSnapshot['pace'] {
    return this.#pace.atWork ?? this.#kept?.pace ?? null;
  }

  /**
   * The time until the lane has everything, at the present rate; 0 if it has everything, undefined if it never will
   * at this rate, or if it is too early to know.
   */
  get catchUpMs(): number | undefined {
    const { lagBytes } = this;
    if (lagBytes === 0) return 0;
    return this.state === 'active' ? this.#pace.leftMs(this.#clock.steadyMs(), lagBytes) : undefined;
  }

  /** Returns the bytes of a file that are known and not mirrored; undefined if the file is unknown. */
  unreadBytes(run: RunRef, name: string): number | undefined {
    return this.#lags.get(keyOfFile(run, name))?.ahead;
  }

  /** Returns the last reported size of a file. */
  sizeOf(run: RunRef, name: string): number | undefined {
    return this.#lags.get(keyOfFile(run, name))?.size;
  }

  /**
   * Notes the size of a file. `mirrored`: the watermark, if the file was unknown before. `changedMs`: its last
   * change, by the wall clock.
   */
  fileGrew(run: RunRef, name: string, size: number, mirrored = 0, changedMs?: number): void {
    const key = keyOfFile(run, name);
    this.#unreadable.delete(key);
    const nowMs = this.#clock.steadyMs();
    let lag = this.#lags.get(key);
    if (lag !== undefined) this.#unfound.delete(lag);
    if (lag === undefined) {
      lag = new FileLag(run, name, Math.min(mirrored, size));
      this.#lags.set(key, lag);
      // The byte was there before this process began: the previous process's snapshot says since when.
      const kept = changedMs === undefined ? undefined : this.#keptLag?.sinceMs(run, name, lag.watermark, changedMs).ms;
      const sinceMs = kept === undefined ? nowMs : Math.min(nowMs, nowMs - (asWallMs(nowMs, this.#clock) - kept));
      this.#noteSize(lag, size, sinceMs);
      this.bytesPending += lag.bytes;
    } else {
      const grown = this.#noteSize(lag, size, nowMs);
      this.bytesPending += grown;
      this.#pace.grew(nowMs, grown);
    }
    if (lag.bytes > 0) this.#pace.started(nowMs);
  }

  /**
   * Notes the size of a file that the lane has read to its end. The lane may have read it before this was reported, and
   * a longer file may have had its name.
   */
  fileAtEnd(run: RunRef, name: string, size: number): void {
    if (this.#lags.size > 0 && this.#lags.has(keyOfFile(run, name))) this.fileGrew(run, name, size);
  }

  /** Notes that this many bytes before the watermark of a known file are pending. */
  filePending(run: RunRef, name: string, bytes: number): void {
    const lag = this.#lags.get(keyOfFile(run, name));
    if (lag === undefined) return;
    const before = lag.bytes;
    this.#changed(lag, () => lag.hasPending(bytes, this.#clock.steadyMs()));
    this.bytesPending += Math.max(0, lag.bytes - before);
  }

  /** Notes how many points a number of bytes gave, accepted or not. */
  wasGiven(points: number, bytes: number): void {
    this.#given = { points: this.#given.points + points, bytes: this.#given.bytes + bytes };
  }

  /**
   * Notes that a part of a file was read, to be sent. If the file has other content than before, nothing of that is
   * mirrored yet, however short it is. A file that could not be read before is behind from the part's `start` on.
   */
  fileRead(run: RunRef, { name, generation, position, size }: FileState, start: number): void {
    const key = keyOfFile(run, name);
    if (this.#unreadable.has(key)) this.fileGrew(run, name, Math.max(size, position.watermark), start);
    const lag = this.#lags.get(key);
    if (lag === undefined) return;
    const isOther = lag.generation !== undefined && generation > lag.generation;
    lag.generation = generation;
    if (!isOther) return;
    const before = lag.bytes;
    this.#changed(lag, () => lag.settled(0, this.#clock.steadyMs()));
    this.bytesPending += Math.max(0, lag.bytes - before);
  }

  /** Notes that a file cannot be read now: nothing can be expected from it until a part of it is read. */
  fileUnreadable(run: RunRef, name: string): void {
    const key = keyOfFile(run, name);
    const { size, watermark } = this.#lags.get(key) ?? this.#unreadable.get(key) ?? { size: 0, watermark: 0 };
    this.fileForgotten(run, name);
    this.#unreadable.set(key, { run, name, size, watermark });
  }

  /** Notes that another lane has read a file: if this one could not, it is behind again. */
  fileReadable(run: RunRef, name: string): void {
    const known = this.#unreadable.size === 0 ? undefined : this.#unreadable.get(keyOfFile(run, name));
    if (known !== undefined) this.fileGrew(run, name, known.size, known.watermark);
  }

  /** Forgets a file from which nothing can be expected any more. */
  fileForgotten(run: RunRef, name: string): void {
    const key = keyOfFile(run, name);
    this.#unreadable.delete(key);
    const lag = this.#lags.get(key);
    if (lag === undefined) return;
    this.#changed(lag, () => {
      lag.settled(lag.size, this.#clock.steadyMs());
      lag.hasPending(0, this.#clock.steadyMs());
    });
    this.#lags.delete(key);
    this.#unfound.delete(lag);
  }

  /** Notes that the watch begins again: its scans report all files that are there. */
  roundBegins(): void {
    for (const lag of this.#lags.values()) this.#unfound.add(lag);
  }

  /** Forgets the files of a root that its scan has not found, though an earlier round had: they were moved. */
  rootScanned(root: string): void {
    for (const lag of this.#unfound) {
      if (lag.run.root !== root) continue;
      this.#unfound.delete(lag);
      this.fileForgotten(lag.run, lag.name);
    }
  }

  /** Forgets a run that is not at this path any more. */
  runForgotten(run: RunRef): void {
    const key = keyOfRun(run);
    this.stoppedRuns.delete(key);
    for (const lag of [...this.#lags.values()]) if (keyOfRun(lag.run) === key) this.fileForgotten(run, lag.name);
    for (const [file, of] of this.#unreadable) if (keyOfRun(of.run) === key) this.#unreadable.delete(file);
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
    // An incomplete or damaged end waits for its writer, not for mirrorboard.
    const end = state.damage.reduce((last, damage) => Math.max(last, damage.end), state.position.watermark);
    const lag = this.#lags.get(keyOfFile(batch.run, state.name));
    // A part of the former content may be accepted after the present one was read.
    if (lag !== undefined && state.generation >= (lag.generation ?? 0)) {
      lag.generation = state.generation;
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
    // A repeated error is not reported again.
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
    if (this.lagBytes > 0) this.#pace.started(this.#clock.steadyMs());
    this.#log?.info({ lane: this.name, ...this.#lagFields() }, 'lane active');
  }

  #lagFields(): { readonly lagBytes: number; readonly lagMs: number } {
    return { lagBytes: this.lagBytes, lagMs: Math.round(this.lagMs) };
  }

  #noteSize(lag: FileLag, size: number, sinceMs: number): number {
    let grown = 0;
    this.#changed(lag, () => {
      grown = Math.max(0, lag.noteSize(size, sinceMs));
    });
    return grown;
  }

  /** Makes a change, and keeps the sums up to date. */
  #changed(lag: FileLag, change: () => void): void {
    const before = lag.bytes;
    change();
    this.#lagBytes += lag.bytes - before;
    if (lag.bytes > 0) this.#behind.add(lag);
    else this.#behind.delete(lag);
  }

  /** Notes that the tracker accepts a run again that it had stopped. */
  runContinues(run: RunRef): void {
    this.stoppedRuns.delete(keyOfRun(run));
  }

  runStopped(run: RunRef, error: MirrorError): void {
    this.stoppedRuns.set(keyOfRun(run), { run, reason: error.message, remedy: error.hint });
    this.#log?.warn(
      { lane: this.name, root: run.root, run: run.path, code: error.code, reason: error.message, remedy: error.hint },
      'run stopped',
    );
  }

  /** Returns the lane as plain JSON, with units in the names. */
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
      requests: this.#requests.total,
      requests_failed: this.#requests.failed,
      requests_per_second: round(this.#requests.perSecond(this.#clock.steadyMs())),
      catch_up_seconds: catchUpMs === undefined ? null : catchUpMs / 1000,
      files_behind: this.filesBehind,
      verified_at: this.verified === undefined ? null : new Date(this.verified.atMs).toISOString(),
      verify_differences: this.verified?.differences ?? null,
    };
  }

  /** Returns the snapshot that stays after the process has ended. */
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

  /** Describes an error. `over`: true if something succeeded since. */
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

/** Returns the pauses as JSON: null if there are none. A root of null is the whole lane. */
export function pausedJson(pauses: readonly LanePause[]): object | null {
  return pauses.length === 0 ? null : pauses.map(({ root, sinceMs }) => ({ root: root ?? null, since: isoTime(sinceMs) }));
}

function isoTime(ms = 0): string {
  return new Date(ms).toISOString();
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
