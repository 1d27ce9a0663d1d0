import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/** A file that appears under its name whole or not at all: written beside it, flushed, renamed, the folder flushed. */
export class WholeFile {
  readonly #path: string;
  readonly #temporary: string;
  readonly #fd: number;

  constructor(path: string) {
    this.#path = path;
    this.#temporary = `${path}.${process.pid}.tmp`;
    this.#fd = openSync(this.#temporary, 'w');
  }

  write(text: string): void {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at);
  }

  finish(): void {
    fsyncSync(this.#fd);
    closeSync(this.#fd);
    renameSync(this.#temporary, this.#path);
    flushFolder(dirname(this.#path));
  }

  abandon(): void {
    try {
      closeSync(this.#fd);
    } catch {
      // `finish` closed it, and failed at what came after
    }
    rmSync(this.#temporary, { force: true });
  }
}

/** Makes a rename in a folder survive a crash of the machine. */
export function flushFolder(folder: string): void {
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
