import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { MirrorError, messageOf } from '../errors.ts';

const LINES_PER_WRITE = 1000;

/** A file of lines that appears under its name when it is whole. */
export class LineFile {
  readonly #path: string;
  readonly #temporary: string;
  readonly #fd: number;
  #lines: string[] = [];

  constructor(path: string) {
    this.#path = path;
    this.#temporary = `${path}.${process.pid}.tmp`;
    this.#fd = this.#try(() => openSync(this.#temporary, 'w'));
  }

  write(line: string): void {
    if (this.#lines.push(line) >= LINES_PER_WRITE) this.#flush();
  }

  finish(): void {
    this.#flush();
    this.#try(() => {
      fsyncSync(this.#fd);
      closeSync(this.#fd);
      renameSync(this.#temporary, this.#path);
    });
  }

  abandon(): void {
    closeSync(this.#fd);
    rmSync(this.#temporary, { force: true });
  }

  #flush(): void {
    const bytes = Buffer.from(this.#lines.join(''));
    this.#lines = [];
    this.#try(() => {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at);
    });
  }

  #try<Result>(work: () => Result): Result {
    try {
      return work();
    } catch (cause) {
      throw new MirrorError('MB3009', `writing ${this.#path}: ${messageOf(cause)}`, {
        hint: 'Check that the folder exists, can be written and has room.',
        cause,
        context: { path: this.#path },
      });
    }
  }
}
