/** Writes a little into a file that another process, or another part of this one, may have locked. */
import type { Clock } from '../clock.ts';
import { type ErrorCode, MirrorError } from '../errors.ts';

/** The time between two tries, and how long they go on. */
const AGAIN_MS = 10;
const PATIENCE_MS = 5000;

/**
 * Calls `write` until it does not fail with the code of a lock. It must not wait in the system: who has the lock may be
 * this process.
 */
export async function whenUnlocked<Result>(clock: Clock, locked: ErrorCode, write: () => Result): Promise<Result> {
  const endMs = clock.steadyMs() + PATIENCE_MS;
  for (;;) {
    try {
      return write();
    } catch (error) {
      if (!(error instanceof MirrorError && error.code === locked) || clock.steadyMs() >= endMs) throw error;
    }
    await clock.sleep(AGAIN_MS);
  }
}
