/**
 * Answers questions about a local store, also while another process writes to it. Each answer is one snapshot. It
 * works in the calling thread: `StoreQueries` works in a thread of its own.
 */
import type { DatabaseSync } from 'node:sqlite';
import { exact, measured, openForReading, PreparedStatements, StoreReader, translated, wide } from '../backends/local/index.ts';
import { MirrorError } from '../errors.ts';
import type { DataClass, Json, RunRef } from '../model/index.ts';
import { bucketsOf } from './buckets.ts';
import type {
  Answers,
  Curve,
  DamagedRange,
  ExactPoints,
  MediaFile,
  PluginSummary,
  Question,
  RootSummary,
  SeriesDetails,
  StoredFile,
  StoredMedia,
  StoredValue,
  TagSummary,
} from './questions.ts';
import { type QueriedRun, RunQuestions } from './runs.ts';
import { lastScalar, type PlacedScalar, readScalars, Stopped } from './scalars.ts';
import { type PlacedStep, shownPoints } from './shown.ts';
import { StoreVersions } from './store-versions.ts';

/** The number of values of one answer. */
const VALUES = 100;
const MOST_VALUES = 10_000;

/** A session start in the payload of a SessionLog message: field 1, `status`, is START (1). */
const SESSION_START = Buffer.from([0x08, 0x01]);

/** A store that answers questions in the calling thread. */
export class StoreQuery {
  readonly #path: string;
  readonly #handle: DatabaseSync;
  readonly #db: PreparedStatements;
  readonly #store: StoreReader;
  readonly #runs: RunQuestions;
  readonly #versions: StoreVersions;

  /** Opens the store. Throws MB3007 if there is no store, otherwise as `openStore`. */
  constructor(path: string) {
    this.#path = path;
    this.#handle = openForReading(path);
    this.#handle.exec('PRAGMA cache_size = -65536');
    this.#db = new PreparedStatements(this.#handle);
    this.#store = new StoreReader(this.#handle, path);
    this.#runs = new RunQuestions(this.#db);
    this.#versions = new StoreVersions(this.#db);
  }

  /** Answers a question. Calls `isStopped` from time to time, and throws `Stopped` once it returns true. */
  ask<Kind extends Question['kind']>(question: Extract<Question, { kind: Kind }>, isStopped: () => boolean = () => false): Answers[Kind] {
    try {
      this.#handle.exec('BEGIN');
      try {
        return this.#answer(question, isStopped) as Answers[Kind];
      } finally {
        this.#handle.exec('COMMIT');
      }
    } catch (error) {
      throw error instanceof Stopped ? error : translated(error, this.#path, 'reading');
    }
  }

  close(): void {
    this.#handle.close();
  }

  #answer(question: Question, isStopped: () => boolean): Answers[keyof Answers] {
    switch (question.kind) {
      case 'roots':
        return this.#roots();
      case 'plugins':
        return this.#plugins(question.root);
      case 'runs':
        return this.#runs.page(question);
      case 'tags':
        return this.#tags(question);
      case 'series':
        return this.#series(this.#run(question.run));
      case 'files':
        return this.#files(this.#run(question.run));
      case 'curves':
        return this.#curves(question, isStopped);
      case 'values':
        return this.#values(question);
      case 'media':
        return this.#mediaFile(question.sha256);
      case 'hparams':
        return this.#runs.params(this.#runs.selected(question.select));
      case 'damage':
        return this.#damage(this.#runs.selected(question.select));
      case 'changes':
        return this.#versions.changes(question.since);
      default:
        return question satisfies never;
    }
  }

