/** Reads the stored scalars of a series: segment after segment, in the order of their positions. */
import type { DatabaseSync } from 'node:sqlite';
import type { ReadBackPoint } from '../../contract/index.ts';
import { systemCode } from '../../errors.ts';
import { fromOddText } from './map.ts';
import { type PositionColumns, type RowPosition, unpackPositions } from './positions.ts';
import { PreparedStatements } from './prepared.ts';

/** Points of one series that are stored together: those of one batch. */
export interface StoredSegment {
  readonly file: string;
  readonly from: number;
  readonly to: number;
  readonly firstOffset: number;
  readonly lastOffset: number;
  /** The packed positions, see `positions.ts`. */
  readonly places: Uint8Array;
}

/** A scalar without its position. */
export type BareScalar = Pick<PositionedPoint, 'step' | 'wallTime'> & { readonly value: number | bigint };

/** Rows of points, by their ids, both included. */
type RowRange = Pick<StoredSegment, 'from' | 'to'>;

/** The segments of a series in the present files, in the order of the files: what follows the columns. */
export const PRESENT_SEGMENTS = `FROM segment CROSS JOIN file ON file.id = segment.file AND file.generation = segment.generation
  WHERE segment.series = ? ORDER BY file.name, segment.first_offset`;

/** Returns a segment from its row. */
export function segmentOf(file: string, row: Record<string, unknown>): StoredSegment {
  return {
    file,
    from: Number(row['first_point']),
    to: Number(row['last_point']),
    firstOffset: Number(row['first_offset']),
    lastOffset: Number(row['last_offset']),
    places: row['places'] as Uint8Array,
  };
}

/** A stored scalar with its position. */
export type PositionedPoint = Required<ReadBackPoint>;

/**
 * Returns an expression that reads a column. An integer that no double holds comes as text: otherwise, node:sqlite
 * throws.
 */
export const exact = (column: string): string =>
  `CASE WHEN typeof(${column}) = 'integer' AND abs(${column} / 2) > 4503599627370495 THEN CAST(${column} AS TEXT) ELSE ${column} END`;

const POINTS = `SELECT ${exact('step')}, wall_time, value FROM point WHERE id BETWEEN ? AND ? ORDER BY id`;
/** Reads points a fifth faster; fails if a step is beyond 2^53. */
const PLAIN_POINTS = 'SELECT step, wall_time, value FROM point WHERE id BETWEEN ? AND ? ORDER BY id';
const POINT_IDS = 'SELECT id FROM point WHERE id BETWEEN ? AND ? ORDER BY id';
const ODD_POINTS = 'SELECT id, wall_time, value FROM odd_point WHERE id BETWEEN ? AND ?';

/** Points that are read at once: those of a long segment would fill the memory with objects. */
const PIECE_POINTS = 8192;

/** Reads the scalars of a run from their segments. */
export class StoredScalars {
  readonly #statements: PreparedStatements;

  constructor(db: DatabaseSync) {
    this.#statements = new PreparedStatements(db);
  }

  /** Yields the points of segments one by one, in the order of `pieces`. */
  *inOrder(segments: readonly StoredSegment[]): Generator<PositionedPoint, void, void> {
    for (const piece of this.pieces(segments)) yield* piece;
  }

