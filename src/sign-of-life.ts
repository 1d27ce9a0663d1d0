/**
 * What is heard of a tracker while one of its answers is awaited: a call of a backend may ask a hundred things, each
 * answered at once, and take minutes. It goes by the call it belongs to, so that neither backends nor their clients
 * need to know who waits.
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

/** Bytes came from a tracker or were taken by it, or the other side said that none will: our giving up is none. */
export function signOfLife(): void {
  waiting.getStore()?.heard();
}

/**
 * A request begins. Its end is to be told with its HTTP status, or with undefined where nobody answered; one that we
 * broke off ourselves has none.
 */
export function requestBegun(clock: Clock = systemClock): (status: number | undefined) => void {
  const listener = waiting.getStore();
  const beganMs = clock.steadyMs();
  return (status) => listener?.requestEnded?.(status, clock.steadyMs() - beganMs);
}
