/**
 * Sends heartbeats for runs that are written to: after some minutes without one, the service shows a run as crashed.
 */
import { Rounds } from '../../backend-kit/index.ts';
import { type Clock, systemClock } from '../../clock.ts';
import { HEARTBEAT_MS } from './limits.ts';
import type { RunStorage } from './storage.ts';

/** A run whose last event is older most likely ended without saying so: a backfill has thousands of such runs. */
const RECENT_MS = 30 * 60_000;
/** After a heartbeat of such a run, mirrorboard waits this many times as long as it took: data comes first. */
const PATIENCE = 4;

/** Sends the server a heartbeat every half minute for runs that are written to. */
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

  /** Sends the heartbeats one after the other, for the runs with the latest events first. */
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
