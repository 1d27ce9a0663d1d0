import type { DatabaseSync } from 'node:sqlite';
import type { RunRef, WrittenPoint } from '../../model/index.ts';
import { StoredScalars, segmentOf } from './stored-scalars.ts';

const FILE = `SELECT file.id, file.generation, file.run FROM root JOIN run ON run.root = root.id JOIN file ON file.run = run.id
  WHERE root.name = ? AND run.path = ? AND file.name = ?`;
const SEGMENTS = `SELECT first_point, last_point, first_offset, last_offset, places FROM segment
  WHERE series = ?1 AND file = ?2 AND generation = ?3 AND first_offset <= ?4 AND last_offset >= ?4`;
const OBJECT = `SELECT 1 FROM object WHERE series = ? AND file = ? AND generation = ? AND "offset" = ? AND idx = ?
  AND step IS ? AND wall_time IS ?`;

/**
 * True if a store has these points of a file at their positions. For a point that is not a scalar, this compares tag,
 * step and wall time.
 */
export function holdsPoints(db: DatabaseSync, run: RunRef, name: string, points: readonly WrittenPoint[]): boolean {
  const file = db.prepare(FILE).get(run.root, run.path, name);
  if (file === undefined) return false;
  const [id, generation] = [Number(file['id']), Number(file['generation'])];
  const seriesOf = db.prepare('SELECT id FROM series WHERE run = ? AND tag = (SELECT id FROM tag WHERE name = ?)');
  return points.every((point) => {
    const series = seriesOf.get(Number(file['run']), point.tag)?.['id'];
    if (series === undefined) return false;
    const { offset, index, step, wallTime, value } = point;
    const rows = db.prepare(SEGMENTS).all(Number(series), id, generation, offset);
    const segments = rows.map((row) => segmentOf('', row));
    for (const stored of new StoredScalars(db).inOrder(segments)) {
      if (stored.offset !== offset || stored.index !== index) continue;
      return (
        Object.is(stored.step, step) && Object.is(stored.wallTime, wallTime) && (value === undefined || Object.is(stored.value, value))
      );
    }
    return db.prepare(OBJECT).get(Number(series), id, generation, offset, index, step, wallTime) !== undefined;
  });
}
