import { noteGarbage } from '../memory/index.ts';
import { readAt } from './open-file.ts';
import { AroundReader, type UnreadableRange } from './read-around.ts';

/** Bytes read at a time: long enough to make system calls cheap, short enough to stay in the processor's cache. */
const CHUNK_BYTES = 1 << 20;
/** Read at first after the window was moved elsewhere. */
const LEAP_BYTES = 64 * 1024;
/**
 * A longer record gets its own buffer, of just its length: its reader may keep that, and nothing else is read
 * into it.
 */
const SHARED_BYTES = 4 * CHUNK_BYTES;

/**
 * The part of a file that is in memory. One window serves many files, one after the other; it grows to hold a record
 * only when the file has that many bytes, whatever a length field says.
 */
export class FileWindow {
  buffer = new Uint8Array(CHUNK_BYTES);
  view = new DataView(this.buffer.buffer);
  /** File offset of `buffer[start]`. */
  offset = 0;
  start = 0;
  end = 0;
  /** See `SHARED_BYTES`. */
  isKept = false;
  #fd = -1;
  readonly #around: AroundReader;

  constructor(read: typeof readAt = readAt) {
    this.#around = new AroundReader(read);
  }

  /** Parts of the file that the system could not read: they are zeros here. */
  get unreadable(): readonly UnreadableRange[] {
    return this.#around.unreadable;
  }

  /** Turns to another file. */
  reset(fd: number): void {
    this.#fd = fd;
    this.#around.reset();
    this.offset = 0;
    this.start = 0;
    this.end = 0;
    if (this.isKept || this.buffer.length > 2 * CHUNK_BYTES) this.#allocate(CHUNK_BYTES);
  }

  /** Makes the window begin at `from` and hold `needed` bytes or more; false when the file ends before that. */
  provide(from: number, needed: number, fileEnd: number): boolean {
    const windowEnd = this.offset + this.end - this.start;
    const keep = from >= this.offset && from <= windowEnd ? windowEnd - from : 0;
    const keepFrom = this.end - keep;
    if (this.isKept && keep > 0 && keep >= needed) {
      this.offset = from;
      this.start = keepFrom;
      return true;
    }
    if (needed > this.buffer.length || this.isKept) {
      const old = this.buffer;
      const isOwn = needed > SHARED_BYTES;
      if (isOwn) noteGarbage(needed);
      this.#allocate(isOwn ? needed : needed > CHUNK_BYTES ? needed + CHUNK_BYTES : CHUNK_BYTES);
      this.isKept = isOwn;
      // A buffer of a record's own may have moved to another thread: then nothing of it is left to be kept.
      if (keep > 0) this.buffer.set(old.subarray(keepFrom, keepFrom + keep));
    } else if (keepFrom > 0) {
      this.buffer.copyWithin(0, keepFrom, keepFrom + keep);
    }
    this.offset = from;
    this.start = 0;
    // Who leaps mostly wants to know little of what is there; who continues wants all that follows.
    const room = keep === 0 && from !== windowEnd ? Math.max(needed, LEAP_BYTES) : this.buffer.length;
    const want = Math.min(room, fileEnd - from) - keep;
    const got = want > 0 ? this.#around.read(this.#fd, this.buffer, keep, want, from + keep) : 0;
    this.end = keep + got;
    return this.end >= needed;
  }

  #allocate(bytes: number): void {
    this.isKept = false;
    this.buffer = new Uint8Array(bytes);
    this.view = new DataView(this.buffer.buffer);
  }
}
