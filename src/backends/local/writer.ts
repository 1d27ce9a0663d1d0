import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { Parcel, RunSource } from '../../contract/index.ts';
import {
  type Blob,
  type FileState,
  interpret,
  jsonText,
  keyOfRun,
  type Mark,
  type ObjectPoint,
  type RunRef,
  sha256Of,
  type Value,
  valueJson,
} from '../../model/index.ts';
import { BatchSummaries } from './batch-summaries.ts';
import { packBuckets } from './buckets.ts';
import { Compaction } from './compact.ts';
import { INLINE_PAYLOAD_BYTES, ROWS_PER_INSERT } from './limits.ts';
import { fileRow, hparamsOf, MAX_INT64, oddText, textOf } from './map.ts';
import { blobPath } from './media.ts';
import { packPositions } from './positions.ts';
import { PreparedStatements } from './prepared.ts';
import { RecentSegments } from './recent-segments.ts';
import { recountRun } from './recount.ts';
import { type RunRow, SeriesWriter } from './series-writer.ts';
import { type SortedScalars, sortBySeries } from './sorted-scalars.ts';

/** A point that is not a scalar, ready to be stored. */
interface PreparedObject {
  readonly point: ObjectPoint;
  readonly value: Value;
  readonly data: string;
  readonly blobs: readonly Blob[];
}

/**
 * A parcel with everything prepared before the transaction begins: values, and the bytes that must be on disk first.
 */
export interface PreparedParcel {
  readonly parcel: Parcel;
  readonly objects: readonly PreparedObject[];
  readonly marks: readonly { readonly mark: Mark; readonly blob: Blob | undefined }[];
  /** The approximate memory of the objects. */
  readonly weight: number;
}

/**
 * The memory of an object in addition to its JSON text. The text counts twice: it is copied on its way into the
 * database.
 */
const OBJECT_WEIGHT = 500;

function weightOf({ point, data, blobs }: PreparedObject): number {
  // Bytes of the file are in memory anyway; bytes derived from them are not.
  const made = blobs.filter((blob) => blob.data.buffer !== point.payload.buffer);
  return OBJECT_WEIGHT * (1 + blobs.length) + 2 * data.length + made.reduce((sum, blob) => sum + blob.data.length, 0);
}

interface KnownFile {
  readonly id: number;
  generation: number;
}

/** An open run: its row, and the rows of its series and files by number and name. */
interface OpenRun extends RunRow {
  readonly series: { readonly id: number; readonly plugin: string }[];
  readonly files: Map<string, KnownFile>;
}

/**
 * Turns parcels into rows, inside a transaction. After a failed transaction, the caller must call `forget` to clear
 * the caches.
 */
