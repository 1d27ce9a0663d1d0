import type { DatabaseSync } from 'node:sqlite';
import { compareNames } from '../../model/index.ts';
import { PreparedStatements } from './prepared.ts';
import { exact } from './stored-scalars.ts';
import { mostParts } from './version-one.ts';

/** Recomputes the listings of a run from the points of the present generations of its files. Inside a transaction. */
export function recountRun(db: DatabaseSync, run: number): void {
  db.prepare(
    `UPDATE series SET (count, first_step, last_step, last_wall_time, min, max) = (
      SELECT count(*), min(step), max(step), max(wall_time), min(value), max(value) FROM (
        SELECT point.step, point.wall_time, CASE WHEN typeof(value) IN ('real', 'integer') THEN value END AS value
          FROM segment CROSS JOIN file ON file.id = segment.file AND file.generation = segment.generation
          CROSS JOIN point ON point.id BETWEEN segment.first_point AND segment.last_point WHERE segment.series = series.id
        UNION ALL
        SELECT object.step, object.wall_time, NULL
          FROM object CROSS JOIN file ON file.id = object.file AND file.generation = object.generation WHERE object.series = series.id))
     WHERE run = ?`,
  ).run(run);
  recountEnds(db, run);
  db.prepare(
    `UPDATE run SET (points, last_step, last_wall_time) =
       (SELECT coalesce(sum(count), 0), max(last_step), max(last_wall_time) FROM series WHERE series.run = run.id),
     revision = revision + 1, first_wall_time = (SELECT min(wall_time) FROM (
       SELECT point.wall_time FROM series JOIN segment ON segment.series = series.id
         JOIN file ON file.id = segment.file AND file.generation = segment.generation
         JOIN point ON point.id BETWEEN segment.first_point AND segment.last_point WHERE series.run = run.id
       UNION ALL
       SELECT object.wall_time FROM series JOIN object ON object.series = series.id
         JOIN file ON file.id = object.file AND file.generation = object.generation WHERE series.run = run.id)) WHERE id = ?`,
  ).run(run);
}

/** A series that has no point any more has no last one. */
const CLEAR = (
  table: string,
): string => `UPDATE ${table} SET (end_file, end_offset, end_step, end_wall_time, end_value, end_odd_value, parts) =
  (SELECT NULL, NULL, NULL, NULL, NULL, NULL, 0) WHERE run = ?`;
/** The last scalar of each series, or its last other value, by the name of its file and its place in it. */
const LAST = (columns: string, table: string, at: string): string => `SELECT ${columns} FROM ${table}
  CROSS JOIN file ON file.id = ${table}.file AND file.generation = ${table}.generation
  WHERE ${table}.series = ? ORDER BY file.name DESC, ${at} LIMIT 1`;
const LAST_SCALAR = LAST('file.id, file.name, segment.last_offset AS "offset", segment.last_point', 'segment', 'segment.last_offset DESC');
const LAST_OBJECT = LAST(
  `file.id, file.name, object."offset", ${exact('object.step')} AS step, object.wall_time`,
  'object',
  'object."offset" DESC, object.idx DESC',
);
const POINT = `SELECT ${exact('point.step')} AS step, point.wall_time, point.value, odd_point.value AS odd
  FROM point LEFT JOIN odd_point ON odd_point.id = point.id WHERE point.id = ?`;
const SET = (
  table: string,
): string => `UPDATE ${table} SET end_file = ?, end_offset = ?, end_step = ?, end_wall_time = ?, end_value = ?, end_odd_value = ?,
  parts = ? WHERE id = ?`;

/** Finds the last point of each series of a run, in the table of series. Inside a transaction. */
export function recountEnds(db: DatabaseSync, run: number, table = 'series'): void {
  const statements = new PreparedStatements(db);
  statements.prepare(CLEAR(table)).run(run);
  for (const { id } of statements.prepare(`SELECT id FROM ${table} WHERE run = ? AND count > 0`).all(run)) {
    const series = Number(id);
    const end = endOf(statements, series);
    const parts = Number(statements.prepare(mostParts('?')).get(series)?.['parts'] ?? 0);
    if (end === undefined) continue;
    const step = typeof end.step === 'string' ? BigInt(end.step) : end.step;
    statements.prepare(SET(table)).run(end.file, end.offset, step, end.wallTime, end.value, end.odd, parts, series);
  }
}

/** The last point of a series, as columns have it. */
interface EndRow {
  readonly file: number;
  readonly name: string;
  readonly offset: number;
  readonly step: number | string;
  readonly wallTime: number | null;
  readonly value: number | null;
  readonly odd: string | null;
}

function endOf(statements: PreparedStatements, series: number): EndRow | undefined {
  const scalar = statements.prepare(LAST_SCALAR).get(series);
  const object = statements.prepare(LAST_OBJECT).get(series);
  const at = (row: Record<string, unknown>): Pick<EndRow, 'file' | 'name' | 'offset'> => ({
    file: Number(row['id']),
    name: String(row['name']),
    offset: Number(row['offset']),
  });
  if (object !== undefined && (scalar === undefined || isLater(at(object), at(scalar)))) {
    return { ...at(object), ...pointOf(object), value: null, odd: null };
  }
  if (scalar === undefined) return undefined;
  const point = statements.prepare(POINT).get(Number(scalar['last_point'])) ?? {};
  return {
    ...at(scalar),
    ...pointOf(point),
    value: (point['value'] ?? null) as number | null,
    odd: (point['odd'] ?? null) as string | null,
  };
}

function pointOf(row: Record<string, unknown>): Pick<EndRow, 'step' | 'wallTime'> {
  return { step: (row['step'] ?? 0) as number | string, wallTime: (row['wall_time'] ?? null) as number | null };
}

function isLater(a: Pick<EndRow, 'name' | 'offset'>, b: Pick<EndRow, 'name' | 'offset'>): boolean {
  return (compareNames(a.name, b.name) || a.offset - b.offset) > 0;
}
