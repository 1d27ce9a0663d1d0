/** Reads the scalars of a series from the store. */
import {
  type BareScalar,
  type BucketReader,
  fromOddText,
  measured,
  type PositionedPoint,
  type PreparedStatements,
  type StoreReader,
} from '../backends/local/index.ts';

/** A scalar, and the place of its record in the files of the run. */
export interface PlacedScalar extends PositionedPoint {
  readonly value: number | bigint;
}

/** The error when the caller does not want the answer any more. */
export class Stopped extends Error {
  override readonly name = 'Stopped';
}

/** Returns the scalars of a series, in the order of the files. Calls `isStopped` from time to time. */
export function readScalars(store: StoreReader, series: number, isStopped: () => boolean): PlacedScalar[] {
  const points: PlacedScalar[] = [];
  for (const piece of store.scalars(series)) {
    if (isStopped()) throw new Stopped();
    for (const point of piece) points.push(point as PlacedScalar);
  }
  return points;
}

/** A part of a long series that is read at once. */
const PIECE_POINTS = 65_536;

/**
 * Returns the scalars of a series without their positions, in the order of the files; undefined if only positions tell
 * the order.
 */
export function readBareScalars(buckets: BucketReader, series: number, isStopped: () => boolean): BareScalar[] | undefined {
  const ranges = buckets.ranges(series);
  if (ranges === undefined) return undefined;
  const points: BareScalar[] = [];
  for (const [from, to] of ranges) {
    for (let first = from; first <= to; first += PIECE_POINTS) {
      if (isStopped()) throw new Stopped();
      const piece = buckets.points(first, Math.min(first + PIECE_POINTS - 1, to));
      for (const point of piece) points.push(point);
    }
  }
  return points;
}

/** A series, and the last value that its row has: both are null for NaN, and for what is no scalar. */
export interface SeriesEnd {
  readonly series: number;
  readonly endValue: number | null;
  readonly endOddValue: string | null;
}

/** Returns the last scalar of a series in the files; undefined for a series without scalars. */
export function lastScalar(db: PreparedStatements, { series, endValue, endOddValue }: SeriesEnd): number | bigint | undefined {
  if (endOddValue !== null) return fromOddText(endOddValue);
  if (endValue !== null) return endValue;
  const found = db
    .prepare(
      `SELECT segment.last_point FROM segment CROSS JOIN file ON file.id = segment.file AND file.generation = segment.generation
       WHERE segment.series = ? ORDER BY file.name DESC, segment.last_offset DESC LIMIT 1`,
    )
    .get(series);
  if (found === undefined) return undefined;
  const id = Number(found['last_point']);
  const odd = db.prepare('SELECT value FROM odd_point WHERE id = ? AND value IS NOT NULL').get(id)?.['value'];
  if (typeof odd === 'string') return fromOddText(odd);
  return measured(db.prepare('SELECT value FROM point WHERE id = ?').get(id)?.['value'] ?? null, null);
}
