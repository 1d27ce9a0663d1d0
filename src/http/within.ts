import { type Clock, systemClock } from '../clock.ts';

/** An operation took longer than allowed: this is our own decision, not an answer of the other side. */
export class LateError extends Error {
  override readonly name = 'LateError';
}

/**
 * Runs an operation with a time limit; `ask` must stop when its signal aborts. Throws the error of `ask`, or a
 * `LateError`.
 */
export async function within<T>(
  limitMs: number,
  signal: AbortSignal,
  ask: (signal: AbortSignal) => Promise<T>,
  clock: Clock = systemClock,
): Promise<T> {
  const stop = new AbortController();
  const onAbort = (): void => stop.abort(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  const stopTimer = clock.after(limitMs, () => stop.abort());
  try {
    return await ask(stop.signal);
  } catch (error) {
    if (!stop.signal.aborted || signal.aborted) throw error;
    throw new LateError(`no answer within ${Math.ceil(limitMs) / 1000} s`, { cause: error });
  } finally {
    stopTimer();
    signal.removeEventListener('abort', onAbort);
  }
}
