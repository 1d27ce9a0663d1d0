/**
 * The runs that are currently open at a server: a bounded number, since each costs the server descriptors. The run
 * used last stays open longest.
 */
import type { BackendContext } from '../../contract/index.ts';
import type { AimClient } from './client.ts';
import type { AimRun } from './handle.ts';
import { LOADED_POINTS, RECENT_POINTS } from './limits.ts';
import { LoadedPoints } from './loaded-points.ts';
import { closeRun, type OpenAimRun, openRun } from './open-run.ts';
import { AimRunWriter } from './run-writer.ts';

/** An open run, and its writer. */
export interface PooledRun {
  readonly open: OpenAimRun;
  readonly writer: AimRunWriter;
}

interface Slot {
  readonly run: AimRun;
  readonly opened: Promise<PooledRun>;
  /** The number of current users: the pool does not close a run in use. */
  users: number;
}

/** Keeps the most recently used runs open, and closes the least recently used one. */
export class RunPool {
  readonly #client: AimClient;
  readonly #most: number;
  readonly #warn: BackendContext['warn'];
  /** Runs by hash; the one used last comes last. */
  readonly #slots = new Map<string, Slot>();
  readonly #loaded = new LoadedPoints(LOADED_POINTS, RECENT_POINTS);

  constructor(client: AimClient, most: number, warn: BackendContext['warn']) {
    this.#client = client;
    this.#most = most;
    this.#warn = warn;
  }

  /** Does some work with a run, and opens it first if necessary; `createdAt` is the start time of a new run. */
  async use<T>(run: AimRun, work: (pooled: PooledRun) => Promise<T>, signal: AbortSignal, createdAt?: number): Promise<T> {
    let slot = this.#slots.get(run.hash);
    if (slot === undefined) {
      await this.#makeRoom(signal);
      slot = this.#slots.get(run.hash);
    }
    if (slot === undefined) {
      const opened = openRun(this.#client, run, createdAt, signal).then((open) => ({
        open,
        writer: new AimRunWriter(this.#client, run, open, this.#loaded, this.#warn),
      }));
      slot = { run, opened, users: 0 };
      opened.catch(() => this.#slots.delete(run.hash));
    }
    this.#slots.delete(run.hash);
    this.#slots.set(run.hash, slot);
    slot.users++;
    try {
      return await work(await slot.opened);
    } finally {
      slot.users--;
    }
  }

  /** Returns the run's trees, if it is open. */
  async peek(hash: string): Promise<PooledRun | undefined> {
    return this.#slots.get(hash)?.opened.catch(() => undefined);
  }

  /** Closes a run, if it is open and not in use. */
  async release(hash: string, signal: AbortSignal): Promise<void> {
    const slot = this.#slots.get(hash);
    if (slot === undefined || slot.users > 0) return;
    this.#slots.delete(hash);
    const pooled = await slot.opened.catch(() => undefined);
    if (pooled !== undefined) await closeRun(this.#client, pooled.open, signal);
  }

  async close(signal: AbortSignal): Promise<void> {
    for (const slot of [...this.#slots.values()]) {
      if (this.#client.isBroken) return;
      slot.users = 0;
      await this.release(slot.run.hash, signal).catch(() => undefined);
    }
  }

  async #makeRoom(signal: AbortSignal): Promise<void> {
    while (this.#slots.size >= this.#most) {
      const idle = [...this.#slots.values()].find(({ users }) => users === 0);
      // All are in use: the pool temporarily has one more.
      if (idle === undefined) return;
      await this.release(idle.run.hash, signal);
    }
  }
}
