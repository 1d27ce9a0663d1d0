// The JSON endpoints of the tracking API.
import { checkKey } from './names.ts';
import { duplicate, type Experiment, type Metric, type Pair, type Run, setTag, type TrackingStore } from './store.ts';
import { ApiError, ConversionError, double, type Fields, int64, invalid, missing, text } from './wire.ts';

/** What an endpoint gets. */
export interface Call {
  readonly fields: Fields;
  /** Of each name the last value in the address. */
  readonly query: URLSearchParams;
  /** Something a good client never does. */
  readonly complain: (violation: string) => void;
  /** Store a part, then fail. */
  readonly isPart: boolean;
}

export type Endpoint = (call: Call) => unknown;

const MOST_METRICS = 1000;
const MOST_PAIRS = 100;
const MOST_PER_PAGE = 50_000;

export function trackingEndpoints(store: TrackingStore): Readonly<Record<string, Endpoint>> {
  const experimentJson = ({ id, name, tags, stage }: Experiment) => ({
    experiment_id: id,
    name,
    artifact_location: store.artifactRoot(id, '').replace(/\/[^/]*\/artifacts$/, ''),
    lifecycle_stage: stage,
    last_update_time: 1_700_000_000_000,
    creation_time: 1_700_000_000_000,
    tags: pairsJson(tags),
    workspace: 'default',
  });
  const infoJson = (run: Run) => ({
    run_uuid: run.id,
    experiment_id: run.experiment.id,
    run_name: run.name,
    user_id: run.user,
    status: run.status,
    start_time: run.startTime,
    end_time: run.endTime,
    artifact_uri: run.artifactUri,
    lifecycle_stage: run.stage,
    run_id: run.id,
  });
  const runJson = (run: Run) => ({
    info: infoJson(run),
    data: { metrics: store.latest(run), params: pairsJson(run.params), tags: pairsJson(run.tags) },
    inputs: { dataset_inputs: [...run.datasets.values()] },
  });

  return {
    'GET experiments/get-by-name': ({ query }) => {
      const name = required(query, 'experiment_name');
      const experiment = [...store.experiments.values()].find((other) => other.name === name);
      if (experiment === undefined) throw missing(`Could not find experiment with name '${name}'`);
      return { experiment: experimentJson(experiment) };
    },
    'GET experiments/get': ({ query }) => ({ experiment: experimentJson(store.experiment(required(query, 'experiment_id'))) }),
    'POST experiments/create': ({ fields }) => ({
      experiment_id: store.createExperiment(String(fields['name'] ?? ''), pairs(fields['tags'])).id,
    }),
    'POST experiments/search': ({ fields }) => {
      const stages = viewOf(fields['view_type']);
      const found = [...store.experiments.values()].filter(({ stage }) => stages.includes(stage)).reverse();
      const { page, token } = pageOf(found, numberOf(fields['max_results'], 1000), fields['page_token']);
      return { experiments: page.map(experimentJson), next_page_token: token };
    },
    'POST experiments/delete': ({ fields }) => {
      store.experiment(text(fields['experiment_id'])).stage = 'deleted';
      return {};
    },
    'POST experiments/restore': ({ fields }) => {
      store.experiment(text(fields['experiment_id'])).stage = 'active';
      return {};
    },
    'POST experiments/set-experiment-tag': ({ fields }) => {
      store.experiment(text(fields['experiment_id'])).tags.set(text(fields['key']), text(fields['value']));
      return {};
    },

    'POST runs/create': ({ fields, complain }) => {
      let startTime = 0n;
      let name = String(fields['run_name'] ?? '');
      let tags = pairs(fields['tags']);
      try {
        if (fields['start_time'] !== undefined) startTime = int64(fields['start_time']);
        else complain('runs/create without start_time: the run began in 1970');
      } catch (error) {
        if (!(error instanceof ConversionError)) throw error;
        complain(`runs/create: ${error.message} in start_time`);
        [name, tags] = ['', []];
      }
      for (const [i, { key }] of tags.entries()) checkKey('Tag', key, `tags[${i}].key`);
      store.checkTags(tags);
      const user = typeof fields['user_id'] === 'string' ? fields['user_id'] : '';
      return { run: runJson(store.createRun(text(fields['experiment_id']), { name, user, startTime, tags })) };
    },
    'POST runs/search': ({ fields }) => {
      const ids = Array.isArray(fields['experiment_ids']) ? fields['experiment_ids'].map(text) : [];
      const stages = viewOf(fields['run_view_type']);
      const matches = filterOf(String(fields['filter'] ?? ''));
      const most = numberOf(fields['max_results'], 1000);
      if (most > MOST_PER_PAGE)
        throw invalid(`Invalid value for request parameter max_results. It must be no more than 50000, but got value ${most}`);
      const found = [...store.runs.values()].filter((run) => ids.includes(run.experiment.id) && stages.includes(run.stage) && matches(run));
      found.sort(orderOf(Array.isArray(fields['order_by']) ? fields['order_by'].map(text) : []));
      const { page, token } = pageOf(found, most, fields['page_token']);
      return { runs: page.map(runJson), next_page_token: token };
    },
    'GET runs/get': ({ query }) => ({ run: runJson(store.run(query.get('run_id') ?? query.get('run_uuid') ?? '')) }),
    'POST runs/update': ({ fields, complain }) => {
      const run = store.activeRun(text(fields['run_id']));
      const { status, end_time: endTime, run_name: name } = fields;
      if (typeof status === 'string') {
        if (['RUNNING', 'SCHEDULED', 'FINISHED', 'FAILED', 'KILLED'].includes(status)) run.status = status;
        else complain(`runs/update: the status ${status} is ignored`);
      }
      try {
        if (endTime !== undefined) run.endTime = int64(endTime);
      } catch (error) {
        if (!(error instanceof ConversionError)) throw error;
        complain(`runs/update: ${error.message} in end_time`);
      }
      if (typeof name === 'string' && name !== '') setTag(run, { key: 'mlflow.runName', value: name });
      return { run_info: infoJson(run) };
    },
    'POST runs/delete': ({ fields }) => {
      store.run(text(fields['run_id'])).stage = 'deleted';
      return {};
    },
    'POST runs/restore': ({ fields }) => {
      store.run(text(fields['run_id'])).stage = 'active';
      return {};
    },
    'POST runs/set-tag': ({ fields }) => {
      const run = store.activeRun(text(fields['run_id'] ?? fields['run_uuid']));
      const tag = { key: text(fields['key']), value: text(fields['value'] ?? '') };
      checkKey('Tag', tag.key, 'key');
      setTag(run, tag);
      return {};
    },
    'POST runs/delete-tag': ({ fields }) => {
      const run = store.activeRun(text(fields['run_id']));
      if (!run.tags.delete(text(fields['key']))) throw missing(`No tag with name: ${fields['key']} in run with id ${run.id}`);
      return {};
    },
    'POST runs/log-metric': (call) => logBatch(store, { ...call, fields: { run_id: call.fields['run_id'], metrics: [call.fields] } }),
    'POST runs/log-parameter': (call) => logBatch(store, { ...call, fields: { run_id: call.fields['run_id'], params: [call.fields] } }),
    'POST runs/log-batch': (call) => logBatch(store, call),
    'POST runs/log-inputs': ({ fields }) => {
      const run = store.activeRun(text(fields['run_id']));
      for (const [i, input] of list(fields['datasets']).entries()) {
        const dataset = (input['dataset'] ?? {}) as Fields;
        const [name, digest] = [String(dataset['name'] ?? ''), String(dataset['digest'] ?? '')];
        if (name === '' || digest === '') throw invalid(`Missing value for required parameter 'datasets[${i}].dataset.name'.`);
        if ([...name].length > 500) throw invalid(`'datasets[${i}].dataset.name' exceeds the maximum length of 500 characters`);
        if ([...digest].length > 36) throw invalid(`'datasets[${i}].dataset.digest' exceeds the maximum length of 36 characters`);
        run.datasets.set(JSON.stringify([name, digest]), input);
      }
      return {};
    },

    'GET metrics/get-history': ({ query }) => {
      const metrics = store.history(store.run(required(query, 'run_id')), required(query, 'metric_key'));
      const most = query.get('max_results');
      if (most === null) return { metrics };
      if (!(Number(most) >= 1)) throw invalid(`Invalid value ${most} for parameter 'max_results' supplied: It must be at least 1`);
      const { page, token } = pageOf(metrics, Number(most), query.get('page_token') ?? undefined);
      return { metrics: page, next_page_token: token };
    },
    'GET metrics/get-history-bulk': ({ query }) => {
      const key = required(query, 'metric_key');
      const most = Math.min(Number(query.get('max_results') ?? 25_000), 25_000);
      const metrics = query
        .getAll('run_id')
        .flatMap((id) => store.history(store.run(id), key).map((metric) => ({ ...metric, run_id: id })));
      return { metrics: metrics.slice(0, most) };
    },
  };
}

