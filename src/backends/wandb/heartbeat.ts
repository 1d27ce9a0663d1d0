/** Signs of life of runs that are written to: without one for some minutes the service shows a run as crashed. */
import { Rounds } from '../../backend-kit/index.ts';
import { type Clock, systemClock } from '../../clock.ts';
import { HEARTBEAT_MS } from './limits.ts';
import type { RunStorage } from './storage.ts';

/** Runs whose last event is older are most likely over, and only not reported so: a backfill has thousands of them. */
const RECENT_MS = 30 * 60_000;
/** So much longer than it took is waited after a sign that such a run gave: what is sent has the server's time. */
const PATIENCE = 4;

/** Tells the server every half minute that runs which are written to are alive. */
export class WandbHeartbeat {
  readonly #storages: () => Iterable<RunStorage>;
  readonly #clock: Clock;
  readonly #rounds: Rounds;

  constructor(storages: () => Iterable<RunStorage>, clock: Clock = systemClock) {
    this.#storages = storages;
    this.#clock = clock;
    this.#rounds = new Rounds(HEARTBEAT_MS, (signal) => this.#beat(signal), clock);
  }

  close(): Promise<void> {
    return this.#rounds.close();
  }

  /** One after the other, those with the latest events first. */
  async #beat(signal: AbortSignal): Promise<void> {
    const storages = [...this.#storages()].filter(({ isBeatDue }) => isBeatDue).sort((a, b) => b.lastEventMs - a.lastEventMs);
    for (const storage of storages) {
      if (signal.aborted) return;
      const startMs = this.#clock.steadyMs();
      await storage.beat(signal);
      if (storage.lastEventMs < this.#clock.wallMs() - RECENT_MS)
        await this.#clock.sleep(PATIENCE * (this.#clock.steadyMs() - startMs), signal);
    }
  }
}
