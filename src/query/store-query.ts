/**
 * Answers questions about a local store, also while another process writes to it. Each answer is one snapshot. It
 * works in the calling thread: `StoreQueries` works in a thread of its own.
 */
import type { DatabaseSync } from 'node:sqlite';
import {
  type BareScalar,
  BucketReader,
  exact,
  hasOldLayout,
  openReadable,
  PreparedStatements,
  StoreReader,
  translated,
  wide,
} from '../backends/local/index.ts';
import { MirrorError } from '../errors.ts';
import type { DataClass, RunRef } from '../model/index.ts';
import { bucketsOf } from './buckets.ts';
import { curvePage } from './curve-page.ts';
import type {
  Answers,
  Curve,
  DamagedRange,
  ExactPoints,
  MediaFile,
  PluginSummary,
  PointPosition,
  Question,
  RootSummary,
  RunProgress,
  SeriesDetails,
  SessionStart,
  Shown,
  Smoothing,
  StoredFile,
  StoredValue,
  TagSummary,
  ValuePage,
} from './questions.ts';
import { type QueriedRun, RunTable } from './run-table.ts';
import { RunQuestions } from './runs.ts';
import { lastScalar, type PlacedScalar, Stopped } from './scalars.ts';
import { SeriesQuestions } from './series-questions.ts';
import { shownPoints } from './shown.ts';
import { type ScalarSources, shownPlaced, shownScalars } from './shown-scalars.ts';
import { smoothed } from './smooth.ts';
import { isDrawnFromBuckets, MOST_READ_POINTS, type StoredCurve, storedCurve } from './stored-curve.ts';
import { valuePage } from './value-page.ts';
import { allSessionStarts, findValue, placedValues, sessionStarts, storedValue } from './values.ts';

/** The number of values of one answer. */
const VALUES = 100;
const MOST_VALUES = 10_000;

const SERIES_OF_RUN = 'SELECT id FROM series WHERE run = ? AND tag = (SELECT id FROM tag WHERE name = ?)';
const TAGS_OF_ROOTS = `SELECT tag.name AS tag, plugin, sum(runs) AS runs, sum(points) AS points
  FROM root CROSS JOIN tag_use ON tag_use.root = root.id CROSS JOIN tag ON tag.id = tag_use.tag
  WHERE runs > 0 AND (?1 IS NULL OR root.name = ?1) AND (?2 IS NULL OR plugin = ?2) GROUP BY tag_use.tag, plugin ORDER BY tag.name, plugin`;
const TAGS_OF_RUNS = `SELECT tag.name AS tag, plugin, runs, points FROM (
    SELECT series.tag AS id, definition.plugin, count(*) AS runs, sum(series.count) AS points
    FROM json_each(?1) AS chosen CROSS JOIN series ON series.run = chosen.value
    CROSS JOIN definition ON definition.id = series.definition
    WHERE series.count > 0 AND (?2 IS NULL OR definition.plugin = ?2) GROUP BY series.tag, definition.plugin
  ) AS used CROSS JOIN tag ON tag.id = used.id ORDER BY tag.name, plugin`;
type ValueOptions = Pick<Extract<Question, { kind: 'valuePage' }>, 'shown' | 'limit' | 'mostBytes' | 'before'>;

/** A store that answers questions in the calling thread. */
export class StoreQuery {
  /** True if later changes of the file are not seen: then it must be opened again. */
  readonly isFrozen: boolean;
  readonly #path: string;
  readonly #wasOld: boolean;
  readonly #handle: DatabaseSync;
  readonly #db: PreparedStatements;
  readonly #store: StoreReader;
  readonly #sources: ScalarSources;
  readonly #runs: RunQuestions;
  readonly #selected: SeriesQuestions;
  readonly #table: RunTable;

  /** Opens the store. Throws MB3007 if there is no store, otherwise as `openStore`. */
  constructor(path: string) {
    this.#path = path;
    const { db, isFrozen } = openReadable(path);
    this.#handle = db;
    this.isFrozen = isFrozen;
    this.#handle.exec('PRAGMA cache_size = -65536');
    this.#db = new PreparedStatements(this.#handle);
    this.#wasOld = hasOldLayout(this.#handle);
    this.#store = new StoreReader(this.#handle, path);
    this.#sources = { db: this.#db, store: this.#store, buckets: new BucketReader(this.#handle) };
    this.#table = new RunTable(this.#db);
    this.#runs = new RunQuestions(this.#db, this.#table);
    this.#selected = new SeriesQuestions(this.#sources, this.#runs);
  }

