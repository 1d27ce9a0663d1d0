import type { FileLag } from './file-lag.ts';
import { MOST_KEPT, type PendingFile } from './kept-lag.ts';

/**
 * The snapshot of a lane that a process stores in the state, for the next one and for `status`: plain JSON, and
 * additive.
 */
export interface LaneSnapshot {
  readonly by: 'backfill' | 'watch';
  readonly pid: number;
  readonly written_ms: number;
  /** True if the process has stopped driving the lane. */
  readonly ended: boolean;
  /** The lane as in `/status`. */
  readonly lane: Readonly<Record<string, unknown>>;
  /** Points and bytes per second while it was at work; null if it never was. */
  readonly pace: { readonly points: number; readonly bytes: number } | null;
  readonly points_per_byte: number | null;
  readonly behind: readonly PendingFile[];
}

/** The facts from which the snapshot of a lane is made. */
interface SnapshotFacts {
  readonly by: LaneSnapshot['by'];
  readonly isEnded: boolean;
  readonly writtenMs: number;
  readonly pace: LaneSnapshot['pace'];
  readonly pointsPerByte: number | null;
  readonly lags: Iterable<FileLag>;
  readonly wall: (steadyMs: number) => number;
}

/** Returns the snapshot of a lane's status. */
export function snapshotOf(lane: Readonly<Record<string, unknown>>, facts: SnapshotFacts): LaneSnapshot {
  const { by, isEnded, writtenMs, pace, pointsPerByte, lags, wall } = facts;
  const behind: { readonly lag: FileLag; readonly sinceMs: number }[] = [];
  for (const lag of lags) if (lag.sinceMs !== undefined) behind.push({ lag, sinceMs: lag.sinceMs });
  // Only the few oldest of a hundred thousand are kept: numbers are sorted much faster than objects.
  const oldest = Float64Array.from(behind, ({ sinceMs }) => sinceMs).sort()[MOST_KEPT - 1] ?? Infinity;
  const kept = behind.filter(({ sinceMs }) => sinceMs <= oldest).slice(0, MOST_KEPT);
  return {
    by,
    pid: process.pid,
    written_ms: Math.round(writtenMs),
    ended: isEnded,
    lane,
    pace,
    points_per_byte: pointsPerByte,
    behind: kept.map(({ lag: { run, name, watermark, oldestEnd }, sinceMs }) => ({
      root: run.root,
      run: run.path,
      file: name,
      offset: watermark,
      end: oldestEnd,
      since_ms: Math.round(wall(sinceMs)),
    })),
  };
}

/** Returns a stored snapshot if it is valid: another version may have written the state. */
export function readSnapshot(kept: unknown): LaneSnapshot | undefined {
  if (typeof kept !== 'object' || kept === null) return undefined;
  const snapshot = kept as Partial<LaneSnapshot>;
  const isValid =
    typeof snapshot.written_ms === 'number' &&
    Array.isArray(snapshot.behind) &&
    typeof snapshot.lane === 'object' &&
    snapshot.lane !== null;
  return isValid ? (kept as LaneSnapshot) : undefined;
}

/** Returns the one standard wording for a tracker that does not answer. */
export function waitingWords(ms: number): string {
  return `waiting for an answer for ${Math.floor(ms / 1000)} s`;
}
