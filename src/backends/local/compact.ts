import { ENOUGH_POINTS } from './limits.ts';
import { pointsOf, SEGMENT_COLUMNS, type Segment, SegmentMerger } from './merge-segments.ts';
import { OlderGenerations } from './older.ts';
import type { PreparedStatements } from './prepared.ts';

/** A series with more small segments than this is compacted. */
const MOST_SEGMENTS = 8;
/** The segments and points merged at a time. A segment is read at once, so it is no longer than a batch. */
const PIECE_SEGMENTS = 8192;
const PIECE_POINTS = 65_536;
/** Segments that a call merges before it reports that more is left: about a tenth of a second. */
const CALL_SEGMENTS = 8192;
/** The work that takes as long as merging a segment: this many copied points, or a part of the check of a series. */
const POINTS_AS_SEGMENT = 8;
const SERIES_AS_SEGMENTS = 4;

const SMALL_SEGMENTS =
  `SELECT ${SEGMENT_COLUMNS} FROM segment WHERE series = ? AND first_point > ? AND last_point - first_point + 1 < ` +
  `${ENOUGH_POINTS} ORDER BY first_point`;

/**
 * Compacts a run. A watched run gets a segment per series and wake-up, so points of one series are far apart. This
 * copies them to the end of the table, piece by piece, and leaves one segment for each file in place of those of a
 * piece. The result of a piece comes after the remaining work, and is merged again while it is small.
 */
export class Compaction {
  readonly #statements: PreparedStatements;
  readonly #merger: SegmentMerger;
  /** Rows of the run's series that are still to do, the current one first. */
  readonly #series: number[];
  /** The position up to which the segments of the current series were checked. */
  #after = -1;
  /** True if segments of the current series were already merged: then its last ones are merged too, however few. */
  #isCrowded = false;

  /** The earlier generations of files. They are dropped first: then fewer segments are left to merge. */
  readonly older: OlderGenerations;

  constructor(statements: PreparedStatements, run: number, series: readonly number[]) {
    this.#statements = statements;
    this.#merger = new SegmentMerger(statements);
    this.#series = [...series];
    this.older = new OlderGenerations(statements.db, run);
  }

  get isDone(): boolean {
    return this.older.isDone && this.#series.length === 0;
  }

  /**
   * Does a bounded part of the work, inside a transaction. `nextPoint` is the first free row; returns the next one.
   */
  advance(nextPoint: number): number {
    let next = nextPoint;
    if (!this.older.isDone) this.older.advance();
    if (!this.older.isDone) return next;
    for (let done = 0; done < CALL_SEGMENTS && !this.isDone; ) {
      const segments = this.#piece();
      if (segments.length > (this.#isCrowded ? 1 : MOST_SEGMENTS)) {
        const first = next;
        next = this.#merger.merge(this.#series[0] ?? -1, segments, first);
        this.#after = segments.at(-1)?.first_point ?? 0;
        this.#isCrowded = true;
        done += segments.length + (next - first) / POINTS_AS_SEGMENT;
      } else {
        this.#series.shift();
        this.#after = -1;
        this.#isCrowded = false;
        done += SERIES_AS_SEGMENTS;
      }
    }
    return next;
  }

  #piece(): Segment[] {
    const segments: Segment[] = [];
    let points = 0;
    for (const row of this.#statements.prepare(SMALL_SEGMENTS).iterate(this.#series[0] ?? -1, this.#after)) {
      const segment = row as unknown as Segment;
      points += pointsOf(segment);
      if (points > PIECE_POINTS || segments.length === PIECE_SEGMENTS) break;
      segments.push(segment);
    }
    return segments;
  }
}
