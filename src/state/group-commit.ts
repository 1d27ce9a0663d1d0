import type { DatabaseSync } from 'node:sqlite';
import { type Clock, systemClock } from '../clock.ts';
import { MirrorError } from '../errors.ts';
import { isStorageTrouble } from './sqlite-error.ts';

/** Calls `work` once after `delayMs`. Returns a function that cancels the call. */
export type Schedule = (delayMs: number, work: () => void) => () => void;

/** The schedule with the system's clock. */
export const realSchedule: Schedule = scheduleOf(systemClock);

/** Returns a schedule with timers of a clock. They keep no process alive. */
export function scheduleOf(clock: Clock): Schedule {
  return (delayMs, work) => clock.after(delayMs, work, { keepsAlive: false });
}

/** The database, and the schedule of commits. */
interface GroupCommitOptions {
  readonly db: DatabaseSync;
  readonly schedule: Schedule;
  /** Called when a commit failed: the changes are kept, and retried. */
  readonly onFailure: (error: unknown) => void;
  /** Called when new rows were rolled back: their numbers must be forgotten. */
  readonly onRollback: () => void;
}

/** The longest time that a change waits for others in its commit. */
const LONGEST_WAIT_MS = 100;
const MOST_CHANGES = 1000;
/**
 * The delay after a commit that failed. Each try may wait for `busy_timeout`, so mirrorboard does not retry with
 * every change.
 */
const RETRY_MS = 1000;

/**
 * Collects changes and commits them together, at latest 100 ms after the first or when there are 1000. Changes are
 * made at once, in an open transaction, so that reads by the same connection see them. Each change is also kept in
 * memory under a key until it is committed, since a failed commit may undo all of them: then they are made again. A
 * later change under a key replaces the earlier one. So a disk that stays full costs memory for what changed, not for
 * how often.
 */
export class GroupCommit {
  readonly #options: GroupCommitOptions;
  readonly #db: DatabaseSync;
  /** Uncommitted changes, in the order of the last change under each key. */
  readonly #pending = new Map<string, () => void>();
  /** Changes that the outermost call under way has added. */
  #added: [key: string, apply: () => void][] = [];
  #depth = 0;
  /** Changes since the last commit. */
  #count = 0;
  /** True if the transaction holds all of `pending`. */
  #isMade = true;
  #isFailing = false;
  #commits = 0;
  #cancelTimer: (() => void) | undefined;

  constructor(options: GroupCommitOptions) {
    this.#options = options;
    this.#db = options.db;
  }

  /** True if everything has been committed. */
  get isEmpty(): boolean {
    return this.#pending.size === 0;
  }

  /** The number of commits so far. */
  get commits(): number {
    return this.#commits;
  }

  /** True if the last commit failed. */
  get isFailing(): boolean {
    return this.#isFailing;
  }

  /** True if reading by this connection shows every change made so far. */
  get isMade(): boolean {
    return this.#isMade;
  }

  /** Makes a change. `apply` may run several times; it must do the same each time, and completely. */
  change(key: string, apply: () => void): void {
    this.together(() => {
      if (this.#isMade) this.#attempt(apply);
      this.#added.push([key, apply]);
    });
  }

  /** Commits all changes that `work` makes in one transaction. If `work` throws, none of them is kept. */
  together(work: () => void): void {
    if (this.#depth > 0) {
      work();
      return;
    }
    if (!this.#isFailing) this.#attempt(() => this.#begin());
    this.#depth++;
    try {
      work();
    } catch (error) {
      this.#added = [];
      this.#undo();
      throw error;
    } finally {
      this.#depth--;
    }
    this.#keep();
  }

  /** Makes sure that reads by this connection show every change made so far. Throws if that is impossible. */
  makeAll(): void {
    if (this.#isMade) return;
    if (this.#pending.size + this.#added.length > 0) {
      try {
        this.#db.exec('BEGIN IMMEDIATE');
        for (const [key, apply] of this.#pending) this.#remake(key, apply);
        // A call under way may read what it has changed, and goes on in the same transaction.
        for (const [, apply] of this.#added) apply();
      } catch (error) {
        this.#undo();
        throw error;
      }
    }
    this.#isMade = true;
  }

  #begin(): void {
    this.makeAll();
    if (!this.#db.isTransaction) this.#db.exec('BEGIN IMMEDIATE');
  }

  /** Commits now. Returns false if that failed; the failure was reported. */
  flush(): boolean {
    if (this.#depth > 0) throw new MirrorError('MB9001', 'a flush would part changes that belong together');
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    try {
      this.makeAll();
      if (this.#db.isTransaction) this.#db.exec('COMMIT');
    } catch (error) {
      this.#fail(error);
      return false;
    }
    this.#pending.clear();
    this.#commits++;
    this.#count = 0;
    this.#isFailing = false;
    return true;
  }

  /**
   * Commits for the last time. Changes that fail now are lost, which is reported. Nothing may be changed afterwards.
   */
  close(): boolean {
    const isDone = this.flush();
    this.#cancelTimer?.();
    this.#undo();
    return isDone;
  }

  #keep(): void {
    const added = this.#added;
    this.#added = [];
    for (const [key, apply] of added) {
      this.#pending.delete(key);
      this.#pending.set(key, apply);
    }
    this.#count += added.length;
    if (this.#pending.size === 0) this.#undo();
    else if (this.#count >= MOST_CHANGES && !this.#isFailing) this.flush();
    else this.#cancelTimer ??= this.#options.schedule(this.#isFailing ? RETRY_MS : LONGEST_WAIT_MS, () => this.flush());
  }

  /**
   * Makes a change. A storage error loses no change: it is made later. An error in the change itself is thrown to the
   * caller.
   */
  #attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!isStorageTrouble(error)) throw error;
      this.#fail(error);
    }
  }

  /**
   * Makes a change again. A change that was never made, because of a storage error, may be wrong: it must not block
   * the others forever.
   */
  #remake(key: string, apply: () => void): void {
    try {
      apply();
    } catch (error) {
      if (isStorageTrouble(error)) throw error;
      this.#pending.delete(key);
      this.#options.onFailure(error);
    }
  }

  #fail(error: unknown): void {
    this.#undo();
    // This applies also if nothing was pending: the call under way may have made changes that are not in `pending`
    // yet.
    this.#isMade = false;
    this.#isFailing = true;
    this.#count = 0;
    this.#cancelTimer?.();
    this.#cancelTimer = this.#options.schedule(RETRY_MS, () => this.flush());
    this.#options.onFailure(error);
  }

  /** Rolls back. SQLite ends a transaction on its own after some failures. */
  #undo(): void {
    if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
    this.#options.onRollback();
    this.#isMade = this.#pending.size === 0;
  }
}
