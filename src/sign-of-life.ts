/**
 * Signs of life of a tracker, for callers that wait for one of its answers: a call of a backend may ask a hundred
 * things, each answered at once, and take minutes. They go by the call they belong to, so that neither backends nor
 * their clients need to know who waits.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

const waiting = new AsyncLocalStorage<() => void>();

/** Does something at a tracker; `onSign` hears of every sign of life it gives meanwhile. */
export function listeningFor<Result>(onSign: () => void, work: () => Result): Result {
  return waiting.run(onSign, work);
}

/** Bytes came from a tracker or were taken by it, or the other side said that none will: our giving up is none. */
export function signOfLife(): void {
  waiting.getStore()?.();
}
