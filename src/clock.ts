/**
 * Time as the rooms need it. Intervals and deadlines use the steady clock, which never jumps: the wall clock may be set
 * back or forward under a service that runs for months.
 */
import { setTimeout as sleepFor } from 'node:timers/promises';

/** Stops a timer. Harmless when the timer has fired or was stopped before. */
export type StopTimer = () => void;

/** How a timer relates to the process. */
export interface TimerOptions {
  /** True if the process stays alive for this timer. Default true. */
  readonly keepsAlive?: boolean;
}

/** The time, and everything that waits for it. Tests and simulators bring their own. */
export interface Clock {
  /** Milliseconds since 1970 by the wall clock: for what is shown, stored, or compared with times of files. */
  wallMs(): number;
  /** Milliseconds that only time moves: for differences. */
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

/** A signal that is aborted after `ms`, as by `AbortSignal.timeout`. Keeps no process alive. */
export function timeoutSignal(ms: number, clock: Clock = systemClock): AbortSignal {
  const controller = new AbortController();
  clock.after(ms, () => controller.abort(new DOMException('The operation timed out.', 'TimeoutError')), { keepsAlive: false });
  return controller.signal;
}

/**
 * Milliseconds that only time moves, even when the clock is set. They begin at the wall clock's of the thread's
 * start, and so can be told from 0, but are for differences within one thread alone: what is shown or kept goes
 * through `asWallMs`.
 */
export function steadyMs(): number {
  return performance.timeOrigin + performance.now();
}

/** A moment of the steady clock as the wall clock has it now: for people, and for what outlives the process. */
export function asWallMs(steady: number, clock: Clock = systemClock): number {
  return clock.wallMs() - (clock.steadyMs() - steady);
}

/**
 * A moment that was kept by the wall clock as one of the steady clock, at most `mostMs` from now: the clock may have
 * been set since.
 */
export function asDueMs(wallMs: number, mostMs: number, clock: Clock = systemClock): number {
  return clock.steadyMs() + Math.min(mostMs, Math.max(0, wallMs - clock.wallMs()));
}

/** The same for moments that several threads compare: the time since the machine started. */
export function machineMs(): number {
  const [seconds, ns] = process.hrtime();
  return seconds * 1000 + ns / 1e6;
}
