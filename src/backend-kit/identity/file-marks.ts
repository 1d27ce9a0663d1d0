import type { FileMark } from '../../contract/index.ts';

/** The files that identify a tracker run, as the tracker keeps them: each with the checksum of a record. */
export class FileMarks {
  readonly #checksums: Map<string, number>;

  private constructor(checksums: Iterable<readonly [string, number]>) {
    this.#checksums = new Map(checksums);
  }

  static of(marks: readonly FileMark[]): FileMarks {
    return new FileMarks(marks.map(({ file, checksum }) => [file, checksum] as const));
  }

  /** Reads pairs that a tracker returned, and leaves out everything that is not a valid pair. */
  static fromPairs(pairs: unknown): FileMarks {
    const isPair = (pair: unknown): pair is readonly [string, number] =>
      Array.isArray(pair) && typeof pair[0] === 'string' && typeof pair[1] === 'number';
    return new FileMarks(Array.isArray(pairs) ? pairs.filter(isPair) : []);
  }

  /** Parses the text that `text` returns; empty if it is not valid. */
  static read(text: unknown): FileMarks {
    try {
      return FileMarks.fromPairs(JSON.parse(typeof text === 'string' ? text : '[]'));
    } catch {
      return FileMarks.fromPairs([]);
    }
  }

  get isEmpty(): boolean {
    return this.#checksums.size === 0;
  }

  get size(): number {
    return this.#checksums.size;
  }

  /** True if a file is known, with any record. */
  knows(file: string): boolean {
    return this.#checksums.has(file);
  }

  has({ file, checksum }: FileMark): boolean {
    return this.#checksums.get(file) === checksum;
  }

  list(): FileMark[] {
    return [...this.#checksums].map(([file, checksum]) => ({ file, checksum }));
  }

  pairs(): (readonly [file: string, checksum: number])[] {
    return [...this.#checksums];
  }

  /** Returns these marks with others added. A new record of a file replaces the old one. */
  with(marks: readonly FileMark[]): FileMarks {
    return new FileMarks([...this.#checksums, ...FileMarks.of(marks).#checksums]);
  }

  /** Returns as many files as fit into `mostLength`: any one of them is enough to recognise a run. */
  text(mostLength: number): string {
    let text = '';
    for (const pair of this.#checksums) {
      const next = JSON.stringify(pair);
      if (text.length + next.length + 3 > mostLength) break;
      text += text === '' ? next : `,${next}`;
    }
    return `[${text}]`;
  }
}
