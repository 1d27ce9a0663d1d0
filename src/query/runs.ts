/** Selects and sorts the runs of a question, and fills the listing. */
import type { PreparedStatements } from '../backends/local/index.ts';
import { MirrorError } from '../errors.ts';
import { type Json, keyOfRun, type RunRef } from '../model/index.ts';
import { compareRuns, cursorAfter, runBefore, type SortedRun, type SortOrder, textKey } from './page-cursor.ts';
import type { MetricSummary, MetricValue, Question, RunOrder, RunPage, RunSelection, RunStart, RunSummary } from './questions.ts';
import { type Condition, type ConditionTest, compares, globMatcher, parseRunFilter } from './run-filter.ts';
import type { OfRun, QueriedRun, RunTable } from './run-table.ts';
import { lastScalar, type SeriesEnd, Stopped } from './scalars.ts';
import { startOf } from './start-of-run.ts';

const PAGE = 1000;
/** The most runs of one page. */
const MOST_PAGE = 10_000;

/** The most metrics whose values of all runs are remembered. */
const MOST_METRICS = 128;

/** The answers to questions about runs as a whole. */
export class RunQuestions {
  readonly #db: PreparedStatements;
  readonly #table: RunTable;
  #isStopped: () => boolean = () => false;
  /** What is known of each run: the metrics by tag, the params, the number of its series, its start. */
  readonly #metrics = new Map<string, () => ReadonlyMap<number, Metric>>();
  readonly #params: () => ReadonlyMap<number, Params>;
  readonly #seriesCount: OfRun<number>;
  readonly #start: OfRun<number | null>;

