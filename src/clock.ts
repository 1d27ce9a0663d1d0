/**
 * The time, as all other code uses it. Intervals and deadlines use the steady clock, which never jumps: the wall
 * clock may be set back or forward while a service runs for months.
 */
import { setTimeout as sleepFor } from 'node:timers/promises';

/** A call that stops a timer. It does nothing if the timer has fired or was stopped before. */
export type StopTimer = () => void;

/** Options of a timer. */
export interface TimerOptions {
  /** True if the process stays alive for this timer. Default true. */
  readonly keepsAlive?: boolean;
}

/** The time, and everything that waits for it. Tests and simulators pass their own. */
export interface Clock {
  /**
   * Returns milliseconds since 1970 by the wall clock: for what mirrorboard shows, stores, or compares with times of
   * files.
   */
  wallMs(): number;
  /** Returns milliseconds that only time moves: for differences. */
  steadyMs(): number;
  /** Waits. Returns early, without an error, when the signal is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `work` once, after `ms`. */
  after(ms: number, work: () => void, options?: TimerOptions): StopTimer;
  /** Calls `work` every `ms`. */
  every(ms: number, work: () => void, options?: TimerOptions): StopTimer;
}

/** The system's time. */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  steadyMs,
  sleep: async (ms, signal) => {
    await sleepFor(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
  },
  after: (ms, work, { keepsAlive = true } = {}) => {
    const timer = setTimeout(work, ms);
    if (!keepsAlive) timer.unref();
    return () => clearTimeout(timer);
  },
  every: (ms, work, { keepsAlive = true } = {}) => {
    const timer = setInterval(work, ms);
    if (!keepsAlive) timer.unref();
    return () => clearInterval(timer);
  },
};

/** Returns a signal that is aborted after `ms`, like `AbortSignal.timeout`. Keeps no process alive. */
export function timeoutSignal(ms: number, clock: Clock = systemClock): AbortSignal {
  const controller = new AbortController();
  clock.after(ms, () => controller.abort(new DOMException('The operation timed out.', 'TimeoutError')), { keepsAlive: false });
  return controller.signal;
}

/**
 * Returns milliseconds that only time moves, even if the clock is set. They begin at the wall clock's time of the
 * thread's start, so a moment is never 0. Use them for differences within one thread only: what is shown or kept goes
 * through `asWallMs`.
 */
export function steadyMs(): number {
  return performance.timeOrigin + performance.now();
}

/**
 * Converts a moment of the steady clock to the wall clock as it is now: for people, and for what outlives the
 * process.
 */
export function asWallMs(steady: number, clock: Clock = systemClock): number {
  return clock.wallMs() - (clock.steadyMs() - steady);
}

/**
 * Converts a moment that was kept by the wall clock to the steady clock, at most `mostMs` from now: the clock may
 * have been set since.
 */
export function asDueMs(wallMs: number, mostMs: number, clock: Clock = systemClock): number {
  return clock.steadyMs() + Math.min(mostMs, Math.max(0, wallMs - clock.wallMs()));
}

/** Returns milliseconds since the machine started, for moments that several threads compare. */
export function machineMs(): number {
  const [seconds, ns] = process.hrtime();
  return seconds * 1000 + ns / 1e6;
}