  /** Answers a question. Calls `isStopped` from time to time, and throws `Stopped` once it returns true. */
  ask<Kind extends Question['kind']>(question: Extract<Question, { kind: Kind }>, isStopped: () => boolean = () => false): Answers[Kind] {
    try {
      this.#handle.exec('BEGIN');
      try {
        this.#runs.begin(isStopped);
        return this.#answer(question, isStopped) as Answers[Kind];
      } finally {
        this.#handle.exec('COMMIT');
      }
    } catch (error) {
      throw error instanceof Stopped ? error : translated(error, this.#path, 'reading');
    }
  }

  /** True if another process has upgraded the store since it was opened: then it must be opened again. */
  get isOutdated(): boolean {
    return this.#wasOld && !hasOldLayout(this.#handle);
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
      case 'curvePage':
        return curvePage(question, {
          page: (page) => this.#runs.page(page),
          curves: (curves) => this.#curves(curves, isStopped),
          has: (run) => this.#runs.find(run) !== undefined,
        });
      case 'values':
        return this.#valuePage(question, isStopped).values;
      case 'valuePage':
        return this.#valuePage(question, isStopped);
      case 'media':
        return this.#mediaFile(question.sha256);
      case 'value':
        return this.#value(question.id);
      case 'starts':
        return this.#runs.starts(question.root);
      case 'listing':
        return this.#selected.listing(question.select, isStopped);
      case 'samples':
        return this.#selected.scalars(question, isStopped);
      case 'valueSamples':
        return this.#selected.values(question, isStopped);
      case 'hparams':
        return this.#runs.params(this.#runs.selected(question.select));
      case 'damage':
        return this.#damage(this.#runs.selected(question.select), isStopped);
      case 'sessions':
        return this.#sessions(question.run);
      case 'progress':
        return this.#progress(question.runs);
      case 'changes':
        return this.#table.changes(question.since);
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
        `SELECT plugin, sum(runs) AS series, sum(points) AS points FROM root CROSS JOIN tag_use ON tag_use.root = root.id
         WHERE (?1 IS NULL OR root.name = ?1) AND runs > 0 GROUP BY plugin ORDER BY plugin`,
      )
      .all(root ?? null)
      .map(({ plugin, series, points }) => ({ plugin: String(plugin), series: Number(series), points: Number(points) }));
  }

