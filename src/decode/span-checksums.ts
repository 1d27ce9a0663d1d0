import { crcRegister, maskedOf, overZeros } from './crc32c.ts';

/** The distance in bytes between stored registers. */
const STEP = 1024;

/**
 * Checksums of any span of bytes that were read once, from a stored register for each kilobyte. Otherwise nested
 * records with false lengths would each need their whole range summed again, which is quadratic. With this class,
 * each byte is summed once.
 */
export class SpanChecksums {
  /** File offset of the first register. */
  #base: number;
  /** The file offset up to which bytes were summed up. */
  #end: number;
  /** Registers of the bytes from `#base` to the k-th kilobyte, starting from 0. */
  #registers = new Int32Array(64);
  /** The register of the bytes from `#base` to `#end`. */
  #last = 0;

  constructor(base: number) {
    this.#base = base;
    this.#end = base;
  }

  /** The file offset up to which bytes were summed up. */
  get end(): number {
    return this.#end;
  }

  /** Makes sure that spans from a file offset can be summed up. */
  cover(from: number): void {
    if (from < this.#base || from > this.#end) this.#restart(from);
  }

  /**
   * Returns the first place with a stored register from a file offset; `boundaryBefore` returns the last one up to
   * it.
   */
  boundaryAfter(from: number): number {
    return this.#base + Math.ceil((from - this.#base) / STEP) * STEP;
  }

  boundaryBefore(to: number): number {
    return this.#base + Math.floor((to - this.#base) / STEP) * STEP;
  }

  /**
   * Returns the masked checksum of the bytes from `from` to `to`, file offsets that are some kilobytes apart. `head`
   * is the register at the boundary after `from`; the view holds the bytes after the boundary before `to`.
   */
  joined(head: number, from: number, view: DataView, offset: number, to: number): number {
    const boundary = this.boundaryAfter(from);
    const upTo = this.boundaryBefore(to);
    const [first, last] = [boundary, upTo].map((at) => this.#registers[(at - this.#base) / STEP] as number);
    const tail = overZeros(head ^ (first as number), upTo - boundary) ^ (last as number);
    return maskedOf(crcRegister(view, upTo - offset, to - offset, tail));
  }

  /**
   * Returns the masked checksum of the bytes of `view` from `start` to `end` (exclusive). `offset` is the file offset
   * of the view's first byte.
   */
  masked(view: DataView, offset: number, start: number, end: number): number {
    const [from, to] = [offset + start, offset + end];
    this.cover(from);
    this.extend(view, offset, to);
    const first = Math.ceil((from - this.#base) / STEP);
    const last = Math.floor((to - this.#base) / STEP);
    if (first >= last) return maskedOf(crcRegister(view, start, end, -1));
    const boundary = this.#base + first * STEP;
    const upTo = this.#base + last * STEP;
    // A value added to a register passes through all bytes that follow, as if they were zeros.
    const head = crcRegister(view, start, boundary - offset, -1) ^ (this.#registers[first] as number);
    const tail = overZeros(head, upTo - boundary) ^ (this.#registers[last] as number);
    return maskedOf(crcRegister(view, upTo - offset, end, tail));
  }

  #restart(base: number): void {
    this.#base = base;
    this.#end = base;
    this.#last = 0;
  }

  /** Sums up the following bytes up to `to`; the view holds them. */
  extend(view: DataView, offset: number, to: number): void {
    while (this.#end < to) {
      const index = Math.floor((this.#end - this.#base) / STEP);
      const next = Math.min(to, this.#base + (index + 1) * STEP);
      if (this.#end === this.#base + index * STEP) this.#keep(index);
      this.#last = crcRegister(view, this.#end - offset, next - offset, this.#last);
      this.#end = next;
    }
    const index = Math.floor((to - this.#base) / STEP);
    if (this.#end === this.#base + index * STEP) this.#keep(index);
  }

  #keep(index: number): void {
    if (index >= this.#registers.length) {
      const grown = new Int32Array(this.#registers.length * 2);
      grown.set(this.#registers);
      this.#registers = grown;
    }
    this.#registers[index] = this.#last;
  }
}
