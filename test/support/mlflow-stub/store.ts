// What the tracking server holds, by the keys of its SQL tables.
import { createHash } from 'node:crypto';
import { ApiError, invalid, missing } from './wire.ts';

export interface Metric {
  readonly key: string;
  readonly value: number;
  readonly timestamp: bigint;
  readonly step: bigint;
}

export interface Pair {
  readonly key: string;
  readonly value: string;
}

export interface Experiment {
  readonly id: string;
  readonly name: string;
  readonly tags: Map<string, string>;
  stage: 'active' | 'deleted';
}

export interface Run {
  readonly id: string;
  readonly experiment: Experiment;
  name: string;
  readonly user: string;
  status: string;
  readonly startTime: bigint;
  endTime: bigint | undefined;
  stage: 'active' | 'deleted';
  readonly artifactUri: string;
  /** In the file store as they came, else by (key, timestamp, step, value, is NaN). */
  readonly metrics: Map<string, Metric>;
  readonly params: Map<string, string>;
  readonly tags: Map<string, string>;
  readonly datasets: Map<string, unknown>;
  readonly order: number;
}

export const MOST_VALUE = 1.7976931348623157e308;
const PARAM_LENGTH = 6000;
const TAG_LENGTH = 8000;

/** What older versions and other databases do otherwise than the newest over SQLite. */
export interface StoreHabits {
  /**
   * What is made of points that are there already. `exact`: they are left out (3.16). `nan`: those of NaN are stumbled
   * over (3.10). `hundred`: and so is all that comes with more than a hundred entries (before). Default `exact`.
   */
  readonly replays?: 'exact' | 'nan' | 'hundred';
  /** Takes names for one that differ by case, accents or blanks at the end only: MySQL. */
  readonly foldsNames?: boolean;
  /** What it takes some letters for, where it takes names for one: `ø` for `o`. */
  readonly foldsAs?: Readonly<Record<string, string>>;
  /** Has no place for characters beyond latin1. */
  readonly isLatin1?: boolean;
  /** Has no place for characters beyond the first 65,536: utf8mb3. */
  readonly isNarrow?: boolean;
  /** Longer values of tags are refused. */
  readonly tagLength?: number;
  /** Longer values of params are refused. */
  readonly paramLength?: number;
}

export class TrackingStore {
  readonly experiments = new Map<string, Experiment>();
  readonly runs = new Map<string, Run>();
  readonly isFileStore: boolean;
  readonly #habits: StoreHabits;
  /** Metric keys that the server has something against. */
  readonly refusedKeys = new Map<string, 'rule' | 'clash'>();
  readonly artifactRoot: (experiment: string, run: string) => string;
  #made = 0;

  constructor(isFileStore: boolean, artifactRoot: (experiment: string, run: string) => string, habits: StoreHabits = {}) {
    this.isFileStore = isFileStore;
    this.#habits = habits;
    this.artifactRoot = artifactRoot;
    this.experiments.set('0', { id: '0', name: 'Default', tags: new Map(), stage: 'active' });
  }

  createExperiment(name: string, tags: readonly Pair[]): Experiment {
    if (name === '') throw invalid("Invalid experiment name: ''. The name must be a non-empty string");
    if ([...name].length > 500) throw invalid("'name' exceeds the maximum length of 500 characters");
    if ([...this.experiments.values()].some((experiment) => experiment.name === name)) {
      const sql = `(sqlite3.IntegrityError) UNIQUE constraint failed\n[SQL: INSERT INTO experiments]\n[parameters: ('${name}')]`;
      throw new ApiError(400, 'RESOURCE_ALREADY_EXISTS', `Experiment(name=${name}) already exists. Error: ${sql}`);
    }
    const id = String(this.experiments.size);
    const experiment: Experiment = { id, name, tags: new Map(tags.map(({ key, value }) => [key, value])), stage: 'active' };
    this.experiments.set(id, experiment);
    return experiment;
  }

  experiment(id: string): Experiment {
    const experiment = this.experiments.get(id);
    if (experiment === undefined) throw missing(`No Experiment with id=${id} exists`);
    return experiment;
  }

  createRun(experimentId: string, facts: { name: string; user: string; startTime: bigint; tags: readonly Pair[] }): Run {
    const experiment = this.experiment(experimentId);
    if (experiment.stage !== 'active') {
      throw invalid(`The experiment ${experiment.id} must be in the 'active' state. Current state is deleted.`);
    }
    const given = facts.tags.find(({ key }) => key === 'mlflow.runName')?.value;
    if (given !== undefined && facts.name !== '' && given !== facts.name) {
      throw invalid(
        `Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values (run_name='${facts.name}')`,
      );
    }
    // As random as the server's, so that nobody takes their order for that of creation; the same in every test.
    const id = createHash('md5').update(`run ${this.#made}`).digest('hex');
    const name = facts.name || given || `nervous-snail-${this.#made}`;
    const run: Run = {
      id,
      experiment,
      name,
      user: facts.user,
      status: 'RUNNING',
      startTime: facts.startTime,
      endTime: undefined,
      stage: 'active',
      artifactUri: this.artifactRoot(experiment.id, id),
      metrics: new Map(),
      params: new Map(),
      tags: new Map(),
      datasets: new Map(),
      order: this.#made++,
    };
    this.#checkNames([], facts.tags);
    for (const tag of [...facts.tags, { key: 'mlflow.runName', value: name }]) setTag(run, tag);
    this.runs.set(id, run);
    return run;
  }

