import { constants } from 'node:fs';
import { closeSync, fstatSync, openSync, readSync } from '../calls/index.ts';
import { fileStamp, systemPath } from '../model/index.ts';

/** An event file opened for reading, as it stood at that moment. */
export interface OpenFile {
  readonly fd: number;
  readonly size: number;
  /** See `fileStamp`. */
  readonly stamp: string;
}

/** Opens a regular file; throws the system's error, or an EISDIR or ENXIO of our own for what is no file. */
export function openFile(path: string): OpenFile {
  // Without O_NONBLOCK a FIFO of that name would hold us for ever.
  const fd = openSync(systemPath(path), constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(fd, { bigint: true });
    if (!stat.isFile()) throw Object.assign(new Error('it is not a regular file'), { code: stat.isDirectory() ? 'EISDIR' : 'ENXIO' });
    return { fd, size: Number(stat.size), stamp: fileStamp(stat) };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Reads up to `length` bytes at `position`; fewer only where the file ends. */
export function readAt(fd: number, buffer: Uint8Array, start: number, length: number, position: number): number {
  let have = 0;
  while (have < length) {
    const n = readSync(fd, buffer, start + have, length - have, position + have);
    if (n === 0) break;
    have += n;
  }
  return have;
}
