import { existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setImmediate } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { MirrorError, messageOf, systemCode } from '../../errors.ts';
import { checkOwnFile, createOwnDatabase, makeOwnFolder } from '../../own-files/index.ts';
import { DAMAGED_HINT } from './check.ts';
import { APPLICATION_ID, INDEXES, SCHEMA_VERSION, SEGMENT_INDEX, STATISTICS, TABLES, VIEWS } from './schema.ts';
import { type UpgradeProgress, upgrade } from './upgrade.ts';
import { hasOldLayout, readOldLayout } from './version-one.ts';

/** The longest wait for another process that has the file exclusively: a reader that closes, a merge of the log. */
const BUSY_MS = 5000;

/**
 * A reader's cache in KiB: with SQLite's 2 MB, a reader of a fragmented store spends half of its time reading pages
 * again.
 */
const READER_CACHE_KB = 16_384;
/** The writer's cache in KiB. */
const WRITER_CACHE_KB = 32_768;
/**
 * The writer's cache in KiB while most of the store is read once. What would stay of it in the cache is memory that
 * SQLite frees later, but that the process keeps.
 */
const PASSING_CACHE_KB = 2048;

/** Keeps the writer's cache small until it is disposed of: for reading most of the store once. */
export function smallCache(db: DatabaseSync): Disposable {
  limitCache(db, PASSING_CACHE_KB);
  return { [Symbol.dispose]: () => limitCache(db, WRITER_CACHE_KB) };
}

function limitCache(db: DatabaseSync, kilobytes: number): void {
  try {
    db.exec(`PRAGMA cache_size = -${kilobytes}`);
  } catch {
    // The store is damaged, locked or closed. What reads it says so; the cache matters only for memory and time.
  }
}

/** Opens the store's file for writing, and creates it if there is none. It upgrades a store of an earlier version. */
export function openForWriting(path: string): DatabaseSync {
  const db = openAsItIs(path);
  try {
    for (const _ of upgrade(db));
    return db;
  } catch (error) {
    db.close();
    throw translated(error, path, 'upgrading');
  }
}

/**
 * Upgrades a store of an earlier version, if there is one, piece by piece: the thread can do other things in between.
 * The caller needs the store's lock. After the signal is aborted, the rest stays for the next call.
 */
export async function upgradeStore(
  path: string,
  { onProgress, signal }: { readonly onProgress?: (progress: UpgradeProgress) => void; readonly signal?: AbortSignal | undefined } = {},
): Promise<void> {
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) === 0) return;
  const db = openAsItIs(path);
  try {
    for (const progress of upgrade(db)) {
      onProgress?.(progress);
      await setImmediate();
      signal?.throwIfAborted();
    }
  } catch (error) {
    if (signal?.aborted === true) throw signal.reason;
    throw translated(error, path, 'upgrading');
  } finally {
    db.close();
  }
}

