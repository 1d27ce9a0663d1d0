/** Does the local store's upkeep when there is time: compacts the points of quiet runs, and frees memory. */
import type { PositionOwner } from '../contract/index.ts';
import type { SyncedStoreRun } from './stored-run.ts';

/** Parcels of a run after which its recent points are merged. */
const PARCELS_PER_MERGE = 16;

/** How often the store frees its memory while no data comes in. */
const REST_MS = 30_000;

/** The upkeep of the local store. */
export class StoreUpkeep {
  readonly #backend: PositionOwner;
  /** Quiet runs whose points are being compacted, piece by piece. */
  readonly #compacting = new Set<SyncedStoreRun>();
  /** Growing runs with many recent parcels. */
  readonly #growing = new Set<SyncedStoreRun>();
  #sawPoints = -1;
  #restedAtMs = 0;

  constructor(backend: PositionOwner) {
    this.#backend = backend;
  }

  /** Adds a run that is quiet, or may contain duplicates. */
  add(run: SyncedStoreRun): void {
    this.#compacting.add(run);
  }

  /** Removes a run that grows. Its turn comes when it is quiet again, since new points would start the work over. */
  drop(run: SyncedStoreRun): void {
    this.#compacting.delete(run);
  }

  /** Notes that the store accepted a parcel of a run. */
  grew(run: SyncedStoreRun): void {
    if (++run.recentParcels >= PARCELS_PER_MERGE) this.#growing.add(run);
  }

  /** Compacts one piece of a large run; the next ticks do the rest. */
  compact(): void {
    this.#mergeRecent();
    for (const run of this.#compacting) {
      if (!run.isIdle) continue;
      if (this.#backend.compact?.(run.ref) !== true) this.#compacting.delete(run);
      return;
    }
  }

  #mergeRecent(): void {
    if (this.#growing.size === 0) return;
    const runs = [...this.#growing];
    const done = this.#backend.mergeRecent?.(runs.map(({ ref }) => ref)) ?? runs.length;
    for (const run of runs.slice(0, done)) {
      this.#growing.delete(run);
      run.recentParcels = 0;
    }
  }

  /** Frees memory if no data came in for a while. `points`: all points that were stored so far. */
  rest(points: number, nowMs: number, isReady: boolean): void {
    if (this.#sawPoints !== points || nowMs - this.#restedAtMs < REST_MS || !isReady) {
      this.#sawPoints = points;
      return;
    }
    this.#restedAtMs = nowMs;
    this.#backend.rest?.();
  }
}
