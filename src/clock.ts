/**
 * Time as intervals need it: it never jumps. The wall clock may be set back or forward under a service that runs for
 * months.
 */

/**
 * Milliseconds that only time moves, even when the clock is set. They begin at the wall clock's of the thread's
 * start, and so can be told from 0, but are for differences within one thread alone: what is shown or kept goes
 * through `asWallMs`.
 */
export function steadyMs(): number {
  return performance.timeOrigin + performance.now();
}

/** A moment of `steadyMs` as the wall clock has it now: for people, and for what outlives the process. */
export function asWallMs(steady: number): number {
  return Date.now() - (steadyMs() - steady);
}

/**
 * A moment that was kept by the wall clock as one of `steadyMs`, at most `mostMs` from now: the clock may have been
 * set since.
 */
export function asDueMs(wallMs: number, mostMs: number): number {
  return steadyMs() + Math.min(mostMs, Math.max(0, wallMs - Date.now()));
}

/** The same for moments that several threads compare: the time since the machine started. */
export function machineMs(): number {
  const [seconds, ns] = process.hrtime();
  return seconds * 1000 + ns / 1e6;
}
