import { maskedCrc32c } from './crc32c.ts';
import { FRAME_BYTES, HEADER_BYTES, lengthChecksum, lengthOf } from './frame.ts';

/** What a search for the next frame came to. Offsets are in the buffer. */
export type SearchResult =
  /** Both checksums of a frame at `at` fit. */
  | { readonly kind: 'found'; readonly at: number }
  /** The header of a frame at `at` fits; `needed` bytes from there would tell. */
  | { readonly kind: 'more'; readonly at: number; readonly needed: number }
  /** No frame begins before `at`. */
  | { readonly kind: 'none'; readonly at: number };

/**
 * Behind a destroyed length: tries every byte for a frame whose two checksums fit. A length says nothing until its own
 * checksum fits and so many bytes are left in the file; runs of zeros are leapt over.
 */
export class FrameSearch {
  /** Whether all bytes searched so far, the first one included, are zero. */
  onlyZeros = true;
  /** File offset of the first header that fits, but whose record reaches beyond the end of the file: a torn one perhaps. */
  torn = -1;

  /** Searches from `from`; `fileEnd` is the file's end in the buffer's coordinates, beyond `end` where not all is there. */
  next(buffer: Uint8Array, view: DataView, from: number, end: number, fileEnd: number, base: number): SearchResult {
    const last = end - HEADER_BYTES;
    let s = from;
    while (s <= last) {
      const low = view.getUint32(s, true);
      const high = view.getUint32(s + 4, true);
      if (low === 0 && high === 0 && view.getUint32(s + 8, true) === 0) {
        const nonZero = firstNonZero(buffer, view, s + HEADER_BYTES, end);
        // A header in front of it may begin with as many as eight zero bytes.
        s = Math.max(s + 1, nonZero - 8);
        if (nonZero === end) return { kind: 'none', at: Math.max(s, from) };
        continue;
      }
      this.onlyZeros = false;
      const length = lengthOf(low, high);
      if (high < 0x20_0000 && view.getUint32(s + 8, true) === lengthChecksum(low, high)) {
        const stop = s + FRAME_BYTES + length;
        if (stop > fileEnd) {
          if (this.torn < 0) this.torn = base + s;
        } else if (stop > end) {
          return { kind: 'more', at: s, needed: FRAME_BYTES + length };
        } else if (maskedCrc32c(view, s + HEADER_BYTES, stop - 4) === view.getUint32(stop - 4, true)) {
          return { kind: 'found', at: s };
        }
      }
      s++;
    }
    for (let i = s; i < end && this.onlyZeros; i++) if (buffer[i] !== 0) this.onlyZeros = false;
    return { kind: 'none', at: s };
  }
}

function firstNonZero(buffer: Uint8Array, view: DataView, from: number, end: number): number {
  let p = from;
  for (const last = end - 16; p <= last; p += 16) {
    if ((view.getInt32(p, true) | view.getInt32(p + 4, true) | view.getInt32(p + 8, true) | view.getInt32(p + 12, true)) !== 0) break;
  }
  while (p < end && buffer[p] === 0) p++;
  return p;
}
