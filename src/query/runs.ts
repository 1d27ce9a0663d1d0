/** Selects and sorts the runs of a question, and fills the listing. */
import { exact, type PreparedStatements, wide } from '../backends/local/index.ts';
import { compareNames, type Json, keyOfRun, type RunRef } from '../model/index.ts';
import { compareRuns, cursorAfter, runBefore, type SortedRun, type SortOrder, textKey } from './page-cursor.ts';
import type { MetricSummary, MetricValue, Question, RunOrder, RunPage, RunSelection, RunStart, RunSummary } from './questions.ts';
import { type Condition, type ConditionTest, compares, globMatcher, parseRunFilter } from './run-filter.ts';
import { lastScalar, type SeriesEnd, Stopped } from './scalars.ts';
import { startOf } from './start-of-run.ts';

/** A run of the store with its row. */
export interface QueriedRun {
  readonly id: number;
  readonly run: RunRef;
  readonly points: number;
  readonly lastStep: number | bigint | null;
  readonly firstWallTime: number | null;
  readonly lastWallTime: number | null;
}

const RUNS = `SELECT run.id, root.name AS root, run.path, run.points, ${exact('run.last_step')} AS last_step,
  run.first_wall_time, run.last_wall_time FROM run JOIN root ON root.id = run.root`;
const PAGE = 1000;
/** The most runs of one page. */
const MOST_PAGE = 10_000;

/** The answers to questions about runs as a whole. */
export class RunQuestions {
  readonly #db: PreparedStatements;
  #isStopped: () => boolean = () => false;
  /** What the current question has looked up, by tag or name. */
  readonly #metrics = new Map<string, ReadonlyMap<number, Metric>>();
  readonly #params = new Map<string, ReadonlyMap<number, Json>>();

  constructor(db: PreparedStatements) {
    this.#db = db;
  }

  /** Begins a question: what was looked up for the last one is no longer valid. `isStopped`: see `StoreQuery.ask`. */
  begin(isStopped: () => boolean): void {
    this.#isStopped = isStopped;
    this.#metrics.clear();
    this.#params.clear();
  }

