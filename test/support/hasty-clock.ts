// A clock for what waits and looks again.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Clock, systemClock } from '../../src/clock.ts';

/** The system's clock, but sleeping takes no time: it moves the clock instead. */
export function hastyClock(): Clock {
  let sleptMs = 0;
  return {
    ...systemClock,
    wallMs: () => systemClock.wallMs() + sleptMs,
    steadyMs: () => systemClock.steadyMs() + sleptMs,
    sleep: async (ms) => {
      sleptMs += ms;
      await nextTurn();
    },
  };
}
