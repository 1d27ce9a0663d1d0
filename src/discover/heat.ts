/** How often a file is checked between two scans, by how long ago it grew. Pure. */

const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** A file that grew in the last minute. */
export const HOT_MS = MINUTE;
/** A file that grew in the last hour. */
export const WARM_MS = 60 * MINUTE;

const HOT_INTERVAL_MS = SECOND;
const WARM_INTERVAL_MS = 15 * SECOND;

/** Milliseconds until a file is checked again; undefined: the next scan is soon enough. */
export function pollInterval(sinceGrowthMs: number): number | undefined {
  if (sinceGrowthMs < HOT_MS) return HOT_INTERVAL_MS;
  if (sinceGrowthMs < WARM_MS) return WARM_INTERVAL_MS;
  return undefined;
}

/**
 * When the next scan begins: after `intervalMs`, but a tree that takes long to scan is given four times that long, so
 * that scanning never takes more than a fifth of anybody's time. A fifth more or less keeps many watchers apart.
 */
export function nextScanDelay(intervalMs: number, lastScanMs: number, random: number): number {
  return Math.max(intervalMs, 4 * lastScanMs) * (0.8 + 0.4 * random);
}
