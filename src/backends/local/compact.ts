import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { joinPlaces } from './places.ts';

/** A series with more segments than this, and fewer points than that in each, is brought together. */
const MOST_SEGMENTS = 8;
const FEW_POINTS = 4096;
/** A segment is read at once, so it is no longer than a batch. */
const MOST_POINTS = 65_536;

interface SegmentRow {
  readonly first_point: number;
  readonly last_point: number;
  readonly file: number;
  readonly generation: number;
  readonly first_offset: number;
  readonly last_offset: number;
  readonly places: Uint8Array;
}

/**
 * A run that is watched gets a segment per series and wake-up: points of one series lie far apart. This copies them to the
 * end of the table, series by series, and leaves one segment for each file (two, where a healed record came late).
 * `nextPoint` is the first free row; the result is the next one. To be called inside a transaction.
 */
export function compactRun(db: DatabaseSync, run: number, nextPoint: number): number {
  let next = nextPoint;
  const crowded = db
    .prepare(
      `SELECT series.id FROM series JOIN segment ON segment.series = series.id WHERE series.run = ?
       GROUP BY series.id HAVING count(*) > ? AND sum(segment.last_point - segment.first_point + 1) < count(*) * ? ORDER BY series.id`,
    )
    .all(run, MOST_SEGMENTS, FEW_POINTS);
  const segmentsOf = db.prepare('SELECT * FROM segment WHERE series = ? ORDER BY file, generation, first_offset');
  const copy = db.prepare(
    'INSERT INTO point (id, step, wall_time, value) SELECT id + ?3, step, wall_time, value FROM point WHERE id BETWEEN ?1 AND ?2 ORDER BY id',
  );
  const copyOdd = db.prepare('UPDATE odd_point SET id = id + ?3 WHERE id BETWEEN ?1 AND ?2');
  const remove = db.prepare('DELETE FROM point WHERE id BETWEEN ? AND ?');
  const removeSegments = db.prepare('DELETE FROM segment WHERE series = ?');
  const insert = db.prepare(
    'INSERT INTO segment (series, first_point, last_point, file, generation, first_offset, last_offset, places) VALUES (?,?,?,?,?,?,?,?)',
  );
  for (const { id } of crowded) {
    const series = id as SQLInputValue;
    const segments = segmentsOf.all(series) as unknown as SegmentRow[];
    const groups = grouped(segments);
    if (groups.length * 2 > segments.length) continue; // hardly worth a copy, and not again and again
    removeSegments.run(series);
    for (const group of groups) {
      const first = next;
      for (const segment of group) {
        copy.run(segment.first_point, segment.last_point, next - segment.first_point);
        copyOdd.run(segment.first_point, segment.last_point, next - segment.first_point);
        remove.run(segment.first_point, segment.last_point);
        next += segment.last_point - segment.first_point + 1;
      }
      const head = group[0] as SegmentRow;
      const tail = group.at(-1) as SegmentRow;
      const places = joinPlaces(
        group.map((segment) => ({ firstOffset: segment.first_offset, lastOffset: segment.last_offset, places: segment.places })),
      );
      insert.run(series, first, next - 1, head.file, head.generation, head.first_offset, tail.last_offset, places);
    }
  }
  return next;
}

/** Segments of one file and generation that follow each other without overlap. */
function grouped(segments: readonly SegmentRow[]): SegmentRow[][] {
  const groups: SegmentRow[][] = [];
  let points = 0;
  for (const segment of segments) {
    const group = groups.at(-1);
    const count = segment.last_point - segment.first_point + 1;
    if (group !== undefined && points + count <= MOST_POINTS && follows(segment, group.at(-1))) {
      group.push(segment);
      points += count;
    } else {
      groups.push([segment]);
      points = count;
    }
  }
  return groups;
}

function follows(segment: SegmentRow, before: SegmentRow | undefined): boolean {
  return before?.file === segment.file && before.generation === segment.generation && before.last_offset < segment.first_offset;
}
