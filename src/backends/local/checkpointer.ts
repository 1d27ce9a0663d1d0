import { statSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { Worker } from 'node:worker_threads';

/** The size of the unmerged log from which a thread is worthwhile. */
const WORTH_BYTES = 8 * 1024 * 1024;
/** Beyond this size, the writer waits until the log is merged and can start over. */
const MOST_BYTES = 256 * 1024 * 1024;
/** While a reader keeps the log from starting over, it grows by this much before the next try. */
const AGAIN_BYTES = 64 * 1024 * 1024;

/**
 * Merges the write-ahead log into the database on its own thread, in parallel with the writer. Inside the writer's
 * commits, SQLite would need a quarter of the time of a big backfill for it. While this thread lags, the log only
 * grows. So beyond a limit, the writer merges the rest itself, and the log starts over.
 */
export class Checkpointer {
  readonly #path: string;
  readonly #db: DatabaseSync;
  #worker: Worker | undefined;
  #isBusy = false;
  #merged = 0;
  /** The size of the log after the last try to start over. */
  #triedAt = 0;

  /** Creates a checkpointer. `db` is the writer's connection, with automatic checkpoints off. */
  constructor(path: string, db: DatabaseSync) {
    this.#path = path;
    this.#db = db;
  }

  /** Merges the log, or lets the thread merge it, if that is worthwhile. The writer calls this after each commit. */
  committed(): void {
    const bytes = statSync(`${this.#path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
    if (bytes > MOST_BYTES && bytes > this.#triedAt + AGAIN_BYTES) {
      this.#startOver();
      this.#triedAt = statSync(`${this.#path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
      this.#merged = 0;
      return;
    }
    if (bytes < this.#triedAt) this.#triedAt = 0;
    if (bytes < this.#merged) this.#merged = 0;
    if (this.#isBusy || bytes - this.#merged < WORTH_BYTES) return;
    this.#worker ??= this.#start();
    this.#isBusy = true;
    this.#merged = bytes;
    this.#worker.postMessage(undefined);
  }

  /** Merges the log and lets it start over, unless a reader holds an old state: it may hold that for hours. */
  #startOver(): void {
    const timeout = this.#db.prepare('PRAGMA busy_timeout').get()?.['timeout'];
    this.#db.exec('PRAGMA busy_timeout = 0');
    try {
      this.#db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    } finally {
      this.#db.exec(`PRAGMA busy_timeout = ${Number(timeout)}`);
    }
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(new URL('./checkpoint-worker.js', import.meta.url), { workerData: this.#path });
    worker.on('message', () => {
      this.#isBusy = false;
    });
    // Without the thread, the log is merged beyond the limit, and when the store is closed: this only costs time.
    worker.on('error', () => undefined);
    worker.unref();
    return worker;
  }
}
