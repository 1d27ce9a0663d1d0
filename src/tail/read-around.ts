import { errorName, isAboutBytes } from '../system-error.ts';
import { readAt } from './open-file.ts';

/** Bytes of a file that the system cannot read; `end` is exclusive. */
export interface UnreadableRange {
  readonly start: number;
  readonly end: number;
  /** The name of the error's number. */
  readonly error: string;
}

/** The amount that a disk or a file server loses at a time: smaller pieces are not tried. */
const PAGE_BYTES = 4096;
/** Failed reads after which larger pieces are given up whole: each may take seconds. */
const MOST_FAILURES = 2048;
const LARGE_BYTES = 1 << 20;

/**
 * Reads a file around its unreadable parts, in smaller and smaller pieces. It fills those parts with zeros, and lists
 * their places.
 */
export class AroundReader {
  readonly #read: typeof readAt;
  #failures = 0;
  #unreadable: UnreadableRange[] = [];

  constructor(read: typeof readAt = readAt) {
    this.#read = read;
  }

  /** Switches to another file. */
  reset(): void {
    this.#failures = 0;
    this.#unreadable = [];
  }

  /** The parts that could not be read so far, in the order in which they were tried. */
  get unreadable(): readonly UnreadableRange[] {
    return this.#unreadable;
  }

  /**
   * Reads up to `length` bytes at `position`; fewer only if the file ends. Throws errors that do not concern certain
   * bytes.
   */
  read(fd: number, buffer: Uint8Array, start: number, length: number, position: number): number {
    try {
      return this.#read(fd, buffer, start, length, position);
    } catch (error) {
      if (!isAboutBytes(error)) throw error;
      this.#failures++;
      const least = this.#failures > MOST_FAILURES ? LARGE_BYTES : PAGE_BYTES;
      // Pieces begin and end at page boundaries: a piece within one page, or a small one, is given up.
      const half = Math.floor((position + length / 2) / PAGE_BYTES) * PAGE_BYTES;
      const cut = half > position ? half : Math.floor(position / PAGE_BYTES + 1) * PAGE_BYTES;
      if (cut >= position + length || (length > PAGE_BYTES && length <= least)) return this.#giveUp(buffer, start, length, position, error);
      return this.#both(fd, buffer, start, length, position, cut);
    }
  }

  #both(fd: number, buffer: Uint8Array, start: number, length: number, position: number, cut: number): number {
    const first = this.read(fd, buffer, start, cut - position, position);
    // The file has become shorter: it ends here now.
    if (first < cut - position) return first;
    return first + this.read(fd, buffer, start + first, length - first, cut);
  }

  #giveUp(buffer: Uint8Array, start: number, length: number, position: number, error: unknown): number {
    buffer.fill(0, start, start + length);
    const last = this.#unreadable.at(-1);
    const range = { start: position, end: position + length, error: errorName(error) ?? '' };
    if (last?.end === position && last.error === range.error)
      this.#unreadable[this.#unreadable.length - 1] = { ...range, start: last.start };
    else this.#unreadable.push(range);
    return length;
  }
}
