import { mkdirSync } from 'node:fs';

/**
 * The umask that leaves rights to the owner only: a store contains what its log directories contain, and those may be
 * private.
 */
const PRIVATE = 0o077;

let umask = PRIVATE;

/**
 * Sets the rights that our own files do not get, as a umask (`0o027`: the group may read). It is one setting of the
 * whole process, like the system's own umask, and applies from then on. The system's own umask still removes its
 * rights too.
 */
export function setOwnUmask(mask: number): void {
  umask = mask & 0o777;
}

/** Returns the mode of our files under the umask in use. */
export function ownFileMode(): number {
  return 0o666 & ~umask;
}

/** Returns the mode of our folders under the umask in use. */
export function ownFolderMode(): number {
  return 0o777 & ~umask;
}

/** Creates a folder of ours and missing parents. Returns the first one created, undefined if all existed. */
export function makeOwnFolder(path: string): string | undefined {
  return mkdirSync(path, { recursive: true, mode: ownFolderMode() });
}
