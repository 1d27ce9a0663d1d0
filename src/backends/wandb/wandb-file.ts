/**
 * The frames of an offline run's file (`wandb/sdk/internal/datastore.py`, after LevelDB's log format,
 * https://github.com/google/leveldb/blob/main/doc/log_format.md): seven bytes at its head, then blocks of 32 KiB
 * counted from the file's start. A record is one chunk or several, each with a CRC-32 (that of zlib) over its type
 * and data. If the last bytes of a block are too few for a head, they are zero.
 */
import { closeSync, constants, fdatasyncSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { openNewFile } from '../../own-files/index.ts';

const HEAD = Buffer.from([0x3a, 0x57, 0x26, 0x42, 0xe1, 0xbe, 0x00]);
const BLOCK = 32_768;
const CHUNK_HEAD = 7;
const [FULL, FIRST, MIDDLE, LAST] = [1, 2, 3, 4];

/** Packs records into frames in memory, from a position in the file on. */
export class FrameBuffer {
  #buffer = Buffer.allocUnsafe(256 * 1024);
  #length = 0;
  readonly #start: number;

  /** Creates a buffer. `start`: the length of the file. */
  constructor(start: number) {
    this.#start = start;
    if (start === 0) this.#write(HEAD);
  }

  add(record: Uint8Array): void {
    let at = 0;
    for (let isFirst = true; isFirst || at < record.length; isFirst = false) {
      let room = BLOCK - ((this.#start + this.#length) % BLOCK);
      if (room < CHUNK_HEAD) {
        this.#write(Buffer.alloc(room));
        room = BLOCK;
      }
      const size = Math.min(record.length - at, room - CHUNK_HEAD);
      const isLast = at + size === record.length;
      const type = isFirst ? (isLast ? FULL : FIRST) : isLast ? LAST : MIDDLE;
      this.#reserve(CHUNK_HEAD + size);
      const head = this.#length;
      const buffer = this.#buffer;
      buffer.writeUInt16LE(size, head + 4);
      buffer[head + 6] = type;
      buffer.set(record.subarray(at, at + size), head + CHUNK_HEAD);
      buffer.writeUInt32LE(crc32(buffer.subarray(head + 6, head + CHUNK_HEAD + size)), head);
      this.#length += CHUNK_HEAD + size;
      at += size;
      // A record that ends exactly with its block is complete; otherwise, it continues in the next block.
      if (isLast) break;
    }
  }

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  #write(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + more));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}

/** A record of a `.wandb` file. */
export interface ScannedRecord {
  readonly data: Uint8Array;
  /** The position of its first chunk. */
  readonly start: number;
  /** The position behind its last chunk. */
  readonly end: number;
}

/** Yields every complete record up to the first invalid position: an incomplete end, or corrupt data. */
export function* scanRecords(path: string): Generator<ScannedRecord, void, void> {
  const file = openSync(path, 'r');
  try {
    const size = fstatSync(file).size;
    const block = Buffer.alloc(BLOCK);
    let parts: Uint8Array[] = [];
    let start = 0;
    for (let base = 0; base < size; base += BLOCK) {
      const length = readWhole(file, block, base);
      let at = base === 0 ? HEAD.length : 0;
      if (base === 0 && (length < HEAD.length || !block.subarray(0, HEAD.length).equals(HEAD))) return;
      while (length - at >= CHUNK_HEAD && BLOCK - at >= CHUNK_HEAD) {
        const dataLength = block.readUInt16LE(at + 4);
        const end = at + CHUNK_HEAD + dataLength;
        if (end > length || crc32(block.subarray(at + 6, end)) !== block.readUInt32LE(at)) return;
        const type = block[at + 6];
        const data = Buffer.from(block.subarray(at + CHUNK_HEAD, end));
        if (type === FULL || type === FIRST) {
          parts = [];
          start = base + at;
        } else if (parts.length === 0) return;
        parts.push(data);
        if (type === FULL || type === LAST) {
          yield { data: parts.length === 1 ? data : Buffer.concat(parts), start, end: base + end };
          parts = [];
        }
        at = end;
      }
    }
  } finally {
    closeSync(file);
  }
}

/** Writes at a position of a file, cuts off everything after the written bytes, and flushes the file to the disk. */
export function writeAt(path: string, start: number, bytes: Uint8Array): void {
  const file = start === 0 ? openNewFile(path) : openSync(path, constants.O_RDWR | constants.O_NOFOLLOW);
  try {
    if (fstatSync(file).size > start) ftruncateSync(file, start);
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at, bytes.length - at, start + at);
    fdatasyncSync(file);
  } finally {
    closeSync(file);
  }
}

function readWhole(file: number, into: Buffer, from: number): number {
  let length = 0;
  while (length < into.length) {
    const read = readSync(file, into, length, into.length - length, from + length);
    if (read === 0) break;
    length += read;
  }
  return length;
}
