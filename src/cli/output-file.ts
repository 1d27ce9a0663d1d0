import { MirrorError, messageOf } from '../errors.ts';
import { WholeFile } from '../own-files/index.ts';

/**
 * The output file of a command, which appears under its name when complete. Throws MB3009 if it cannot be written.
 */
export class OutputFile {
  readonly #path: string;
  readonly #file: WholeFile;

  /** Opens the file. `mode`: exactly this mode. Default: the mode that the umask of the process leaves. */
  constructor(path: string, mode?: number) {
    this.#path = path;
    this.#file = this.#try(() => new WholeFile(path));
    if (mode !== undefined) this.#try(() => this.#file.allow(mode));
  }

  write(content: string | Uint8Array): void {
    this.#try(() => this.#file.write(content));
  }

  finish(): void {
    this.#try(() => this.#file.finish());
  }

  /** Removes the new file, and leaves what had the name before. */
  abandon(): void {
    this.#file.abandon();
  }

  #try<Result>(work: () => Result): Result {
    try {
      return work();
    } catch (cause) {
      throw new MirrorError('MB3009', `writing ${this.#path}: ${messageOf(cause)}`, {
        hint: 'Check that the folder exists, is writable and has free space.',
        cause,
        context: { path: this.#path },
      });
    }
  }
}
