import { asWallMs, machineMs, steadyMs } from '../clock.ts';
import { MirrorError } from '../errors.ts';

/** A call that takes so long is worth saying. */
export const REPORT_AFTER_MS = 3000;
/**
 * A thread in a call for so long is left behind. A place that answered later than that is given twice as long the
 * next time.
 */
export const FIRST_DEADLINE_MS = 10_000;
/** The longest time that a call gets before its thread is abandoned. */
const MOST_DEADLINE_MS = 300_000;
/** Threads that are left behind for one root, at most: after those it is left alone until one of them comes back. */
export const MOST_BEHIND = 4;

/** The deadline of a place that answered after so long. */
export function nextDeadline(tookMs: number): number {
  return Math.min(MOST_DEADLINE_MS, Math.max(FIRST_DEADLINE_MS, 2 * tookMs));
}

/** A moment of `machineMs` by the wall clock. */
export function wallOf(machine: number): number {
  return asWallMs(steadyMs() - (machineMs() - machine));
}

/**
 * The error when a caller gives up. It is not the system's ETIMEDOUT: if a file server returns that, it has answered.
 */
export function noAnswer(path: string, message = `${path} does not answer`): MirrorError {
  return new MirrorError('MB2030', message, {
    hint: 'Check its file server; mirroring resumes when it answers.',
    retry: 'later',
    context: { path },
  });
}

/** Words for a path whose calls do not return; `sinceMs` is a wall time. */
export function silenceText(sinceMs: number): string {
  return `has not answered since ${new Date(sinceMs).toISOString()}`;
}
