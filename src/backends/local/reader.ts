import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { DataClass, RunRef, Series } from '../../model/index.ts';
import type { KnownRoot, KnownRun, ReadBackChunk, ReadBackPoint } from '../contract.ts';
import { type FileRow, fileState } from './map.ts';

/** A series as the listings show it: no point was read for it. */
export interface StoredSeries extends Series {
  readonly row: number;
  readonly count: number;
  readonly firstStep: number | bigint | null;
  readonly lastStep: number | bigint | null;
  readonly lastWallTime: number | null;
  readonly min: number | null;
  readonly max: number | null;
}

export interface StoredRun {
  readonly row: number;
  readonly run: RunRef;
  readonly points: number;
}

/** Points of a read-back at a time. */
const CHUNK_POINTS = 10_000;

/** An integer that no double holds comes as text: node:sqlite throws where it can't give a number. */
const exact = (column: string): string =>
  `CASE WHEN typeof(${column}) = 'integer' AND abs(${column} / 2) > 4503599627370495 THEN CAST(${column} AS TEXT) ELSE ${column} END`;

const SCALARS = `SELECT file.name AS file, point.offset, point.idx, ${exact('point.step')} AS step, point.wall_time, ${exact('point.value')} AS value, 0 AS is_json
  FROM segment CROSS JOIN file ON file.id = segment.file AND file.generation = segment.generation
  CROSS JOIN point ON point.id BETWEEN segment.first_point AND segment.last_point WHERE segment.series = ?`;
const OBJECTS = `SELECT file.name AS file, object.offset, object.idx, ${exact('object.step')} AS step, object.wall_time, object.data AS value, 1 AS is_json
  FROM object CROSS JOIN file ON file.id = object.file AND file.generation = object.generation WHERE object.series = ?`;

/** Reads a store, also while somebody else writes to it. */
export class StoreReader {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  /** Where the paths of blobs begin. */
  readonly mediaPath: string;

  constructor(db: DatabaseSync, mediaPath: string) {
    this.#db = db;
    this.mediaPath = mediaPath;
  }

  close(): void {
    this.#db.close();
  }

  roots(): KnownRoot[] {
    return this.#all('SELECT name, path FROM root ORDER BY name').map((row) => ({ name: String(row.name), path: String(row.path) }));
  }

  runs(root: string): StoredRun[] {
    const rows = this.#all(
      'SELECT run.id, run.path, run.points FROM run JOIN root ON root.id = run.root WHERE root.name = ? ORDER BY run.path',
      root,
    );
    return rows.map((row) => ({ row: Number(row.id), run: { root, path: String(row.path) }, points: Number(row.points) }));
  }

  positions(run: RunRef): KnownRun {
    const row = this.#row(run);
    if (row === undefined) return { files: [], series: [] };
    const files = this.#statement('SELECT * FROM file WHERE run = ? ORDER BY name').all(row) as unknown as FileRow[];
    return { files: files.map(fileState), series: this.series(row) };
  }

  /** The series of a run, in the order of their numbers. */
  series(run: number): StoredSeries[] {
    const rows = this.#all(
      `SELECT id, number, tag, plugin, data_class, form, display_name, description, metadata, first_file, first_offset, count,
        ${exact('first_step')} AS lowest, ${exact('last_step')} AS highest, last_wall_time, min, max
       FROM series WHERE run = ? ORDER BY number`,
      run,
    );
    return rows.map((row) => ({
      row: Number(row.id),
      id: Number(row.number),
      tag: String(row.tag),
      plugin: String(row.plugin),
      dataClass: String(row.data_class) as DataClass,
      form: String(row.form),
      displayName: String(row.display_name),
      description: String(row.description),
      metadata: row.metadata as Uint8Array,
      firstFile: String(row.first_file),
      firstOffset: Number(row.first_offset),
      count: Number(row.count),
      firstStep: row.lowest === null ? null : wide(row.lowest),
      lastStep: row.highest === null ? null : wide(row.highest),
      lastWallTime: row.last_wall_time as number | null,
      min: row.min as number | null,
      max: row.max as number | null,
    }));
  }

  /** The points of a series as the present files hold them, in the order of the files. */
  *points(series: number): Generator<ReadBackPoint, void, void> {
    const hasScalars = this.#statement('SELECT 1 FROM segment WHERE series = ? LIMIT 1').get(series) !== undefined;
    const hasObjects = this.#statement('SELECT 1 FROM object WHERE series = ? LIMIT 1').get(series) !== undefined;
    // A healed record's points come later than their place in the file says: SQLite sorts, which costs little where nothing is amiss.
    const order = 'ORDER BY file, offset, idx';
    const parts = [...(hasScalars ? [SCALARS] : []), ...(hasObjects ? [OBJECTS] : [])];
    if (parts.length === 0) return;
    const sql = `${parts.join(' UNION ALL ')} ${order}`;
    const parameters = parts.map(() => series);
    for (const row of this.#statement(sql).iterate(...parameters)) {
      yield {
        step: wide(row.step),
        wallTime: row.wall_time === null ? NaN : Number(row.wall_time),
        value: row.is_json === 1 ? String(row.value) : row.value === null ? NaN : wide(row.value),
        file: String(row.file),
        offset: Number(row.offset),
        index: Number(row.idx),
      };
    }
  }

  async *readBack(ref: RunRef): AsyncGenerator<ReadBackChunk, void, void> {
    const row = this.#row(ref);
    if (row === undefined) return;
    for (const { row: id, tag, plugin } of this.series(row)) {
      let points: ReadBackPoint[] = [];
      for (const point of this.points(id)) {
        points.push(point);
        if (points.length < CHUNK_POINTS) continue;
        yield { tag, plugin, points };
        points = [];
      }
      if (points.length > 0) yield { tag, plugin, points };
    }
  }

  #row(run: RunRef): number | undefined {
    const row = this.#statement('SELECT run.id FROM run JOIN root ON root.id = run.root WHERE root.name = ? AND run.path = ?').get(
      run.root,
      run.path,
    );
    return row === undefined ? undefined : Number(row.id);
  }

  #all(sql: string, ...parameters: (string | number)[]): Record<string, unknown>[] {
    return this.#statement(sql).all(...parameters) as Record<string, unknown>[];
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

/** Undoes `exact`: integers came as numbers, the wide ones as text. */
function wide(value: unknown): number | bigint {
  return typeof value === 'string' ? BigInt(value) : Number(value);
}
