/** Of which runs the readers keep what they know: those that were used last, as far as the memory allows. */
import { memoryShares } from '../memory/index.ts';
import type { RootQueue, RootQueues } from './root-queues.ts';
import type { SyncedStoreRun } from './stored-run.ts';

/** Runs of which the readers keep what they know. */
const MOST_SESSIONS = 256;

/** The sessions of the local store's runs. */
export class ReaderSessions {
  readonly #queues: RootQueues;
  /** The one used last at the end. */
  readonly #runs = new Set<SyncedStoreRun>();

  constructor(queues: RootQueues) {
    this.#queues = queues;
  }

  /** Notes the use of a session, and lets go of those not used for longest. */
  use(run: SyncedStoreRun): void {
    this.#runs.delete(run);
    this.#runs.add(run);
    let weight = 0;
    for (const other of this.#runs) weight += other.weight;
    for (const oldest of this.#runs) {
      // A run with very many tags is as good as many runs.
      if (this.#runs.size <= MOST_SESSIONS && weight <= memoryShares().tags) return;
      // What is under way is still being stored: its positions are not those of the backend yet.
      if (oldest === run || !oldest.isIdle) continue;
      weight -= oldest.weight;
      this.forget(oldest);
    }
  }

  /** Ends a session: the run begins from the store's positions. */
  forget(run: SyncedStoreRun): void {
    this.#runs.delete(run);
    this.#queues.of(run)?.reader?.forget([run.ref]);
    run.endSession();
  }

  /** A reader was left behind, and all that it knew. */
  readerReplaced(queue: RootQueue): void {
    for (const run of this.#runs) {
      if (this.#queues.of(run) !== queue) continue;
      this.#runs.delete(run);
      run.endSession();
    }
  }
}
