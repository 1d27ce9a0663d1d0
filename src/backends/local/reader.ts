import type { DatabaseSync } from 'node:sqlite';
import type { KnownFile, KnownRoot, KnownRun, ReadBackChunk, ReadBackPoint } from '../../contract/index.ts';
import { compareNames, type Damage, type DataClass, type FileState, KEPT_STAMP, type RunRef, type Series } from '../../model/index.ts';
import { translated } from './client.ts';
import { type FileRow, fileState, fromOddText } from './map.ts';
import { PreparedStatements } from './prepared.ts';
import {
  comparePositions,
  exact,
  measured,
  type PositionedPoint,
  PRESENT_SEGMENTS,
  StoredScalars,
  type StoredSegment,
  segmentOf,
  wide,
} from './stored-scalars.ts';
import { unreadRoots } from './unread-roots.ts';
import { hasOldLayout } from './version-one.ts';

/** A series in a listing, which reads no points. */
export interface StoredSeries extends Series {
  readonly row: number;
  readonly count: number;
  readonly firstStep: number | bigint | null;
  readonly lastStep: number | bigint | null;
  readonly lastWallTime: number | null;
  readonly min: number | null;
  readonly max: number | null;
  /** The value of the last point; null for NaN and for what is no scalar. Undefined in a store of schema version 1. */
  readonly last: number | bigint | null | undefined;
}

/** A run in a listing. */
export interface ListedInStore {
  readonly run: RunRef;
  readonly points: number;
  readonly tags: number;
  readonly files: number;
  /** The bytes of its files as last seen, and the bytes that were read. */
  readonly bytes: number;
  readonly read: number;
  readonly lastStep: number | bigint | null;
  readonly lastWallTime: number | null;
  /** True if a part of its files cannot be read, is incomplete, or is pending. */
  readonly isDamaged: boolean;
  /** True if files of the run are kept permanently, whether they still exist or not. */
  readonly isKept: boolean;
}

/** A run of the store, with its series. */
export interface StoredRun {
  readonly row: number;
  readonly run: RunRef;
  readonly points: number;
}

/** Points per chunk of a read-back. */
const CHUNK_POINTS = 10_000;

const SEGMENTS = `SELECT file.name AS file, segment.first_point, segment.last_point, segment.first_offset,
  segment.last_offset, segment.places ${PRESENT_SEGMENTS}`;
const OBJECTS = `SELECT file.name AS file, object."offset", object.idx, ${exact('object.step')} AS step,
  object.wall_time, object.odd_wall_time,
    object.data AS value
  FROM object CROSS JOIN file ON file.id = object.file AND file.generation = object.generation WHERE object.series = ?
  ORDER BY file.name, object."offset", object.idx`;

const SERIES_FACTS = `plugin, data_class, form, display_name, description, metadata, first_file, first_offset, count,
  ${exact('first_step')} AS lowest, ${exact('last_step')} AS highest, last_wall_time, min, max`;
const SERIES = `SELECT series.id, number, tag.name AS tag, ${SERIES_FACTS}, end_value, end_odd_value
  FROM series CROSS JOIN tag ON tag.id = series.tag CROSS JOIN definition ON definition.id = series.definition
  WHERE run = ? ORDER BY number`;
/** Without the views of `readOldLayout`, which search all series for a tag. */
const OLD_SERIES = `SELECT id, number, tag, ${SERIES_FACTS} FROM main.series WHERE run = ? ORDER BY number`;

const FILES_LIKE = `SELECT root.name AS root_name, run.path, file.* FROM root JOIN run ON run.root = root.id JOIN file ON file.run = run.id
  WHERE root.name IN (SELECT value FROM json_each(?1)) AND (
    replace(file.stamp, rtrim(file.stamp, '0123456789'), '') IN (SELECT value FROM json_each(?2))
    OR (file.guard ->> '$[0].length') || ':' || (file.guard ->> '$[0].checksum') IN (SELECT value FROM json_each(?3)))`;

const EXPECTED_RUNS = `FROM run JOIN root ON root.id = run.root WHERE root.name = ?
  AND (EXISTS (SELECT 1 FROM file WHERE file.run = run.id AND stamp <> '${KEPT_STAMP}')
    OR NOT EXISTS (SELECT 1 FROM file WHERE file.run = run.id))`;

