/** Reads the values of series that hold no scalars. */
import { exact, measured, type PreparedStatements, wide } from '../backends/local/index.ts';
import type { Json } from '../model/index.ts';
import type { SessionStart, StoredMedia, StoredValue } from './questions.ts';
import type { PlacedStep } from './shown.ts';

/** A value that is not read yet. */
export interface PlacedValue extends PlacedStep {
  readonly id: number;
  readonly wallTime: number;
  readonly form: string;
  readonly kind: string;
  readonly index: number;
}

/** Session starts in the payload of a SessionLog message: field 1, `status`, is START (1). */
const SESSION_START = Buffer.from([0x08, 0x01]);

const VALUE = `object.id, ${exact('object.step')} AS step, object.wall_time, object.odd_wall_time, object.form, object.kind,
  file.name AS file, object."offset", object.idx FROM object
  CROSS JOIN file ON file.id = object.file AND file.generation = object.generation`;

/** Returns the values of a series, in the order of the files. */
export function placedValues(db: PreparedStatements, series: number): PlacedValue[] {
  return db.prepare(`SELECT ${VALUE} WHERE object.series = ? ORDER BY file.name, object."offset", object.idx`).all(series).map(placedValue);
}

/** Returns one value; undefined if the store does not have it any more. */
export function findValue(db: PreparedStatements, id: number): PlacedValue | undefined {
  const row = db.prepare(`SELECT ${VALUE} WHERE object.id = ?`).get(id);
  return row === undefined ? undefined : placedValue(row);
}

/** Reads the content of a value. */
export function storedValue(db: PreparedStatements, placed: PlacedValue): StoredValue {
  const { id, step, wallTime, form, kind, file, offset, index } = placed;
  const data = db.prepare('SELECT data FROM object WHERE id = ?').get(id)?.['data'];
  const value = JSON.parse(String(data)) as Json;
  return { id, step, wallTime, form, kind, value, media: mediaOf(db, id), position: { file, offset, index } };
}

/** Returns the session starts of a run after its first one, in the order of its files. */
export function sessionStarts(db: PreparedStatements, run: number): SessionStart[] {
  return allSessionStarts(db, run).slice(1);
}

/** Returns all session starts of a run, in the order of its files. */
export function allSessionStarts(db: PreparedStatements, run: number): SessionStart[] {
  const rows = db
    .prepare(
      `SELECT file.name, mark."offset", ${exact('mark.step')} AS step, mark.wall_time, mark.payload FROM file
       CROSS JOIN mark ON mark.file = file.id AND mark.generation = file.generation
       WHERE file.run = ? AND mark.kind = 'session_log' ORDER BY file.name, mark."offset"`,
    )
    .all(run);
  return rows
    .filter(({ payload }) => payload instanceof Uint8Array && SESSION_START.equals(payload.subarray(0, 2)))
    .map(({ name, offset, step, wall_time: time }) => ({
      file: String(name),
      offset: Number(offset),
      step: wide(step),
      wallTime: time === null ? Number.NaN : Number(time),
    }));
}

function placedValue(row: Readonly<Record<string, unknown>>): PlacedValue {
  return {
    id: Number(row['id']),
    step: wide(row['step']),
    wallTime: measured(row['wall_time'], row['odd_wall_time']),
    form: String(row['form']),
    kind: String(row['kind']),
    file: String(row['file']),
    offset: Number(row['offset']),
    index: Number(row['idx']),
  };
}

function mediaOf(db: PreparedStatements, object: number): StoredMedia[] {
  return db
    .prepare(
      `SELECT object_blob.sha256, blob.bytes, blob.path, object_blob.format, object_blob.label
       FROM object_blob CROSS JOIN blob ON blob.sha256 = object_blob.sha256 WHERE object_blob.object = ? ORDER BY object_blob.part`,
    )
    .all(object)
    .map((row) => ({
      sha256: String(row['sha256']),
      bytes: Number(row['bytes']),
      path: String(row['path']),
      format: String(row['format']),
      label: String(row['label']),
    }));
}
