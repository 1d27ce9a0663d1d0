import type { Dirent, Stats } from 'node:fs';
import { lstatSync, readdirSync } from '../calls/index.ts';
import { mayBeReplaced, nameOfBytes, nameOfText, systemPath } from '../model/index.ts';
import { errorName, reasonOf } from '../system-error.ts';
import { type Entry, entryOf } from './directory-cache.ts';

/** What is asked of a file system to read a directory. */
export interface DirectoryFs {
  /** With the types of entries. Fails if a type is not known and cannot be found out. */
  list(path: string | Buffer): readonly Dirent[];
  names(path: string | Buffer): readonly Buffer[];
  lstat(path: Buffer): Stats;
}

/** Node's calls on directories. */
export const nodeFs: DirectoryFs = {
  list: (path) => readdirSync(path, { withFileTypes: true }),
  names: (path) => readdirSync(path, { encoding: 'buffer' }),
  lstat: (path) => lstatSync(path),
};

/** The reason for an entry that its directory lists, but that does not exist. */
export const LISTED_ONLY = 'its directory lists it, but the system cannot find it (ENOENT)';

/** The names that a directory lists now. */
export function namesIn(directory: string, fs: Pick<DirectoryFs, 'names'> = nodeFs): ReadonlySet<string> {
  return new Set(fs.names(systemPath(directory)).map(nameOfBytes));
}

/** The entries of a directory, and those of unknown type. */
interface ReadEntries {
  readonly entries: readonly Entry[];
  readonly unknown: readonly { readonly name: string; readonly reason: string }[];
}

/**
 * Reads a directory; throws what is in the way of the directory itself. Some file systems do not say what their
 * entries are (NFS, FUSE, XFS made with ftype=0): then Node checks each, and one that cannot be checked fails the
 * reading of all. Here it costs itself.
 */
export function readEntries(directory: string, fs: DirectoryFs = nodeFs): ReadEntries {
  const path = systemPath(directory);
  let listed: readonly Dirent[] | undefined;
  try {
    listed = fs.list(path);
  } catch {
    // Whether it is about the directory or one entry is found out below.
  }
  if (listed === undefined || listed.some(({ name }) => mayBeReplaced(name))) return oneByOne(path, fs);
  return { entries: listed.flatMap((entry) => entryOf(nameOfText(entry.name), entry)), unknown: [] };
}

/** By the bytes of the names, and a check of each entry. */
function oneByOne(path: string | Buffer, fs: DirectoryFs): ReadEntries {
  const names = fs.names(path);
  const entries: Entry[] = [];
  const unknown: { name: string; reason: string }[] = [];
  const notThere: string[] = [];
  for (const bytes of names) {
    const name = nameOfBytes(bytes);
    try {
      // biome-ignore lint/plugin/no-spread-into-calls: one entry, or none
      entries.push(...entryOf(name, fs.lstat(Buffer.concat([Buffer.from(path), Buffer.from('/'), bytes]))));
    } catch (error) {
      if (errorName(error) === 'ENOENT') notThere.push(name);
      else unknown.push({ name, reason: reasonOf(error) });
    }
  }
  if (notThere.length > 0) {
    // What was removed since is not listed any more, and nothing is wrong.
    const listed = new Set(fs.names(path).map(nameOfBytes));
    for (const name of notThere) if (listed.has(name)) unknown.push({ name, reason: LISTED_ONLY });
  }
  return { entries, unknown };
}
