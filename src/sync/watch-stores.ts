import { resolve } from 'node:path';
import { LocalBackend } from '../backends/local/index.ts';
import type { Clock } from '../clock.ts';
import type { ShardRule } from '../config/index.ts';
import type { StoreOptions } from '../lanes/index.ts';
import type { Random } from '../random.ts';
import { FileLock, type StateFile } from '../state/index.ts';
import type { FactLog } from '../status/index.ts';
import { makeStoreFolder, openState } from './lane-files.ts';
import { upgraded } from './upgrade-store.ts';

/** The store and state that must be open. */
interface Wanted {
  readonly store: StoreOptions | undefined;
  readonly statePath: string;
  readonly log?: FactLog | undefined;
  readonly clock?: Clock;
  /** Stops an upgrade of the store. */
  readonly signal?: AbortSignal;
  readonly random?: Random;
  /** The rules with the shard whose runs the state covers. */
  readonly rules?: { readonly shard?: ShardRule | undefined } | undefined;
}

/** The store and state of a watch, open for writing. */
export interface OpenStores {
  readonly local: LocalBackend | undefined;
  readonly state: StateFile;
}

/**
 * Store and state of a watch, with their locks. They stay open from one watch to the next, so that no other process
 * can take them in between.
 */
export class WatchStores {
  #store: (StoreOptions & { readonly backend: LocalBackend; readonly lock: FileLock }) | undefined;
  #state: { readonly path: string; readonly file: StateFile } | undefined;

  /** Opens what is not open yet, and closes what is no longer wanted. Throws as `watch` does. */
  async open({ store, statePath, log, signal, ...surroundings }: Wanted): Promise<OpenStores> {
    const statePlace = resolve(statePath);
    if (this.#state !== undefined && this.#state.path !== statePlace) this.#closeState();
    const opened = (): StateFile => {
      this.#state ??= { path: statePlace, file: openState(statePath, log, surroundings) };
      return this.#state.file;
    };
    if (store?.path !== this.#store?.path || store?.mediaPath !== this.#store?.mediaPath) await this.#closeStore();
    if (store !== undefined && this.#store === undefined) {
      makeStoreFolder(store.path);
      const lock = FileLock.acquire(store.path);
      try {
        opened();
        await upgraded(store.path, { log, signal, clock: surroundings.clock });
        this.#store = { ...store, lock, backend: new LocalBackend(store) };
      } catch (error) {
        lock.release();
        throw error;
      }
    }
    const state = opened();
    return { local: this.#store?.backend, state };
  }

  async close(): Promise<void> {
    try {
      await this.#closeStore(() => this.#closeState());
    } finally {
      this.#closeState();
    }
  }

  /** `between`: is called before the lock is released. */
  async #closeStore(between = (): void => undefined): Promise<void> {
    const open = this.#store;
    this.#store = undefined;
    try {
      await open?.backend.close();
      between();
    } finally {
      open?.lock.release();
    }
  }

  #closeState(): void {
    const open = this.#state;
    this.#state = undefined;
    open?.file.close();
  }
}