/**
 * Everything is read, checked and only then stored; a field that can't be converted ends the reading without a word.
 */
function logBatch(store: TrackingStore, { fields, complain, isPart }: Call): unknown {
  let isBroken = false;
  /** Fields are read in the order in which they stand; the first that fails and those behind it keep what they had. */
  const read = <Row extends object>(name: string, blank: Row, readers: Readonly<Record<keyof Row, (value: unknown) => unknown>>): Row[] => {
    const rows: Row[] = [];
    for (const [i, from] of list(fields[name]).entries()) {
      if (isBroken) break;
      const row = { ...blank };
      rows.push(row);
      try {
        for (const [key, value] of Object.entries(from)) {
          if (value !== null && Object.hasOwn(readers, key)) Object.assign(row, { [key]: readers[key as keyof Row](value) });
        }
      } catch (error) {
        if (!(error instanceof ConversionError)) throw error;
        complain(`runs/log-batch: ${error.message} in ${name}[${i}]: it is stored as 0, and what follows is lost`);
        isBroken = true;
      }
    }
    return rows;
  };
  const run = store.activeRun(typeof fields['run_id'] === 'string' ? fields['run_id'] : '');
  const count = { metrics: list(fields['metrics']).length, params: list(fields['params']).length, tags: list(fields['tags']).length };
  checkCounts(count);
  for (const [i, metric] of list(fields['metrics']).entries()) {
    for (const name of ['key', 'value', 'timestamp']) {
      if (metric[name] !== undefined && metric[name] !== null) continue;
      const where = `metrics[${i}].${name === 'key' ? 'name' : name}`;
      throw invalid(`Missing value for required parameter '${where}'. See the API docs for more information about request parameters.`);
    }
  }
  const blank = { key: '', value: 0, timestamp: 0n, step: 0n };
  const metrics: Metric[] = read('metrics', blank, { key: text, value: double, timestamp: int64, step: int64 });
  const params: Pair[] = read('params', { key: '', value: '' }, { key: text, value: text });
  const tags: Pair[] = read('tags', { key: '', value: '' }, { key: text, value: text });
  for (const [i, { key, timestamp, value }] of metrics.entries()) {
    checkKey('Metric', key, `metrics[${i}].name`);
    if (store.refusedKeys.get(key) === 'clash') throw duplicate(key);
    if (store.refusedKeys.has(key))
      throw invalid(`Invalid value "${key}" for parameter 'metrics[${i}].name' supplied: It is not wanted here`);
    if (timestamp >= 0n) continue;
    const found = `metric '${key}' (value=${value}). Timestamp must be a nonnegative long (64-bit integer) `;
    throw invalid(`Invalid value ${timestamp} for parameter 'metrics[${i}].timestamp' supplied: ${found}`);
  }
  for (const [i, { key }] of params.entries()) checkKey('Param', key, `params[${i}].key`);
  for (const [i, { key }] of tags.entries()) checkKey('Tag', key, `tags[${i}].key`);
  store.checkParams(run, params);
  store.checkTags(tags);
  store.checkTagNames(run, tags);
  store.logParams(run, params);
  store.logMetrics(run, isPart ? metrics.slice(0, metrics.length >> 1) : metrics);
  if (isPart) throw new ApiError(500, 'INTERNAL_ERROR', '(sqlite3.OperationalError) database is locked');
  for (const tag of tags) setTag(run, tag);
  return {};
}

