/**
 * Merges the recent segments of a run while it grows, so that they stay few. Each commit of a watched run adds a
 * segment to each of its series. Many of them would make the index of segments long, and each commit changes a page of
 * it for each series.
 */
import { ENOUGH_POINTS } from './limits.ts';
import { pointsOf, SEGMENT_COLUMNS, type Segment, SegmentMerger } from './merge-segments.ts';
import type { PreparedStatements } from './prepared.ts';

/**
 * Limits of the size of segments, in points. If there are more than `MOST_RECENT` between two of them, these and the
 * smaller ones after them become one segment. So a point is copied once for each limit, however long the run grows.
 */
const SIZES = [64, 1024, ENOUGH_POINTS];
const MOST_RECENT = 16;
/** A segment is read at once, so it is no longer than a batch. */
const MOST_POINTS = 65_536;
/** The work of a call, about a tenth of a second: merged segments, and points as a part of one. */
const CALL_SEGMENTS = 8192;
const POINTS_AS_SEGMENT = 8;

const NEWEST = `SELECT ${SEGMENT_COLUMNS} FROM segment WHERE series = ? ORDER BY first_point DESC`;

/** The merging of a run's recent segments, series by series. */
export class RecentSegments {
  readonly run: number;
  readonly #merger: SegmentMerger;
  readonly #statements: PreparedStatements;
  readonly #series: readonly number[];
  #next = 0;

  constructor(statements: PreparedStatements, run: number, series: readonly number[]) {
    this.run = run;
    this.#statements = statements;
    this.#merger = new SegmentMerger(statements);
    this.#series = series;
  }

  get isDone(): boolean {
    return this.#next >= this.#series.length;
  }

  /**
   * Does a part of the work, inside a transaction. `nextPoint` is the first free row; returns the next one, and what is
   * left of `budget`.
   */
  advance(nextPoint: number, budget = CALL_SEGMENTS): { readonly nextPoint: number; readonly budget: number } {
    let next = nextPoint;
    let left = budget;
    for (; left > 0 && !this.isDone; this.#next++) {
      const series = this.#series[this.#next] as number;
      const segments = this.#recent(series);
      left--;
      if (segments.length === 0) continue;
      const first = next;
      next = this.#merger.merge(series, segments, first);
      left -= segments.length + (next - first) / POINTS_AS_SEGMENT;
    }
    return { nextPoint: next, budget: left };
  }

  /** Returns the segments to merge: the newest ones, down to the largest size of which there are many. */
  #recent(series: number): Segment[] {
    const found: Segment[] = [];
    let [size, ofSize, many] = [0, 0, 0];
    for (const row of this.#statements.prepare(NEWEST).iterate(series)) {
      const segment = row as unknown as Segment;
      while (size < SIZES.length && pointsOf(segment) >= (SIZES[size] as number)) {
        size++;
        ofSize = 0;
      }
      if (size === SIZES.length) break;
      found.push(segment);
      if (++ofSize > MOST_RECENT) many = found.length;
    }
    let points = 0;
    const isFitting = (segment: Segment): boolean => {
      points += pointsOf(segment);
      return points <= MOST_POINTS;
    };
    return found.slice(0, many).filter(isFitting).reverse();
  }
}
