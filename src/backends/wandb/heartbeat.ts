/** Signs of life of runs that are written to: without one for some minutes the service shows a run as crashed. */
import { Rounds } from '../../backend-kit/index.ts';
import { type Clock, systemClock } from '../../clock.ts';
import { HEARTBEAT_MS } from './limits.ts';
import type { RunPlace } from './place.ts';

/** Runs whose last event is older are most likely over, and only not said to be: a backfill has thousands of them. */
const RECENT_MS = 30 * 60_000;
/** So much longer than it took is waited after a sign that such a run gave: what is sent has the server's time. */
const PATIENCE = 4;

/** Tells the server every half minute that runs which are written to are alive. */
export class Heartbeat {
  readonly #places: () => Iterable<RunPlace>;
  readonly #clock: Clock;
  readonly #rounds: Rounds;

  constructor(places: () => Iterable<RunPlace>, clock: Clock = systemClock) {
    this.#places = places;
    this.#clock = clock;
    this.#rounds = new Rounds(HEARTBEAT_MS, (signal) => this.#beat(signal), clock);
  }

  close(): Promise<void> {
    return this.#rounds.close();
  }

  /** One after the other, those with the latest events first. */
  async #beat(signal: AbortSignal): Promise<void> {
    const places = [...this.#places()].filter(({ isBeatDue }) => isBeatDue).sort((a, b) => b.lastEventMs - a.lastEventMs);
    for (const place of places) {
      if (signal.aborted) return;
      const startMs = this.#clock.steadyMs();
      await place.beat(signal);
      if (place.lastEventMs < this.#clock.wallMs() - RECENT_MS)
        await this.#clock.sleep(PATIENCE * (this.#clock.steadyMs() - startMs), signal);
    }
  }
}
