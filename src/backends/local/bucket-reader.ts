/** Reads what charts need of series: the buckets of their segments, and points without their positions. */
import type { DatabaseSync } from 'node:sqlite';
import { type BucketColumns, unpackBuckets } from './buckets.ts';
import { PreparedStatements } from './prepared.ts';
import { type BareScalar, PRESENT_SEGMENTS, StoredScalars, type StoredSegment } from './stored-scalars.ts';

/** A segment with its buckets instead of its positions. */
export interface BucketedSegment extends Omit<StoredSegment, 'places'> {
  /** Undefined if it has too few points. */
  readonly buckets: BucketColumns | undefined;
}

const RANGES = `SELECT segment.file, segment.first_point, segment.last_point, segment.first_offset, segment.last_offset
  ${PRESENT_SEGMENTS}`;
const SEGMENTS = `SELECT file.name AS file, segment.first_point, segment.last_point, segment.first_offset, segment.last_offset,
    segment.buckets ${PRESENT_SEGMENTS}`;

/** Reads buckets; errors are SQLite's. */
export class BucketReader {
  readonly #statements: PreparedStatements;
  readonly #stored: StoredScalars;

  constructor(db: DatabaseSync) {
    this.#statements = new PreparedStatements(db);
    this.#stored = new StoredScalars(db);
  }

  /** Returns the segments of a series, in the order of the files. */
  segments(series: number): BucketedSegment[] {
    return this.#statements
      .prepare(SEGMENTS)
      .all(series)
      .map((row) => ({
        file: String(row['file']),
        from: Number(row['first_point']),
        to: Number(row['last_point']),
        firstOffset: Number(row['first_offset']),
        lastOffset: Number(row['last_offset']),
        buckets: row['buckets'] instanceof Uint8Array ? unpackBuckets(row['buckets']) : undefined,
      }));
  }

  /**
   * Returns the rows of the points of a series, in the order of the files, as ranges with both ends included; undefined
   * if points of one segment are between those of another one.
   */
  ranges(series: number): (readonly [from: number, to: number])[] | undefined {
    const statement = this.#statements.prepare(RANGES);
    statement.setReturnArrays(true);
    const ranges: [number, number][] = [];
    let [file, end] = [-1, -1];
    for (const row of statement.all(series) as unknown as readonly number[][]) {
      const [at, from, to, first, last] = row as [number, number, number, number, number];
      if (at === file && first <= end) return undefined;
      [file, end] = [at, last];
      const before = ranges.at(-1);
      if (before?.[1] === from - 1) before[1] = to;
      else ranges.push([from, to]);
    }
    return ranges;
  }

  /** Returns the scalars of some rows, both included, without their positions. */
  points(from: number, to: number): BareScalar[] {
    return this.#stored.bare({ from, to });
  }
}
