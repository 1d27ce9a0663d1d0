import type { DatabaseSync } from 'node:sqlite';
import { type Clock, systemClock } from '../clock.ts';
import { MirrorError } from '../errors.ts';
import { isStorageTrouble } from './sqlite-error.ts';

/** Calls `work` once after `delayMs`, and returns how to call it off. */
export type Schedule = (delayMs: number, work: () => void) => () => void;

/** With the system's clock. */
export const realSchedule: Schedule = scheduleOf(systemClock);

/** With timers of a clock. They keep no process alive. */
export function scheduleOf(clock: Clock): Schedule {
  return (delayMs, work) => clock.after(delayMs, work, { keepsAlive: false });
}

/** The database, and when changes are committed. */
interface GroupCommitOptions {
  readonly db: DatabaseSync;
  readonly schedule: Schedule;
  /** Something could not be committed: it is kept, and tried again. */
  readonly onFailure: (error: unknown) => void;
  /** Rows that were made are gone again: forget their numbers. */
  readonly onRollback: () => void;
}

/** A change waits no longer than this for others to be committed with. */
const LONGEST_WAIT_MS = 100;
const MOST_CHANGES = 100;
/** After a commit that failed. Each try may wait for `busy_timeout`, so not with every change. */
const RETRY_MS = 1000;

/**
 * Collects changes and commits them together, at latest 100 ms after the first or when there are 100. They are made
 * at once, in a transaction that stays open, so that reads by the same connection see them; and each is remembered
 * under a key until it is committed, since a commit that fails may undo all of them: then they are made again. A
 * later change under a key replaces the earlier one, so that a disk that stays full costs memory for what changed,
 * not for how often.
 */
export class GroupCommit {
  readonly #options: GroupCommitOptions;
  readonly #db: DatabaseSync;
  /** What is not committed, in the order of the last change under each key. */
  readonly #pending = new Map<string, () => void>();
  /** What the outermost call under way has added. */
  #added: [key: string, apply: () => void][] = [];
  #depth = 0;
  /** Changes since the last commit. */
  #count = 0;
  /** Whether the transaction holds all of `pending`. */
  #isMade = true;
  #isFailing = false;
  #cancelTimer: (() => void) | undefined;

  constructor(options: GroupCommitOptions) {
    this.#options = options;
    this.#db = options.db;
  }

  /** Whether everything has been committed. */
  get isEmpty(): boolean {
    return this.#pending.size === 0;
  }

  /** Whether the last try to commit failed. */
  get isFailing(): boolean {
    return this.#isFailing;
  }

  /** True if reading by this connection shows every change made so far. */
  get isMade(): boolean {
    return this.#isMade;
  }

  /** Makes a change; `apply` may run several times, and each time does the same, wholly. */
  change(key: string, apply: () => void): void {
    this.together(() => {
      if (this.#isMade) this.#attempt(apply);
      this.#added.push([key, apply]);
    });
  }

  /** Whatever `work` changes is committed in one transaction. When it throws, nothing of it is kept. */
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

  /** Sees to it that reading by this connection shows every change made so far; throws where that cannot be. */
  makeAll(): void {
    if (this.#isMade) return;
    if (this.#pending.size > 0) {
      try {
        this.#db.exec('BEGIN IMMEDIATE');
        for (const [key, apply] of this.#pending) this.#remake(key, apply);
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

  /** Commits now; false if that failed, which was reported. */
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
    this.#count = 0;
    this.#isFailing = false;
    return true;
  }

  /** The last try; what fails now is lost, which is reported. Nothing may be changed afterwards. */
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

  /** Trouble with the disk takes no change away: it is made later. A change that is wrong in itself is the caller's. */
  #attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!isStorageTrouble(error)) throw error;
      this.#fail(error);
    }
  }

  /**
   * A change that was never made, because of trouble with the disk, may be wrong: it must not block the others
   * forever.
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
    // Also if nothing was pending: the call under way may have made changes that are not there yet.
    this.#isMade = false;
    this.#isFailing = true;
    this.#count = 0;
    this.#cancelTimer?.();
    this.#cancelTimer = this.#options.schedule(RETRY_MS, () => this.flush());
    this.#options.onFailure(error);
  }

  /** SQLite ends a transaction on its own after some failures. */
  #undo(): void {
    if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
    this.#options.onRollback();
    this.#isMade = this.#pending.size === 0;
  }
}
