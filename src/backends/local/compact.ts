import type { DatabaseSync } from 'node:sqlite';
import { OlderGenerations } from './older.ts';
import { joinPositions } from './positions.ts';
import { addBuckets } from './stored-buckets.ts';

/** A series with more small segments than this is compacted. */
const MOST_SEGMENTS = 8;
/** A segment with this many points is large enough to stay as it is. */
const ENOUGH_POINTS = 4096;
/** The segments and points merged at a time. A segment is read at once, so it is no longer than a batch. */
const PIECE_SEGMENTS = 8192;
const PIECE_POINTS = 65_536;
/** Segments that a call merges before it reports that more is left: about a tenth of a second. */
const CALL_SEGMENTS = 8192;
/** The work that takes as long as merging a segment: this many copied points, or a part of the check of a series. */
const POINTS_AS_SEGMENT = 8;
const SERIES_AS_SEGMENTS = 4;

interface Segment {
  readonly first_point: number;
  readonly last_point: number;
  readonly file: number;
  readonly generation: number;
  readonly first_offset: number;
  readonly last_offset: number;
  readonly places: Uint8Array;
}

const SMALL_SEGMENTS =
  `SELECT * FROM segment WHERE series = ? AND first_point > ? AND last_point - first_point + 1 < ` +
  `${ENOUGH_POINTS} ORDER BY first_point`;
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
const REMOVE_SEGMENTS = 'DELETE FROM segment WHERE series = ?2 AND first_point IN (SELECT value ->> 0 FROM json_each(?1))';
const INSERT_SEGMENT =
  'INSERT INTO segment (series, first_point, last_point, file, generation, first_offset, last_offset, places) VALUES (?,?,?,?,?,?,?,?)';

/**
 * Compacts a run. A watched run gets a segment per series and wake-up, so points of one series are far apart. This
 * copies them to the end of the table, piece by piece, and leaves one segment for each file in place of those of a
 * piece. The result of a piece comes after the remaining work, and is merged again while it is small.
 */
export class Compaction {
  readonly #db: DatabaseSync;
  /** Rows of the run's series that are still to do, the current one first. */
  readonly #series: number[];
  /** The position up to which the segments of the current series were checked. */
  #after = -1;
  /** True if segments of the current series were already merged: then its last ones are merged too, however few. */
  #isCrowded = false;

  /** The earlier generations of files. They are dropped first: then fewer segments are left to merge. */
  readonly older: OlderGenerations;

  constructor(db: DatabaseSync, run: number, series: readonly number[]) {
    this.#db = db;
    this.#series = [...series];
    this.older = new OlderGenerations(db, run);
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
        next = this.#merge(segments, first);
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
    for (const row of this.#db.prepare(SMALL_SEGMENTS).iterate(this.#series[0] ?? -1, this.#after)) {
      const segment = row as unknown as Segment;
      points += pointsOf(segment);
      if (points > PIECE_POINTS || segments.length === PIECE_SEGMENTS) break;
      segments.push(segment);
    }
    return segments;
  }

  /** Merges these segments as far as possible, and returns the next free row. */
  #merge(segments: readonly Segment[], nextPoint: number): number {
    const groups = grouped(segments).filter((group) => group.length > 1);
    let next = nextPoint;
    const moves: [number, number, number][] = [];
    for (const segment of groups.flat()) {
      moves.push([segment.first_point, segment.last_point, next - segment.first_point]);
      next += pointsOf(segment);
    }
    if (moves.length === 0 || !this.#move(JSON.stringify(moves), nextPoint, next)) return nextPoint;
    const series = this.#series[0] ?? -1;
    this.#db.prepare(REMOVE_SEGMENTS).run(JSON.stringify(moves), series);
    const insert = this.#db.prepare(INSERT_SEGMENT);
    let first = nextPoint;
    for (const group of groups) {
      const [head, tail] = [group[0] as Segment, group.at(-1) as Segment];
      const end = first + group.reduce((sum, segment) => sum + pointsOf(segment), 0);
      const places = joinPositions(
        group.map((segment) => ({ firstOffset: segment.first_offset, lastOffset: segment.last_offset, places: segment.places })),
      );
      insert.run(series, first, end - 1, head.file, head.generation, head.first_offset, tail.last_offset, places);
      addBuckets(this.#db, series, first, end - 1);
      first = end;
    }
    return next;
  }

  /**
   * Moves points to the rows from `first` to `end` (exclusive). False if some are missing: then the rest does not
   * move.
   */
  #move(moves: string, first: number, end: number): boolean {
    const { changes } = this.#db.prepare(COPY).run(moves);
    if (changes !== end - first) {
      this.#db.prepare('DELETE FROM point WHERE id >= ?').run(first);
      return false;
    }
    const moveOdd = this.#db.prepare('UPDATE odd_point SET id = ? WHERE id = ?');
    for (const { id, moved } of this.#db.prepare(ODD).all(moves)) moveOdd.run(moved as number, id as number);
    this.#db.prepare(REMOVE).run(moves);
    return true;
  }
}

function pointsOf({ first_point, last_point }: Segment): number {
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
