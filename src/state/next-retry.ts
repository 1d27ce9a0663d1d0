const FIRST_MS = 60_000;
/** The longest time between two tries. */
export const LONGEST_RETRY_MS = 3_600_000;

/**
 * Returns the time of the next try for unreadable bytes after `attempts` retries: after 1 minute, then twice as long
 * each time, at most 1 hour.
 */
export function nextRetry(attempts: number, nowMs: number): number {
  return nowMs + Math.min(LONGEST_RETRY_MS, FIRST_MS * 2 ** Math.max(0, attempts));
}