/** Reads a store, even while another process writes to it. */
export class StoreReader {
  readonly #db: DatabaseSync;
  readonly #statements: PreparedStatements;
  readonly #stored: StoredScalars;
  readonly #path: string;
  readonly #isOld: boolean;

  /** Creates a reader. `path` is the store's path, for messages. */
  constructor(db: DatabaseSync, path: string) {
    this.#db = db;
    this.#statements = new PreparedStatements(db);
    this.#stored = new StoredScalars(db);
    this.#path = path;
    this.#isOld = hasOldLayout(db);
  }

  /** Starts a snapshot: until `close`, writes of other processes do not change what is read. */
  hold(): void {
    this.#db.exec('BEGIN');
  }

  close(): void {
    this.#db.close();
  }

  roots(): KnownRoot[] {
    return this.#all('SELECT name, path FROM root ORDER BY name').map((row) => ({ name: String(row.name), path: String(row.path) }));
  }

  /**
   * Returns the roots that have runs, without those that are known only by name because nothing of them could be
   * read.
   */
  rootsWithRuns(): KnownRoot[] {
    const known = new Set(this.#all('SELECT name FROM root WHERE id IN (SELECT root FROM run)').map(({ name }) => String(name)));
    return this.roots().filter(({ name }) => known.has(name));
  }

  /** True if a root has any run, even if its files are no longer expected. */
  hasRuns(root: string): boolean {
    return this.#all('SELECT 1 FROM root JOIN run ON run.root = root.id WHERE root.name = ? LIMIT 1', root).length > 0;
  }

  runs(root: string): StoredRun[] {
    const rows = this.#all(
      'SELECT run.id, run.path, run.points FROM run JOIN root ON root.id = run.root WHERE root.name = ? ORDER BY run.path',
      root,
    );
    return rows.map((row) => ({ row: Number(row.id), run: { root, path: String(row.path) }, points: Number(row.points) }));
  }

  /** Yields every run, or those of one root, as listings show them: it reads no points. */
  *listed(root?: string): Generator<ListedInStore, void, void> {
    const sql = `SELECT root.name AS root, run.path, run.points, ${exact('run.last_step')} AS last_step, run.last_wall_time,
        (SELECT count(*) FROM series WHERE series.run = run.id) AS tags,
        count(file.id) AS files, coalesce(sum(file.size), 0) AS bytes, coalesce(sum(file.watermark), 0) AS read,
        coalesce(sum(file.damage <> '[]' OR file.gaps <> '[]'), 0) AS damaged, coalesce(sum(file.stamp = '${KEPT_STAMP}'), 0) AS kept
      FROM root CROSS JOIN run ON run.root = root.id LEFT JOIN file ON file.run = run.id
      WHERE ?1 IS NULL OR root.name = ?1 GROUP BY run.id ORDER BY root.name, run.path`;
    for (const row of this.#all(sql, root ?? null)) {
      yield {
        run: { root: String(row.root), path: String(row.path) },
        points: Number(row.points),
        tags: Number(row.tags),
        files: Number(row.files),
        bytes: Number(row.bytes),
        read: Number(row.read),
        lastStep: row.last_step === null ? null : wide(row.last_step),
        lastWallTime: row.last_wall_time as number | null,
        isDamaged: Number(row.damaged) > 0,
        isKept: Number(row.kept) > 0,
      };
    }
  }

