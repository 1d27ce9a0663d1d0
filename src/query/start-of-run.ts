/** Estimates the wall time of a run's first event, which the store does not have. Pure. */

/** The second in which a writer created an event file is in the file's name. */
const SECOND = /\btfevents\.(\d{1,15})(?:\.|$)/;

/**
 * Returns the start of a run from the name of its first file and the wall time of its first point; null if both are
 * unknown. Writers put the second of the first event into the name. The fraction keeps runs that begin in the same
 * second in the order of their first points.
 */
export function startOf(file: string, firstWallTime: number | null): number | null {
  const text = SECOND.exec(file)?.[1];
  const second = text === undefined ? Number.NaN : Number(text);
  if (Number.isNaN(second)) return firstWallTime;
  // Callers of a writer may give its points any wall time; the first event has the writer's own.
  if (firstWallTime === null || !(firstWallTime >= second) || firstWallTime === Number.POSITIVE_INFINITY) return second;
  const later = firstWallTime - second;
  return second + later / (1 + later);
}