  #roots(): RootSummary[] {
    return this.#db
      .prepare(
        `SELECT root.name, root.path, count(run.id) AS runs, coalesce(sum(run.points), 0) AS points
         FROM root LEFT JOIN run ON run.root = root.id GROUP BY root.id ORDER BY root.name`,
      )
      .all()
      .map(({ name, path, runs, points }) => ({ name: String(name), path: String(path), runs: Number(runs), points: Number(points) }));
  }

  #plugins(root: string | undefined): PluginSummary[] {
    return this.#db
      .prepare(
        `SELECT series.plugin, count(*) AS series, sum(series.count) AS points FROM root CROSS JOIN run ON run.root = root.id
         CROSS JOIN series ON series.run = run.id WHERE (?1 IS NULL OR root.name = ?1) AND series.count > 0
         GROUP BY series.plugin ORDER BY series.plugin`,
      )
      .all(root ?? null)
      .map(({ plugin, series, points }) => ({ plugin: String(plugin), series: Number(series), points: Number(points) }));
  }

  #tags({ select, plugin }: Extract<Question, { kind: 'tags' }>): TagSummary[] {
    const isAll = select === undefined || Object.values(select).every((condition) => condition === undefined);
    const ids = isAll ? null : JSON.stringify(this.#runs.selected(select).map(({ id }) => id));
    return this.#db
      .prepare(
        `SELECT tag, plugin, count(*) AS runs, sum(count) AS points FROM series
         WHERE count > 0 AND (?1 IS NULL OR run IN (SELECT value FROM json_each(?1))) AND (?2 IS NULL OR plugin = ?2)
         GROUP BY tag, plugin ORDER BY tag, plugin`,
      )
      .all(ids, plugin ?? null)
      .map((row) => ({
        tag: String(row['tag']),
        plugin: String(row['plugin']),
        runs: Number(row['runs']),
        points: Number(row['points']),
      }));
  }

  #series({ id }: QueriedRun): SeriesDetails[] {
    return this.#db
      .prepare(
        `SELECT id, tag, plugin, data_class, display_name, description, count, ${exact('first_step')} AS first_step,
           ${exact('last_step')} AS last_step, last_wall_time, min, max FROM series WHERE run = ? AND count > 0 ORDER BY tag`,
      )
      .all(id)
      .map((row) => ({
        tag: String(row['tag']),
        plugin: String(row['plugin']),
        dataClass: String(row['data_class']) as DataClass,
        displayName: String(row['display_name']),
        description: String(row['description']),
        count: Number(row['count']),
        firstStep: row['first_step'] === null ? null : wide(row['first_step']),
        lastStep: row['last_step'] === null ? null : wide(row['last_step']),
        lastWallTime: row['last_wall_time'] as number | null,
        last: lastScalar(this.#db, Number(row['id'])) ?? null,
        min: row['min'] as number | null,
        max: row['max'] as number | null,
      }));
  }

  #files({ run }: QueriedRun): StoredFile[] {
    return this.#store.positions(run).files.map(({ name, size, position, records, generation }) => ({
      name,
      bytes: size,
      readBytes: position.watermark,
      records,
      generation,
    }));
  }

  #curves(question: Extract<Question, { kind: 'curves' }>, isStopped: () => boolean): Curve[] {
    const { runs, tags, shown = 'tensorboard', width, from, to, positions = false } = question;
    const find = this.#db.prepare('SELECT id FROM series WHERE run = ? AND tag = ? AND count > 0');
    return runs.flatMap((run) => {
      const { id } = this.#run(run);
      return tags.flatMap((tag): Curve[] => {
        const series = find.get(id, tag)?.['id'];
        if (series === undefined) return [];
        const points = readScalars(this.#store, Number(series), isStopped);
        if (points.length === 0) return [];
        const kept = shownPoints(points, shown, () => this.#sessionStarts(id)).filter(
          ({ step }) => (from === undefined || step >= from) && (to === undefined || step <= to),
        );
        const isExact = width === undefined || kept.length <= width;
        return [{ run, tag, count: kept.length, data: isExact ? exactPoints(kept, positions) : bucketsOf(kept, width) }];
      });
    });
  }

  /** Returns the session starts of a run after its first one, in the order of its files. */
  #sessionStarts(run: number): PlacedStep[] {
    const rows = this.#db
      .prepare(
        `SELECT file.name, mark."offset", ${exact('mark.step')} AS step, mark.payload FROM file
         CROSS JOIN mark ON mark.file = file.id AND mark.generation = file.generation
         WHERE file.run = ? AND mark.kind = 'session_log' ORDER BY file.name, mark."offset"`,
      )
      .all(run);
    return rows
      .filter(({ payload }) => payload instanceof Uint8Array && SESSION_START.equals(payload.subarray(0, 2)))
      .slice(1)
      .map(({ name, offset, step }) => ({ file: String(name), offset: Number(offset), step: wide(step) }));
  }

  #values({ run, tag, shown = 'tensorboard', limit = VALUES }: Extract<Question, { kind: 'values' }>): StoredValue[] {
    const { id } = this.#run(run);
    const rows = this.#db
      .prepare(
        `SELECT object.id, ${exact('object.step')} AS step, object.wall_time, object.odd_wall_time, object.kind, file.name AS file,
           object."offset", object.idx FROM series CROSS JOIN object ON object.series = series.id
         CROSS JOIN file ON file.id = object.file AND file.generation = object.generation
         WHERE series.run = ? AND series.tag = ? ORDER BY file.name, object."offset", object.idx`,
      )
      .all(id, tag);
    const points = rows.map((row) => ({ row, step: wide(row['step']), file: String(row['file']), offset: Number(row['offset']) }));
    const kept = shownPoints(points, shown, () => this.#sessionStarts(id));
    const data = this.#db.prepare('SELECT data FROM object WHERE id = ?');
    return kept.slice(-Math.max(1, Math.min(MOST_VALUES, Math.floor(limit)))).map(
      ({ row, step, file, offset }): StoredValue => ({
        step,
        wallTime: measured(row['wall_time'], row['odd_wall_time']),
        kind: String(row['kind']),
        value: JSON.parse(String(data.get(Number(row['id']))?.['data'])) as Json,
        media: this.#media(Number(row['id'])),
        position: { file, offset, index: Number(row['idx']) },
      }),
    );
  }

  #media(object: number): StoredMedia[] {
    return this.#db
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

  #mediaFile(sha256: string): MediaFile | undefined {
    const row = this.#db.prepare('SELECT sha256, bytes, path FROM blob WHERE sha256 = ?').get(sha256);
    return row === undefined ? undefined : { sha256: String(row['sha256']), bytes: Number(row['bytes']), path: String(row['path']) };
  }

  #damage(runs: readonly QueriedRun[]): DamagedRange[] {
    const damaged = this.#db.prepare("SELECT 1 FROM file WHERE run = ? AND damage <> '[]' LIMIT 1");
    return runs.flatMap(({ id, run }) =>
      damaged.get(id) === undefined
        ? []
        : this.#store.positions(run).files.flatMap((file) => file.damage.map((range) => ({ ...range, run, file: file.name }))),
    );
  }

  #run(run: RunRef): QueriedRun {
    const found = this.#runs.find(run);
    if (found !== undefined) return found;
    throw new MirrorError('MB3021', `the store ${this.#path} has no run ${run.root}/${run.path}`, {
      hint: '`mirrorboard run list` lists the runs.',
      context: { root: run.root, run: run.path },
    });
  }
}

function exactPoints(points: readonly PlacedScalar[], withPositions: boolean): ExactPoints {
  return {
    kind: 'exact',
    step: points.map(({ step }) => step),
    wallTime: points.map(({ wallTime }) => wallTime),
    value: points.map(({ value }) => value),
    ...(withPositions ? { position: points.map(({ file, offset, index }) => ({ file, offset, index })) } : {}),
  };
}
