import { OutputFile } from './output-file.ts';

const LINES_PER_WRITE = 1000;

/** A file of lines that appears under its name when it is complete. */
export class LineFile {
  readonly #file: OutputFile;
  #lines: string[] = [];

  constructor(path: string) {
    this.#file = new OutputFile(path);
  }

  write(line: string): void {
    if (this.#lines.push(line) >= LINES_PER_WRITE) this.#flush();
  }

  finish(): void {
    this.#flush();
    this.#file.finish();
  }

  abandon(): void {
    this.#file.abandon();
  }

  #flush(): void {
    const text = this.#lines.join('');
    this.#lines = [];
    this.#file.write(text);
  }
}
