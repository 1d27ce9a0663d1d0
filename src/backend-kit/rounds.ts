import { type Clock, type StopTimer, systemClock } from '../clock.ts';

/** Work that comes round again and again, one round at a time. It keeps no process alive. */
export class Rounds {
  readonly #stop = new AbortController();
  readonly #stopTimer: StopTimer;
  #round: Promise<void> | undefined;

  /** If a round throws, the next one does its work soon enough. */
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

  /** Ends the round under way, and waits for its end. */
  async close(): Promise<void> {
    this.#stopTimer();
    this.#stop.abort();
    await this.#round;
  }
}
