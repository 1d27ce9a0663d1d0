/** Reads what a lane knows of runs, in the form of listings. */
import { KEPT_STAMP, type RunRef } from '../model/index.ts';
import { stepOf } from './rows.ts';
import type { Row, Statements } from './statements.ts';

/** The progress of a lane in a run, for a listing. */
export interface ListedInState {
  readonly run: RunRef;
  readonly tags: number;
  readonly files: number;
  readonly bytes: number;
  /** Bytes that the furthest lane has read of its files, and bytes that this lane has. */
  readonly read: number;
  readonly delivered: number;
  /** Byte ranges that are still pending for the lane. */
  readonly gaps: number;
  /** Points that the tracker will never take. */
  readonly refused: number;
  /** Files and params next to the event files that the tracker refused. */
  readonly refusedFiles: number;
  /** True if the lane excludes the run. */
  readonly isOut: boolean;
  readonly points: number;
  readonly lastStep: number | bigint | null;
  readonly lastWallTime: number | null;
  readonly isDamaged: boolean;
}

/** A file that some lane has read. */
export interface ListedFile {
  readonly run: string;
  readonly name: string;
  /** The size, as the lane that has read the most saw it. */
  readonly size: number;
  readonly stamp: string;
}

/** Selects by the root's name, without files that were forgotten as gone. */
const FILES_OF_ROOT = `FROM root JOIN run ON run.root = root.id JOIN file ON file.run = run.id
  WHERE root.name = ? AND file.stamp <> '${KEPT_STAMP}'`;

/** Yields every expected file of a root once, however many lanes have read it. */
export function* listFiles(statements: Statements, root: string): Generator<ListedFile, void, void> {
  for (const row of statements.iterate(`SELECT run.path, file.name, file.size, file.stamp ${FILES_OF_ROOT}`, root)) {
    yield { run: String(row.path), name: String(row.name), size: Number(row.size), stamp: String(row.stamp) };
  }
}

/** Returns every file of a run that some lane has read, also those that were forgotten as gone. */
export function filesOfRun(statements: Statements, { root, path }: RunRef): Pick<ListedFile, 'name' | 'stamp' | 'size'>[] {
  const sql = `SELECT file.name, file.stamp, file.size FROM root JOIN run ON run.root = root.id JOIN file ON file.run = run.id
    WHERE root.name = ? AND run.path = ?`;
  return statements.all(sql, root, path).map(({ name, stamp, size }) => ({ name: String(name), stamp: String(stamp), size: Number(size) }));
}

/** True if some lane has read a file of a root, even if all of them were forgotten as gone. */
export function hasRuns(statements: Statements, root: string): boolean {
  const sql = 'SELECT 1 FROM root JOIN run ON run.root = root.id JOIN file ON file.run = run.id WHERE root.name = ? LIMIT 1';
  return statements.get(sql, root) !== undefined;
}

/** Counts the expected files of a root. */
export function countFiles(statements: Statements, root: string): number {
  return Number(statements.get(`SELECT count(*) AS n ${FILES_OF_ROOT}`, root)?.n ?? 0);
}

/** An incomplete end is read up to its last complete record: only what a lane reads counts there. */
const LISTED = `
  SELECT run.id, root.name AS root, run.path, (SELECT count(*) FROM series WHERE series.run = run.id) AS tags,
    count(file.id) AS files, coalesce(sum(file.size), 0) AS bytes,
    coalesce(sum(max(file.read_to, CASE WHEN file.damage = '[]' THEN file.size ELSE 0 END)), 0) AS read,
    coalesce(sum(CASE WHEN position.generation = file.generation THEN position.watermark ELSE 0 END), 0) AS watermark,
    coalesce(sum(CASE WHEN position.generation = file.generation THEN json_array_length(position.gaps) ELSE 0 END), 0) AS gaps,
    coalesce(sum(file.damage <> '[]'), 0) AS damaged,
    delivered.points, CAST(delivered.last_step AS TEXT) AS last_step, delivered.last_wall_time,
    (SELECT mapping ->> '$.isOut' FROM mapping WHERE mapping.run = run.id AND mapping.lane = ?1) AS is_out
  FROM run JOIN root ON root.id = run.root LEFT JOIN file ON file.run = run.id
  LEFT JOIN position ON position.file = file.id AND position.lane = ?1
  LEFT JOIN delivered ON delivered.run = run.id AND delivered.lane = ?1`;
