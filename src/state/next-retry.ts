const FIRST_MS = 60_000;
/** Between two tries, at most. */
export const LONGEST_RETRY_MS = 3_600_000;

/**
 * When bytes that could not be read are tried again, having been tried again `attempts` times: after 1 minute, then
 * twice as long each time, at most 1 hour.
 */
export function nextRetry(attempts: number, nowMs: number): number {
  return nowMs + Math.min(LONGEST_RETRY_MS, FIRST_MS * 2 ** Math.max(0, attempts));
}