  /** Returns the runs with files of which a part cannot be read, is incomplete, or is pending. */
  damagedRuns(root: string): StoredRun[] {
    const rows = this.#all(
      `SELECT DISTINCT run.id, run.path, run.points FROM root JOIN run ON run.root = root.id JOIN file ON file.run = run.id
       WHERE root.name = ? AND (file.damage <> '[]' OR file.gaps <> '[]') ORDER BY run.path`,
      root,
    );
    return rows.map((row) => ({ row: Number(row.id), run: { root, path: String(row.path) }, points: Number(row.points) }));
  }

  /** Returns all parts of a root's files that cannot be read, are incomplete, or are pending. */
  damage(root: string): (Damage & { readonly run: RunRef; readonly file: string })[] {
    return this.damagedRuns(root).flatMap(({ run }) =>
      this.positions(run).files.flatMap((file) => file.damage.map((item) => ({ ...item, run, file: file.name }))),
    );
  }

  positions(run: RunRef): KnownRun {
    const [row] = this.#all(
      `SELECT run.id, run.points, ${exact('run.last_step')} AS last_step, (SELECT count(*) FROM series WHERE series.run = run.id) AS tags
       FROM run JOIN root ON root.id = run.root WHERE root.name = ? AND run.path = ?`,
      run.root,
      run.path,
    );
    if (row === undefined) return { files: [], points: 0, tags: 0, lastStep: null };
    const files = this.#all('SELECT * FROM file WHERE run = ? ORDER BY name', Number(row.id)) as unknown as FileRow[];
    return {
      files: files.map(fileState),
      points: Number(row.points),
      tags: Number(row.tags),
      lastStep: row.last_step === null ? null : wide(row.last_step),
    };
  }

  /** Returns the state of one of the files of `positions`. */
  position(run: RunRef, file: string): FileState | undefined {
    const row = this.#row(run);
    const [found] = row === undefined ? [] : this.#all('SELECT * FROM file WHERE run = ? AND name = ?', row, file);
    return found === undefined ? undefined : fileState(found as unknown as FileRow);
  }

  catalogue(run: RunRef): StoredSeries[] {
    const row = this.#row(run);
    return row === undefined ? [] : this.series(row);
  }

  /** Returns the series of a run, ordered by number. */
  series(run: number): StoredSeries[] {
    const rows = this.#all(this.#isOld ? OLD_SERIES : SERIES, run);
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
      last: this.#isOld
        ? undefined
        : typeof row.end_odd_value === 'string'
          ? fromOddText(row.end_odd_value)
          : (row.end_value as number | null),
    }));
  }

  /** Yields the points of a series in the present files, in the order of the files. */
  *points(series: number): Generator<ReadBackPoint, void, void> {
    for (const piece of this.#pieces(series)) yield* piece;
  }

  /**
   * Returns the runs of a root whose files are expected. It leaves out runs whose files are all kept permanently, see
   * `KEPT_STAMP`.
   */
  expectedRuns(root: string): RunRef[] {
    const rows = this.#all(`SELECT run.path ${EXPECTED_RUNS} ORDER BY run.path`, root);
    return rows.map(({ path }) => ({ root, path: String(path) }));
  }

  /** True if a root has such runs. */
  hasExpectedRuns(root: string): boolean {
    return this.#all(`SELECT 1 ${EXPECTED_RUNS} LIMIT 1`, root).length > 0;
  }

  /** Returns the roots with a part that could not be read, with the reason. */
  unreadRoots(): ReadonlyMap<string, string> {
    try {
      return unreadRoots(this.#db);
    } catch (error) {
      throw translated(error, this.#path, 'reading');
    }
  }

  /** Yields every expected file. */
  *knownFiles(root: string): Generator<KnownFile, void, void> {
    const sql = `SELECT run.path, file.name, file.size, file.stamp, (file.damage <> '[]' OR file.gaps <> '[]') AS damaged,
         file.generation > 0 AS rewritten
       FROM root JOIN run ON run.root = root.id JOIN file ON file.run = run.id WHERE root.name = ? AND file.stamp <> '${KEPT_STAMP}'`;
    try {
      for (const row of this.#statements.prepare(sql).iterate(root)) {
        yield {
          run: String(row.path),
          name: String(row.name),
          size: Number(row.size),
          stamp: String(row.stamp),
          isDamaged: row.damaged === 1,
          wasRewritten: row.rewritten === 1,
        };
      }
    } catch (error) {
      throw translated(error, this.#path, 'reading');
    }
  }

  /**
   * Returns the files of some roots that have one of these inodes, or begin with a record of one of these lengths and
   * checksums.
   */
  filesLike(
    roots: readonly string[],
    inodes: readonly string[],
    firsts: readonly string[],
  ): { readonly run: RunRef; readonly state: FileState }[] {
    const rows = this.#all(FILES_LIKE, JSON.stringify(roots), JSON.stringify(inodes), JSON.stringify(firsts));
    return rows.map((row) => ({
      run: { root: String(row.root_name), path: String(row.path) },
      state: fileState(row as unknown as FileRow),
    }));
  }

  /** Returns the number of known event files of a root whose runs are at or below a path (empty for all). */
  fileCount(root: string, below: string): number {
    const [row] = this.#all(
      `SELECT count(*) AS n FROM root JOIN run ON run.root = root.id JOIN file ON file.run = run.id
       WHERE root.name = ?1 AND file.stamp <> '${KEPT_STAMP}'
         AND (?2 = '' OR run.path = ?2 OR substr(run.path, 1, length(?2) + 1) = ?2 || '/')`,
      root,
      below,
    );
    return Number(row?.n ?? 0);
  }

  /** Yields the points of `points` in pieces, which takes half as long: most series have only scalars. */
  *#pieces(series: number): Generator<readonly PositionedPoint[], void, void> {
    try {
      const segments = this.#segments(series);
      const objects = this.#objects(series);
      const object = objects.next();
      if (object.done === true) yield* this.#stored.pieces(segments);
      else for (const point of inOrder(this.#stored.inOrder(segments), object.value, objects)) yield [point];
    } catch (error) {
      throw translated(error, this.#path, 'reading');
    }
  }

  /** Yields the scalars of a series in pieces, without its other values. */
  *scalars(series: number): Generator<readonly PositionedPoint[], void, void> {
    try {
      yield* this.#stored.pieces(this.#segments(series));
    } catch (error) {
      throw translated(error, this.#path, 'reading');
    }
  }

  #segments(series: number): StoredSegment[] {
    return this.#all(SEGMENTS, series).map((row) => segmentOf(String(row.file), row));
  }

  *#objects(series: number): Generator<PositionedPoint, void, void> {
    for (const row of this.#statements.prepare(OBJECTS).iterate(series)) {
      yield {
        step: wide(row.step),
        wallTime: measured(row.wall_time, row.odd_wall_time),
        value: String(row.value),
        file: String(row.file),
        offset: Number(row.offset),
        index: Number(row.idx),
      };
    }
  }

  async *readBack(ref: RunRef): AsyncGenerator<ReadBackChunk, void, void> {
    yield* this.readSeries(this.catalogue(ref));
  }

  /** Yields the points of some series of a run, in pieces. */
  *readSeries(all: Iterable<StoredSeries>): Generator<ReadBackChunk, void, void> {
    for (const { row: id, tag, plugin } of all) {
      let points: ReadBackPoint[] = [];
      for (const piece of this.#pieces(id)) {
        for (const point of piece) points.push(point);
        if (points.length < CHUNK_POINTS) continue;
        yield { tag, plugin, points };
        points = [];
      }
      if (points.length > 0) yield { tag, plugin, points };
    }
  }

  #row(run: RunRef): number | undefined {
    const [row] = this.#all(
      'SELECT run.id FROM run JOIN root ON root.id = run.root WHERE root.name = ? AND run.path = ?',
      run.root,
      run.path,
    );
    return row === undefined ? undefined : Number(row.id);
  }

  #all(sql: string, ...parameters: (string | number | null)[]): Record<string, unknown>[] {
    try {
      // biome-ignore lint/plugin/no-spread-into-calls: one for each placeholder of a statement
      return this.#statements.prepare(sql).all(...parameters) as Record<string, unknown>[];
    } catch (error) {
      throw translated(error, this.#path, 'reading');
    }
  }
}

/** Merges scalars and the few other values between them into one sequence. */
function* inOrder(
  scalars: Iterator<PositionedPoint>,
  first: PositionedPoint,
  objects: Iterator<PositionedPoint>,
): Generator<PositionedPoint, void, void> {
  let scalar = scalars.next();
  let object: IteratorResult<PositionedPoint> = { value: first };
  while (scalar.done !== true && object.done !== true) {
    const [a, b] = [scalar.value, object.value];
    const isObjectFirst = (compareNames(a.file, b.file) || comparePositions(a, b)) > 0;
    yield isObjectFirst ? b : a;
    if (isObjectFirst) object = objects.next();
    else scalar = scalars.next();
  }
  for (; scalar.done !== true; scalar = scalars.next()) yield scalar.value;
  for (; object.done !== true; object = objects.next()) yield object.value;
}
