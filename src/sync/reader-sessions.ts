/** Limits for how many runs the readers keep sessions: those used last, as many as the memory allows. */
import { memoryShares } from '../memory/index.ts';
import type { RootQueue, RootQueues } from './root-queues.ts';
import type { SyncedStoreRun } from './stored-run.ts';

/** Runs for which the readers keep sessions. */
const MOST_SESSIONS = 256;

/** The sessions of the local store's runs. */
export class ReaderSessions {
  readonly #queues: RootQueues;
  /** Runs with a session; the one used last is at the end. */
  readonly #runs = new Set<SyncedStoreRun>();

  constructor(queues: RootQueues) {
    this.#queues = queues;
  }

  /** Notes the use of a session, and ends those that were not used for the longest time. */
  use(run: SyncedStoreRun): void {
    this.#runs.delete(run);
    this.#runs.add(run);
    let weight = 0;
    for (const other of this.#runs) weight += other.weight;
    for (const oldest of this.#runs) {
      // A run with very many tags needs as much memory as many runs.
      if (this.#runs.size <= MOST_SESSIONS && weight <= memoryShares().tags) return;
      // Data under way is not stored yet: the backend does not have its positions.
      if (oldest === run || !oldest.isIdle) continue;
      weight -= oldest.weight;
      this.forget(oldest);
    }
  }

  /** Ends a session: the run begins again from the store's positions. */
  forget(run: SyncedStoreRun): void {
    this.#runs.delete(run);
    this.#queues.of(run)?.reader?.forget([run.ref]);
    run.endSession();
  }

  /** Notes that a reader was abandoned, with all sessions that it had. */
  readerReplaced(queue: RootQueue): void {
    for (const run of this.#runs) {
      if (this.#queues.of(run) !== queue) continue;
      this.#runs.delete(run);
      run.endSession();
    }
  }
}
