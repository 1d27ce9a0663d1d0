import { maskedCrc32c } from './crc32c.ts';
import { FRAME_BYTES, HEADER_BYTES, lengthChecksum, lengthOf } from './frame.ts';
import type { SpanChecksums } from './span-checksums.ts';

/** Data up to this length is summed up each time; of longer ones each byte once. */
export const SHORT_BYTES = 4096;

/** What a search for the next frame came to. Offsets are in the buffer. */
type SearchResult =
  /** Both checksums of a frame at `at` fit. */
  | { readonly kind: 'found'; readonly at: number; readonly end: number }
  /** The header of a frame at `at` fits; `needed` bytes from there would tell. */
  | { readonly kind: 'more'; readonly at: number; readonly needed: number }
  /** No frame begins before `at`. */
  | { readonly kind: 'none'; readonly at: number };

/**
 * Behind a corrupt length: tries every byte for a frame whose two checksums fit. A length says nothing until its own
 * checksum fits and so many bytes are left in the file; runs of zeros are leapt over.
 */
export class FrameSearch {
  /** Whether all bytes searched so far, the first one included, are zero. */
  onlyZeros = true;
  /**
   * File offset of the first header that fits, but whose record reaches beyond the end of the file: perhaps an
   * incomplete one.
   */
  incomplete = -1;
  /** File offset at which the run of zeros begins that the search is in; -1 where it is in none. */
  zerosFrom = -1;
  readonly #spans: SpanChecksums | undefined;
  readonly #limit: number;

  /** `limit`: file offset at which no frame that is searched for begins any more. */
  constructor(spans: SpanChecksums | undefined, limit = Infinity) {
    this.#spans = spans;
    this.#limit = limit;
  }

  /** Searches from `from`; `fileEnd` is the file's end in the buffer's coordinates, beyond `end` if some is missing. */
  next(buffer: Uint8Array, view: DataView, from: number, end: number, fileEnd: number, base: number): SearchResult {
    const last = Math.min(end - HEADER_BYTES, this.#limit - base - 1);
    let s = from;
    while (s <= last) {
      const low = view.getUint32(s, true);
      const high = view.getUint32(s + 4, true);
      if (low === 0 && high === 0 && view.getUint32(s + 8, true) === 0) {
        if (this.zerosFrom < 0) this.zerosFrom = base + s;
        const nonZero = firstNonZero(buffer, view, s + HEADER_BYTES, end);
        // A header in front of it may begin with as many as eight zero bytes.
        s = Math.max(s + 1, nonZero - 8);
        if (nonZero === end) return { kind: 'none', at: Math.max(s, from) };
        continue;
      }
      this.onlyZeros = false;
      this.zerosFrom = -1;
      const length = lengthOf(low, high);
      if (high < 0x20_0000 && view.getUint32(s + 8, true) === lengthChecksum(low, high)) {
        const stop = s + FRAME_BYTES + length;
        if (stop > fileEnd) {
          if (this.incomplete < 0) this.incomplete = base + s;
        } else if (stop > end) {
          return { kind: 'more', at: s, needed: FRAME_BYTES + length };
        } else if (this.#checksum(view, base, s + HEADER_BYTES, stop - 4) === view.getUint32(stop - 4, true)) {
          return { kind: 'found', at: s, end: stop };
        }
      }
      s++;
    }
    for (let i = s; i < end && this.onlyZeros; i++) if (buffer[i] !== 0) this.onlyZeros = false;
    return { kind: 'none', at: s };
  }

  #checksum(view: DataView, base: number, start: number, end: number): number {
    return this.#spans === undefined || end - start <= SHORT_BYTES
      ? maskedCrc32c(view, start, end)
      : this.#spans.masked(view, base, start, end);
  }
}

/** Whether a valid frame that begins at `from` or later ends at `end`: what was there before was written over. */
export function isFrameBefore(view: DataView, from: number, end: number): boolean {
  for (let s = end - FRAME_BYTES; s >= from; s--) {
    const length = end - FRAME_BYTES - s;
    if (view.getUint32(s, true) !== length || view.getUint32(s + 4, true) !== 0) continue;
    if (view.getUint32(s + 8, true) !== lengthChecksum(length, 0)) continue;
    if (maskedCrc32c(view, s + HEADER_BYTES, end - 4) === view.getUint32(end - 4, true)) return true;
  }
  return false;
}

/** True if a header is at `at`: a length whose checksum fits. */
export function isHeader(view: DataView, at: number): boolean {
  const [low, high] = [view.getUint32(at, true), view.getUint32(at + 4, true)];
  return high < 0x20_0000 && view.getUint32(at + 8, true) === lengthChecksum(low, high);
}

function firstNonZero(buffer: Uint8Array, view: DataView, from: number, end: number): number {
  let p = from;
  for (const last = end - 16; p <= last; p += 16) {
    if ((view.getInt32(p, true) | view.getInt32(p + 4, true) | view.getInt32(p + 8, true) | view.getInt32(p + 12, true)) !== 0) break;
  }
  while (p < end && buffer[p] === 0) p++;
  return p;
}
