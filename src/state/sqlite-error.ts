import { MirrorError, messageOf, systemCode } from '../errors.ts';

/** SQLite's primary result codes that need different handling. */
const ERROR = 1;
const BUSY = 5;
const LOCKED = 6;
const NOMEM = 7;
const READONLY = 8;
const IOERR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANTOPEN = 14;
const NOTADB = 26;

/** Errors of the disk or of another process, after which the same change may succeed. Any other error is a bug. */
const TROUBLE: readonly (number | undefined)[] = [BUSY, LOCKED, NOMEM, READONLY, IOERR, CORRUPT, FULL, CANTOPEN, NOTADB];

/** True if an error may pass: a full disk, a lock. */
export function isStorageTrouble(error: unknown): boolean {
  return TROUBLE.includes(sqliteCode(error));
}

const ROOM = 'Check that the folder exists, can be written and has room, or name another file with --state.';
/** The remedy for a state file that is corrupt. */
export const DAMAGED_HINT =
  'Stop mirrorboard and restore a copy, or move it away and start over: docs/state.md describes what is lost with it.';

/** Translates an error of SQLite or the file system into one of the state. */
export function translated(error: unknown, path: string, doing: string): MirrorError {
  if (error instanceof MirrorError) return error;
  const details = { cause: error, context: { path } };
  const what = `${doing} ${path}`;
  const reason = messageOf(error);
  const code = sqliteCode(error);
  if (code === BUSY || code === LOCKED) {
    const hint = 'Let the other process finish; only mirrorboard may write to its state.';
    return new MirrorError('MB3106', `${what}: another process has locked it (${reason})`, { ...details, hint, retry: 'later' });
  }
  if (code === NOTADB)
    return new MirrorError('MB3102', `${what}: it is not a SQLite file`, { ...details, hint: 'Use another file with --state.' });
  // ERROR means a missing table or column: our own statements are right, so the file is corrupt.
  if (code === CORRUPT || code === ERROR) return new MirrorError('MB3104', `${what}: ${reason}`, { ...details, hint: DAMAGED_HINT });
  if (code === FULL || ['ENOSPC', 'EDQUOT'].includes(systemCode(error) ?? '')) {
    // A process that could not open the state ends, and has nothing in memory.
    const hint = doing === 'writing' ? 'Free some space: mirrorboard keeps unsaved data in memory and retries.' : 'Free some space.';
    return new MirrorError('MB3101', `${what}: the disk is full`, { ...details, hint, retry: 'later' });
  }
  if (isStorageTrouble(error) || (code === undefined && isSystemError(error))) {
    return new MirrorError('MB3101', `${what}: ${reason}`, { ...details, hint: ROOM, retry: 'later' });
  }
  return new MirrorError('MB9001', `${what}: ${reason}`, details);
}

/** True for ENOENT, EACCES and the like; errors of Node itself begin with ERR_. */
function isSystemError(error: unknown): boolean {
  return /^E[A-Z0-9]+$/.test(systemCode(error) ?? '');
}

/** Returns the code of an error that SQLite threw, or of one of ours that has it as its cause. */
export function sqliteCode(error: unknown): number | undefined {
  if (error instanceof MirrorError) return sqliteCode(error.cause);
  if (typeof error !== 'object' || error === null || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
}