  #tags({ select, plugin }: Extract<Question, { kind: 'tags' }>): TagSummary[] {
    const isWholeRoots = select?.runs === undefined && select?.filter === undefined && !this.#runs.hidesAny(select?.visibility);
    const rows = isWholeRoots
      ? this.#db.prepare(TAGS_OF_ROOTS).all(select?.root ?? null, plugin ?? null)
      : this.#db.prepare(TAGS_OF_RUNS).all(JSON.stringify(this.#runs.selected(select).map(({ id }) => id)), plugin ?? null);
    return rows.map((row) => ({
      tag: String(row['tag']),
      plugin: String(row['plugin']),
      runs: Number(row['runs']),
      points: Number(row['points']),
    }));
  }

  #series({ id }: QueriedRun): SeriesDetails[] {
    return this.#db
      .prepare(
        `SELECT series.id, tag.name AS tag, plugin, data_class, display_name, description, count, ${exact('first_step')} AS first_step,
           ${exact('last_step')} AS last_step, last_wall_time, min, max, end_value, end_odd_value
         FROM series CROSS JOIN tag ON tag.id = series.tag CROSS JOIN definition ON definition.id = series.definition
         WHERE run = ? AND count > 0 ORDER BY tag.name`,
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
        last:
          lastScalar(this.#db, {
            series: Number(row['id']),
            endValue: row['end_value'] as number | null,
            endOddValue: row['end_odd_value'] as string | null,
          }) ?? null,
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
    const { runs, tags, shown = 'tensorboard', width, from, to, positions = false, smooth } = question;
    const find = this.#db.prepare('SELECT id, count FROM series WHERE run = ? AND tag = (SELECT id FROM tag WHERE name = ?) AND count > 0');
    return runs.flatMap((run) => {
      const { id } = this.#run(run);
      return tags.flatMap((tag): Curve[] => {
        const found = find.get(id, tag);
        if (found === undefined) return [];
        const [series, isLong] = [Number(found['id']), Number(found['count']) > MOST_READ_POINTS];
        const options = { shown, width, from, to, smooth, positions };
        const short = isLong ? this.#shortened(id, series, options) : undefined;
        const data = short ?? this.#wholeCurve(id, series, options, isStopped);
        return data === undefined ? [] : [{ run, tag, ...data }];
      });
    });
  }

  /** Returns a long curve without reading all of its points; undefined if it needs all of them. */
  #shortened(run: number, series: number, { width, smooth, positions, ...range }: CurveParts): CurveData | undefined {
    if (width === undefined || smooth !== undefined || positions) return undefined;
    const stored = this.#storedCurve(run, series, range);
    if (stored === undefined) return undefined;
    const { count } = stored;
    if (isDrawnFromBuckets(count, width)) return { count, data: stored.buckets(width) };
    const points = stored.points();
    return { count, data: count <= width ? exactPoints(points) : bucketsOf(points, width) };
  }

  #wholeCurve(run: number, series: number, parts: CurveParts, isStopped: () => boolean): CurveData | undefined {
    const rows = { series, run };
    if (!parts.positions) return curveOf(shownScalars(this.#sources, rows, parts.shown, isStopped), parts);
    return curveOf(shownPlaced(this.#sources, rows, parts.shown, isStopped), parts, positionsOf);
  }

  /** Returns a long curve by the buckets of the store, if they tell it. */
  #storedCurve(
    run: number,
    series: number,
    { shown, ...range }: { shown: Shown; from: number | undefined; to: number | undefined },
  ): StoredCurve | undefined {
    if (shown === 'python' && sessionStarts(this.#db, run).length > 0) return undefined;
    return storedCurve(this.#sources.buckets, series, { ...range, shown: shown === 'python' ? 'all' : shown });
  }

  #valuePage(
    question: Pick<Extract<Question, { kind: 'valuePage' }>, 'run' | 'tag'> & Partial<ValueOptions>,
    isStopped: () => boolean,
  ): ValuePage {
    const { run, tag, shown = 'tensorboard', limit = VALUES, mostBytes = Number.POSITIVE_INFINITY, before } = question;
    const { id } = this.#run(run);
    const found = this.#db.prepare(SERIES_OF_RUN).get(id, tag)?.['id'];
    if (found === undefined) return { total: 0, values: [], next: undefined };
    const kept = shownPoints(placedValues(this.#db, Number(found)), shown, () => sessionStarts(this.#db, id));
    const most = Math.max(1, Math.min(MOST_VALUES, Math.floor(limit)));
    return valuePage(this.#db, kept, { limit: most, mostBytes, before, isStopped });
  }

  #value(id: number): StoredValue | undefined {
    const placed = findValue(this.#db, id);
    return placed === undefined ? undefined : storedValue(this.#db, placed);
  }

  #mediaFile(sha256: string): MediaFile | undefined {
    const row = this.#db.prepare('SELECT sha256, bytes, path FROM blob WHERE sha256 = ?').get(sha256);
    return row === undefined ? undefined : { sha256: String(row['sha256']), bytes: Number(row['bytes']), path: String(row['path']) };
  }

  #damage(runs: readonly QueriedRun[], isStopped: () => boolean): DamagedRange[] {
    return runs.flatMap(({ isDamaged, run }) => {
      if (isStopped()) throw new Stopped();
      if (!isDamaged) return [];
      return this.#store.positions(run).files.flatMap((file) => file.damage.map((range) => ({ ...range, run, file: file.name })));
    });
  }

  #progress(runs: readonly RunRef[]): RunProgress[] {
    return runs.flatMap((run) => {
      const found = this.#runs.find(run);
      return found === undefined ? [] : [{ run, bytes: found.bytes, readBytes: found.readBytes }];
    });
  }

  #sessions(run: RunRef): readonly SessionStart[] {
    const found = this.#runs.find(run);
    return found === undefined ? [] : allSessionStarts(this.#db, found.id);
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

interface CurveParts {
  readonly shown: Shown;
  readonly width: number | undefined;
  readonly from: number | undefined;
  readonly to: number | undefined;
  readonly smooth: Smoothing | undefined;
  readonly positions: boolean;
}
type CurveData = Pick<Curve, 'count' | 'data'>;

/** Returns the part of a curve that a question asks for; undefined if there are no points at all. */
function curveOf<Point extends BareScalar>(
  all: readonly Point[],
  { width, from, to, smooth }: CurveParts,
  positions?: (points: readonly Point[]) => PointPosition[],
): CurveData | undefined {
  if (all.length === 0) return undefined;
  const isKept = ({ step }: BareScalar): boolean => (from === undefined || step >= from) && (to === undefined || step <= to);
  const kept = all.filter(isKept);
  // Of all points, so that a range has the same averages as the whole.
  const averages = smooth === undefined ? undefined : averagesOf(all, smooth).filter((_, i) => isKept(all[i] as Point));
  const count = kept.length;
  if (width !== undefined && count > width) return { count, data: bucketsOf(kept, width, averages) };
  const position = positions?.(kept);
  return { count, data: { ...exactPoints(kept, averages), ...(position === undefined ? {} : { position }) } };
}

function averagesOf(points: readonly BareScalar[], { weight, by = 'step' }: Smoothing): Float64Array {
  const x = Float64Array.from(points, by === 'step' ? ({ step }) => Number(step) : ({ wallTime }) => wallTime);
  return smoothed(
    x,
    Float64Array.from(points, ({ value }) => Number(value)),
    weight,
  );
}

function exactPoints(points: readonly BareScalar[], averages?: Float64Array): ExactPoints {
  return {
    kind: 'exact',
    step: points.map(({ step }) => step),
    wallTime: points.map(({ wallTime }) => wallTime),
    value: points.map(({ value }) => value),
    ...(averages === undefined ? {} : { smoothed: [...averages] }),
  };
}

function positionsOf(points: readonly PlacedScalar[]): PointPosition[] {
  return points.map(({ file, offset, index }) => ({ file, offset, index }));
}