function openAsItIs(path: string): DatabaseSync {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    throw new MirrorError('MB3001', `${path} is a directory, and a store is a file`, {
      hint: `Write --store ${path.replace(/\/$/, '')}/mirrorboard.db`,
      context: { path },
    });
  }
  checkOwnFile(path, { what: 'the store', flag: '--store' });
  const isNew = (statSync(path, { throwIfNoEntry: false })?.size ?? 0) === 0;
  const db = open(path, () => {
    makeOwnFolder(dirname(path));
    createOwnDatabase(path);
    // The timeout applies from the first access: a reader may be recovering or closing its log at this moment.
    return new DatabaseSync(path, { timeout: BUSY_MS });
  });
  try {
    // This comes before any write: the file may not be a store.
    if (!isBlank(db)) checkVersion(db, path);
    if (isNew) db.exec('PRAGMA page_size = 16384');
    db.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = NORMAL;
      PRAGMA wal_autocheckpoint = 0;
      PRAGMA cell_size_check = ON;
      PRAGMA cache_size = -${WRITER_CACHE_KB};
      PRAGMA temp_store = MEMORY;`);
    if (isBlank(db)) create(db);
    return db;
  } catch (error) {
    db.close();
    throw translated(error, path, 'opening');
  }
}

/** Opens the store's file for reading, even while another process writes to it. */
export function openForReading(path: string): DatabaseSync {
  return openReadable(path).db;
}

/**
 * As `openForReading`. `isFrozen`: this connection sees no later change, because the folder is read-only and nobody was
 * writing. The caller must watch the file and open it again.
 */
export function openReadable(path: string): { readonly db: DatabaseSync; readonly isFrozen: boolean } {
  if (!existsSync(path)) {
    throw new MirrorError('MB3007', `no store at ${path}`, {
      hint: 'Mirror a log directory first, or name the store with --store.',
      command: 'mirrorboard backfill LOGDIR',
      context: { path },
    });
  }
  try {
    const readOnly = readable(path, path, true);
    try {
      // A reader with write access removes SQLite's two files next to the store if it is the last to close it.
      const tidy = readable(path, path, false);
      readOnly.close();
      return { db: tidy, isFrozen: false };
    } catch {
      return { db: readOnly, isFrozen: false };
    }
  } catch (error) {
    // SQLite wants to create its index of the write-ahead log, which fails in a read-only folder. If the log is
    // empty, the file alone is the whole store.
    const isReadOnly = [READONLY, CANTOPEN].includes(sqliteCode(error) ?? -1);
    if (!isReadOnly || (statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0) throw translated(error, path, 'opening');
    try {
      return { db: readable(`${pathToFileURL(path)}?immutable=1`, path, true), isFrozen: true };
    } catch (second) {
      throw translated(second, path, 'opening');
    }
  }
}

function readable(location: string, path: string, readOnly: boolean): DatabaseSync {
  const db = new DatabaseSync(location, { readOnly });
  try {
    db.exec(`PRAGMA busy_timeout = ${BUSY_MS}; PRAGMA cell_size_check = ON; PRAGMA cache_size = -${READER_CACHE_KB}`);
    checkVersion(db, path);
    if (hasOldLayout(db)) readOldLayout(db);
    db.exec('PRAGMA query_only = 1');
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function open(path: string, make: () => DatabaseSync): DatabaseSync {
  try {
    return make();
  } catch (error) {
    throw translated(error, path, 'opening');
  }
}

/** True if the file belongs to no application yet: it has no tables, and no application id. */
function isBlank(db: DatabaseSync): boolean {
  const one = (sql: string): unknown => Object.values(db.prepare(sql).get() ?? {})[0];
  return one('SELECT count(*) FROM sqlite_schema') === 0 && one('PRAGMA application_id') === 0 && one('PRAGMA user_version') === 0;
}

function create(db: DatabaseSync): void {
  db.exec(`BEGIN; ${TABLES} ${INDEXES} ${SEGMENT_INDEX} ${STATISTICS} ${VIEWS}
    INSERT INTO meta VALUES ('schema_version', ${SCHEMA_VERSION}), ('created_at', strftime('%Y-%m-%dT%H:%M:%SZ', 'now'));
    PRAGMA application_id = ${APPLICATION_ID};
    PRAGMA user_version = ${SCHEMA_VERSION};
    COMMIT;`);
}

function checkVersion(db: DatabaseSync, path: string): void {
  const application = db.prepare('PRAGMA application_id').get()?.application_id;
  if (application !== APPLICATION_ID) {
    throw new MirrorError('MB3002', `${path} is a SQLite file, but not a store of mirrorboard`, {
      hint: 'Name another file with --store.',
      context: { path },
    });
  }
  const version = Number(db.prepare('PRAGMA user_version').get()?.user_version);
  if (version > SCHEMA_VERSION) {
    throw new MirrorError('MB3003', `${path} has schema version ${version}; this mirrorboard knows versions up to ${SCHEMA_VERSION}`, {
      hint: 'Use the mirrorboard version that created it, or a newer one.',
      context: { path, version },
    });
  }
}

/** SQLite's primary result codes that need different reactions. */
const BUSY = 5;
const LOCKED = 6;
const READONLY = 8;
const IOERR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANTOPEN = 14;
const NOTADB = 26;

/** Translates an error of SQLite or the file system into an error of the store. */
export function translated(error: unknown, path: string, doing: string): MirrorError {
  if (error instanceof MirrorError) return error;
  const details = { cause: error, context: { path } };
  const reason = messageOf(error);
  switch (sqliteCode(error)) {
    case BUSY:
    case LOCKED:
      return new MirrorError('MB3004', `${doing} ${path}: another process has locked it (${reason})`, {
        ...details,
        hint: 'Let it finish, or name another file with --store.',
        retry: 'later',
      });
    case NOTADB:
      return new MirrorError('MB3002', `${doing} ${path}: it is not a SQLite file`, {
        ...details,
        hint: 'Name another file with --store.',
      });
    case CORRUPT:
      return new MirrorError('MB3006', `${doing} ${path}: ${reason}`, {
        ...details,
        hint: DAMAGED_HINT,
      });
    case FULL:
      return new MirrorError('MB3005', `${doing} ${path}: the disk is full`, {
        ...details,
        hint: 'Make room and start again. The store keeps what it has accepted; mirrorboard reads the rest from the files.',
        retry: 'later',
      });
    case READONLY:
    case CANTOPEN:
    case IOERR:
      return new MirrorError(doing === 'opening' ? 'MB3001' : 'MB3005', `${doing} ${path}: ${reason}`, {
        ...details,
        hint: 'Check that the folder exists, can be written and has room, or name another file with --store.',
        retry: 'later',
      });
    default:
      break;
  }
  switch (systemCode(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new MirrorError('MB3005', `${doing} ${path}: the disk is full`, {
        ...details,
        hint: 'Make room and start again. The store keeps what it has accepted; mirrorboard reads the rest from the files.',
        retry: 'later',
      });
    case undefined:
      return new MirrorError('MB9001', `${doing} ${path}: ${reason}`, details);
    default:
      return new MirrorError('MB3001', `${doing} ${path}: ${reason}`, {
        ...details,
        hint: 'Check that the folder exists, can be written and has room, or name another file with --store.',
      });
  }
}

function sqliteCode(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
}
