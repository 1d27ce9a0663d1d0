import { randomBytes } from 'node:crypto';
import { closeSync, constants, fsyncSync, openSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ownFileMode } from './own-mode.ts';

/**
 * The flags that open a file which must not exist yet. In a folder that others can write to, they may have put a link
 * under the name: a process that opens it for writing would write to the link's target.
 */
export const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** Returns an unpredictable name next to a file, for the temporary file that replaces it. */
export function temporaryName(path: string): string {
  return `${path}.${randomBytes(8).toString('hex')}.tmp`;
}

/** Creates a file and opens it to write. Throws EEXIST if the name is taken, also by a link that leads nowhere. */
export function openNewFile(path: string, mode = ownFileMode()): number {
  return openSync(path, NEW_FILE, mode);
}

/** Replaces whatever has the name, even a link, with a small file of ours: readers see the old one or the new one. */
export function replaceOwnFile(path: string, content: string | Uint8Array, { flush = false }: { readonly flush?: boolean } = {}): void {
  const temporary = temporaryName(path);
  try {
    const fd = openNewFile(temporary);
    try {
      writeFileSync(fd, content);
      if (flush) fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/**
 * Removes files that a killed process left under `temporaryName(path)`. Only for the holder of the lock on `path`.
 */
export function removeLeftOvers(path: string): void {
  const start = `${basename(path)}.`;
  for (const name of readdirSync(dirname(path))) {
    if (name.startsWith(start) && /^[0-9a-f]{16}\.tmp(-journal|-wal|-shm)?$/.test(name.slice(start.length)))
      rmSync(join(dirname(path), name), { force: true });
  }
}
