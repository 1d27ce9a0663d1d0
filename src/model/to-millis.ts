/**
 * Converts a wall time in seconds to milliseconds. The rounding is part of a point's identity if a tracker takes
 * milliseconds.
 */
export function toMillis(wallTime: number): number {
  return Math.round(wallTime * 1000);
}