  /**
   * Yields the points of segments that are sorted by file and first offset, in pieces. If a repaired record's points
   * are between those of another segment, the overlapping segments are sorted together.
   */
  *pieces(segments: readonly StoredSegment[]): Generator<readonly PositionedPoint[], void, void> {
    for (let i = 0; i < segments.length; ) {
      const first = segments[i] as StoredSegment;
      const group = [first];
      let end = first.lastOffset;
      for (i++; i < segments.length; i++) {
        const next = segments[i] as StoredSegment;
        if (next.file !== first.file || next.firstOffset > end) break;
        group.push(next);
        end = Math.max(end, next.lastOffset);
      }
      if (group.length === 1) yield* this.#segment(first);
      else yield group.flatMap((segment) => [...this.#segment(segment)].flat()).sort(comparePositions);
    }
  }

  /** Returns points by their rows, without their positions. */
  bare(range: RowRange): BareScalar[] {
    const odd = this.#odd(range);
    return this.#rows(range).map(([step, wallTime, value], i) => {
      const exactly = odd.size === 0 ? undefined : odd.get(i);
      return {
        step: wide(step),
        wallTime: measured(wallTime, exactly?.['wall_time']),
        value: typeof exactly?.['value'] === 'string' ? fromOddText(exactly['value']) : measured(value, null),
      };
    });
  }

  /** Returns the rows of numbers that a REAL column cannot hold, by their number in the range. */
  #odd({ from, to }: RowRange): Map<number, Record<string, unknown>> {
    const rows = this.#statements.prepare(ODD_POINTS).all(from, to);
    return new Map(rows.map((row) => [Number(row['id']) - from, row]));
  }

  /** Yields the points of a segment in pieces. A generator of points would take twice the time. */
  *#segment({ file, from, to, firstOffset, places: packed }: StoredSegment): Generator<PositionedPoint[], void, void> {
    const places = unpackPositions(firstOffset, packed);
    for (let first = from; first <= to; first += PIECE_POINTS) {
      yield this.#points({ from: first, to: Math.min(first + PIECE_POINTS - 1, to) }, file, places, first - from);
    }
  }

  /** Returns the points of some rows of a segment. `at`: the number of the first one in the segment. */
  #points(range: RowRange, file: string, positions: PositionColumns, at: number): PositionedPoint[] {
    const { from, to } = range;
    const odd = this.#odd(range);
    const rows = this.#rows(range);
    // Lost rows must not shift the positions of the rows behind them.
    const isWhole = rows.length === to - from + 1;
    const ids = isWhole
      ? undefined
      : this.#statements
          .prepare(POINT_IDS)
          .all(from, to)
          .map(({ id }) => Number(id));
    return rows.map(([step, wallTime, value], row) => {
      const i = ids === undefined ? row : (ids[row] as number) - from;
      const isKnown = at + i < positions.count;
      const exactly = odd.size === 0 ? undefined : odd.get(i);
      return {
        step: wide(step),
        wallTime: measured(wallTime, exactly?.['wall_time']),
        value: typeof exactly?.['value'] === 'string' ? fromOddText(exactly['value']) : measured(value, null),
        file,
        // A row without a position: the store is damaged, but its reader must not fail.
        offset: isKnown ? (positions.offset[at + i] as number) : -1,
        index: isKnown ? (positions.index[at + i] as number) : 0,
      };
    });
  }

  #rows({ from, to }: RowRange): [unknown, unknown, unknown][] {
    const read = (sql: string): [unknown, unknown, unknown][] => {
      const statement = this.#statements.prepare(sql);
      statement.setReturnArrays(true); // three times as fast as objects
      return statement.all(from, to) as unknown as [unknown, unknown, unknown][];
    };
    try {
      return read(PLAIN_POINTS);
    } catch (error) {
      if (systemCode(error) !== 'ERR_OUT_OF_RANGE') throw error;
      return read(POINTS);
    }
  }
}

/** Reverses `exact`: integers come as numbers, wide ones as text. */
export function wide(value: unknown): number | bigint {
  return typeof value === 'string' ? BigInt(value) : Number(value);
}

/** Returns a measured number. NULL is NaN; a number that a REAL column cannot hold has its text in another column. */
export function measured(value: unknown, odd: unknown): number {
  if (typeof odd === 'string') return Number(fromOddText(odd));
  return value === null ? NaN : Number(value);
}

/** Compares positions by offset and index. */
export function comparePositions(a: RowPosition, b: RowPosition): number {
  return a.offset - b.offset || a.index - b.index;
}
