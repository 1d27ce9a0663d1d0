/**
 * Reports activity of a tracker to the call that waits for it. One call of a backend may send a hundred requests, get
 * each answer at once, and take minutes. The listener is bound to the call (`AsyncLocalStorage`), so backends and
 * their clients need not pass it on.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { type Clock, systemClock } from './clock.ts';

/** A listener for the signs of life of a tracker. */
export interface TrackerListener {
  /** Called when the tracker gave a sign of life. */
  answered(): void;
  /** Called when a request ended with this HTTP status; undefined: there was no answer. */
  requestEnded?(status: number | undefined, ms: number): void;
}

const waiting = new AsyncLocalStorage<TrackerListener>();

/** Calls a tracker; `listener` hears its signs of life meanwhile. */
export function listeningFor<Result>(listener: TrackerListener, work: () => Result): Result {
  return waiting.run(listener, work);
}

/**
 * Reports a sign of life: the tracker sent bytes, took bytes, or reported that none will come. An abort by
 * mirrorboard is none.
 */
export function signOfLife(): void {
  waiting.getStore()?.answered();
}

/**
 * Notes the start of a request. Call the returned function with the HTTP status when the request ends, with undefined
 * if there was no answer, and not at all if mirrorboard aborted it.
 */
export function requestStarted(clock: Clock = systemClock): (status: number | undefined) => void {
  const listener = waiting.getStore();
  const beganMs = clock.steadyMs();
  return (status) => listener?.requestEnded?.(status, clock.steadyMs() - beganMs);
}
