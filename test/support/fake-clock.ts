// A clock that stands still until a test moves it.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../src/sync/delivery/index.ts';

export class FakeClock implements Clock {
  #nowMs = 1_700_000_000_000;
  readonly #sleepers = new Set<{ readonly dueMs: number; readonly wake: () => void }>();

  now(): number {
    return this.#nowMs;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#sleepers.delete(sleeper);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      const sleeper = { dueMs: this.#nowMs + ms, wake };
      this.#sleepers.add(sleeper);
      if (signal.aborted) wake();
      else signal.addEventListener('abort', wake);
    });
  }

  /** Time passes; whoever slept until then has done what it can when this returns. */
  async pass(ms: number): Promise<void> {
    await settle();
    this.#nowMs += ms;
    for (const { dueMs, wake } of [...this.#sleepers]) if (dueMs <= this.#nowMs) wake();
    await settle();
  }
}

/** Lets everything happen that waits for no clock. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await nextTurn();
}
