/**
 * The scanner that is compiled to WebAssembly (`assembly/scan.ts`), with its memory: one for each thread. The memory
 * has places for the bytes of a file, the tags of one run, and the columns of points. The system gives it pages only
 * where it is used.
 */
import type { ColumnWriter } from './columns.ts';
import { SCAN_MODULE } from './scan-module.ts';
import type { TagTable } from './tag-table.ts';

/** The bytes of a file that are in the memory at a time. */
export const WINDOW_BYTES = 1 << 20;
/** The most rows of one call. */
export const MOST_ROWS = 1 << 16;
/** Runs with more tags, or longer ones, are read by the scanner in TypeScript. */
const MOST_TAGS = 1 << 17;
const MOST_TAG_BYTES = 16 << 20;
const MOST_BUCKETS = 1 << 20;
/** Numbers that a call leaves: the scanner's `RESULT`. */
const RESULT_NUMBERS = 8;
const RESULT_DOUBLES_AT = 32;
/** Before this address lie the results, the tables of the checksum, and known checksums of lengths. */
const FIRST_FREE = 16_384 + 4 * 65_536;
const PAGE_BYTES = 65_536;
/** The scanner looks at a few bytes beyond the end before it finds that they do not count. */
const SPARE_BYTES = 64;

/** What Node calls `WebAssembly`; undefined where it is off. TypeScript declares it only for browsers. */
const { WebAssembly } = globalThis as unknown as {
  readonly WebAssembly?: {
    readonly Memory: new (size: { readonly initial: number }) => { readonly buffer: ArrayBuffer };
    readonly Module: new (bytes: Uint8Array) => object;
    readonly Instance: new (module: object, imports: object) => { readonly exports: object };
  };
};

/** What the compiled scanner offers. */
interface Exports {
  init(): void;
  useTags(...addresses: number[]): void;
  useColumns(...addresses: number[]): void;
  place(slot: number, mask: number): void;
  scan(from: number, end: number, origin: number, slot: number, tags: number, mask: number, rows: number, isEmpty: number): number;
}

const TAG_COLUMNS = ['series', 'start', 'length', 'metaStart', 'metaLength', 'next'] as const;
type TagColumn = (typeof TAG_COLUMNS)[number];
const COLUMNS = ['series', 'step', 'wallTime', 'value', 'offset', 'checksum', 'index'] as const;
type Column = (typeof COLUMNS)[number];
const DOUBLES: ReadonlySet<Column> = new Set(['step', 'wallTime', 'value', 'offset']);

/** The compiled scanner of this thread. */
export class ScanMemory {
  readonly buffer: ArrayBuffer;
  /** The place for the bytes of a file: the reader puts them here. One reader at a time. */
  readonly window: Uint8Array<ArrayBuffer>;
  /**
   * What the last call left: position, rows, slot, records, checksum; address, length and checksum of the last record.
   */
  readonly results: Uint32Array;
  /** The length of the last record, and the bytes that are needed. */
  readonly lengths: Float64Array;
  readonly #exports: Exports;
  readonly #tags: Readonly<Record<TagColumn, Uint32Array>>;
  readonly #buckets: Uint32Array;
  readonly #bytes: Uint8Array;
  readonly #columns: Readonly<Record<Column, Uint32Array | Float64Array>>;
  #table: TagTable | undefined;
  #epoch = 0;
  #seen = 0;
  #count = 0;
  #mask = 0;

