/** Describes a lane that a process drives, or drove last. */
import type { LanePosture, LaneSnapshot } from '../status/index.ts';
import type { LaneHealth } from './next-step.ts';
import { counted, formatBytes, formatDuration, formatRate, type Style, visibleText } from './terminal/index.ts';

const MOST_RUNS = 5;

/** The reason that a lane has not progressed further. */
interface Block {
  readonly state: string;
  readonly code: string | null;
  readonly reason: string;
  readonly remedy: string;
}

/** A lane, the parts of it that people have paused, and the pending data if it is known. */
export type PausedLane = Pick<LanePosture, 'name' | 'pauses'> & Partial<Pick<LanePosture, 'lagBytes'>>;

/**
 * Returns why the lane is blocked, or was when its last process ended; undefined if it was not, or has everything
 * since.
 */
export function blockOf(lane: LanePosture): Block | undefined {
  const { name, snapshot, isDriven, lagBytes } = lane;
  const pausedMs = pausedSince(lane);
  if (pausedMs !== undefined) {
    const reason = `nothing is sent to it since ${new Date(pausedMs).toISOString()}, as mirrorboard lane pause asked`;
    return { state: 'paused', code: null, reason, remedy: `mirrorboard lane resume ${name}` };
  }
  if (snapshot === undefined || (!isDriven && lagBytes === 0)) return undefined;
  const { state, reason, remedy, code } = snapshot.lane;
  if (typeof reason !== 'string' || typeof state !== 'string') return isDriven ? undefined : failing(snapshot);
  return { state, code: text(code) ?? null, reason, remedy: text(remedy) ?? noRemedy(isDriven) };
}

/** Returns the error of a process that ended while it was still retrying, before the lane counted as blocked. */
function failing({ lane }: LaneSnapshot): Block | undefined {
  const error = lane['last_error'] as Readonly<Record<string, unknown>> | null | undefined;
  if (typeof error !== 'object' || error === null || error['over'] !== false) return undefined;
  return {
    state: 'failing',
    code: text(error['code']) ?? null,
    reason: text(error['reason']) ?? '',
    remedy: text(error['remedy']) ?? noRemedy(false),
  };
}

function noRemedy(isDriven: boolean): string {
  return isDriven ? 'none needed: the lane retries by itself' : 'check the tracker; the next backfill or watch retries';
}

/** Returns since when all of a lane is paused; undefined if it is not. */
export function pausedSince({ pauses }: Pick<LanePosture, 'pauses'>): number | undefined {
  return pauses.find(({ root }) => root === undefined)?.sinceMs;
}

/** Returns the state of a lane, in the words of the next step. */
export function healthOf(lane: LanePosture): LaneHealth {
  if (pausedSince(lane) !== undefined) return 'well';
  if (blockOf(lane) !== undefined) return 'blocked';
  return stoppedRuns(lane).length > 0 ? 'runsStopped' : 'well';
}

/** Returns lines for a person; none if there is nothing to report. */
export function stateLines(lane: LanePosture, nowMs: number, style: Style): string[] {
  const { name, snapshot, isDriven } = lane;
  const paused = pausedLines(lane, nowMs, style);
  if (snapshot === undefined || (paused.length > 0 && pausedSince(lane) !== undefined)) return paused;
  const ago = formatDuration(nowMs - snapshot.written_ms);
  const lines: string[] = [...paused];
  const block = blockOf(lane);
  if (block !== undefined) {
    const { state, reason, code, remedy } = block;
    const when = isDriven ? 'is' : 'was';
    const until = isDriven ? '' : ` (${snapshot.by} ended ${ago} ago)`;
    const next = isDriven ? text(snapshot.lane['next_try_at']) : undefined;
    lines.push(
      '',
      style.yellow(`${name} ${when} ${state}: ${visibleText(reason)}${code === null ? '' : ` [${code}]`}${until}`),
      `  remedy: ${visibleText(remedy)}`,
    );
    if (next !== undefined) lines.push(`  next retry in ${formatDuration(Math.max(0, Date.parse(next) - nowMs))}`);
  }
  const stopped = stoppedRuns(lane);
  if (stopped.length > 0) {
    lines.push('', style.yellow(`${name} no longer accepts data for ${counted(stopped.length, 'run')}`));
    for (const { root, run, reason } of stopped.slice(0, MOST_RUNS)) {
      lines.push(`  ${visibleText(`${String(root)}/${String(run)}`)}: ${visibleText(String(reason))}`);
    }
    if (stopped.length > MOST_RUNS) lines.push(`  … and ${stopped.length - MOST_RUNS} more`);
    const remedies = new Set(stopped.flatMap(({ remedy }) => (typeof remedy === 'string' ? [remedy] : [])));
    for (const remedy of remedies) lines.push(`  remedy: ${visibleText(remedy)}`);
  }
  return lines;
}

/** Returns the paused roots, and the pending data if it is known. */
export function pausedLines({ name, pauses, lagBytes }: PausedLane, nowMs: number, style: Style): string[] {
  const [first] = pauses;
  if (first === undefined) return [];
  const whole = pausedSince({ pauses });
  const roots = whole === undefined ? pauses.flatMap(({ root }) => root ?? []) : [];
  const what = roots.length === 0 ? '' : ` for ${visibleText(roots.join(', '))}`;
  const since = `for ${formatDuration(Math.max(0, nowMs - (whole ?? first.sinceMs)))}`;
  const pending = lagBytes === undefined ? '' : lagBytes === 0 ? ': nothing is pending' : `: ${formatBytes(lagBytes)} pending`;
  const remedy = ['mirrorboard lane resume', visibleText(name), ...roots.flatMap((root) => ['--root', visibleText(root)])].join(' ');
  return ['', style.yellow(`${name} is paused${what}, ${since}${pending}`), `  to end the pause: ${remedy}`];
}

function stoppedRuns({ snapshot, isDriven, lagBytes }: LanePosture): readonly Readonly<Record<string, unknown>>[] {
  const runs = isDriven || lagBytes > 0 ? snapshot?.lane['stopped_runs'] : undefined;
  return Array.isArray(runs) ? runs : [];
}

/** Returns the rate, and the time until the lane has everything. */
export function paceCells(lane: LanePosture): readonly [rate: string, left: string] {
  const { points_per_second: rate, catch_up_seconds: left } = runningJson(lane);
  if (!lane.isDriven || lane.lagBytes === 0) return ['-', '-'];
  return [
    typeof rate === 'number' && rate > 0 ? formatRate(rate, 'points') : '-',
    typeof left === 'number' ? formatDuration(left * 1000) : '-',
  ];
}

/** Returns the facts that apply only while a process drives the lane; null otherwise. */
export function runningJson({ snapshot, isDriven }: LanePosture): Readonly<Record<string, unknown>> {
  const of = (key: string): unknown => (isDriven ? (snapshot?.lane[key] ?? null) : null);
  return {
    points_per_second: of('points_per_second'),
    catch_up_seconds: of('catch_up_seconds'),
    unanswered_seconds: of('unanswered_seconds'),
    next_try_at: of('next_try_at'),
  };
}

/** Returns the last document of the process that drove the lane, running or not. */
export function lastJson({ by, pid, written_ms, ended, lane }: LaneSnapshot): object {
  const of = (key: string): unknown => lane[key] ?? null;
  return {
    by,
    pid,
    at: new Date(written_ms).toISOString(),
    ended,
    state: of('state'),
    code: of('code'),
    reason: of('reason'),
    remedy: of('remedy'),
    error: of('last_error'),
    stopped_runs: of('stopped_runs'),
  };
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
