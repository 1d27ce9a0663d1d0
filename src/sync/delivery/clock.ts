import { setTimeout as sleep } from 'node:timers/promises';
import { steadyMs } from '../../clock.ts';

/** Time and chance as a lane needs them; tests bring their own. */
export interface Clock {
  /** Milliseconds that only time moves: for differences. */
  now(): number;
  /** Ends early, without an error, when the signal says so. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** The clock that nobody sets, and real sleep. */
export const realClock: Clock = {
  now: steadyMs,
  sleep: async (ms, signal) => {
    // Waiting does not keep a process alive that has nothing else to do.
    await sleep(ms, undefined, { signal }).catch(() => undefined);
  },
};
