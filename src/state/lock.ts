import { lstatSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { DatabaseSync } from 'node:sqlite';
import { MirrorError, messageOf } from '../errors.ts';
import { createOwnDatabase, replaceOwnFile } from '../own-files/index.ts';
import { realPath } from '../real-path.ts';

/** The owner of a lock, only for the message. */
interface Owner {
  readonly pid: number;
  readonly host: string;
  readonly since: string;
}

/** The words for what the lock protects. */
const WORDS = {
  store: {
    fails: 'MB3001',
    taken: 'MB3004',
    flag: '--store',
    wait: 'Let it finish, or use another store with --store. Reading (export, inspect) works meanwhile.',
  },
  state: {
    fails: 'MB3101',
    taken: 'MB3106',
    flag: '--state',
    wait: 'Let it finish, or use another state with --state. Reading (status, state show) works meanwhile.',
  },
} as const;

/**
 * Keeps a second mirrorboard away from a store or a state. The lock is a tiny SQLite file with a transaction that
 * stays open. The system frees it the moment the process ends, however it ends, so there is no heartbeat and nothing
 * to clean up.
 */
export class FileLock {
  readonly #db: DatabaseSync;

  private constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /**
   * Takes the lock for `path` (in `path.lock`). Throws MB3004 (for a state MB3106) with the owner's name if another
   * process has it.
   */
  static acquire(path: string, what: keyof typeof WORDS = 'store'): FileLock {
    const lockPath = lockPathOf(path);
    const words = WORDS[what];
    let db: DatabaseSync;
    if (lstatSync(lockPath, { throwIfNoEntry: false })?.isSymbolicLink()) {
      throw new MirrorError('MB3010', `the lock ${lockPath} is a link, expected a file`, {
        hint: `Remove the link, or use another file with ${words.flag}.`,
        context: { path: lockPath },
      });
    }
    try {
      createOwnDatabase(lockPath);
      db = new DatabaseSync(lockPath);
    } catch (error) {
      throw new MirrorError(words.fails, `opening ${lockPath}: ${messageOf(error)}`, {
        hint: `Check that the folder exists and is writable, or use another file with ${words.flag}.`,
        cause: error,
        context: { path: lockPath },
      });
    }
    try {
      // The timeout is short but not zero: a process that only looks for the owner holds the file for a moment.
      db.exec('PRAGMA journal_mode = DELETE; PRAGMA busy_timeout = 20; BEGIN EXCLUSIVE');
    } catch (error) {
      db.close();
      if (!isTaken(error)) {
        throw new MirrorError(words.fails, `locking ${path}: ${messageOf(error)}`, {
          hint: `Check that the folder is writable and has free space, or use another file with ${words.flag}.`,
          cause: error,
          context: { path: lockPath },
        });
      }
      throw new MirrorError(words.taken, `${nameOfOwner(lockPath)} writes to ${path}`, {
        hint: words.wait,
        cause: error,
        context: { path },
      });
    }
    writeOwner(lockPath);
    return new FileLock(db);
  }

  /**
   * Returns the owner of the lock of `path`, in words that can follow `writes to …`; undefined if the lock is free or
   * the owner is unknown.
   */
  static holder(path: string): string | undefined {
    const lockPath = lockPathOf(path);
    let db: DatabaseSync | undefined;
    try {
      db = new DatabaseSync(lockPath, { readOnly: true });
      db.prepare('SELECT count(*) FROM sqlite_schema').get();
      return undefined;
    } catch (error) {
      return db !== undefined && isTaken(error) ? nameOfOwner(lockPath) : undefined;
    } finally {
      db?.close();
    }
  }

  release(): void {
    this.#db.close();
  }
}

/** Returns the lock's path. Two names of one file have one lock. */
function lockPathOf(path: string): string {
  return `${realPath(path, path)}.lock`;
}

function isTaken(error: unknown): boolean {
  return /locked|busy/i.test(messageOf(error));
}

function nameOfOwner(lockPath: string): string {
  const owner = readOwner(lockPath);
  return owner === undefined ? 'another mirrorboard' : `mirrorboard, process ${owner.pid} on ${owner.host}, since ${owner.since},`;
}

function ownerPath(lockPath: string): string {
  return `${lockPath}.owner`;
}

function readOwner(lockPath: string): Owner | undefined {
  try {
    return (JSON.parse(readFileSync(ownerPath(lockPath), 'utf8')) as Owner | null) ?? undefined;
  } catch {
    return undefined; // the name is only for messages
  }
}

function writeOwner(lockPath: string): void {
  const owner: Owner = { pid: process.pid, host: hostname(), since: new Date().toISOString() };
  try {
    replaceOwnFile(ownerPath(lockPath), JSON.stringify(owner));
  } catch {
    // The name is only for messages; the lock itself is held.
  }
}
