/** Merges segments of a series: copies their points to the end of the table, one range for each file. */
import { joinPositions } from './positions.ts';
import type { PreparedStatements } from './prepared.ts';
import { bucketsOf } from './stored-buckets.ts';

/** The columns that merging needs: the buckets are made again. */
export const SEGMENT_COLUMNS = 'first_point, last_point, file, generation, first_offset, last_offset, places';

/** A row of the table of segments. */
export interface Segment {
  readonly first_point: number;
  readonly last_point: number;
  readonly file: number;
  readonly generation: number;
  readonly first_offset: number;
  readonly last_offset: number;
  readonly places: Uint8Array;
}

/**
 * Each statement takes a list of ranges of points and the distance that they move, as JSON: [first, last, distance].
 */
const MOVED = 'FROM json_each(?1) AS move CROSS JOIN';
const POINT = 'point ON point.id BETWEEN move.value ->> 0 AND move.value ->> 1';
const COPY = `INSERT INTO point (id, step, wall_time, value)
  SELECT point.id + (move.value ->> 2), point.step, point.wall_time, point.value ${MOVED} ${POINT}`;
const REMOVE = `DELETE FROM point WHERE id IN (SELECT point.id ${MOVED} ${POINT})`;
const ODD = `SELECT odd_point.id AS id, odd_point.id + (move.value ->> 2) AS moved
  ${MOVED} odd_point ON odd_point.id BETWEEN move.value ->> 0 AND move.value ->> 1`;
const REMOVE_SEGMENTS = 'DELETE FROM segment WHERE first_point IN (SELECT value ->> 0 FROM json_each(?1))';
const INSERT_SEGMENT = `INSERT INTO segment (series, first_point, last_point, file, generation, first_offset, last_offset, places, buckets)
  VALUES (?,?,?,?,?,?,?,?,?)`;

/** Merges segments, inside a transaction of its caller. */
export class SegmentMerger {
  readonly #statements: PreparedStatements;

  constructor(statements: PreparedStatements) {
    this.#statements = statements;
  }

  /**
   * Merges segments of a series as far as possible: those of one file and generation that follow each other.
   * `nextPoint` is the first free row; returns the next one.
   */
  merge(series: number, segments: readonly Segment[], nextPoint: number): number {
    const groups = grouped(segments).filter((group) => group.length > 1);
    let next = nextPoint;
    const moves: [number, number, number][] = [];
    for (const segment of groups.flat()) {
      moves.push([segment.first_point, segment.last_point, next - segment.first_point]);
      next += pointsOf(segment);
    }
    if (moves.length === 0 || !this.#move(JSON.stringify(moves), nextPoint, next)) return nextPoint;
    this.#statements.prepare(REMOVE_SEGMENTS).run(JSON.stringify(moves));
    const insert = this.#statements.prepare(INSERT_SEGMENT);
    let first = nextPoint;
    for (const group of groups) {
      const [head, tail] = [group[0] as Segment, group.at(-1) as Segment];
      const end = first + group.reduce((sum, segment) => sum + pointsOf(segment), 0);
      const places = joinPositions(
        group.map((segment) => ({ firstOffset: segment.first_offset, lastOffset: segment.last_offset, places: segment.places })),
      );
      const buckets = bucketsOf(this.#statements.db, first, end - 1) ?? null;
      insert.run(series, first, end - 1, head.file, head.generation, head.first_offset, tail.last_offset, places, buckets);
      first = end;
    }
    return next;
  }

  /**
   * Moves points to the rows from `first` to `end` (exclusive). False if some are missing: then the rest does not
   * move.
   */
  #move(moves: string, first: number, end: number): boolean {
    const { changes } = this.#statements.prepare(COPY).run(moves);
    if (changes !== end - first) {
      this.#statements.prepare('DELETE FROM point WHERE id >= ?').run(first);
      return false;
    }
    const moveOdd = this.#statements.prepare('UPDATE odd_point SET id = ? WHERE id = ?');
    for (const { id, moved } of this.#statements.prepare(ODD).all(moves)) moveOdd.run(moved as number, id as number);
    this.#statements.prepare(REMOVE).run(moves);
    return true;
  }
}

/** Returns the number of points of a segment. */
export function pointsOf({ first_point, last_point }: Segment): number {
  return last_point - first_point + 1;
}

/** Groups segments of one file and generation that follow each other without overlap. */
function grouped(segments: readonly Segment[]): Segment[][] {
  const groups: Segment[][] = [];
  const sorted = segments.toSorted((a, b) => a.file - b.file || a.generation - b.generation || a.first_offset - b.first_offset);
  for (const segment of sorted) {
    const group = groups.at(-1);
    if (group !== undefined && follows(segment, group.at(-1))) group.push(segment);
    else groups.push([segment]);
  }
  return groups;
}

function follows(segment: Segment, before: Segment | undefined): boolean {
  return before?.file === segment.file && before.generation === segment.generation && before.last_offset < segment.first_offset;
}
