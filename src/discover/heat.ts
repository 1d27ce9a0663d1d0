/** Decides how often a file is checked between two scans, by the time since it grew. Pure. */

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** The age up to which a file counts as just grown: one minute. */
export const HOT_MS = MINUTE;
/** The age up to which a file counts as recently grown: one hour. */
export const WARM_MS = 60 * MINUTE;

const HOT_INTERVAL_MS = SECOND;
const WARM_INTERVAL_MS = 15 * SECOND;

/** Returns the milliseconds until a file is checked again; undefined if the next scan is soon enough. */
export function pollInterval(sinceGrowthMs: number): number | undefined {
  if (sinceGrowthMs < HOT_MS) return HOT_INTERVAL_MS;
  if (sinceGrowthMs < WARM_MS) return WARM_INTERVAL_MS;
  return undefined;
}

/**
 * Returns the delay until the next scan: `intervalMs`, or four times the duration of the last scan if that is longer,
 * so that scanning never takes more than about a fifth of the time. The random fifth keeps many watchers from
 * scanning at the same time.
 */
export function nextScanDelay(intervalMs: number, lastScanMs: number, random: number): number {
  return Math.max(intervalMs, 4 * lastScanMs) * (0.8 + 0.4 * random);
}
