/**
 * The runs that are open at a server at the moment: a bounded number, since each costs the server descriptors. The
 * one used last stays longest.
 */
import type { BackendContext } from '../../contract/index.ts';
import type { AimClient } from './client.ts';
import type { TrackedRun } from './handle.ts';
import { LOADED_POINTS, RECENT_POINTS } from './limits.ts';
import { LoadedPoints } from './loaded-points.ts';
import { closeRun, type OpenRun, openRun } from './open-run.ts';
import { RunWriter } from './run-writer.ts';

/** A run that is held open, and its writer. */
export interface PooledRun {
  readonly open: OpenRun;
  readonly writer: RunWriter;
}

interface Place {
  readonly run: TrackedRun;
  readonly opened: Promise<PooledRun>;
  /** How many use it at the moment: it is not closed under them. */
  users: number;
}

/** Holds the runs used last open, and closes the one that was not used for longest. */
export class RunPool {
  readonly #client: AimClient;
  readonly #most: number;
  readonly #warn: BackendContext['warn'];
  /** By hash, the one used last at the end. */
  readonly #places = new Map<string, Place>();
  readonly #loaded = new LoadedPoints(LOADED_POINTS, RECENT_POINTS);

  constructor(client: AimClient, most: number, warn: BackendContext['warn']) {
    this.#client = client;
    this.#most = most;
    this.#warn = warn;
  }

  /** Does something with an open run, and opens it first if it is not; `createdAt` is when a new one began. */
  async use<T>(run: TrackedRun, work: (pooled: PooledRun) => Promise<T>, signal: AbortSignal, createdAt?: number): Promise<T> {
    let place = this.#places.get(run.hash);
    if (place === undefined) {
      await this.#makeRoom(signal);
      place = this.#places.get(run.hash);
    }
    if (place === undefined) {
      const opened = openRun(this.#client, run, createdAt, signal).then((open) => ({
        open,
        writer: new RunWriter(this.#client, run, open, this.#loaded, this.#warn),
      }));
      place = { run, opened, users: 0 };
      opened.catch(() => this.#places.delete(run.hash));
    }
    this.#places.delete(run.hash);
    this.#places.set(run.hash, place);
    place.users++;
    try {
      return await work(await place.opened);
    } finally {
      place.users--;
    }
  }

  /** The run's trees, if it is open. */
  async peek(hash: string): Promise<PooledRun | undefined> {
    return this.#places.get(hash)?.opened.catch(() => undefined);
  }

  /** Closes a run, if it is open and not in use. */
  async release(hash: string, signal: AbortSignal): Promise<void> {
    const place = this.#places.get(hash);
    if (place === undefined || place.users > 0) return;
    this.#places.delete(hash);
    const pooled = await place.opened.catch(() => undefined);
    if (pooled !== undefined) await closeRun(this.#client, pooled.open, signal);
  }

  async close(signal: AbortSignal): Promise<void> {
    for (const place of [...this.#places.values()]) {
      if (this.#client.isBroken) return;
      place.users = 0;
      await this.release(place.run.hash, signal).catch(() => undefined);
    }
  }

  async #makeRoom(signal: AbortSignal): Promise<void> {
    while (this.#places.size >= this.#most) {
      const idle = [...this.#places.values()].find(({ users }) => users === 0);
      // All are in use: one more for a while.
      if (idle === undefined) return;
      await this.release(idle.run.hash, signal);
    }
  }
}
