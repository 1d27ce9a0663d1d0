import { Rounds } from '../../backend-kit/index.ts';
import { type Clock, systemClock } from '../../clock.ts';
import { PING_MS } from './limits.ts';

/** Milliseconds between two searches for tasks that have been quiet. */
const LOOK_MS = 60_000;

/**
 * The heartbeat of running tasks that get no data: otherwise the server stops them. It does not keep the process
 * alive.
 */
export class ClearmlHeartbeat {
  readonly #ping: (task: string, signal: AbortSignal) => Promise<void>;
  readonly #clock: Clock;
  /** The steady time of each task's last sign of life. */
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
      // If the server is away now, a later round tries again: the server's limit of two hours allows many tries.
      await this.#ping(task, signal).catch(() => undefined);
    }
  }

  close(): Promise<void> {
    return this.#rounds.close();
  }
}