export class Writer {
  readonly #db: DatabaseSync;
  readonly #statements: PreparedStatements;
  readonly #series: SeriesWriter;
  readonly #runs = new Map<string, OpenRun>();
  readonly #rootPaths = new Map<string, string>();
  /** The compaction begun last, until it is done or its run gets more points. */
  #compaction: { readonly run: OpenRun; readonly work: Compaction } | undefined;
  /** The merging of recent segments that has begun. Unlike a compaction, it continues when its run gets more points. */
  #recent: RecentSegments | undefined;
  /** Rows of runs with a file that was replaced in this transaction. */
  readonly #toRecount = new Set<number>();
  #nextPoint = 0;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#statements = new PreparedStatements(db);
    this.#series = new SeriesWriter(this.#statements);
    this.forget();
  }

  forget(): void {
    this.#runs.clear();
    this.#compaction = undefined;
    this.#recent = undefined;
    this.#toRecount.clear();
    this.#series.forget();
    this.#nextPoint = Number(this.#get('SELECT coalesce(max(id), 0) + 1 AS next FROM point', [])?.next);
  }

  /** Remembers the path of a run's root until its rows are created. */
  announce({ run, rootPath }: Pick<RunSource, 'run' | 'rootPath'>): void {
    this.#rootPaths.set(run.root, rootPath);
  }

  /** Does a bounded part of a run's compaction, or of that `part` of the compaction. True while more is left. */
  compact(ref: RunRef, part: 'all' | 'older' = 'all'): boolean {
    const run = this.#open(ref);
    if (this.#compaction?.run !== run) {
      const series = run.series.map(({ id }) => id);
      this.#compaction = { run, work: new Compaction(this.#statements, run.id, series) };
    }
    const { work } = this.#compaction;
    if (part === 'older') work.older.advance();
    else this.#nextPoint = work.advance(this.#nextPoint);
    const { isDone } = part === 'older' ? work.older : work;
    if (isDone) this.#compaction = undefined;
    return !isDone;
  }

  /**
   * Merges the recent segments of runs, one after the other, as far as a bounded time allows. Returns how many of the
   * runs are done.
   */
  mergeRecent(refs: readonly RunRef[]): number {
    let budget: number | undefined;
    for (const [done, ref] of refs.entries()) {
      const run = this.#open(ref);
      if (this.#compaction?.run === run) this.#compaction = undefined;
      if (this.#recent?.run !== run.id) {
        const series = run.series.map(({ id }) => id);
        this.#recent = new RecentSegments(this.#statements, run.id, series);
      }
      const step = this.#recent.advance(this.#nextPoint, budget);
      this.#nextPoint = step.nextPoint;
      budget = step.budget;
      if (!this.#recent.isDone) return done;
      this.#recent = undefined;
      if (budget <= 0) return done + 1;
    }
    return refs.length;
  }

  /**
   * Prepares a parcel. The plugin of a series determines the meaning of its payload; it is in the batch or was stored
   * before.
   */
  prepare(parcel: Parcel): PreparedParcel {
    const { batch } = parcel;
    const plugins = new Map(batch.newSeries.map((series) => [series.id, series.plugin]));
    const known = batch.objects.every((point) => plugins.has(point.series)) ? [] : this.#open(batch.run).series;
    const objects = batch.objects.map((point) => {
      const value = interpret(plugins.get(point.series) ?? known[point.series]?.plugin ?? '', point);
      const blobs: Blob[] = [];
      const data = jsonText(valueJson(value, (blob) => blobs.push(blob)));
      return { point, value, data, blobs };
    });
    const marks = batch.marks.map((mark) => ({
      mark,
      blob:
        mark.payload.length > INLINE_PAYLOAD_BYTES
          ? { sha256: sha256Of(mark.payload), data: mark.payload, format: 'bytes', label: '' }
          : undefined,
    }));
    const weight = objects.reduce((sum, object) => sum + weightOf(object), 0);
    return { parcel, objects, marks, weight };
  }

  write({ parcel, objects, marks }: PreparedParcel): void {
    const { batch, state } = parcel;
    const run = this.#open(batch.run);
    if (this.#compaction?.run === run) this.#compaction = undefined;
    const file = this.#file(run, state);
    const name = { id: file.id, name: state.name };
    const count = batch.newSeries.reduce((most, { id }) => Math.max(most, id + 1), run.series.length);
    // A run may have many series, and a batch no scalars.
    const scalars = batch.scalars.count === 0 ? undefined : sortBySeries(batch.scalars, count);
    const summaries = new BatchSummaries(scalars, objects);
    const added = new Set<number>();
    for (const series of batch.newSeries) {
      run.series[series.id] = { id: this.#series.add(run, series, name, summaries.of(series.id)), plugin: series.plugin };
      added.add(series.id);
    }
    if (scalars !== undefined) this.#points(scalars, run, file);
    for (const object of objects) this.#object(object, run, file);
    for (const { mark, blob } of marks) this.#mark(mark, blob, file);
    this.#summaries(run, name, summaries, added);
  }

  /**
   * Finishes a transaction: counts the tags of new series, and recounts each run once, however many of its files were
   * replaced.
   */
  finish(): void {
    this.#series.flush();
    for (const run of this.#toRecount) recountRun(this.#db, run);
    this.#toRecount.clear();
  }

  #points(scalars: SortedScalars, run: OpenRun, file: KnownFile): void {
    const first = this.#nextPoint;
    this.#insertPoints(scalars);
    this.#oddPoints(scalars, first);
    this.#nextPoint += scalars.count;
    const segment = this.#statements.prepare(
      `INSERT INTO segment (series, first_point, last_point, file, generation, first_offset, last_offset, places, buckets)
       VALUES (?,?,?,?,?,?,?,?,?)`,
    );
    const { starts, offset } = scalars;
    for (let s = 0; s < run.series.length; s++) {
      const from = starts[s] as number;
      const to = starts[s + 1] as number;
      if (from === to) continue;
      const start = offset[from] as number;
      const end = offset[to - 1] as number;
      const places = packPositions(scalars, from, to);
      const buckets = packBuckets(scalars, from, to) ?? null;
      const series = run.series[s]?.id as number;
      segment.run(series, first + from, first + to - 1, file.id, file.generation, start, end, places, buckets);
    }
  }

  /** Inserts points. This is the hottest loop of the store: `ROWS_PER_INSERT` rows per statement, for any series. */
  #insertPoints({ count, step, wallTime, value, wideSteps }: SortedScalars): void {
    const isWide = wideSteps.size > 0;
    let size = Math.min(ROWS_PER_INSERT, count);
    let insert = this.#insertStatement(size);
    let parameters: SQLInputValue[] = new Array(size * 3);
    for (let i = 0; i < count; i += size) {
      if (count - i < size) {
        size = count - i;
        insert = this.#insertStatement(size);
        parameters = new Array(size * 3);
      }
      for (let j = i, at = 0; j < i + size; j++, at += 3) {
        parameters[at] = isWide ? (wideSteps.get(j) ?? (step[j] as number)) : (step[j] as number);
        parameters[at + 1] = wallTime[j] as number;
        parameters[at + 2] = value[j] as number;
      }
      // biome-ignore lint/plugin/no-spread-into-calls: one for each placeholder of a statement
      insert.run(...parameters);
    }
  }

  /** Stores the exact text of numbers that a REAL column cannot hold. */
  #oddPoints({ count, value, wallTime, wideValues }: SortedScalars, first: number): void {
    for (let i = 0; i < count; i++) {
      const v = value[i] as number;
      const w = wallTime[i] as number;
      const isOdd = (v === 0 && 1 / v < 0) || (w === 0 && 1 / w < 0) || (wideValues.size > 0 && wideValues.has(i));
      if (!isOdd) continue;
      const exact = wideValues.get(i) ?? v;
      this.#run('INSERT INTO odd_point (id, wall_time, value, value_int) VALUES (?,?,?,?)', [
        first + i,
        oddText(w),
        oddText(exact),
        typeof exact === 'bigint' && exact <= MAX_INT64 ? exact : null,
      ]);
    }
  }

  #insertStatement(rows: number): StatementSync {
    return this.#statements.prepare(`INSERT INTO point (step, wall_time, value) VALUES ${Array(rows).fill('(?,?,?)').join(',')}`);
  }

  #object({ point, value, data, blobs }: PreparedObject, run: OpenRun, file: KnownFile): void {
    const { lastInsertRowid: id } = this.#run(
      `INSERT INTO object (series, file, generation, step, wall_time, odd_wall_time, "offset", idx, form, kind, dtype, text, data)
       VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)`,
      [
        run.series[point.series]?.id as number,
        file.id,
        file.generation,
        point.step,
        point.wallTime,
        oddText(point.wallTime),
        point.offset,
        point.index,
        point.form,
        value.kind,
        value.kind === 'tensor' ? value.tensor.dtype : null,
        textOf(value),
        data,
      ],
    );
    for (const hparam of hparamsOf(value)) {
      this.#run('INSERT INTO hparam (object, name, value, number, type) VALUES (?,?,?,?,?)', [id, ...hparam]);
    }
    if (value.kind === 'histogram') {
      const { proto, left, right, count } = value;
      const facts = proto
        ? [proto.num, proto.min, proto.max, proto.sum, proto.sumSquares]
        : [count.reduce<number>((sum, n) => sum + Number(n), 0), Number(left[0] ?? NaN), Number(right.at(-1) ?? NaN), null, null];
      this.#run('INSERT INTO histogram (object, num, min, max, sum, sum_squares) VALUES (?,?,?,?,?,?)', [id, ...facts]);
    }
    for (const [part, blob] of blobs.entries()) {
      this.#blob(blob);
      this.#run('INSERT INTO object_blob (object, part, sha256, format, label) VALUES (?,?,?,?,?)', [
        id,
        part,
        blob.sha256,
        blob.format,
        blob.label,
      ]);
    }
  }

  #mark(mark: Mark, blob: Blob | undefined, file: KnownFile): void {
    if (blob !== undefined) this.#blob(blob);
    this.#run('INSERT OR REPLACE INTO mark (file, generation, "offset", kind, step, wall_time, payload, sha256) VALUES (?,?,?,?,?,?,?,?)', [
      file.id,
      file.generation,
      mark.offset,
      mark.kind,
      mark.step,
      mark.wallTime,
      blob === undefined ? mark.payload : null,
      blob?.sha256 ?? null,
    ]);
  }

  #blob(blob: Blob): void {
    this.#run('INSERT INTO blob (sha256, bytes, path) VALUES (?,?,?) ON CONFLICT DO NOTHING', [
      blob.sha256,
      blob.data.length,
      blobPath(blob),
    ]);
  }

  /** Adds to the listings of the run, and of those series that the batch did not add. */
  #summaries(
    run: OpenRun,
    file: { readonly id: number; readonly name: string },
    summaries: BatchSummaries,
    added: ReadonlySet<number>,
  ): void {
    for (const number of summaries.series()) {
      if (added.has(number)) continue;
      const summary = summaries.of(number);
      if (summary !== undefined) this.#series.summarize(run.series[number]?.id as number, file, summary);
    }
    const { points, lastStep, early, late } = summaries;
    if (points === 0) return;
    this.#run(
      `UPDATE run SET points = points + ?1, last_step = max(coalesce(last_step, ?2), ?2),
        first_wall_time = min(coalesce(first_wall_time, ?3), coalesce(?3, first_wall_time)),
        last_wall_time = max(coalesce(last_wall_time, ?4), coalesce(?4, last_wall_time)) WHERE id = ?5`,
      [points, lastStep, early, late, run.id],
    );
  }

  #file(run: OpenRun, state: FileState): KnownFile {
    const row = fileRow(state);
    const known = run.files.get(state.name);
    if (known === undefined) {
      const { lastInsertRowid } = this.#run(
        `INSERT INTO file (generation, watermark, gaps, guard, damage, size, stamp, records, file_version, writer, first_wall_time,
           run, name)
         VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)`,
        [...row, run.id, state.name],
      );
      const file = { id: Number(lastInsertRowid), generation: state.generation };
      run.files.set(state.name, file);
      return file;
    }
    this.#run(
      `UPDATE file SET generation = ?, watermark = ?, gaps = ?, guard = ?, damage = ?, size = ?, stamp = ?,
        records = ?, file_version = ?, writer = ?, first_wall_time = ?
       WHERE id = ?`,
      [...row, known.id],
    );
    if (known.generation !== state.generation) {
      known.generation = state.generation;
      this.#toRecount.add(run.id);
    }
    return known;
  }

  #open(ref: RunRef): OpenRun {
    const key = keyOfRun(ref);
    const known = this.#runs.get(key);
    if (known !== undefined) return known;
    const { id, root } = this.#runRow(ref);
    const run: OpenRun = { id, root, series: [], files: new Map() };
    for (const row of this.#statements
      .prepare('SELECT series.id, number, plugin FROM series CROSS JOIN definition ON definition.id = series.definition WHERE run = ?')
      .iterate(id)) {
      run.series[Number(row.number)] = { id: Number(row.id), plugin: String(row.plugin) };
    }
    for (const row of this.#statements.prepare('SELECT id, name, generation FROM file WHERE run = ?').iterate(id)) {
      run.files.set(String(row.name), { id: Number(row.id), generation: Number(row.generation) });
    }
    let series = run.series.length;
    for (const other of this.#runs.values()) series += other.series.length;
    if (this.#runs.size >= MAX_CACHED_RUNS || series > MAX_CACHED_SERIES) this.#runs.clear();
    this.#runs.set(key, run);
    return run;
  }

  #runRow({ root, path }: RunRef): RunRow {
    this.#run(
      `INSERT INTO root (name, path) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET path = excluded.path
        WHERE path <> excluded.path AND excluded.path <> ''`,
      [root, this.#rootPaths.get(root) ?? ''],
    );
    this.#run('INSERT INTO run (root, path) SELECT id, ? FROM root WHERE name = ? ON CONFLICT DO NOTHING', [path, root]);
    const row = this.#get('SELECT run.id, run.root FROM run JOIN root ON root.id = run.root WHERE root.name = ? AND run.path = ?', [
      root,
      path,
    ]);
    return { id: Number(row?.['id']), root: Number(row?.['root']) };
  }

  #get(sql: string, parameters: readonly SQLInputValue[]): Record<string, unknown> | undefined {
    // biome-ignore lint/plugin/no-spread-into-calls: one for each placeholder of a statement
    return this.#statements.prepare(sql).get(...parameters);
  }

  #run(sql: string, parameters: readonly SQLInputValue[]): { lastInsertRowid: number | bigint } {
    // biome-ignore lint/plugin/no-spread-into-calls: one for each placeholder of a statement
    return this.#statements.prepare(sql).run(...parameters);
  }
}

/** The most runs whose rows are cached; all of them are dropped when there are more. */
const MAX_CACHED_RUNS = 1000;
const MAX_CACHED_SERIES = 200_000;
