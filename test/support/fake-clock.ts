// A clock that stands still until a test moves it.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Clock, type StopTimer, systemClock } from '../../src/clock.ts';

interface Timer {
  dueMs: number;
  readonly work: () => void;
  /** Undefined for one that fires once. */
  readonly everyMs: number | undefined;
}

export class FakeClock implements Clock {
  #nowMs = 1_700_000_000_000;
  readonly #timers = new Set<Timer>();

  steadyMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#nowMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        stopTimer();
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      const stopTimer = this.after(ms, wake);
      if (signal?.aborted === true) wake();
      else signal?.addEventListener('abort', wake);
    });
  }

  after(ms: number, work: () => void): StopTimer {
    return this.#add({ dueMs: this.#nowMs + ms, work, everyMs: undefined });
  }

  every(ms: number, work: () => void): StopTimer {
    return this.#add({ dueMs: this.#nowMs + ms, work, everyMs: ms });
  }

  /** Time passes, from timer to timer; whatever they started has done what it can when this returns. */
  async pass(ms: number): Promise<void> {
    await settle();
    const endMs = this.#nowMs + ms;
    for (let next = this.#nextBy(endMs); next !== undefined; next = this.#nextBy(endMs)) {
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      if (next.everyMs === undefined) this.#timers.delete(next);
      else next.dueMs += next.everyMs;
      next.work();
      await settle();
    }
    this.#nowMs = endMs;
    await settle();
  }

  /** Lets time pass, a step at a time, until a condition holds. What real files and threads do takes real time. */
  async passUntil(isTrue: () => boolean | Promise<boolean>, stepMs = 100): Promise<void> {
    while (!(await isTrue())) await this.pass(stepMs);
  }

  #add(timer: Timer): StopTimer {
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  #nextBy(endMs: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) if (timer.dueMs <= endMs && timer.dueMs < (next?.dueMs ?? Infinity)) next = timer;
    return next;
  }
}

/** A clock whose time a test says, and whose timers are the system's. */
export function clockAt(nowMs: () => number): Clock {
  return { ...systemClock, steadyMs: nowMs, wallMs: nowMs };
}

/** Lets everything happen that waits for no clock. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await nextTurn();
}
