import type { Dirent, Stats } from 'node:fs';
import { lstatSync, readdirSync } from '../calls/index.ts';
import { mayBeReplaced, nameOfBytes, nameOfText, systemPath } from '../name-bytes.ts';
import { errorName, reasonOf } from '../system-error.ts';
import { type Entry, entryOf } from './directory-cache.ts';

/** The file system calls for reading a directory. */
export interface DirectoryFs {
  /** Lists entries with their types. Fails if a type is not known and cannot be found out. */
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

/** Returns the names that a directory lists now. */
export function namesIn(directory: string, fs: Pick<DirectoryFs, 'names'> = nodeFs): ReadonlySet<string> {
  return new Set(fs.names(systemPath(directory)).map(nameOfBytes));
}

/** The entries of a directory, and those of unknown type. */
interface ReadEntries {
  readonly entries: readonly Entry[];
  readonly unknown: readonly { readonly name: string; readonly reason: string }[];
}

/**
 * Reads a directory; throws if the directory itself cannot be read. Some file systems do not give the types of their
 * entries (NFS, FUSE, XFS made with ftype=0): then Node checks each one, and a single failed check fails the whole
 * reading. Here only that entry is lost.
 */
export function readEntries(directory: string, fs: DirectoryFs = nodeFs): ReadEntries {
  const path = systemPath(directory);
  let listed: readonly Dirent[] | undefined;
  try {
    listed = fs.list(path);
  } catch {
    // The code below finds out if it is about the directory or one entry.
  }
  if (listed === undefined || listed.some(({ name }) => mayBeReplaced(name))) return oneByOne(path, fs);
  return { entries: listed.flatMap((entry) => entryOf(nameOfText(entry.name), entry)), unknown: [] };
}

/** Reads the names as bytes, and checks each entry. */
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
    // An entry that was removed meanwhile is no longer listed, and nothing is wrong.
    const listed = new Set(fs.names(path).map(nameOfBytes));
    for (const name of notThere) if (listed.has(name)) unknown.push({ name, reason: LISTED_ONLY });
  }
  return { entries, unknown };
}
