import { Rounds } from '../../backend-kit/index.ts';
import { type Clock, systemClock } from '../../clock.ts';
import { PING_MS } from './limits.ts';

/** How often is searched for tasks that have been quiet. */
const LOOK_MS = 60_000;

/**
 * Says of tasks that run and get nothing that they still do: the server stops them otherwise. Keeps no process alive.
 */
export class ClearmlHeartbeat {
  readonly #ping: (task: string, signal: AbortSignal) => Promise<void>;
  readonly #clock: Clock;
  /** When each was last heard of. */
  readonly #lastMs = new Map<string, number>();
  readonly #rounds: Rounds;

  constructor(ping: (task: string, signal: AbortSignal) => Promise<void>, clock: Clock = systemClock) {
    this.#ping = ping;
    this.#clock = clock;
    this.#rounds = new Rounds(LOOK_MS, (signal) => this.look(signal), clock);
  }

  keep(task: string): void {
    this.#lastMs.set(task, this.#clock.steadyMs());
  }

  noteWork(task: string): void {
    if (this.#lastMs.has(task)) this.#lastMs.set(task, this.#clock.steadyMs());
  }

  drop(task: string): void {
    this.#lastMs.delete(task);
  }

  async look(signal: AbortSignal = new AbortController().signal): Promise<void> {
    for (const [task, lastMs] of [...this.#lastMs]) {
      if (this.#clock.steadyMs() - lastMs < PING_MS || signal.aborted) continue;
      this.#lastMs.set(task, this.#clock.steadyMs());
      // A server that is away now is asked again later; two hours are many tries.
      await this.#ping(task, signal).catch(() => undefined);
    }
  }

  close(): Promise<void> {
    return this.#rounds.close();
  }
}
