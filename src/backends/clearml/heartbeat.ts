import { type Clock, type StopTimer, systemClock } from '../../clock.ts';
import { PING_MS } from './limits.ts';

/** How often is searched for tasks that have been quiet. */
const LOOK_MS = 60_000;

/**
 * Says of tasks that run and get nothing that they still do: the server stops them otherwise. Keeps no process alive.
 */
export class Heartbeat {
  readonly #ping: (task: string, signal: AbortSignal) => Promise<void>;
  readonly #clock: Clock;
  /** When each was last heard of. */
  readonly #lastMs = new Map<string, number>();
  readonly #stop = new AbortController();
  readonly #stopTimer: StopTimer;
  #looking: Promise<void> = Promise.resolve();

  constructor(ping: (task: string, signal: AbortSignal) => Promise<void>, clock: Clock = systemClock) {
    this.#ping = ping;
    this.#clock = clock;
    const look = (): void => {
      this.#looking = this.look();
    };
    this.#stopTimer = clock.every(LOOK_MS, look, { keepsAlive: false });
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

  async look(): Promise<void> {
    for (const [task, lastMs] of [...this.#lastMs]) {
      if (this.#clock.steadyMs() - lastMs < PING_MS || this.#stop.signal.aborted) continue;
      this.#lastMs.set(task, this.#clock.steadyMs());
      // A server that is away now is asked again later; two hours are many tries.
      await this.#ping(task, this.#stop.signal).catch(() => undefined);
    }
  }

  async close(): Promise<void> {
    this.#stopTimer();
    this.#stop.abort();
    await this.#looking;
  }
}
