import { asWallMs, machineMs, steadyMs } from '../clock.ts';
import { MirrorError } from '../errors.ts';

/** A call that takes this long is reported. */
export const REPORT_AFTER_MS = 3000;
/**
 * A thread that is in a call for this long is abandoned. If the path answers later, its next deadline is twice that
 * time.
 */
export const FIRST_DEADLINE_MS = 10_000;
/** The longest time that a call gets before its thread is abandoned. */
const MOST_DEADLINE_MS = 300_000;
/**
 * The largest number of threads abandoned for one root: after that, the root is not accessed until one of them
 * returns.
 */
export const MOST_ABANDONED = 4;

/** Returns the deadline for a path that answered after `tookMs`. */
export function nextDeadline(tookMs: number): number {
  return Math.min(MOST_DEADLINE_MS, Math.max(FIRST_DEADLINE_MS, 2 * tookMs));
}

/** Converts a time of `machineMs` to the wall clock. */
export function wallOf(machine: number): number {
  return asWallMs(steadyMs() - (machineMs() - machine));
}

/**
 * Returns the error for a caller that gives up. It is not the system's ETIMEDOUT: a file server that returns that has
 * answered.
 */
export function noAnswer(path: string, message = `${path} does not answer`): MirrorError {
  return new MirrorError('MB2030', message, {
    hint: 'Check its file server; mirroring resumes when it answers.',
    retry: 'later',
    context: { path },
  });
}

/** Describes a path whose calls do not return; `sinceMs` is a wall-clock time. */
export function silenceText(sinceMs: number): string {
  return `has not answered since ${new Date(sinceMs).toISOString()}`;
}