function checkCounts(count: Readonly<Record<'metrics' | 'params' | 'tags', number>>): void {
  const most = { metrics: MOST_METRICS, params: MOST_PAIRS, tags: MOST_PAIRS };
  for (const name of ['metrics', 'params', 'tags'] as const) {
    if (count[name] <= most[name]) continue;
    const text_ = `A batch logging request can contain at most ${most[name]} ${name}. Got ${count[name]} ${name}.`;
    throw invalid(`${text_} Please split up ${name} across multiple requests and try again.`);
  }
  const all = count.metrics + count.params + count.tags;
  if (all > MOST_METRICS) throw invalid(`A batch logging request can contain at most 1000 metrics, params, and tags. Got ${all}.`);
}

/** Model registry: names, versions that are new with every call, aliases. */
export function registryEndpoints(store: TrackingStore): Readonly<Record<string, Endpoint>> {
  const models = new Map<string, { name: string; description?: string }>();
  const versions: { name: string; version: string; source: string; run_id: string; tags: Pair[]; aliases: string[] }[] = [];
  return {
    'POST registered-models/create': ({ fields }) => {
      const name = text(fields['name']);
      if (/[/:]/.test(name) || name === '') throw invalid(`Invalid name: '${name}'. Registered model names cannot contain '/' or ':'.`);
      if (models.has(name)) throw new ApiError(400, 'RESOURCE_ALREADY_EXISTS', `Registered Model (name=${name}) already exists.`);
      models.set(name, { name });
      return { registered_model: { name } };
    },
    'GET registered-models/get': ({ query }) => {
      const model = models.get(required(query, 'name'));
      if (model === undefined) throw missing(`Registered Model with name=${query.get('name')} not found`);
      return { registered_model: model };
    },
    'GET registered-models/alias': ({ query }) => {
      const [name, alias] = [required(query, 'name'), required(query, 'alias')];
      const found = versions.find((version) => version.name === name && version.aliases.includes(alias));
      if (found === undefined) throw invalid(`Registered model alias ${alias} not found.`);
      return { model_version: found };
    },
    'POST registered-models/alias': ({ fields }) => {
      const [name, alias, number] = [text(fields['name']), text(fields['alias']), text(fields['version'])];
      if (alias === 'latest' || /^v\d+$/i.test(alias)) throw invalid(`${alias} alias name is reserved.`);
      const found = versions.find((version) => version.name === name && version.version === number);
      if (found === undefined) throw missing(`Model Version (name=${name}, version=${number}) not found`);
      // An alias is one version's: it moves.
      for (const other of versions) if (other.name === name) other.aliases = other.aliases.filter((each) => each !== alias);
      found.aliases.push(alias);
      return {};
    },
    'POST model-versions/create': ({ fields }) => {
      const [name, source] = [text(fields['name']), text(fields['source'])];
      if (!models.has(name)) throw missing(`Registered Model with name=${name} not found`);
      const run = store.run(typeof fields['run_id'] === 'string' ? fields['run_id'] : '');
      if (!source.startsWith(`runs:/${run.id}/`) && !source.startsWith(run.artifactUri)) {
        throw invalid(`Invalid model version source: '${source}'.`);
      }
      const version = String(versions.filter((other) => other.name === name).length + 1);
      versions.push({ name, version, source, run_id: run.id, tags: pairs(fields['tags']), aliases: [] });
      return { model_version: versions.at(-1) };
    },
    'GET model-versions/search': ({ query }) => {
      const [, field, value] = /^(run_id|name)\s*=\s*'([^']*)'$/.exec(query.get('filter') ?? '') ?? [];
      return { model_versions: versions.filter((version) => field === undefined || version[field as 'name' | 'run_id'] === value) };
    },
    'POST model-versions/set-tag': ({ fields }) => {
      const found = versions.find(({ name, version }) => name === fields['name'] && version === fields['version']);
      if (found === undefined) throw missing('Model Version not found');
      const [key, value] = [text(fields['key']), text(fields['value'])];
      found.tags = [...found.tags.filter((tag) => tag.key !== key), { key, value }];
      return {};
    },
  };
}

