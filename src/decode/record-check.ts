import { crcRegister } from './crc32c.ts';
import { FRAME_BYTES, HEADER_BYTES } from './frame.ts';
import type { SpanChecksums } from './span-checksums.ts';
import type { Window } from './window.ts';

/** The least number of bytes to request at a time; a window mostly holds more. */
const PIECE_BYTES = 64 * 1024;

/**
 * Verifies the data checksum of one long record piece by piece: a record that claims 2 GiB must be read, but needs no
 * memory. Bytes that were summed up for another record are not read again.
 */
export class RecordCheck {
  /** Start and end of the record in the file. */
  readonly start: number;
  readonly end: number;
  readonly length: number;
  readonly spans: SpanChecksums;
  readonly #from: number;
  readonly #to: number;
  /** The register at the first boundary inside, once known. */
  #head: number | undefined;

  constructor(start: number, length: number, spans: SpanChecksums) {
    this.start = start;
    this.length = length;
    this.end = start + FRAME_BYTES + length;
    this.spans = spans;
    this.#from = start + HEADER_BYTES;
    this.#to = this.#from + length;
    spans.cover(this.#from);
  }

  /** The file offset of the first byte needed. */
  get at(): number {
    if (this.#head === undefined) return this.#from;
    return this.spans.end < this.#to ? this.spans.end : this.spans.boundaryBefore(this.#to);
  }

  /** The number of bytes from `at` that are enough to continue. */
  get needed(): number {
    if (this.#head === undefined) return Math.max(1, this.spans.boundaryAfter(this.#from) - this.#from);
    return Math.min(PIECE_BYTES, this.end - this.at);
  }

  /** Processes what the window holds from `at`; `base` is the file offset of its buffer's first byte. */
  advance(window: Window, base: number): 'more' | 'fits' | 'broken' {
    const { view } = window;
    const windowEnd = base + window.end;
    const windowStart = base + window.start;
    const { spans } = this;
    if (this.#head === undefined) {
      const boundary = spans.boundaryAfter(this.#from);
      if (windowEnd < boundary) return 'more';
      this.#head = crcRegister(view, this.#from - base, boundary - base, -1);
    }
    if (spans.end < this.#to) {
      if (spans.end < windowStart || windowEnd <= spans.end) return 'more';
      spans.extend(view, base, Math.min(windowEnd, this.#to));
      if (spans.end < this.#to) return 'more';
    }
    const { at } = this;
    if (at < windowStart || windowEnd < this.end) return 'more';
    const sum = spans.joined(this.#head, this.#from, view, base, this.#to);
    return sum === view.getUint32(this.#to - base, true) ? 'fits' : 'broken';
  }
}
