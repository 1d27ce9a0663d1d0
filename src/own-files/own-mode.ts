import { mkdirSync } from 'node:fs';

/** Only the owner: a store contains what its log directories contain, and those may be private. */
const PRIVATE = 0o077;

let umask = PRIVATE;

/**
 * The rights that our own files do not get, as a umask (`0o027`: the group may read). It is one setting of the
 * process, as the system's own umask is, and holds from then on. The system's own umask still takes away what it
 * names.
 */
export function setOwnUmask(mask: number): void {
  umask = mask & 0o777;
}

/** The mode of our files under the umask in use. */
export function ownFileMode(): number {
  return 0o666 & ~umask;
}

/** The mode of our folders under the umask in use. */
export function ownFolderMode(): number {
  return 0o777 & ~umask;
}

/** Creates a folder of ours and missing parents; returns the first one created, undefined if all existed. */
export function makeOwnFolder(path: string): string | undefined {
  return mkdirSync(path, { recursive: true, mode: ownFolderMode() });
}
