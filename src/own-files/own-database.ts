import { closeSync, lstatSync, statSync } from 'node:fs';
import { MirrorError, systemCode } from '../errors.ts';
import { openNewFile } from './new-file.ts';

const ROOT_USER = 0;

/** The names of a database of ours in messages and checks. */
interface OwnDatabase {
  /** The noun for messages: `the store`. */
  readonly what: string;
  /** The flag that names another file: `--store`. */
  readonly flag: string;
}

/**
 * Refuses (MB3010) a file that is not a safe place for a database of ours. A link that another user made would let
 * that user choose where we write. A file with a second hard link has another name with a separate lock, so that two
 * writers would overwrite each other's points. It also refuses what is not a file. The file need not exist yet.
 */
export function checkOwnFile(path: string, { what, flag }: OwnDatabase): void {
  const link = lstatSync(path, { throwIfNoEntry: false });
  if (link === undefined) return;
  const refuse = (found: string, hint: string): never => {
    throw new MirrorError('MB3010', `${what} ${path} ${found}`, { hint, context: { path } });
  };
  const us = process.geteuid?.();
  if (link.isSymbolicLink() && us !== undefined && link.uid !== us && link.uid !== ROOT_USER) {
    refuse(
      `is a link that another user created (user ${link.uid})`,
      `Give the file itself with ${flag}, or use a folder that only you can write to.`,
    );
  }
  const file = statSync(path, { throwIfNoEntry: false });
  if (file === undefined) return;
  // For a folder, the caller reports the error, with a hint of its own.
  if (!file.isFile() && !file.isDirectory()) refuse('is no file', `Name another file with ${flag}.`);
  if (file.isFile() && file.nlink > 1) {
    refuse(
      `has ${file.nlink} hard links, and a writer under each name would overwrite the other's points`,
      'Remove the other name, or replace it with a copy (cp) of the file.',
    );
  }
}

/** Creates the empty file that SQLite uses as a new database, so it and the files next to it have our mode. */
export function createOwnDatabase(path: string): void {
  try {
    closeSync(openNewFile(path));
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
  }
}