  constructor(db: PreparedStatements, table: RunTable) {
    this.#db = db;
    this.#table = table;
    this.#params = table.rememberingAll(
      () => this.#readParams(undefined),
      ({ id }) => this.#readParams(id).get(id),
    );
    this.#seriesCount = table.remembering(({ id }) =>
      Number(this.#db.prepare('SELECT count(*) AS n FROM series WHERE run = ?').get(id)?.['n']),
    );
    this.#start = table.remembering(({ id, firstWallTime }) => {
      const first = this.#db.prepare('SELECT name, first_wall_time FROM file WHERE run = ? AND records > 0 ORDER BY name LIMIT 1').get(id);
      if (first === undefined) return null;
      return (first['first_wall_time'] as number | null) ?? startOf(String(first['name']), firstWallTime);
    });
  }

  /** Begins a question. `isStopped`: see `StoreQuery.ask`. */
  begin(isStopped: () => boolean): void {
    this.#isStopped = isStopped;
  }

  /** Returns the runs that meet a selection, by root and path. */
  selected({ root, runs, filter, visibility }: RunSelection = {}): QueriedRun[] {
    const conditions = filter === undefined ? [] : parseRunFilter(filter);
    const wanted = runs === undefined ? undefined : new Set(runs.map(keyOfRun));
    const found = this.#table
      .all()
      .filter(
        (each) =>
          (root === undefined || each.run.root === root) &&
          (wanted === undefined || wanted.has(keyOfRun(each.run))) &&
          (visibility === undefined || visibility.includes(each.visibility)),
      );
    return conditions.reduce((runsLeft, condition) => this.#meeting(runsLeft, condition), found);
  }

  /** True if a selection leaves runs out because of their visibility. */
  hidesAny(visibility: RunSelection['visibility']): boolean {
    if (visibility === undefined) return false;
    return this.#table.all().some((each) => !visibility.includes(each.visibility));
  }

  /** Returns one run; undefined if the store does not have it. */
  find(run: RunRef): QueriedRun | undefined {
    return this.#table.find(run);
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
      runs: shown.map(({ found }) => {
        this.#check();
        return this.#summary(found, metricsByRun, paramsByRun);
      }),
      next: last !== undefined && from + size < sorted.length ? cursorAfter(last) : undefined,
    };
  }

  /** Returns the params of runs, from the last session start of each. */
  params(runs: readonly QueriedRun[]): { readonly run: RunRef; readonly params: Readonly<Record<string, Json>> }[] {
    this.#check();
    const known = this.#params();
    return runs.flatMap(({ id, run }) => {
      const params = known.get(id);
      return params === undefined ? [] : [{ run, params }];
    });
  }

  /** Returns the start of each run, by root and path. */
  starts(root: string | undefined): RunStart[] {
    return this.selected({ ...(root === undefined ? {} : { root }) }).map((found) => ({ run: found.run, startTime: this.#start(found) }));
  }

  #summary(
    found: QueriedRun,
    metrics: readonly (readonly [string, ReadonlyMap<number, Metric>])[],
    params: readonly (readonly [string, ReadonlyMap<number, Json>])[],
  ): RunSummary {
    const { id, run, points, files, bytes, lastStep, firstWallTime, lastWallTime, isDamaged, visibility } = found;
    return {
      run,
      points,
      tags: this.#seriesCount(found),
      files,
      bytes,
      lastStep,
      firstWallTime,
      lastWallTime,
      isDamaged,
      visibility,
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

  #sorted(runs: readonly QueriedRun[], order: RunOrder): (SortedRun & { readonly found: QueriedRun })[] {
    const keys = this.#sortKeys(runs, order);
    const listed = runs.map((found) => ({ found, run: found.run, key: keys.get(found.id) }));
    // The selection is in the order of names.
    if (order.by === 'run') return order.descending === true ? listed.reverse() : listed;
    const rules = orderOf(order);
    return listed.sort((a, b) => compareRuns(a, b, rules));
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

  /** Returns a test for runs that have a matching tag. It checks each tag once, however many runs have it. */
  #havingTag(matches: (tag: string) => boolean): (run: QueriedRun) => boolean {
    const uses = this.#db
      .prepare(
        `SELECT root.name AS root, tag_use.tag AS id, tag.name, tag_use.runs FROM tag_use
         JOIN root ON root.id = tag_use.root JOIN tag ON tag.id = tag_use.tag`,
      )
      .all()
      .filter(({ name, runs }) => Number(runs) > 0 && matches(String(name)));
    const sizes = Map.groupBy(this.#table.all(), ({ run }) => run.root);
    // Most tags are in all runs of their root: then there is nothing to look up.
    const isWhole = new Set(uses.filter(({ root, runs }) => sizes.get(String(root))?.length === runs).map(({ root }) => String(root)));
    const runsOf = this.#db.prepare('SELECT run FROM series WHERE tag = ? AND count > 0');
    const found = new Set<number>();
    const others = new Set(uses.filter(({ root }) => !isWhole.has(String(root))).map(({ id }) => id as number | string));
    for (const tag of others) {
      this.#check();
      for (const { run } of runsOf.all(tag)) found.add(Number(run));
    }
    return ({ id, run }) => isWhole.has(run.root) || found.has(id);
  }

  #check(): void {
    if (this.#isStopped()) throw new Stopped();
  }

  /** Returns the series of scalars with a tag, by the row of the run. */
  #metricOf(tag: string): ReadonlyMap<number, Metric> {
    let known = this.#metrics.get(tag);
    this.#metrics.delete(tag);
    known ??= this.#table.rememberingAll(
      () => this.#readMetric(tag, undefined),
      ({ id }) => this.#readMetric(tag, id).get(id),
    );
    // Set again, a tag is the last one to go.
    this.#metrics.set(tag, known);
    const [oldest] = this.#metrics.keys();
    if (this.#metrics.size > MOST_METRICS && oldest !== undefined) this.#metrics.delete(oldest);
    this.#check();
    return known();
  }

  /** Returns the values of a param, by the row of the run: from its last session start. */
  #paramOf(name: string): ReadonlyMap<number, Json> {
    const values = new Map<number, Json>();
    for (const [id, params] of this.#params()) {
      const value = Object.hasOwn(params, name) ? params[name] : undefined;
      if (value !== undefined) values.set(id, value);
    }
    this.#check();
    return values;
  }

  #valueOf(metric: Metric, of: MetricValue): number | bigint | null {
    return of === 'min' ? metric.min : of === 'max' ? metric.max : (lastScalar(this.#db, metric) ?? null);
  }

  #readMetric(tag: string, run: number | undefined): Map<number, Metric> {
    const statement = this.#db.prepare(
      `SELECT series.run, series.id, count, min, max, end_value, end_odd_value FROM series
       CROSS JOIN definition ON definition.id = series.definition
       WHERE tag = (SELECT id FROM tag WHERE name = ?) ${run === undefined ? '' : 'AND run = ?'} AND data_class = 'scalar' AND count > 0`,
    );
    statement.setReturnArrays(true);
    const rows = (run === undefined ? statement.all(tag) : statement.all(tag, run)) as unknown as MetricRow[];
    return new Map(
      rows.map(([id, series, count, min, max, endValue, endOddValue]) => [id, { series, count, min, max, endValue, endOddValue }]),
    );
  }

  #readParams(run: number | undefined): Map<number, Params> {
    const ofRuns = run === undefined ? 'FROM object CROSS JOIN series ON series.id = object.series' : OBJECTS_OF_RUN;
    const statement = this.#db.prepare(
      `SELECT series.run, object.id ${ofRuns} CROSS JOIN file ON file.id = object.file AND file.generation = object.generation
       WHERE object.kind = 'hparams' ${run === undefined ? '' : 'AND series.run = ?'}
         AND EXISTS (SELECT 1 FROM hparam WHERE hparam.object = object.id) ORDER BY file.name, object."offset"`,
    );
    statement.setReturnArrays(true);
    const rows = (run === undefined ? statement.all() : statement.all(run)) as unknown as [number, number][];
    const hparams = this.#db.prepare(
      `SELECT substr(name, 1, ${MOST_PARAM_CHARS}) AS name, substr(value, 1, ${MOST_PARAM_CHARS}) AS value, number, type,
         length(value) > ${MOST_PARAM_CHARS} AS is_cut FROM hparam WHERE object = ?`,
    );
    let chars = 0;
    // The last session start of a run wins.
    return new Map(
      Array.from(new Map(rows), ([id, object]) => {
        this.#check();
        const params: [string, Json][] = [];
        for (const row of hparams.iterate(object)) {
          const name = String(row['name']);
          params.push([name, paramOf(row)]);
          chars += name.length + String(row['value']).length + PARAM_CHARS;
          if (chars > MOST_PARAMS_CHARS) {
            throw new MirrorError('MB5004', `the hyperparameters of all runs have more than ${MOST_PARAMS_CHARS} characters`, {
              hint: 'Ask without params. `mirrorboard export` has them all.',
            });
          }
        }
        return [id, Object.fromEntries(params)];
      }),
    );
  }
}

/** The most characters of a name and of a text: a log may have a file as a hyperparameter. The rest is cut. */
const MOST_PARAM_CHARS = 4096;
/** The most characters of all of them together, and what one counts beside its own. */
const MOST_PARAMS_CHARS = 100_000_000;
const PARAM_CHARS = 50;

const OBJECTS_OF_RUN = 'FROM series CROSS JOIN object ON object.series = series.id';

type Params = Readonly<Record<string, Json>>;
type MetricRow = readonly [
  run: number,
  series: number,
  count: number,
  min: number | null,
  max: number | null,
  endValue: number | null,
  endOddValue: string | null,
];

interface Metric extends SeriesEnd {
  readonly count: number;
  readonly min: number | null;
  readonly max: number | null;
}

function paramOf(row: Record<string, unknown>): Json {
  if (row['is_cut'] === 1) return `${String(row['value'])}…`;
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
