import { existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { MirrorError } from '../errors.ts';
import { createOwnDatabase, flushFolder, makeOwnFolder, removeLeftOvers, temporaryName } from '../own-files/index.ts';
import { damaged, judgeFile, refuseNewer } from './file-header.ts';
import { migrate, schemaVersion } from './migrate.ts';
import { APPLICATION_ID, INDEXES, SCHEMA_VERSION, STEPS, type StepContext } from './schema.ts';
import { sqliteCode, translated } from './sqlite-error.ts';

/** How long a change waits for another process that holds the file. Milliseconds. */
export const BUSY_MS = 5000;

/** Opens the state's file for writing. Creates it if it does not exist. The caller holds its lock. */
export function openForWriting(path: string, context: StepContext): { readonly db: DatabaseSync; readonly isNew: boolean } {
  let db: DatabaseSync | undefined;
  try {
    const isNew = judgeFile(path) === 'absent';
    if (isNew) create(path, context);
    else {
      rollBack(path);
      // The check uses a read-only connection: a writing one would merge the log into a file that may be corrupt.
      verify(path);
    }
    db = new DatabaseSync(path);
    // Changes stay in memory until their commit, so that a full disk shows only there. States of 0.1.0 may still lack
    // the write-ahead log.
    db.exec(`
      PRAGMA busy_timeout = ${BUSY_MS};
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA wal_autocheckpoint = 4000;
      PRAGMA cache_size = -65536;
      PRAGMA cache_spill = 0;
      BEGIN IMMEDIATE; COMMIT`);
    migrate(db, STEPS, context);
    db.exec(INDEXES);
    return { db, isNew };
  } catch (error) {
    db?.close();
    throw translated(error, path, 'opening');
  }
}

/** Opens the state's file for reading, also while another process writes to it. */
export function openReadOnly(path: string): DatabaseSync {
  try {
    if (!existsSync(path) || judgeFile(path) === 'absent') {
      throw new MirrorError('MB3105', `no state at ${path}`, {
        hint: 'Give the state with --state, or start watch to create one.',
        command: 'mirrorboard watch LOGDIR',
        context: { path },
      });
    }
    return readable(path, path);
  } catch (error) {
    // SQLite wants to create its index of the write-ahead log, which a read-only folder refuses. If the log is empty,
    // the file alone is the whole state.
    const isReadOnly = [READONLY, CANTOPEN].includes(sqliteCode(error) ?? -1);
    if (!isReadOnly || (statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0) throw translated(error, path, 'opening');
  }
  try {
    return readable(`${pathToFileURL(path)}?immutable=1`, path);
  } catch (error) {
    throw translated(error, path, 'opening');
  }
}

const READONLY = 8;
const CANTOPEN = 14;

function readable(location: string, path: string): DatabaseSync {
  const db = new DatabaseSync(location, { readOnly: true });
  try {
    db.exec(`PRAGMA busy_timeout = ${BUSY_MS}; PRAGMA query_only = 1`);
    const version = schemaVersion(db);
    refuseNewer(path, version);
    if (version < SCHEMA_VERSION) {
      throw new MirrorError('MB3101', `${path} has schema version ${version}, but this command needs version ${SCHEMA_VERSION} or later`, {
        hint: 'The next watch upgrades it.',
        command: 'mirrorboard watch',
        context: { path, version },
      });
    }
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/**
 * Creates a new state under a temporary name and renames it. So a crash leaves no incomplete state, which would look
 * like a lost one.
 */
function create(path: string, context: StepContext): void {
  const folder = dirname(path);
  makeOwnFolder(folder);
  removeLeftOvers(path);
  const temporary = temporaryName(path);
  try {
    createOwnDatabase(temporary);
    const db = new DatabaseSync(temporary);
    try {
      db.exec(`PRAGMA synchronous = FULL; PRAGMA application_id = ${APPLICATION_ID}`);
      migrate(db, STEPS, context);
      // Here, and not at the state's own name: a process that is killed meanwhile would leave a rollback journal there.
      db.exec('PRAGMA journal_mode = WAL');
    } finally {
      db.close();
    }
    renameSync(temporary, path);
    flushFolder(folder);
  } catch (error) {
    for (const end of ['', '-journal', '-wal', '-shm']) rmSync(temporary + end, { force: true });
    throw error;
  }
}

/** Rolls back the transaction of a process that was killed before the file had its write-ahead log. */
function rollBack(path: string): void {
  if ((statSync(`${path}-journal`, { throwIfNoEntry: false })?.size ?? 0) === 0) return;
  const db = new DatabaseSync(path, { timeout: BUSY_MS });
  try {
    schemaVersion(db);
  } finally {
    db.close();
  }
}

function verify(path: string): void {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
    refuseNewer(path, schemaVersion(db));
    const [found] = db.prepare('PRAGMA quick_check(1)').all();
    if (found?.quick_check !== 'ok') throw damaged(path, String(found?.quick_check ?? 'no answer'));
    // A file of version 0 is still empty.
    if (schemaVersion(db) > 0 && db.prepare("SELECT value FROM meta WHERE key = 'instance_id'").get() === undefined) {
      throw damaged(path, 'it has no instance id');
    }
  } finally {
    db.close();
  }
}