  constructor({ Memory, Module, Instance }: NonNullable<typeof WebAssembly>) {
    let at = FIRST_FREE;
    const place = (bytes: number): number => {
      const from = at;
      at += Math.ceil(bytes / 8) * 8;
      return from;
    };
    const tags = TAG_COLUMNS.map(() => place(4 * MOST_TAGS));
    const buckets = place(4 * MOST_BUCKETS);
    const bytes = place(MOST_TAG_BYTES);
    const columns = COLUMNS.map((name) => place((DOUBLES.has(name) ? 8 : 4) * MOST_ROWS));
    const window = place(WINDOW_BYTES + SPARE_BYTES);
    const memory = new Memory({ initial: Math.ceil(at / PAGE_BYTES) });
    const module = new Module(Buffer.from(SCAN_MODULE, 'base64'));
    this.#exports = new Instance(module, { env: { memory } }).exports as Exports;
    this.buffer = memory.buffer;
    this.window = new Uint8Array(this.buffer, window, WINDOW_BYTES);
    this.results = new Uint32Array(this.buffer, 0, RESULT_NUMBERS);
    this.lengths = new Float64Array(this.buffer, RESULT_DOUBLES_AT, 2);
    this.#tags = recordOf(TAG_COLUMNS, (_, i) => new Uint32Array(this.buffer, tags[i], MOST_TAGS));
    this.#buckets = new Uint32Array(this.buffer, buckets, MOST_BUCKETS);
    this.#bytes = new Uint8Array(this.buffer, bytes, MOST_TAG_BYTES);
    this.#columns = recordOf(COLUMNS, (name, i) =>
      DOUBLES.has(name) ? new Float64Array(this.buffer, columns[i], MOST_ROWS) : new Uint32Array(this.buffer, columns[i], MOST_ROWS),
    );
    this.#exports.init();
    // biome-ignore lint/plugin/no-spread-into-calls: one for each column
    this.#exports.useTags(...tags, buckets, bytes);
    // biome-ignore lint/plugin/no-spread-into-calls: one for each column
    this.#exports.useColumns(...columns);
  }

  /** Makes the memory have these tags; false if they are too many for it. */
  load(table: TagTable): boolean {
    if (table.count > MOST_TAGS || table.used > MOST_TAG_BYTES) return false;
    const isKnown = this.#table === table && this.#epoch === table.epoch;
    if (!isKnown || 2 * table.count > this.#mask) this.#loadAll(table);
    else for (; this.#seen < table.changes.length; this.#seen++) this.#loadSlot(table, table.changes[this.#seen] as number);
    return true;
  }

  /** Scans the bytes between two addresses; the results are in `results` and `lengths`. Returns the reason to stop. */
  scan(from: number, end: number, origin: number, slot: number, rows: number, isEmpty: boolean): number {
    return this.#exports.scan(from, end, origin, slot, this.#count, this.#mask, rows, isEmpty ? 1 : 0);
  }

  /** Appends the rows of the last call to columns that have room for them. */
  moveRows(rows: number, to: ColumnWriter): void {
    const at = to.count;
    if (rows < FEW_ROWS) for (const name of COLUMNS) for (let i = 0; i < rows; i++) to[name][at + i] = this.#columns[name][i] as number;
    else for (const name of COLUMNS) to[name].set(this.#columns[name].subarray(0, rows), at);
    to.count = at + rows;
  }

  #loadAll(table: TagTable): void {
    const { count } = table;
    for (const name of TAG_COLUMNS) this.#tags[name].set(table[name].subarray(0, count));
    this.#bytes.set(table.bytes.subarray(0, table.used));
    let size = LEAST_BUCKETS;
    while (size < MOST_BUCKETS && size < 8 * count) size *= 2;
    this.#buckets.fill(0, 0, size);
    this.#mask = size - 1;
    for (let slot = 0; slot < count; slot++) this.#exports.place(slot, this.#mask);
    this.#table = table;
    this.#epoch = table.epoch;
    this.#seen = table.changes.length;
    this.#count = count;
  }

  #loadSlot(table: TagTable, slot: number): void {
    const copy = (start: number, length: number): void => {
      this.#bytes.set(table.bytes.subarray(start, start + length), start);
    };
    const isNew = slot >= this.#count;
    if (isNew) {
      for (const name of ['series', 'start', 'length', 'next'] as const) this.#tags[name][slot] = table[name][slot] as number;
      copy(table.start[slot] as number, table.length[slot] as number);
      this.#count = slot + 1;
    }
    for (const name of ['metaStart', 'metaLength'] as const) this.#tags[name][slot] = table[name][slot] as number;
    copy(table.metaStart[slot] as number, table.metaLength[slot] as number);
    if (isNew) this.#exports.place(slot, this.#mask);
  }
}

/** Fewer rows are copied one by one. */
const FEW_ROWS = 16;
const LEAST_BUCKETS = 256;

function recordOf<Name extends string, Value>(names: readonly Name[], of: (name: Name, i: number) => Value): Record<Name, Value> {
  return Object.fromEntries(names.map((name, i) => [name, of(name, i)])) as Record<Name, Value>;
}

let memory: ScanMemory | undefined;

/** Returns the compiled scanner of this thread; undefined unless `scanWindow` has made it. */
export function scanMemory(): ScanMemory | undefined {
  return memory;
}

/**
 * Returns the place for the bytes of a file that the compiled scanner reads from, for one reader of the thread;
 * undefined where WebAssembly is off, or there is no room for its memory.
 */
export function scanWindow(): Uint8Array | undefined {
  try {
    if (WebAssembly !== undefined) memory ??= new ScanMemory(WebAssembly);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return memory?.window;
}
