import { type Clock, systemClock } from '../clock.ts';

/** What was asked took longer than it may: no word of the other side, but our own decision. */
export class LateError extends Error {
  override readonly name = 'LateError';
}

/**
 * Asks for something that has so long and no longer; `ask` ends by the signal that it is given. Throws what `ask`
 * throws, or that it was late.
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
