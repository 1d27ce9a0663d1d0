import { FileLock } from './lock.ts';

/** The time for which a document counts as that of a running process. */
const FRESH_MS = 10_000;

/**
 * True if the process that wrote a document into a state at a time still runs: one that was killed could not note its
 * end, and released the state. Both times are by the wall clock.
 */
export function isFresh(statePath: string, writtenMs: number, nowMs: number): boolean {
  return Math.abs(nowMs - writtenMs) < FRESH_MS && FileLock.holder(statePath) !== undefined;
}
