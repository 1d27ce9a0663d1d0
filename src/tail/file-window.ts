import { noteGarbage } from '../memory/index.ts';
import { readAt } from './open-file.ts';
import { AroundReader, type UnreadableRange } from './read-around.ts';

/** Bytes read at a time: enough to make system calls cheap, few enough to stay in the processor's cache. */
const CHUNK_BYTES = 1 << 20;
/** Bytes read first after the window jumped to another place. */
const LEAP_BYTES = 64 * 1024;
/**
 * The length above which a record gets a buffer of its own, of exactly its length: its reader may keep that buffer,
 * because nothing else is read into it.
 */
const SHARED_BYTES = 4 * CHUNK_BYTES;

/**
 * The part of a file that is in memory. One window serves many files, one after the other. It grows to hold a record
 * only if the file has that many bytes, whatever a length field says.
 */
export class FileWindow {
  buffer: Uint8Array;
  view: DataView;
  /** File offset of `buffer[start]`. */
  offset = 0;
  start = 0;
  end = 0;
  /** True if the buffer is a record's own: see `SHARED_BYTES`. */
  isKept = false;
  #fd = -1;
  readonly #around: AroundReader;
  readonly #memory: Uint8Array;

  /** `memory`: the place for a chunk, which no other window uses; allocated by default. */
  constructor(read: typeof readAt = readAt, memory: Uint8Array = new Uint8Array(CHUNK_BYTES)) {
    this.#around = new AroundReader(read);
    this.#memory = memory;
    this.buffer = memory;
    this.view = viewOf(memory);
  }

  /** Parts of the file that the system could not read; the window has zeros there. */
  get unreadable(): readonly UnreadableRange[] {
    return this.#around.unreadable;
  }

  /** Switches to another file. */
  reset(fd: number): void {
    this.#fd = fd;
    this.#around.reset();
    this.offset = 0;
    this.start = 0;
    this.end = 0;
    if (this.isKept || this.buffer.length > 2 * CHUNK_BYTES) this.#allocate(CHUNK_BYTES);
  }

  /**
   * Makes the window begin at `from` and hold at least `needed` bytes; returns false if the file ends before that.
   */
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
      // A record's own buffer may have moved to another thread: then there is nothing left to keep.
      if (keep > 0) this.buffer.set(old.subarray(keepFrom, keepFrom + keep));
    } else if (keepFrom > 0) {
      this.buffer.copyWithin(0, keepFrom, keepFrom + keep);
    }
    this.offset = from;
    this.start = 0;
    // A reader that jumps mostly needs few bytes there; one that continues needs all that follows.
    const room = keep === 0 && from !== windowEnd ? Math.max(needed, LEAP_BYTES) : this.buffer.length;
    const want = Math.min(room, fileEnd - from) - keep;
    const got = want > 0 ? this.#around.read(this.#fd, this.buffer, keep, want, from + keep) : 0;
    this.end = keep + got;
    return this.end >= needed;
  }

  #allocate(bytes: number): void {
    this.isKept = false;
    this.buffer = bytes === this.#memory.length ? this.#memory : new Uint8Array(bytes);
    this.view = viewOf(this.buffer);
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