const RUNS = `${LISTED} WHERE ?2 IS NULL OR root.name = ?2 GROUP BY run.id ORDER BY root.name, run.path`;
const ONE_RUN = `${LISTED} WHERE root.name = ?2 AND run.path = ?3 GROUP BY run.id`;

/** Selects refusals of the present content; those of earlier content of a file no longer count. */
export const REFUSALS_NOW = 'FROM refusal JOIN file ON file.id = refusal.file WHERE refusal.generation = file.generation';

/** The SQL form of `isRefusedFile`. */
export const IS_REFUSED_FILE = `side.outcome ->> '$.kind' = 'refused' AND side.hash <> ''`;

/** Selects files for which the tracker has no place, or none for what should be made of them. */
export const IS_UNSUPPORTED_FILE = `side.outcome ->> '$.kind' = 'unsupported'`;

const REFUSED_FILES = `SELECT run, count(*) AS n FROM side WHERE lane = ? AND ${IS_REFUSED_FILE} GROUP BY run`;

const REFUSED = `SELECT file.run, count(*) AS n ${REFUSALS_NOW} AND refusal.lane = ? GROUP BY file.run`;
const REFUSED_IN_RUN = `SELECT count(*) AS n FROM file CROSS JOIN refusal
  ON refusal.file = file.id AND refusal.lane = ?1 AND refusal.generation = file.generation WHERE file.run = ?2`;
const REFUSED_FILES_IN_RUN = `SELECT count(*) AS n FROM side WHERE lane = ?1 AND run = ?2 AND ${IS_REFUSED_FILE}`;

/** Returns every run with files, or those of one root, and a lane's position in them. */
export function listRuns(statements: Statements, lane: number, root?: string): ListedInState[] {
  const byRun = (sql: string): ReadonlyMap<number, number> =>
    new Map(statements.all(sql, lane).map(({ run, n }) => [Number(run), Number(n)]));
  const refused = byRun(REFUSED);
  const refusedFiles = byRun(REFUSED_FILES);
  // A run that only holds folded runs has no files of its own.
  return statements
    .all(RUNS, lane, root ?? null)
    .flatMap((row) =>
      Number(row.files) === 0
        ? []
        : [listedRun(row, { points: refused.get(Number(row.id)) ?? 0, files: refusedFiles.get(Number(row.id)) ?? 0 })],
    );
}

/** Returns one run, and a lane's position in it; undefined if the state does not know the run. */
export function listRun(statements: Statements, lane: number, { root, path }: RunRef): ListedInState | undefined {
  const row = statements.get(ONE_RUN, lane, root, path);
  if (row === undefined || Number(row.files) === 0) return undefined;
  const count = (sql: string): number => Number(statements.get(sql, lane, Number(row.id))?.n ?? 0);
  return listedRun(row, { points: count(REFUSED_IN_RUN), files: count(REFUSED_FILES_IN_RUN) });
}

function listedRun(row: Row, refused: { readonly points: number; readonly files: number }): ListedInState {
  return {
    run: { root: String(row.root), path: String(row.path) },
    tags: Number(row.tags),
    files: Number(row.files),
    bytes: Number(row.bytes),
    read: Number(row.read),
    delivered: Number(row.watermark),
    gaps: Number(row.gaps),
    refused: refused.points,
    refusedFiles: refused.files,
    isOut: row.is_out === 1,
    points: Number(row.points ?? 0),
    lastStep: stepOf(row.last_step),
    lastWallTime: (row.last_wall_time ?? null) as number | null,
    isDamaged: Number(row.damaged) > 0,
  };
}
