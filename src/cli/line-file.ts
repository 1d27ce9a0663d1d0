import { MirrorError, messageOf } from '../errors.ts';
import { WholeFile } from '../own-files/index.ts';

const LINES_PER_WRITE = 1000;

/** A file of lines that appears under its name when it is whole. */
export class LineFile {
  readonly #path: string;
  readonly #file: WholeFile;
  #lines: string[] = [];

  constructor(path: string) {
    this.#path = path;
    this.#file = this.#try(() => new WholeFile(path));
  }

  write(line: string): void {
    if (this.#lines.push(line) >= LINES_PER_WRITE) this.#flush();
  }

  finish(): void {
    this.#flush();
    this.#try(() => this.#file.finish());
  }

  abandon(): void {
    this.#file.abandon();
  }

  #flush(): void {
    const text = this.#lines.join('');
    this.#lines = [];
    this.#try(() => this.#file.write(text));
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
