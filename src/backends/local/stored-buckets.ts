/** Makes the buckets of segments whose points are stored already. */
import type { DatabaseSync } from 'node:sqlite';
import { LEAST_BUCKETED, packBuckets } from './buckets.ts';

/** As doubles, which is what buckets are made of: node:sqlite refuses integers beyond 2^53. */
const POINTS = `SELECT CAST(point.step AS REAL), point.wall_time, point.value, odd_point.value FROM point
  LEFT JOIN odd_point ON odd_point.id = point.id WHERE point.id BETWEEN ? AND ? ORDER BY point.id`;
const KEEP = 'UPDATE segment SET buckets = ? WHERE first_point = ?';

/** Adds the buckets of a segment with these points, if it has enough of them. Inside a transaction. */
export function addBuckets(db: DatabaseSync, firstPoint: number, lastPoint: number): void {
  const packed = bucketsOf(db, firstPoint, lastPoint);
  if (packed !== undefined) db.prepare(KEEP).run(packed, firstPoint);
}

/** Returns the buckets of a segment with these points; undefined if they are too few. */
export function bucketsOf(db: DatabaseSync, firstPoint: number, lastPoint: number): Uint8Array | undefined {
  if (lastPoint - firstPoint + 1 < LEAST_BUCKETED) return undefined;
  const statement = db.prepare(POINTS);
  statement.setReturnArrays(true);
  const rows = statement.all(firstPoint, lastPoint) as unknown as [number, number | null, number | null, string | null][];
  // Buckets count on every row: a damaged store does without.
  if (rows.length !== lastPoint - firstPoint + 1) return undefined;
  return packBuckets({
    count: rows.length,
    step: Float64Array.from(rows, ([step]) => step),
    wallTime: Float64Array.from(rows, ([, wallTime]) => wallTime ?? NaN),
    value: Float64Array.from(rows, ([, , value, odd]) => (odd === null ? (value ?? NaN) : Number(odd))),
  });
}
