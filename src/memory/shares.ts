const MIB = 2 ** 20;

/** What a process takes that has nothing large to do: V8, threads, SQLite's cache, batches of ordinary size. */
const BASE_BYTES = 128 * MIB;
/** Of the limit, what one record's values, or one run's tags, may take on V8's heap (which gets about half of it). */
const HEAP_PARTS = 8;
const MOST_VALUES = 512 * MIB;
const LEAST_SHARE = 4 * MIB;
const MOST_ANSWER = 256 * MIB;

/** Parts of the memory, in bytes. */
export interface Shares {
  /** All of it. */
  readonly limit: number;
  /** The data of one record. */
  readonly record: number;
  /** Memory for the decoded values of one record. */
  readonly values: number;
  /** What the tags of one run may take. */
  readonly tags: number;
  /** Batches that are on their way between threads. */
  readonly outstanding: number;
  /** Batches that are kept for lanes that come behind. */
  readonly cache: number;
  /** Heap of the thread that parses files of others. */
  readonly parser: number;
  /** One answer of a server, and all long ones of a lane together. What is made of it may take twice as much. */
  readonly answer: number;
}

/** Readers at the same time, at most: with more roots than that, some share one. Each may hold a large record. */
export const MOST_READERS = 8;

/**
 * Large records that may be held at the same time. Of each root: the one that is read, the one that is stored, and
 * one in each tracker's lane; and one more, for what is made of them.
 */
export function recordsAtOnce({ trackers, roots }: { readonly trackers: number; readonly roots: number }): number {
  return 1 + Math.max(1, Math.min(roots, MOST_READERS)) * (2 + trackers);
}

/** Divides the memory. `records`: large ones that may be held at the same time; `trackers`: lanes that hear answers. */
export function sharesOf(limit: number, records = recordsAtOnce({ trackers: 0, roots: 1 }), trackers = 1): Shares {
  const values = clamp(limit / HEAP_PARTS, LEAST_SHARE, MOST_VALUES);
  return {
    limit,
    record: Math.max(LEAST_SHARE, Math.floor((limit - BASE_BYTES) / records)),
    values,
    tags: values,
    outstanding: clamp(limit / 16, MIB, 24 * MIB),
    cache: clamp(limit / 16, MIB, 32 * MIB),
    parser: clamp(limit / 8, 32 * MIB, 256 * MIB),
    answer: clamp(limit / answerParts(trackers), LEAST_SHARE, MOST_ANSWER),
  };
}

/** The memory with which a record of so many bytes is within its share. */
export function memoryForRecord(bytes: number, records = recordsAtOnce({ trackers: 0, roots: 1 })): number {
  return BASE_BYTES + records * bytes;
}

/** The memory with which values of this size are within their share; undefined if no memory is enough. */
export function memoryForValues(bytes: number): number | undefined {
  return bytes > MOST_VALUES ? undefined : bytes * HEAP_PARTS;
}

/** The same for the tags of a run. */
export const memoryForTags = memoryForValues;

/** The memory with which an answer of this many bytes is within its share; undefined if no memory is enough. */
export function memoryForAnswer(bytes: number, trackers = 1): number | undefined {
  return bytes > MOST_ANSWER ? undefined : bytes * answerParts(trackers);
}

function answerParts(trackers: number): number {
  return HEAP_PARTS * (1 + Math.max(1, trackers));
}

function clamp(x: number, least: number, most: number): number {
  return Math.floor(Math.min(most, Math.max(least, x)));
}