  /** Returns the runs that meet a selection, by root and path. */
  selected({ root, runs, filter }: RunSelection = {}): QueriedRun[] {
    const conditions = filter === undefined ? [] : parseRunFilter(filter);
    const wanted = runs === undefined ? undefined : new Set(runs.map(keyOfRun));
    const found = this.#db
      .prepare(`${RUNS} WHERE ?1 IS NULL OR root.name = ?1`)
      .all(root ?? null)
      .map(queriedRun)
      .filter(({ run }) => wanted === undefined || wanted.has(keyOfRun(run)));
    const left = conditions.reduce((runsLeft, condition) => this.#meeting(runsLeft, condition), found);
    return left.sort((a, b) => compareNames(a.run.root, b.run.root) || compareNames(a.run.path, b.run.path));
  }

  /** Returns one run; undefined if the store does not have it. */
  find({ root, path }: RunRef): QueriedRun | undefined {
    const row = this.#db.prepare(`${RUNS} WHERE root.name = ? AND run.path = ?`).get(root, path);
    return row === undefined ? undefined : queriedRun(row);
  }

  /** Returns a page of a listing. Throws MB3024 for an invalid filter or page. */
  page({ select, order = { by: 'run' }, limit = PAGE, after, metrics = [], params = [] }: Extract<Question, { kind: 'runs' }>): RunPage {
    const sorted = this.#sorted(this.selected(select), order);
    const rules = orderOf(order);
    const before = after === undefined ? undefined : runBefore(after);
    const from = before === undefined ? 0 : sorted.findIndex((each) => compareRuns(each, before, rules) > 0);
    const size = Math.max(1, Math.min(MOST_PAGE, Math.floor(limit)));
    const shown = from < 0 ? [] : sorted.slice(from, from + size);
    const last = shown.at(-1);
    const metricsByRun = metrics.map((tag) => [tag, this.#metricOf(tag)] as const);
    const paramsByRun = params.map((name) => [name, this.#paramOf(name)] as const);
    return {
      total: sorted.length,
      runs: shown.map((found) => {
        this.#check();
        return this.#summary(found, metricsByRun, paramsByRun);
      }),
      next: last !== undefined && from + size < sorted.length ? cursorAfter(last) : undefined,
    };
  }

  /** Returns the params of runs, from the last session start of each. */
  params(runs: readonly QueriedRun[]): { readonly run: RunRef; readonly params: Readonly<Record<string, Json>> }[] {
    const statement = this.#db.prepare(
      `SELECT hparam.name, hparam.value, hparam.number, hparam.type FROM hparam WHERE hparam.object = (
         SELECT object.id FROM series CROSS JOIN object ON object.series = series.id
         CROSS JOIN file ON file.id = object.file AND file.generation = object.generation
         WHERE series.run = ? AND object.kind = 'hparams' AND EXISTS (SELECT 1 FROM hparam WHERE hparam.object = object.id)
         ORDER BY file.name DESC, object."offset" DESC LIMIT 1)`,
    );
    return runs.flatMap(({ id, run }) => {
      this.#check();
      const rows = statement.all(id);
      return rows.length === 0 ? [] : [{ run, params: Object.fromEntries(rows.map((row) => [String(row['name']), paramOf(row)])) }];
    });
  }

  /** Returns the start of each run, by root and path. */
  starts(root: string | undefined): RunStart[] {
    const file = this.#db.prepare('SELECT name, first_wall_time FROM file WHERE run = ? AND records > 0 ORDER BY name LIMIT 1');
    return this.selected({ ...(root === undefined ? {} : { root }) }).map(({ id, run, firstWallTime }) => {
      const first = file.get(id);
      if (first === undefined) return { run, startTime: null };
      const startTime = first['first_wall_time'] as number | null;
      return { run, startTime: startTime ?? startOf(String(first['name']), firstWallTime) };
    });
  }

  #summary(
    { id, ...found }: QueriedRun,
    metrics: readonly (readonly [string, ReadonlyMap<number, Metric>])[],
    params: readonly (readonly [string, ReadonlyMap<number, Json>])[],
  ): RunSummary {
    const counted = this.#db
      .prepare(
        `SELECT (SELECT count(*) FROM series WHERE series.run = ?1) AS tags, count(*) AS files, coalesce(sum(size), 0) AS bytes,
           coalesce(sum(damage <> '[]' OR gaps <> '[]'), 0) AS damaged FROM file WHERE run = ?1`,
      )
      .get(id);
    return {
      ...found,
      tags: Number(counted?.['tags']),
      files: Number(counted?.['files']),
      bytes: Number(counted?.['bytes']),
      isDamaged: Number(counted?.['damaged']) > 0,
      metrics: Object.fromEntries(
        metrics.flatMap(([tag, byRun]): [string, MetricSummary][] => {
          const metric = byRun.get(id);
          if (metric === undefined) return [];
          const { count, min, max } = metric;
          return [[tag, { count, min, max, last: lastScalar(this.#db, metric) ?? null }]];
        }),
      ),
      params: Object.fromEntries(
        params.flatMap(([name, byRun]) => {
          const value = byRun.get(id);
          return value === undefined ? [] : [[name, value]];
        }),
      ),
    };
  }

  #sorted(runs: readonly QueriedRun[], order: RunOrder): (QueriedRun & SortedRun)[] {
    const keys = this.#sortKeys(runs, order);
    const rules = orderOf(order);
    return runs.map((run) => ({ ...run, key: keys.get(run.id) })).sort((a, b) => compareRuns(a, b, rules));
  }

  #sortKeys(runs: readonly QueriedRun[], order: RunOrder): ReadonlyMap<number, number | bigint | string> {
    switch (order.by) {
      case 'run':
        return new Map();
      case 'metric': {
        const { of = 'last' } = order;
        return new Map([...this.#metricOf(order.tag)].flatMap(([id, metric]) => sortable(id, this.#valueOf(metric, of))));
      }
      case 'param':
        return new Map(
          [...this.#paramOf(order.name)].flatMap(([id, value]) => sortable(id, typeof value === 'number' ? value : textKey(String(value)))),
        );
      default: {
        const { by } = order;
        return new Map(runs.flatMap((run) => sortable(run.id, run[by])));
      }
    }
  }

  #meeting(runs: QueriedRun[], { isNegated, test }: Condition): QueriedRun[] {
    const holds = this.#tester(test);
    return runs.filter((run) => {
      this.#check();
      return holds(run) !== isNegated;
    });
  }

  #tester(test: ConditionTest): (run: QueriedRun) => boolean {
    switch (test.kind) {
      case 'contains': {
        const text = test.text.toLowerCase();
        return ({ run }) => `${run.root}/${run.path}`.toLowerCase().includes(text);
      }
      case 'run': {
        const matches = globMatcher(test.glob);
        return ({ run }) => matches(run.path);
      }
      case 'root': {
        const matches = globMatcher(test.glob);
        return ({ run }) => matches(run.root);
      }
      case 'has': {
        const matches = globMatcher(test.glob);
        return this.#havingTag(matches);
      }
      case 'compare': {
        const { of, name, operator, value } = test;
        const params = of === 'param' || of === 'either' ? this.#paramOf(name) : new Map<number, Json>();
        const metrics = of === 'param' ? new Map<number, Metric>() : this.#metricOf(name);
        const which = of === 'param' || of === 'either' ? 'last' : of;
        return ({ id }) => {
          const param = params.get(id);
          if (param !== undefined) return compares(typeof param === 'number' ? param : String(param), operator, value);
          const metric = metrics.get(id);
          const actual = metric === undefined ? null : this.#valueOf(metric, which);
          return actual !== null && compares(Number(actual), operator, value);
        };
      }
      default:
        return test satisfies never;
    }
  }

  /** Returns a test for runs that have a matching tag. Each tag is looked at once, however many runs have it. */
  #havingTag(matches: (tag: string) => boolean): (run: QueriedRun) => boolean {
    const runsOf = this.#db.prepare('SELECT run FROM series WHERE tag = ?');
    const found = new Set<number>();
    for (const { id, name } of this.#db.prepare('SELECT id, name FROM tag').all()) {
      if (!matches(String(name))) continue;
      for (const { run } of runsOf.all(id as number)) found.add(Number(run));
    }
    return ({ id }) => found.has(id);
  }

  #check(): void {
    if (this.#isStopped()) throw new Stopped();
  }

  /** Returns `#metric`, looked up once in a question. */
  #metricOf(tag: string): ReadonlyMap<number, Metric> {
    const known = this.#metrics.get(tag) ?? this.#metric(tag);
    this.#metrics.set(tag, known);
    this.#check();
    return known;
  }

  /** Returns `#param`, looked up once in a question. */
  #paramOf(name: string): ReadonlyMap<number, Json> {
    const known = this.#params.get(name) ?? this.#param(name);
    this.#params.set(name, known);
    this.#check();
    return known;
  }

  #valueOf(metric: Metric, of: MetricValue): number | bigint | null {
    return of === 'min' ? metric.min : of === 'max' ? metric.max : (lastScalar(this.#db, metric) ?? null);
  }

  /** Returns the series of scalars with a tag, by the row of the run. */
  #metric(tag: string): ReadonlyMap<number, Metric> {
    const statement = this.#db.prepare(
      `SELECT series.run, series.id, count, min, max, end_value, end_odd_value FROM series
       CROSS JOIN definition ON definition.id = series.definition
       WHERE tag = (SELECT id FROM tag WHERE name = ?) AND data_class = 'scalar' AND count > 0`,
    );
    statement.setReturnArrays(true);
    const rows = statement.all(tag) as unknown as [number, number, number, number | null, number | null, number | null, string | null][];
    return new Map(
      rows.map(([run, series, count, min, max, endValue, endOddValue]) => [run, { series, count, min, max, endValue, endOddValue }]),
    );
  }

  /** Returns the values of a param, by the row of the run: from its last session start. */
  #param(name: string): ReadonlyMap<number, Json> {
    const rows = this.#db
      .prepare(
        `SELECT series.run, hparam.name, hparam.value, hparam.number, hparam.type
         FROM object CROSS JOIN hparam ON hparam.object = object.id AND hparam.name = ?
         CROSS JOIN file ON file.id = object.file AND file.generation = object.generation
         CROSS JOIN series ON series.id = object.series WHERE object.kind = 'hparams'
         ORDER BY file.name, object."offset"`,
      )
      .all(name);
    // The last row wins.
    return new Map(rows.map((row) => [Number(row['run']), paramOf(row)]));
  }
}

function queriedRun(row: Record<string, unknown>): QueriedRun {
  return {
    id: Number(row['id']),
    run: { root: String(row['root']), path: String(row['path']) },
    points: Number(row['points']),
    lastStep: row['last_step'] === null ? null : wide(row['last_step']),
    firstWallTime: row['first_wall_time'] as number | null,
    lastWallTime: row['last_wall_time'] as number | null,
  };
}

interface Metric extends SeriesEnd {
  readonly count: number;
  readonly min: number | null;
  readonly max: number | null;
}

function paramOf(row: Record<string, unknown>): Json {
  switch (row['type']) {
    case 'number':
      return row['number'] === null ? Number.NaN : Number(row['number']);
    case 'bool':
      return row['value'] === 'true';
    case 'null':
      return null;
    case 'json':
      return JSON.parse(String(row['value'])) as Json;
    default:
      return String(row['value']);
  }
}

function sortable(id: number, value: number | bigint | string | null): [number, number | bigint | string][] {
  return value === null || (typeof value === 'number' && Number.isNaN(value)) ? [] : [[id, value]];
}

function orderOf({ by, descending = false }: RunOrder): SortOrder {
  return { descending, isByName: by === 'run' };
}