  run(id: string): Run {
    const run = this.runs.get(id);
    if (run === undefined) throw missing(`Run with id=${id} not found`);
    return run;
  }

  /** A run that takes what it is sent: an ended one does, a deleted one does not. */
  activeRun(id: string): Run {
    const run = this.run(id);
    const stage = run.experiment.stage === 'deleted' ? 'deleted' : run.stage;
    if (stage !== 'active') throw invalid(`The run ${id} must be in the 'active' state. Current state is ${stage}.`);
    return run;
  }

  /** All of a batch, as the versions do it: what is there already is left out, or stumbled over. */
  logMetrics(run: Run, metrics: readonly Metric[]): void {
    const { replays = 'exact' } = this.#habits;
    for (const { key } of metrics) this.#checkCharacters(key);
    if (this.isFileStore) {
      for (const metric of metrics) this.logMetric(run, metric);
      return;
    }
    const stored = new Set<Metric>();
    const insert = (wanted: readonly Metric[]): void => {
      const rows = new Set([...run.metrics.keys()]);
      for (const metric of wanted.filter((each) => !stored.has(each))) {
        const { row } = rowOf(metric);
        if (rows.has(row)) throw clash(`UNIQUE constraint failed: metrics.key, metrics.timestamp [parameters: ('${metric.key}')]`);
        rows.add(row);
      }
      this.#checkNames(run.metrics.values(), wanted);
      for (const metric of wanted) {
        if (!stored.has(metric)) this.logMetric(run, metric);
        stored.add(metric);
      }
    };
    // Two that are equal in one request are one; those of NaN are equal to nobody, but to the newest versions.
    const all = [
      ...new Map(metrics.map((metric, i) => [Number.isNaN(metric.value) && replays !== 'exact' ? i : rowOf(metric).row, metric])).values(),
    ];
    const isThere = (metric: Metric): boolean => run.metrics.has(rowOf(metric).row);
    const isKnown = (metric: Metric): boolean => isThere(metric) && (replays === 'exact' || !Number.isNaN(metric.value));
    if (replays !== 'hundred' || !all.some(isThere)) {
      insert(all.filter((metric) => !isKnown(metric)));
      return;
    }
    for (let at = 0; at < all.length; at += 100) {
      const keys = new Set(all.slice(at, at + 100).map(({ key }) => key));
      const known = new Set(all.filter((metric) => keys.has(metric.key) && isKnown(metric)));
      insert(all.filter((metric) => !known.has(metric)));
    }
  }

  /** A name that the database takes for another one of the run clashes with it. */
  #checkNames(held: Iterable<{ readonly key: string }>, sent: readonly { readonly key: string }[]): void {
    if (this.#habits.foldsNames !== true) return;
    const names = new Map<string, string>();
    for (const { key } of [...held, ...sent]) {
      const other = names.get(this.#folded(key));
      if (other === undefined) names.set(this.#folded(key), key);
      else if (other !== key) throw duplicate(key);
    }
  }

  #checkCharacters(text: string): void {
    if (this.#holds(text)) return;
    const message = '(pymysql.err.OperationalError) (1267, "Illegal mix of collations (latin1_swedish_ci,IMPLICIT) and (utf8mb4)")';
    throw new ApiError(503, 'TEMPORARILY_UNAVAILABLE', message);
  }

  /** What a tag may be: longer ones are cut, or refused by the database. */
  checkTags(tags: readonly Pair[]): void {
    for (const { value } of tags) {
      this.#checkValue(value);
      const { tagLength } = this.#habits;
      if (tagLength !== undefined && [...value].length > tagLength) {
        const message = `(psycopg2.errors.StringDataRightTruncation) value too long for type character varying(${tagLength})`;
        throw new ApiError(400, 'BAD_REQUEST', message);
      }
    }
  }

  /** Two names of tags that the database takes for one can't both be there: the server tries that some times. */
  checkTagNames(run: Run, tags: readonly Pair[]): void {
    try {
      this.#checkNames(
        [...run.tags.keys()].map((key) => ({ key })),
        tags,
      );
    } catch {
      const keys = tags.map(({ key }) => `'${key}'`).join(', ');
      throw new ApiError(500, 'INTERNAL_ERROR', `Failed to set tags with given within 3 retries. Keys: [${keys}]`);
    }
  }

  /** What MySQL compares: without case and accents, and without blanks at the end. */
  #folded(name: string): string {
    const plain = name.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase().trimEnd();
    return [...plain].map((letter) => this.#habits.foldsAs?.[letter] ?? letter).join('');
  }

  #holds(text: string): boolean {
    const { isLatin1 = false, isNarrow = false } = this.#habits;
    const most = isLatin1 ? 0xff : isNarrow ? 0xffff : 0x10ffff;
    return [...text].every((character) => (character.codePointAt(0) ?? 0) <= most);
  }

