const MIB = 2 ** 20;

/** The memory of a process without large work: V8, threads, SQLite's cache, batches of ordinary size. */
const BASE_BYTES = 128 * MIB;
/**
 * The divisor of the limit for one record's values, or one run's tags, on V8's heap (which gets about half of the
 * limit).
 */
const HEAP_PARTS = 8;
const MOST_VALUES = 512 * MIB;
const LEAST_SHARE = 4 * MIB;
const MOST_ANSWER = 256 * MIB;

/** Parts of the memory, in bytes. */
export interface Shares {
  /** The whole memory. */
  readonly limit: number;
  /** The data of one record. */
  readonly record: number;
  /** Memory for the decoded values of one record. */
  readonly values: number;
  /** Memory for the tags of one run. */
  readonly tags: number;
  /** The columns of one batch. */
  readonly batch: number;
  /** Batches in transit between threads; a larger batch is alone. */
  readonly outstanding: number;
  /** Batches kept for lanes that read later. */
  readonly cache: number;
  /** Heap of the thread that parses other people's files. */
  readonly parser: number;
  /**
   * One answer of a server, and all long answers of a lane together. The objects made from it may take twice as much.
   */
  readonly answer: number;
}

/**
 * The largest number of readers at the same time: if there are more roots, some share one. Each reader may hold a
 * large record.
 */
export const MOST_READERS = 8;

/**
 * Returns the number of large records that may be held at the same time. For each root: the one being read, the one
 * being stored, and one in each tracker's lane. One more is for the objects made from them.
 */
export function recordsAtOnce({ trackers, roots }: { readonly trackers: number; readonly roots: number }): number {
  return 1 + Math.max(1, Math.min(roots, MOST_READERS)) * (2 + trackers);
}

/**
 * Divides the memory. `records`: large records that may be held at the same time; `trackers`: lanes that receive
 * answers.
 */
export function sharesOf(limit: number, records = recordsAtOnce({ trackers: 0, roots: 1 }), trackers = 1): Shares {
  const values = clamp(limit / HEAP_PARTS, LEAST_SHARE, MOST_VALUES);
  return {
    limit,
    record: Math.max(LEAST_SHARE, Math.floor((limit - BASE_BYTES) / records)),
    values,
    tags: values,
    batch: clamp(limit / 16, MIB, 48 * MIB),
    outstanding: clamp(limit / 16, MIB, 24 * MIB),
    cache: clamp(limit / 16, MIB, 32 * MIB),
    parser: clamp(limit / 8, 32 * MIB, 256 * MIB),
    answer: clamp(limit / answerParts(trackers), LEAST_SHARE, MOST_ANSWER),
  };
}

/** Returns the memory with which a record of this size is within its share. */
export function memoryForRecord(bytes: number, records = recordsAtOnce({ trackers: 0, roots: 1 })): number {
  return BASE_BYTES + records * bytes;
}

/** Returns the memory with which values of this size are within their share; undefined if no memory is enough. */
export function memoryForValues(bytes: number): number | undefined {
  return bytes > MOST_VALUES ? undefined : bytes * HEAP_PARTS;
}

/** Returns the same for the tags of a run. */
export const memoryForTags = memoryForValues;

/** Returns the memory with which an answer of this size is within its share; undefined if no memory is enough. */
export function memoryForAnswer(bytes: number, trackers = 1): number | undefined {
  return bytes > MOST_ANSWER ? undefined : bytes * answerParts(trackers);
}

function answerParts(trackers: number): number {
  return HEAP_PARTS * (1 + Math.max(1, trackers));
}

function clamp(x: number, least: number, most: number): number {
  return Math.floor(Math.min(most, Math.max(least, x)));
}
