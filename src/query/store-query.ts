/**
 * Answers questions about a local store, also while another process writes to it. Each answer is one snapshot. It
 * works in the calling thread: `StoreQueries` works in a thread of its own.
 */
import type { DatabaseSync } from 'node:sqlite';
import { exact, openForReading, PreparedStatements, StoreReader, translated, wide } from '../backends/local/index.ts';
import { MirrorError } from '../errors.ts';
import type { DataClass, Json, RunRef } from '../model/index.ts';
import { bucketsOf } from './buckets.ts';
import type {
  Answers,
  Curve,
  DamagedRange,
  ExactPoints,
  PluginSummary,
  Question,
  RootSummary,
  SeriesDetails,
  Shown,
  StoredMedia,
  StoredValue,
  TagSummary,
} from './questions.ts';
import { type QueriedRun, RunQuestions } from './runs.ts';
import { lastScalar, readScalars, type ScalarPoints, Stopped } from './scalars.ts';
import { type SessionStart, shownPoints } from './shown.ts';
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
  readonly #runs: RunQuestions;
  readonly #versions: StoreVersions;

  /** Opens the store. Throws MB3007 if there is no store, otherwise as `openStore`. */
  constructor(path: string) {
    this.#path = path;
    this.#handle = openForReading(path);
    this.#handle.exec('PRAGMA cache_size = -65536');
    this.#db = new PreparedStatements(this.#handle);
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
      case 'curves':
        return this.#curves(question, isStopped);
      case 'values':
        return this.#values(question);
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

  #curves(question: Extract<Question, { kind: 'curves' }>, isStopped: () => boolean): Curve[] {
    const { runs, tags, shown = 'tensorboard', width, from, to, positions = false } = question;
    const find = this.#db.prepare('SELECT id FROM series WHERE run = ? AND tag = ? AND count > 0');
    return runs.flatMap((run) => {
      const { id } = this.#run(run);
      return tags.flatMap((tag): Curve[] => {
        const series = find.get(id, tag)?.['id'];
        if (series === undefined) return [];
        const points = readScalars(this.#db, Number(series), isStopped);
        if (points.step.length === 0) return [];
        const kept = this.#shown(points, shown, id).filter((i) => {
          const step = points.step[i] as number;
          return (from === undefined || step >= from) && (to === undefined || step <= to);
        });
        const isExact = width === undefined || kept.length <= width;
        const data = isExact ? exactPoints(points, kept, positions) : bucketsOf(points, kept, width);
        return [{ run, tag, count: kept.length, data }];
      });
    });
  }

  #shown({ step, file, offset, fileNames }: ScalarPoints, rule: Shown, run: number): Uint32Array {
    return shownPoints(
      step,
      rule,
      () => ({ file, offset }),
      () => this.#sessionStarts(run, fileNames),
    );
  }

  /** Returns the session starts of a run after its first one, with the index of their files among `fileNames`. */
  #sessionStarts(run: number, fileNames: readonly string[]): SessionStart[] {
    const rows = this.#db
      .prepare(
        `SELECT file.name, mark."offset", mark.step, mark.payload FROM file
         CROSS JOIN mark ON mark.file = file.id AND mark.generation = file.generation
         WHERE file.run = ? AND mark.kind = 'session_log' ORDER BY file.name, mark."offset"`,
      )
      .all(run);
    const starts = rows.filter(({ payload }) => payload instanceof Uint8Array && SESSION_START.equals(payload.subarray(0, 2)));
    return starts.slice(1).map((row) => {
      const name = String(row['name']);
      const place = fileNames.indexOf(name);
      // A file without points of this series: its start is between those that have some.
      const file = place >= 0 ? place : fileNames.filter((other) => Buffer.compare(Buffer.from(other), Buffer.from(name)) < 0).length - 0.5;
      return { file, offset: Number(row['offset']), step: Number(row['step']) };
    });
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
    const fileNames = [...new Set(rows.map(({ file }) => String(file)))];
    const kept = shownPoints(
      rows.map(({ step }) => Number(wide(step))),
      shown,
      () => ({ file: rows.map(({ file }) => fileNames.indexOf(String(file))), offset: rows.map(({ offset }) => Number(offset)) }),
      () => this.#sessionStarts(id, fileNames),
    );
    const data = this.#db.prepare('SELECT data FROM object WHERE id = ?');
    const last = kept.subarray(Math.max(0, kept.length - Math.max(1, Math.min(MOST_VALUES, Math.floor(limit)))));
    return [...last].map((i): StoredValue => {
      const row = rows[i] as Record<string, unknown>;
      return {
        step: wide(row['step']),
        wallTime: typeof row['odd_wall_time'] === 'string' ? -0 : row['wall_time'] === null ? Number.NaN : Number(row['wall_time']),
        kind: String(row['kind']),
        value: JSON.parse(String(data.get(Number(row['id']))?.['data'])) as Json,
        media: this.#media(Number(row['id'])),
        position: { file: String(row['file']), offset: Number(row['offset']), index: Number(row['idx']) },
      };
    });
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

  #damage(runs: readonly QueriedRun[]): DamagedRange[] {
    const reader = new StoreReader(this.#handle, this.#path);
    const damaged = this.#db.prepare("SELECT 1 FROM file WHERE run = ? AND damage <> '[]' LIMIT 1");
    return runs.flatMap(({ id, run }) =>
      damaged.get(id) === undefined
        ? []
        : reader.positions(run).files.flatMap((file) => file.damage.map((range) => ({ ...range, run, file: file.name }))),
    );
  }

  #run(run: RunRef): QueriedRun {
    const [found] = this.#runs.selected({ root: run.root, runs: [run] });
    if (found !== undefined) return found;
    throw new MirrorError('MB3021', `the store ${this.#path} has no run ${run.root}/${run.path}`, {
      hint: '`mirrorboard run list` lists the runs.',
      context: { root: run.root, run: run.path },
    });
  }
}

function exactPoints(points: ScalarPoints, indexes: Uint32Array, withPositions: boolean): ExactPoints {
  const list = [...indexes];
  const at = (column: Float64Array | Uint32Array, i: number): number => column[i] as number;
  return {
    kind: 'exact',
    step: list.map((i) => points.wideSteps.get(i) ?? at(points.step, i)),
    wallTime: list.map((i) => at(points.wallTime, i)),
    value: list.map((i) => points.wideValues.get(i) ?? at(points.value, i)),
    ...(withPositions
      ? {
          position: list.map((i) => ({
            file: points.fileNames[at(points.file, i)] ?? '',
            offset: at(points.offset, i),
            index: at(points.index, i),
          })),
        }
      : {}),
  };
}