function required(query: URLSearchParams, name: string): string {
  const value = query.get(name);
  if (value === null || value === '') throw invalid(`Missing value for required parameter '${name}'. See the API docs.`);
  return value;
}

function list(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? (value as Fields[]) : [];
}

function pairs(value: unknown): Pair[] {
  return list(value).map(({ key, value: content }) => ({ key: text(key), value: text(content ?? '') }));
}

function pairsJson(map: ReadonlyMap<string, string>): Pair[] {
  return [...map].map(([key, value]) => ({ key, value }));
}

function viewOf(view: unknown): readonly string[] {
  if (view === 'ALL') return ['active', 'deleted'];
  return view === 'DELETED_ONLY' ? ['deleted'] : ['active'];
}

function numberOf(value: unknown, otherwise: number): number {
  return value === undefined ? otherwise : Number(int64(value));
}

/** A page, and the token of the next one: an offset, as the server's is. */
function pageOf<Row>(
  rows: readonly Row[],
  most: number,
  token: unknown,
): { readonly page: readonly Row[]; readonly token: string | undefined } {
  const from =
    typeof token === 'string' && token !== '' ? (JSON.parse(Buffer.from(token, 'base64').toString()) as { offset: number }).offset : 0;
  const end = from + most;
  const next = end < rows.length ? Buffer.from(`{"offset": ${end}}`).toString('base64') : undefined;
  return { page: rows.slice(from, end), token: next };
}

