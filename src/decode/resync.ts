import { maskedCrc32c } from './crc32c.ts';
import { FRAME_BYTES, HEADER_BYTES, lengthChecksum, lengthOf } from './frame.ts';
import type { SpanChecksums } from './span-checksums.ts';

/** Data up to this length is summed up each time; of longer data, each byte is summed up once. */
export const SHORT_BYTES = 4096;

/** The result of a search for the next frame. Offsets are relative to the buffer. */
type SearchResult =
  /** Both checksums of a frame at `at` match. */
  | { readonly kind: 'found'; readonly at: number; readonly end: number }
  /** The header of a frame at `at` matches; `needed` bytes from there would decide. */
  | { readonly kind: 'more'; readonly at: number; readonly needed: number }
  /** No frame begins before `at`. */
  | { readonly kind: 'none'; readonly at: number };

/**
 * Searches after a corrupt length: tries every byte for a frame whose two checksums match. A length counts only if
 * its own checksum matches and that many bytes are left in the file. Skips runs of zeros.
 */
export class FrameSearch {
  /** True if all bytes searched so far, including the first one, are zero. */
  onlyZeros = true;
  /**
   * The file offset of the first header that matches, but whose record reaches beyond the end of the file: perhaps an
   * incomplete one.
   */
  incomplete = -1;
  /** The file offset of the run of zeros that the search is in; -1 if it is in none. */
  zerosFrom = -1;
  readonly #spans: SpanChecksums | undefined;
  readonly #limit: number;

  /** `limit`: the file offset from which the search accepts no frame. */
  constructor(spans: SpanChecksums | undefined, limit = Infinity) {
    this.#spans = spans;
    this.#limit = limit;
  }

  /**
   * Searches from `from`. `fileEnd` is the file's end in the buffer's coordinates; it is beyond `end` if bytes are
   * missing.
   */
  next(buffer: Uint8Array, view: DataView, from: number, end: number, fileEnd: number, base: number): SearchResult {
    const last = Math.min(end - HEADER_BYTES, this.#limit - base - 1);
    let s = from;
    while (s <= last) {
      const low = view.getUint32(s, true);
      const high = view.getUint32(s + 4, true);
      if (low === 0 && high === 0 && view.getUint32(s + 8, true) === 0) {
        if (this.zerosFrom < 0) this.zerosFrom = base + s;
        const nonZero = firstNonZero(buffer, view, s + HEADER_BYTES, end);
        // A header before it may begin with up to eight zero bytes.
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

/** True if a valid frame that begins at `from` or later ends at `end`: then the former content was overwritten. */
export function isFrameBefore(view: DataView, from: number, end: number): boolean {
  for (let s = end - FRAME_BYTES; s >= from; s--) {
    const length = end - FRAME_BYTES - s;
    if (view.getUint32(s, true) !== length || view.getUint32(s + 4, true) !== 0) continue;
    if (view.getUint32(s + 8, true) !== lengthChecksum(length, 0)) continue;
    if (maskedCrc32c(view, s + HEADER_BYTES, end - 4) === view.getUint32(end - 4, true)) return true;
  }
  return false;
}

/** True if there is a header at `at`: a length with a matching checksum. */
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
