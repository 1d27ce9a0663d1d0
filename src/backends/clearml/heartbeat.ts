import { setInterval } from 'node:timers';
import { steadyMs } from '../../clock.ts';
import { PING_MS } from './limits.ts';

/** How often is searched for tasks that have been quiet. */
const LOOK_MS = 60_000;

/**
 * Says of tasks that run and get nothing that they still do: the server stops them otherwise. Keeps no process alive.
 */
export class Heartbeat {
  readonly #ping: (task: string, signal: AbortSignal) => Promise<void>;
  readonly #now: () => number;
  /** When each was last heard of. */
  readonly #lastMs = new Map<string, number>();
  readonly #stop = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #looking: Promise<void> = Promise.resolve();

  constructor(ping: (task: string, signal: AbortSignal) => Promise<void>, now: () => number = steadyMs) {
    this.#ping = ping;
    this.#now = now;
    this.#timer = setInterval(() => {
      this.#looking = this.look();
    }, LOOK_MS);
    this.#timer.unref();
  }

  keep(task: string): void {
    this.#lastMs.set(task, this.#now());
  }

  noteWork(task: string): void {
    if (this.#lastMs.has(task)) this.#lastMs.set(task, this.#now());
  }

  drop(task: string): void {
    this.#lastMs.delete(task);
  }

  async look(): Promise<void> {
    for (const [task, lastMs] of [...this.#lastMs]) {
      if (this.#now() - lastMs < PING_MS || this.#stop.signal.aborted) continue;
      this.#lastMs.set(task, this.#now());
      // A server that is away now is asked again later; two hours are many tries.
      await this.#ping(task, this.#stop.signal).catch(() => undefined);
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#stop.abort();
    await this.#looking;
  }
}