  #checkValue(value: string): void {
    if (this.#holds(value)) return;
    throw new ApiError(400, 'BAD_REQUEST', "(pymysql.err.DataError) (1366, \"Incorrect string value: '\\xE8' for column 'value'\")");
  }

  logMetric(run: Run, metric: Metric): void {
    if (this.isFileStore) {
      for (const { key } of run.metrics.values()) {
        if (key.startsWith(`${metric.key}/`) || metric.key.startsWith(`${key}/`)) {
          throw new ApiError(500, 'INTERNAL_ERROR', `[Errno 21] Is a directory: '/mlruns/0/${run.id}/metrics/${metric.key}'`);
        }
      }
      run.metrics.set(String(run.metrics.size), metric);
      return;
    }
    const { row, value } = rowOf(metric);
    run.metrics.set(row, { ...metric, value });
  }

  /** By timestamp, step and value, as the server gives a history; by arrival in the file store. */
  history(run: Run, key: string): Metric[] {
    const isAsked = (name: string): boolean =>
      name === key || (this.#habits.foldsNames === true && this.#folded(name) === this.#folded(key));
    const metrics = [...run.metrics.values()].filter((metric) => isAsked(metric.key));
    if (this.isFileStore) return metrics;
    return metrics.sort((a, b) => compare(a.timestamp, b.timestamp) || compare(a.step, b.step) || compareValues(a.value, b.value));
  }

  /** Of each metric the one that counts as its last. */
  latest(run: Run): Metric[] {
    const latest = new Map<string, Metric>();
    for (const metric of run.metrics.values()) {
      const other = latest.get(metric.key);
      const order =
        other === undefined
          ? 1
          : compare(metric.step, other.step) || compare(metric.timestamp, other.timestamp) || compareValues(metric.value, other.value);
      if (order >= 0) latest.set(metric.key, metric);
    }
    return [...latest.values()];
  }

  checkParams(run: Run, params: readonly Pair[]): void {
    const keys = new Set<string>();
    const double = params.filter(({ key }) => keys.size === keys.add(key).size);
    if (double.length > 0) {
      const list = double.map(({ key }) => `'${key}'`).join(', ');
      throw invalid(
        `Duplicate parameter keys have been submitted: [${list}]. Please ensure the request contains only one param value per param key.`,
      );
    }
    const { paramLength = Infinity } = this.#habits;
    for (const { key, value } of params) {
      this.#checkCharacters(key);
      this.#checkValue(value);
      if (value.length <= paramLength) continue;
      throw invalid(`Param value '${value.slice(0, 250)}' had length ${value.length}, which exceeded length limit of ${paramLength}`);
    }
    const changed = params.filter(({ key, value }) => run.params.has(key) && run.params.get(key) !== cut(value, PARAM_LENGTH));
    if (changed.length === 0) return;
    const list = changed.map(({ key, value }) => `{'key': '${key}', 'old_value': '${run.params.get(key)}', 'new_value': '${value}'}`);
    throw invalid(`Changing param values is not allowed. Params were already logged='[${list.join(', ')}]' for run ID='${run.id}'.`);
  }

  logParams(run: Run, params: readonly Pair[]): void {
    this.#checkNames(
      [...run.params.keys()].map((key) => ({ key })),
      params,
    );
    for (const param of params) this.#logParam(run, param);
  }

  #logParam(run: Run, { key, value }: Pair): void {
    run.params.set(key, cut(value, PARAM_LENGTH));
  }
}

/**
 * The row of a metric: NaN is stored as 0 beside a mark, and adding 0 makes a negative zero positive, as the database
 * does.
 */
function rowOf({ key, timestamp, step, value }: Metric): { readonly row: string; readonly value: number } {
  const isNan = Number.isNaN(value);
  const held = isNan ? 0 : Math.min(Math.max(value, -MOST_VALUE), MOST_VALUE) + 0;
  return { row: JSON.stringify([key, String(timestamp), String(step), held, isNan]), value: isNan ? NaN : held };
}

/** What MySQL says of a row that is there. */
export function duplicate(key: string): ApiError {
  return new ApiError(400, 'BAD_REQUEST', `(pymysql.err.IntegrityError) (1062, "Duplicate entry '${key}-0123' for key 'PRIMARY'")`);
}

function clash(said: string): ApiError {
  return new ApiError(400, 'BAD_REQUEST', `(sqlite3.IntegrityError) ${said}`);
}

export function setTag(run: Run, { key, value }: Pair): void {
  if (key === 'mlflow.runName') run.name = value;
  run.tags.set(key, cut(value, TAG_LENGTH));
}

/** The first code points of a text: what is longer is cut without a word. */
function cut(value: string, length: number): string {
  return value.length <= length ? value : [...value].slice(0, length).join('');
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** NaN is stored as 0 beside a mark. */
function compareValues(a: number, b: number): number {
  return (Number.isNaN(a) ? 0 : a) - (Number.isNaN(b) ? 0 : b);
}