const TERM =
  /^(?:(tags?|params?|attributes?|attr|run)\.)?(?:`([^`]+)`|"([^"]+)"|([\w.]+))\s*(!?=|I?LIKE|==|[<>]=?)\s*(?:'((?:[^'])*)'|"([^"]*)"|(\d+))$/;

/** Terms on tags, params and attributes, joined by `and`. */
function filterOf(filter: string): (run: Run) => boolean {
  if (filter.trim() === '') return () => true;
  const terms = filter.split(/\s+and\s+/i).map((term) => {
    const match = TERM.exec(term.trim());
    if (match === null) throw invalid(`Invalid clause(s) in filter string: '${term}'`);
    const [, group = 'attributes', quoted, double_, plain, comparator, single, text_, digits] = match;
    if (comparator !== '=' && comparator !== '!=') {
      throw invalid(`Invalid comparator '${comparator}' not one of '{'IS NOT NULL', 'LIKE', 'IS NULL', 'ILIKE', '=', '!='}`);
    }
    const key = quoted ?? double_ ?? plain ?? '';
    const wanted = single ?? text_ ?? digits ?? '';
    return (run: Run): boolean => {
      const found = group.startsWith('tag') ? run.tags.get(key) : group.startsWith('param') ? run.params.get(key) : attributeOf(run, key);
      return comparator === '=' ? found === wanted : found !== undefined && found !== wanted;
    };
  });
  return (run) => terms.every((isMatch) => isMatch(run));
}

function attributeOf(run: Run, key: string): string | undefined {
  if (key === 'run_name' || key === 'Run name') return run.name;
  if (key === 'run_id') return run.id;
  if (key === 'status') return run.status;
  return key === 'start_time' ? String(run.startTime) : undefined;
}

/** Later starts first, where nothing else is asked; the id decides between equals. */
function orderOf(orders: readonly string[]): (a: Run, b: Run) => number {
  const [first = 'attributes.start_time DESC'] = orders;
  const isDescending = /\sDESC$/i.test(first.trim());
  if (!/start_time/.test(first)) return (a, b) => a.order - b.order;
  return (a, b) => Number(a.startTime - b.startTime) * (isDescending ? -1 : 1) || (a.id < b.id ? -1 : 1);
}
