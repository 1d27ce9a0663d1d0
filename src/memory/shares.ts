const MIB = 2 ** 20;

/** What a process takes that has nothing large to do: V8, threads, SQLite's cache, batches of ordinary size. */
const BASE_BYTES = 128 * MIB;
/** Records of their share that are held at the same time by reading and one local lane: the one that is read, the one that is stored, the rest of them. */
const RECORDS_AT_ONCE = 3;
/** Of the limit, what one record's values, or one run's tags, may take on V8's heap (which gets about half of it). */
const HEAP_PARTS = 8;
const MOST_VALUES = 512 * MIB;
const LEAST_SHARE = 4 * MIB;

/** Parts of the memory, in bytes. */
export interface Shares {
  /** All of it. */
  readonly limit: number;
  /** The data of one record. */
  readonly record: number;
  /** What the values of one record may take once they are decoded. */
  readonly values: number;
  /** What the tags of one run may take. */
  readonly tags: number;
  /** Batches that are on their way between threads. */
  readonly outstanding: number;
  /** Batches that are kept for lanes that come behind. */
  readonly cache: number;
  /** Heap of the thread that parses files of others. */
  readonly parser: number;
}

/** Divides the memory. `trackers`: lanes that may each hold a large record beside the local store. */
export function sharesOf(limit: number, trackers = 0): Shares {
  const values = clamp(limit / HEAP_PARTS, LEAST_SHARE, MOST_VALUES);
  return {
    limit,
    record: Math.max(LEAST_SHARE, Math.floor((limit - BASE_BYTES) / (RECORDS_AT_ONCE + trackers))),
    values,
    tags: values,
    outstanding: clamp(limit / 16, MIB, 24 * MIB),
    cache: clamp(limit / 16, MIB, 32 * MIB),
    parser: clamp(limit / 8, 32 * MIB, 256 * MIB),
  };
}

/** The memory with which a record of so many bytes is within its share. */
export function memoryForRecord(bytes: number, trackers = 0): number {
  return BASE_BYTES + (RECORDS_AT_ONCE + trackers) * bytes;
}

/** The memory with which values that take so much are within their share; undefined where none would do. */
export function memoryForValues(bytes: number): number | undefined {
  return bytes > MOST_VALUES ? undefined : bytes * HEAP_PARTS;
}

/** The same for the tags of a run. */
export const memoryForTags = memoryForValues;

function clamp(x: number, least: number, most: number): number {
  return Math.floor(Math.min(most, Math.max(least, x)));
}
