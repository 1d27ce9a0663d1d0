import { closeSync, fchmodSync, fsyncSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { flushFolder } from './flush-folder.ts';
import { openNewFile, temporaryName } from './new-file.ts';

/** The mode of a file that the user asked for: it gets the rights that the user's own umask leaves. */
const AS_ASKED = 0o666;

/**
 * A file that appears under its name completely or not at all: mirrorboard writes it under a temporary name in the
 * same folder, flushes it, renames it, and flushes the folder.
 */
export class WholeFile {
  readonly #path: string;
  readonly #temporary: string;
  #fd: number | undefined;

  /** `mode` is the new file's mode, minus the umask of the process. Default: 0666, for files that the user names. */
  constructor(path: string, mode = AS_ASKED) {
    this.#path = path;
    this.#temporary = temporaryName(path);
    this.#fd = openNewFile(this.#temporary, mode);
  }

  /** Gives the file exactly this mode. */
  allow(mode: number): void {
    fchmodSync(this.#fd ?? -1, mode);
  }

  write(content: string | Uint8Array): void {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd ?? -1, bytes, at);
  }

  finish(): void {
    if (this.#fd !== undefined) fsyncSync(this.#fd);
    this.#close();
    renameSync(this.#temporary, this.#path);
    flushFolder(dirname(this.#path));
  }

  /** Removes the new file, and leaves what had the name before. */
  abandon(): void {
    this.#close();
    rmSync(this.#temporary, { force: true });
  }

  #close(): void {
    const fd = this.#fd;
    this.#fd = undefined;
    if (fd !== undefined) closeSync(fd);
  }
}
