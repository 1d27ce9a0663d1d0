/** Copies runs from one store into another, with everything that is stored about them. */
import { copyFileSync, existsSync, linkSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { DataClass, RunRef } from '../../model/index.ts';
import { ownFolderMode } from '../../own-files/index.ts';
import { openForReading, openForWriting, translated } from './client.ts';
import { PreparedStatements } from './prepared.ts';
import { recountEnds } from './recount.ts';
import { SeriesWriter } from './series-writer.ts';
import { addBuckets } from './stored-buckets.ts';
import { hasOldLayout } from './version-one.ts';

/** A store: its SQLite file, and the folder of its media. */
export interface StorePaths {
  readonly path: string;
  readonly mediaPath: string;
}

/** The numbers of copied rows. */
export interface CopiedRows {
  readonly runs: number;
  readonly points: number;
}

/**
 * Copies the wanted runs of a store into another one, and creates that if there is none; it must not hold any of
 * these runs. No process may write to either store. This copies everything: points of all generations, positions,
 * media files. Throws MB30… like opening and writing a store; then the target is unusable.
 */
export function copyRuns(from: StorePaths, to: StorePaths, isWanted: (run: RunRef) => boolean): CopiedRows {
  // This checks that it is a store, and of a known version.
  openForReading(from.path).close();
  const db = openForWriting(to.path);
  try {
    // An incomplete target is discarded, so it need not survive a crash before the end.
    db.exec('PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = 1000');
    db.prepare('ATTACH DATABASE ? AS source').run(from.path);
    db.exec('BEGIN');
    const copy = new RunCopy(db, from, to);
    const runs = db
      .prepare(
        `SELECT run.id, root.name AS root, root.path AS root_path, run.path FROM source.run
         JOIN source.root ON root.id = run.root ORDER BY run.id`,
      )
      .all()
      .filter(({ root, path }) => isWanted({ root: String(root), path: String(path) }));
    let points = 0;
    for (const { id, root, root_path: rootPath, path } of runs)
      points += copy.run(Number(id), String(root), String(rootPath), String(path));
    db.exec('COMMIT; DETACH DATABASE source; PRAGMA synchronous = FULL; PRAGMA wal_checkpoint(TRUNCATE)');
    return { runs: runs.length, points };
  } catch (error) {
    throw translated(error, to.path, `copying runs of ${from.path} into`);
  } finally {
    db.close();
  }
}

/** Columns that are copied unchanged. */
const FILE = 'name, generation, watermark, gaps, guard, damage, size, stamp, records, file_version, writer';
const COUNTS = 'count, first_step, last_step, last_wall_time, min, max';
/** Columns that version 1 does not have. */
const NEW_IN_FILE = ', first_wall_time';
const NEW_IN_RUN = ', visibility';
const SERIES = `SELECT series.id, series.number, tag.name AS tag, definition.plugin, definition.data_class, definition.form,
  definition.display_name, definition.description, definition.metadata, series.first_file, series.first_offset
  FROM source.series JOIN source.tag ON tag.id = series.tag JOIN source.definition ON definition.id = series.definition
  WHERE series.run = ? ORDER BY series.number`;
const OLD_SERIES = 'SELECT * FROM source.series WHERE run = ? ORDER BY number';
const OBJECT = 'generation, step, wall_time, odd_wall_time, "offset", idx, form, kind, dtype, text, data';

class RunCopy {
  readonly #db: DatabaseSync;
  readonly #series: SeriesWriter;
  readonly #isOld: boolean;
  readonly #media: readonly [from: string, to: string];
  readonly #statements: PreparedStatements;
  /** The next row ids of points and objects. */
  #point: number;
  #object: number;

  constructor(db: DatabaseSync, from: StorePaths, to: StorePaths) {
    this.#db = db;
    this.#statements = new PreparedStatements(db);
    this.#series = new SeriesWriter(this.#statements);
    this.#isOld = hasOldLayout(db, 'source');
    this.#media = [from.mediaPath, to.mediaPath];
    this.#point = this.#next('point');
    this.#object = this.#next('object');
  }

  /** Copies a run. Returns the number of copied points. */
  run(source: number, root: string, rootPath: string, path: string): number {
    const [inRun, inFile] = this.#isOld ? ['', ''] : [NEW_IN_RUN, NEW_IN_FILE];
    this.#run('INSERT INTO root (name, path) VALUES (?,?) ON CONFLICT (name) DO NOTHING', root, rootPath);
    this.#run(
      `INSERT INTO main.run (root, path, points, last_step, first_wall_time, last_wall_time${inRun})
       SELECT (SELECT id FROM main.root WHERE name = ?), ?, points, last_step, first_wall_time, last_wall_time${inRun}
       FROM source.run WHERE id = ?`,
      root,
      path,
      source,
    );
    const run = this.#number(
      'SELECT run.id AS n FROM main.run JOIN main.root ON root.id = run.root WHERE root.name = ? AND run.path = ?',
      root,
      path,
    );
    this.#run(`INSERT INTO main.file (run, ${FILE}${inFile}) SELECT ?, ${FILE}${inFile} FROM source.file WHERE run = ?`, run, source);
    const files = this.#files(source, run);
    const points = this.#segments(source, files, this.#copySeries(source, run));
    recountEnds(this.#db, run);
    for (const [from, to] of files) {
      this.#blobs('SELECT sha256 FROM source.mark WHERE file = ? AND sha256 IS NOT NULL', from);
      this.#run(
        `INSERT INTO main.mark (file, generation, "offset", kind, step, wall_time, payload, sha256)
         SELECT ?, generation, "offset", kind, step, wall_time, payload, sha256 FROM source.mark WHERE file = ?`,
        to,
        from,
      );
    }
    return points;
  }

  /** Copies the series of a run. Returns the new rows by the old ones. */
  #copySeries(source: number, run: number): Map<number, number> {
    const target = { id: run, root: this.#number('SELECT root AS n FROM main.run WHERE id = ?', run) };
    return new Map(
      this.#all(this.#isOld ? OLD_SERIES : SERIES, source).map((row) => {
        const copy = this.#series.add(target, {
          id: Number(row['number']),
          tag: String(row['tag']),
          plugin: String(row['plugin']),
          dataClass: String(row['data_class']) as DataClass,
          form: String(row['form']),
          displayName: String(row['display_name']),
          description: String(row['description']),
          metadata: row['metadata'] as Uint8Array,
          firstFile: String(row['first_file']),
          firstOffset: Number(row['first_offset']),
        });
        const from = Number(row['id']);
        this.#run(`UPDATE main.series SET (${COUNTS}) = (SELECT ${COUNTS} FROM source.series WHERE id = ?) WHERE id = ?`, from, copy);
        return [from, copy];
      }),
    );
  }

  #segments(source: number, files: ReadonlyMap<number, number>, series: ReadonlyMap<number, number>): number {
    const segments = this.#all(
      `SELECT segment.series, segment.first_point, segment.last_point, segment.file FROM source.segment
       JOIN source.series ON series.id = segment.series WHERE series.run = ? ORDER BY segment.first_point`,
      source,
    );
    let points = 0;
    for (const row of segments) {
      const [from, first, last] = [Number(row['series']), Number(row['first_point']), Number(row['last_point'])];
      const shift = this.#point - first;
      this.#run(
        `INSERT INTO main.point (id, step, wall_time, value)
         SELECT id + ?, step, wall_time, value FROM source.point WHERE id BETWEEN ? AND ?`,
        shift,
        first,
        last,
      );
      this.#run(
        `INSERT INTO main.odd_point (id, wall_time, value, value_int)
         SELECT id + ?, wall_time, value, value_int FROM source.odd_point WHERE id BETWEEN ? AND ?`,
        shift,
        first,
        last,
      );
      this.#run(
        `INSERT INTO main.segment (series, first_point, last_point, file, generation, first_offset, last_offset, places)
         SELECT ?, ?, ?, ?, generation, first_offset, last_offset, places FROM source.segment WHERE series = ? AND first_point = ?`,
        series.get(from) ?? 0,
        first + shift,
        last + shift,
        files.get(Number(row['file'])) ?? 0,
        from,
        first,
      );
      addBuckets(this.#db, first + shift, last + shift);
      this.#point = last + shift + 1;
      points += last - first + 1;
    }
    for (const [from, to] of series) points += this.#objects(from, to, files);
    return points;
  }

  #objects(from: number, to: number, files: ReadonlyMap<number, number>): number {
    const objects = this.#all('SELECT id, file FROM source.object WHERE series = ? ORDER BY id', from);
    for (const row of objects) {
      const id = Number(row['id']);
      const copy = this.#object++;
      this.#run(
        `INSERT INTO main.object (id, series, file, ${OBJECT}) SELECT ?, ?, ?, ${OBJECT} FROM source.object WHERE id = ?`,
        copy,
        to,
        files.get(Number(row['file'])) ?? 0,
        id,
      );
      this.#run(
        `INSERT INTO main.histogram (object, num, min, max, sum, sum_squares)
         SELECT ?, num, min, max, sum, sum_squares FROM source.histogram WHERE object = ?`,
        copy,
        id,
      );
      this.#run(
        `INSERT INTO main.hparam (object, name, value, number, type)
         SELECT ?, name, value, number, type FROM source.hparam WHERE object = ?`,
        copy,
        id,
      );
      this.#blobs('SELECT sha256 FROM source.object_blob WHERE object = ?', id);
      this.#run(
        `INSERT INTO main.object_blob (object, part, sha256, format, label)
         SELECT ?, part, sha256, format, label FROM source.object_blob WHERE object = ?`,
        copy,
        id,
      );
    }
    return objects.length;
  }

  /** Copies the named media, each content once. */
  #blobs(sql: string, id: number): void {
    for (const { sha256 } of this.#all(sql, id)) {
      const blob = this.#get('SELECT bytes, path FROM source.blob WHERE sha256 = ?', String(sha256));
      if (blob === undefined) continue;
      this.#run(
        'INSERT OR IGNORE INTO main.blob (sha256, bytes, path) VALUES (?,?,?)',
        String(sha256),
        Number(blob['bytes']),
        String(blob['path']),
      );
      this.#copyMedia(String(blob['path']));
    }
  }

  #copyMedia(path: string): void {
    const [from, to] = this.#media.map((folder) => join(folder, path)) as [string, string];
    // A file that is missing in the source is missing in the target, too: `verify` reports it.
    if (!existsSync(from) || existsSync(to)) return;
    mkdirSync(dirname(to), { recursive: true, mode: ownFolderMode() });
    try {
      linkSync(from, to);
    } catch {
      // The target is on another file system, or on one without hard links.
      copyFileSync(from, to);
    }
  }

  /** Returns the new rows of a run's files by the old ones. */
  #files(source: number, run: number): Map<number, number> {
    const sql = `SELECT theirs.id AS source, ours.id AS target FROM source.file AS theirs
      JOIN main.file AS ours ON ours.run = ? AND ours.name = theirs.name WHERE theirs.run = ? ORDER BY theirs.id`;
    return new Map(this.#all(sql, run, source).map((row) => [Number(row['source']), Number(row['target'])]));
  }

  #next(table: 'point' | 'object'): number {
    return this.#number(`SELECT coalesce(max(id), 0) + 1 AS n FROM main.${table}`);
  }

  #number(sql: string, ...parameters: (string | number)[]): number {
    // biome-ignore lint/plugin/no-spread-into-calls: one for each placeholder of a statement
    return Number(this.#get(sql, ...parameters)?.['n']);
  }

  #get(sql: string, ...parameters: (string | number)[]): Readonly<Record<string, unknown>> | undefined {
    // biome-ignore lint/plugin/no-spread-into-calls: one for each placeholder of a statement
    return this.#statements.prepare(sql).get(...parameters);
  }

  #all(sql: string, ...parameters: (string | number)[]): Readonly<Record<string, unknown>>[] {
    // biome-ignore lint/plugin/no-spread-into-calls: one for each placeholder of a statement
    return this.#statements.prepare(sql).all(...parameters);
  }

  #run(sql: string, ...parameters: (string | number)[]): void {
    // biome-ignore lint/plugin/no-spread-into-calls: one for each placeholder of a statement
    this.#statements.prepare(sql).run(...parameters);
  }
}
