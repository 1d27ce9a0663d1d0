import { readSync } from '../calls/index.ts';
import { type Directory, type OpenedFile, openSync } from '../untrusted/index.ts';

/** An event file opened for reading, as it was at that moment. */
export type OpenFile = OpenedFile;

/** Opens a regular file of a run. Throws the system's error, or MB2010 and MB2011 for files that are not read. */
export function openFile(directory: Directory, name: string): OpenFile {
  return openSync(directory, name);
}

/** Reads up to `length` bytes at `position`; fewer only if the file ends. */
export function readAt(fd: number, buffer: Uint8Array, start: number, length: number, position: number): number {
  let have = 0;
  while (have < length) {
    const n = readSync(fd, buffer, start + have, length - have, position + have);
    if (n === 0) break;
    have += n;
  }
  return have;
}
