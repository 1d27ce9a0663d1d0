/**
 * Milliseconds of a wall time in seconds. The rounding is part of a point's identity wherever a tracker takes
 * milliseconds.
 */
export function toMillis(wallTime: number): number {
  return Math.round(wallTime * 1000);
}
