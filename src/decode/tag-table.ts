const MOST_CHANGES = 1024;

/**
 * The scalar tags of a run by their bytes, for the scanner, which need not create strings for known tags.
 * Tags mostly follow each other in the same order at each step, so each slot remembers which tag came after it.
 */
export class TagTable {
  count = 0;
  /** Series id by slot. */
  series = new Uint32Array(64);
  /** The place of a slot's tag in `bytes`. */
  start = new Uint32Array(64);
  length = new Uint32Array(64);
  /** The place of the metadata last found valid; length 0 if there is none yet. */
  metaStart = new Uint32Array(64);
  metaLength = new Uint32Array(64);
  /** The bytes that may be overwritten there: metadata of different lengths can alternate. */
  metaRoom = new Uint32Array(64);
  /** The slot that followed this one the last time. */
  next = new Uint32Array(64);
  bytes = new Uint8Array(4096);
  /** The slots that were added or got other metadata, in this order: for a copy that follows. */
  readonly changes: number[] = [];
  /** Counts what a copy cannot follow: then it has to be made again. */
  epoch = 0;
  #used = 0;
  /** Open addressing: slot + 1, or 0. */
  #buckets = new Uint32Array(128);

  /** The bytes of `bytes` that are in use. */
  get used(): number {
    return this.#used;
  }

  /** Returns the slot of the tag in `buffer` at `at`, or -1. */
  find(buffer: Uint8Array, at: number, length: number): number {
    const mask = this.#buckets.length - 1;
    for (let b = hash(buffer, at, length) & mask; ; b = (b + 1) & mask) {
      const slot = (this.#buckets[b] as number) - 1;
      if (slot < 0) return -1;
      if (this.length[slot] === length && sameBytes(this.bytes, this.start[slot] as number, buffer, at, length)) return slot;
    }
  }

  add(tag: Uint8Array, series: number): number {
    if (this.count === this.series.length) this.#growSlots();
    if (this.count * 2 >= this.#buckets.length) this.#rehash(this.#buckets.length * 4);
    const slot = this.count++;
    this.series[slot] = series;
    this.start[slot] = this.#keep(tag);
    this.length[slot] = tag.length;
    this.next[slot] = slot;
    this.#place(slot);
    this.#changed(slot);
    return slot;
  }

  /** Removes the tags added after the first `count`. */
  truncate(count: number): void {
    if (count === this.count) return;
    this.count = count;
    this.epoch++;
    this.changes.length = 0;
    this.metaLength.fill(0, count);
    this.metaRoom.fill(0, count);
    for (let slot = 0; slot < count; slot++) if ((this.next[slot] as number) >= count) this.next[slot] = slot;
    this.#rehash(this.#buckets.length);
  }

  /** Stores metadata that was decoded and valid, so that the scanner may skip the same bytes. */
  setMetadata(slot: number, metadata: Uint8Array): void {
    if (metadata.length <= (this.metaRoom[slot] as number)) {
      this.bytes.set(metadata, this.metaStart[slot] as number);
    } else {
      this.metaStart[slot] = this.#keep(metadata);
      this.metaRoom[slot] = metadata.length;
    }
    this.metaLength[slot] = metadata.length;
    this.#changed(slot);
  }

  #changed(slot: number): void {
    // Metadata that alternates would fill the memory.
    if (this.changes.length > 4 * this.count + MOST_CHANGES) {
      this.epoch++;
      this.changes.length = 0;
    }
    this.changes.push(slot);
  }

  #keep(bytes: Uint8Array): number {
    const start = this.#used;
    if (start + bytes.length > this.bytes.length) {
      const grown = new Uint8Array(Math.max(this.bytes.length * 2, start + bytes.length));
      grown.set(this.bytes);
      this.bytes = grown;
    }
    this.bytes.set(bytes, start);
    this.#used += bytes.length;
    return start;
  }

  #growSlots(): void {
    const size = this.series.length * 2;
    for (const name of ['series', 'start', 'length', 'metaStart', 'metaLength', 'metaRoom', 'next'] as const) {
      const grown = new Uint32Array(size);
      grown.set(this[name]);
      this[name] = grown;
    }
  }

  #rehash(size: number): void {
    this.#buckets = new Uint32Array(size);
    for (let slot = 0; slot < this.count; slot++) this.#place(slot);
  }

  #place(slot: number): void {
    const mask = this.#buckets.length - 1;
    let b = hash(this.bytes, this.start[slot] as number, this.length[slot] as number) & mask;
    while (this.#buckets[b] !== 0) b = (b + 1) & mask;
    this.#buckets[b] = slot + 1;
  }
}

function hash(buffer: Uint8Array, at: number, length: number): number {
  let h = length;
  for (let i = at; i < at + length; i++) h = Math.imul(h ^ (buffer[i] as number), 0x01000193);
  return h ^ (h >>> 15);
}

/** True if two ranges of `length` bytes are equal. */
export function sameBytes(a: Uint8Array, aStart: number, b: Uint8Array, bStart: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (a[aStart + i] !== b[bStart + i]) return false;
  return true;
}
