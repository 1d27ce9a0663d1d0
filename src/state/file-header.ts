import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { MirrorError } from '../errors.ts';
import { APPLICATION_ID, SCHEMA_VERSION } from './schema.ts';
import { DAMAGED_HINT } from './sqlite-error.ts';

/**
 * The first bytes of every SQLite file (https://sqlite.org/fileformat.html, 1.3). Two of the header's fields are for
 * the application.
 */
const MAGIC = 'SQLite format 3\0';
const HEADER_BYTES = 100;
const VERSION_AT = 60;
const APPLICATION_AT = 68;

/**
 * Decides by its bytes whether a file is our state, before SQLite may touch it: SQLite writes next to a file, and
 * sometimes into it, when it opens it. Throws for everything that is not our state.
 */
export function judgeFile(path: string): 'absent' | 'ours' {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isDirectory()) {
    throw new MirrorError('MB3101', `${path} is a directory, and a state is a file`, {
      hint: `Write --state ${path.replace(/\/$/, '')}/mirrorboard.state`,
      context: { path },
    });
  }
  if (stat === undefined || stat.size === 0) {
    refuseRemains(path);
    return 'absent';
  }
  const header = readHeader(path);
  if (header.toString('latin1', 0, MAGIC.length) !== MAGIC || header.length < HEADER_BYTES) {
    throw new MirrorError('MB3102', `${path} is not a SQLite file`, { hint: 'Use another file with --state.', context: { path } });
  }
  if (header.readUInt32BE(APPLICATION_AT) !== APPLICATION_ID) {
    throw new MirrorError('MB3102', `${path} is a SQLite file, but not a mirrorboard state`, {
      hint: 'Use another file with --state.',
      context: { path },
    });
  }
  refuseNewer(path, header.readUInt32BE(VERSION_AT));
  return 'ours';
}

/** Throws MB3103 when a newer version wrote the file. */
export function refuseNewer(path: string, version: number): void {
  if (version <= SCHEMA_VERSION) return;
  throw new MirrorError('MB3103', `${path} has schema version ${version}; this mirrorboard supports versions up to ${SCHEMA_VERSION}`, {
    hint: 'Use the mirrorboard version that created it, or a newer one.',
    context: { path, version },
  });
}

/** Refuses a log without its file: SQLite would merge it into the new file, or it is the remainder of a state. */
function refuseRemains(path: string): void {
  for (const remains of [`${path}-wal`, `${path}-journal`]) {
    if ((statSync(remains, { throwIfNoEntry: false })?.size ?? 0) === 0) continue;
    throw new MirrorError('MB3104', `${path} is missing or empty, but ${remains} still contains a part of it`, {
      hint: `Restore the file; or move ${remains} away too to start with an empty state.`,
      context: { path },
    });
  }
}

function readHeader(path: string): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  const fd = openSync(path, 'r');
  try {
    return header.subarray(0, readSync(fd, header, 0, HEADER_BYTES, 0));
  } finally {
    closeSync(fd);
  }
}

/** Returns the error for a state file that is corrupt. */
export function damaged(path: string, found: string): MirrorError {
  return new MirrorError('MB3104', `${path} is damaged: ${found}`, { hint: DAMAGED_HINT, context: { path } });
}
