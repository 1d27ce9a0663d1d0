import { type Clock, type StopTimer, systemClock } from '../clock.ts';

/** Work that repeats at an interval, one round at a time. It keeps no process alive. */
export class Rounds {
  readonly #stop = new AbortController();
  readonly #stopTimer: StopTimer;
  #round: Promise<void> | undefined;

  /** Starts the rounds. If a round throws, the next one does its work. */
  constructor(everyMs: number, work: (signal: AbortSignal) => Promise<void>, clock: Clock = systemClock) {
    const round = (): void => {
      this.#round ??= work(this.#stop.signal)
        .catch(() => undefined)
        .finally(() => {
          this.#round = undefined;
        });
    };
    this.#stopTimer = clock.every(everyMs, round, { keepsAlive: false });
  }

  /** Stops the round under way, and waits for its end. */
  async close(): Promise<void> {
    this.#stopTimer();
    this.#stop.abort();
    await this.#round;
  }
}
