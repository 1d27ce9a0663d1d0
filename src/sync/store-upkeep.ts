/** What the local store does when there is time: it brings the points of quiet runs together, and rests. */
import type { PositionOwner } from '../contract/index.ts';
import type { SyncedStoreRun } from './stored-run.ts';

/** If nothing comes in, the store gives its memory back this often. */
const REST_MS = 30_000;

/** The upkeep of the local store. */
export class StoreUpkeep {
  readonly #backend: PositionOwner;
  /** Quiet runs whose points are being brought together, piece by piece. */
  readonly #compacting = new Set<SyncedStoreRun>();
  #sawPoints = -1;
  #restedAtMs = 0;

  constructor(backend: PositionOwner) {
    this.#backend = backend;
  }

  /** A run is quiet, or may hold the same twice. */
  add(run: SyncedStoreRun): void {
    this.#compacting.add(run);
  }

  /** A run grows: its turn comes when it is quiet again, since whatever is stored of it begins that work again. */
  drop(run: SyncedStoreRun): void {
    this.#compacting.delete(run);
  }

  /** Of a large run a piece; the rest has its turn in the next ticks. */
  compact(): void {
    for (const run of this.#compacting) {
      if (!run.isIdle) continue;
      if (this.#backend.compact?.(run.ref) !== true) this.#compacting.delete(run);
      return;
    }
  }

  /** Rests if nothing came in for a while. `points`: all that were stored so far. */
  rest(points: number, nowMs: number, isReady: boolean): void {
    if (this.#sawPoints !== points || nowMs - this.#restedAtMs < REST_MS || !isReady) {
      this.#sawPoints = points;
      return;
    }
    this.#restedAtMs = nowMs;
    this.#backend.rest?.();
  }
}
