/**
 * Reports activity of a tracker to the call that waits for it. One call of a backend may send a hundred requests, each
 * answered at once, and take minutes. The listener is bound to the call (`AsyncLocalStorage`), so backends and their
 * clients need not pass it on.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { type Clock, systemClock } from './clock.ts';

/** Who waits for a tracker. */
export interface TrackerListener {
  /** The tracker gave a sign of life. */
  heard(): void;
  /** A request ended with this HTTP status; undefined: there was no answer. */
  requestEnded?(status: number | undefined, ms: number): void;
}

const waiting = new AsyncLocalStorage<TrackerListener>();

/** Does something at a tracker; `listener` hears what becomes of it meanwhile. */
export function listeningFor<Result>(listener: TrackerListener, work: () => Result): Result {
  return waiting.run(listener, work);
}

/** Bytes came from a tracker or were taken by it, or the other side reported that none will; our giving up is none. */
export function signOfLife(): void {
  waiting.getStore()?.heard();
}

/**
 * Notes the start of a request. Call the returned function with its HTTP status when it ends, with undefined if there
 * was no answer, and not at all if we aborted it.
 */
export function requestBegun(clock: Clock = systemClock): (status: number | undefined) => void {
  const listener = waiting.getStore();
  const beganMs = clock.steadyMs();
  return (status) => listener?.requestEnded?.(status, clock.steadyMs() - beganMs);
}
