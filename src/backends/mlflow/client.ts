import PQueue from 'p-queue';
import { type Clock, systemClock } from '../../clock.ts';
import {
  type AnswerFields,
  eachPage,
  type Fields,
  type HttpAnswer,
  HttpClient,
  type Reply as HttpReply,
  type HttpRequest,
  headerOf,
  keepWide,
  MOST_LISTED,
  PageSize,
  Pages,
  readJson,
  taken,
  unusableAnswer,
  wholeNumber,
} from '../../http/index.ts';
import { failureOf, isOwnWord, type MlflowFailure, notTheApi } from './answers.ts';
import { HISTORY_PAGE, REQUESTS_AT_ONCE, RUNS_PAGE, UPLOADS_AT_ONCE } from './limits.ts';
import type { MlflowSettings } from './settings.ts';

/** The result of a call. */
export type MlflowReply<T> = HttpReply<T, MlflowFailure>;

/** A tag of a run. */
export interface Tag {
  readonly key: string;
  readonly value: string;
}

/** An experiment; deleted ones are listed, too. */
export interface Experiment {
  readonly id: string;
  readonly name: string;
  readonly isDeleted: boolean;
  /** The place of its runs' artifacts. */
  readonly artifacts: string;
  readonly tags: ReadonlyMap<string, string>;
}

/** The facts about a run that the server returns. */
export interface MlflowRunFacts {
  readonly runId: string;
  readonly experimentId: string;
  readonly isDeleted: boolean;
  readonly startTime: number;
  readonly artifactUri: string;
  readonly tags: ReadonlyMap<string, string>;
  readonly params: ReadonlyMap<string, string>;
  /** Names of all its metrics. */
  readonly metrics: readonly string[];
}

/** A point of a metric as the server returns it. */
export interface HistoryPoint {
  readonly step: number | bigint;
  readonly timestamp: number;
  readonly value: number;
}

/** The facts that the server reports about itself. */
export interface MlflowServerFacts {
  /** Undefined if the server does not report it: before 3.0. */
  readonly isFileStore: boolean | undefined;
  /**
   * True if the server separates its data by workspaces. Undefined if it knows no workspaces and ignores their names.
   */
  readonly hasWorkspaces: boolean | undefined;
}

const API = '/api/2.0/mlflow/';

/** Number of experiments that are searched for remembered facts about a server. */
const EXPERIMENTS_LOOKED_AT = 100;

const WORKSPACE_HEADER = 'x-mlflow-workspace';

/** Calls whose answers are as large as what a run holds, so they have no limit. */
const LONG = new Set([
  'runs/get',
  'runs/search',
  'runs/create',
  'metrics/get-history',
  'artifacts/list',
  'model-versions/search',
  'experiments/search',
]);

/**
 * Calls that make one more object each time. If an answer was lost, mirrorboard must first look up whether the call
 * made one.
 */
const MAKES_ANOTHER = new Set(['runs/create', 'model-versions/create']);

/**
 * The calls of the tracking API that mirrorboard needs (`mlflow/protos/service.proto`), each with its answer parsed.
 * Names and numbers must be valid already.
 */
export class MlflowClient {
  readonly address: string;
  readonly #http: HttpClient;
  readonly #time: Clock;
  /** The server's time as it reported it last, and our steady time at that moment. */
  #clock: { readonly dateMs: number; readonly atMs: number } | undefined;
  readonly #hosted: MlflowSettings['hosted'];
  readonly #requests = new PQueue({ concurrency: REQUESTS_AT_ONCE });

  constructor(
    uri: string,
    settings: Pick<MlflowSettings, 'auth' | 'tls' | 'timeoutMs'> &
      Partial<Pick<MlflowSettings, 'renewAuth' | 'headers' | 'workspace' | 'hosted'>>,
    clock: Clock = systemClock,
  ) {
    this.#time = clock;
    const { auth, renewAuth, headers = {}, workspace, hosted } = settings;
    this.#hosted = hosted;
    const authorizer = hosted?.authorizer?.({ tls: settings.tls, clock });
    this.#http = new HttpClient({
      baseUrl: uri,
      tls: settings.tls,
      timeoutMs: settings.timeoutMs,
      connections: REQUESTS_AT_ONCE + UPLOADS_AT_ONCE,
      headers: { ...hosted?.headers, ...headers, ...(workspace === undefined ? {} : { [WORKSPACE_HEADER]: workspace }) },
      secrets: Object.values(headers),
      clock,
      isOwnWord,
      ...(auth === undefined ? {} : { auth }),
      ...(renewAuth === undefined ? {} : { renewAuth }),
      ...(authorizer === undefined ? {} : { authorizer }),
    });
    this.address = this.#http.address;
  }

  /** Calls an endpoint. `what` names the action in messages. */
  async call(
    what: string,
    method: 'GET' | 'POST',
    endpoint: string,
    input: Fields | string,
    signal: AbortSignal,
  ): Promise<MlflowReply<AnswerFields>> {
    const isPost = method === 'POST';
    const answer = await this.#requests.add(
      () =>
        this.#http.send({
          method,
          path: API + endpoint,
          signal,
          isRepeatable: !MAKES_ANOTHER.has(endpoint),
          isRead: !isPost || endpoint.endsWith('/search'),
          ...(LONG.has(endpoint) ? { mostBytes: Number.POSITIVE_INFINITY } : {}),
          ...(isPost
            ? { body: typeof input === 'string' ? input : JSON.stringify(input), headers: { 'content-type': 'application/json' } }
            : { query: input as NonNullable<HttpRequest['query']> }),
        }),
      { signal },
    );
    const date = Date.parse(headerOf(answer.headers, 'date') ?? '');
    if (!Number.isNaN(date)) this.#clock = { dateMs: date, atMs: this.#time.steadyMs() };
    if (answer.kind !== 'ok') return failureOf(answer, what, this.address, this.#hosted?.credentials);
    const read = readJson(answer, { what, address: this.address }, withWideSteps);
    if (read.kind === 'notJson') return notTheApi(what, this.address);
    return read.kind === 'ok' ? read : unusableAnswer(read.error);
  }

  /**
   * Returns the server's time in milliseconds, as exact as the whole seconds that the server reports. Returns
   * undefined before the first report.
   */
  nowMs(): number | undefined {
    return this.#clock === undefined ? undefined : this.#clock.dateMs + this.#time.steadyMs() - this.#clock.atMs;
  }

  /** Sends a request outside the tracking API: artifacts, health, version. */
  raw(request: HttpRequest): Promise<HttpAnswer> {
    return this.#http.send(request);
  }

  async serverFacts(signal: AbortSignal): Promise<MlflowReply<MlflowServerFacts>> {
    const answer = await this.#http.send({ method: 'GET', path: '/api/3.0/mlflow/server-info', signal });
    // Servers before 3.0 do not have this endpoint. Services refuse it in different ways.
    const isUnknown = (status: number): boolean => status === 404 || status === 405 || this.#hosted !== undefined;
    if (answer.kind === 'refused' && isUnknown(answer.status)) {
      return { kind: 'ok', value: { isFileStore: undefined, hasWorkspaces: undefined } };
    }
    if (answer.kind !== 'ok') return failureOf(answer, 'asking the server for server-info', this.address);
    const read = readJson(answer, { what: 'asking the server for server-info', address: this.address });
    if (read.kind === 'failed') return unusableAnswer(read.error);
    const fields = read.kind === 'ok' ? read.value.fields : {};
    const type = fields['store_type'];
    const isFileStore = typeof type === 'string' ? type === 'FileStore' : undefined;
    const has = fields['workspaces_enabled'];
    return { kind: 'ok', value: { isFileStore, hasWorkspaces: typeof has === 'boolean' ? has : undefined } };
  }

  /** Reads the server's version; empty if it does not report one. */
  async version(signal: AbortSignal): Promise<string> {
    const answer = await this.#http.send({ method: 'GET', path: '/version', signal });
    const text = answer.kind === 'ok' ? answer.body.toString('utf8').trim() : '';
    return /^\d[\w.+-]{0,40}$/.test(text) ? text : '';
  }

  /** Lists the experiments that were used last. */
  async experiments(signal: AbortSignal): Promise<MlflowReply<readonly Experiment[]>> {
    const reply = await this.call('looking at experiments', 'POST', 'experiments/search', { max_results: EXPERIMENTS_LOOKED_AT }, signal);
    return taken(reply, (fields) => fields.list('experiments').map(experimentFacts));
  }

  async experimentNamed(name: string, signal: AbortSignal): Promise<MlflowReply<Experiment>> {
    const what = `looking for the experiment ${name}`;
    return experimentIn(await this.call(what, 'GET', 'experiments/get-by-name', { experiment_name: name }, signal));
  }

  async experimentById(id: string, signal: AbortSignal): Promise<MlflowReply<Experiment>> {
    return experimentIn(await this.call(`looking for the experiment ${id}`, 'GET', 'experiments/get', { experiment_id: id }, signal));
  }

  /** Lists all runs with this tag in an experiment, deleted ones too, the oldest first. */
  async runsTagged(experimentId: string, tag: string, value: string, signal: AbortSignal): Promise<MlflowReply<readonly MlflowRunFacts[]>> {
    const runs: MlflowRunFacts[] = [];
    const pages = new Pages('looking for the run', this.address, { items: MOST_LISTED });
    const size = new PageSize(RUNS_PAGE);
    let token: string | undefined;
    for (;;) {
      const input = {
        experiment_ids: [experimentId],
        filter: `tags.\`${tag}\` = '${value}'`,
        run_view_type: 'ALL',
        max_results: size.most,
        order_by: ['attributes.start_time ASC'],
        ...(token === undefined ? {} : { page_token: token }),
      };
      const reply = taken(await this.call('looking for the run', 'POST', 'runs/search', input, signal), (fields) => ({
        runs: fields.list('runs').map(runFacts),
        next: fields.text('next_page_token', ''),
      }));
      // A page can be too large: each run comes with all its tags and the names of all metrics.
      if (reply.kind !== 'ok') {
        if (size.shrinkFor(reply.error)) continue;
        return reply;
      }
      for (const run of reply.value.runs) runs.push(run);
      token = pages.next(reply.value.next, reply.value.runs.length, reply.value.runs);
      if (token === undefined) break;
    }
    return { kind: 'ok', value: runs.sort((a, b) => a.startTime - b.startTime || (a.runId < b.runId ? -1 : 1)) };
  }

  async run(runId: string, signal: AbortSignal): Promise<MlflowReply<MlflowRunFacts>> {
    const reply = await this.call(`looking for the run ${runId}`, 'GET', 'runs/get', { run_id: runId }, signal);
    return taken(reply, (fields) => runFacts(fields.object('run')));
  }

  async createRun(input: Fields, signal: AbortSignal): Promise<MlflowReply<MlflowRunFacts>> {
    const reply = await this.call(`creating the run ${String(input['run_name'])}`, 'POST', 'runs/create', input, signal);
    return taken(reply, (fields) => runFacts(fields.object('run')));
  }

  /** Writes metrics. `metrics` is the JSON text of the elements, without brackets. */
  logMetrics(runId: string, metrics: string, signal: AbortSignal): Promise<MlflowReply<AnswerFields>> {
    return this.call('writing metrics', 'POST', 'runs/log-batch', `{"run_id":${JSON.stringify(runId)},"metrics":[${metrics}]}`, signal);
  }

  logTags(runId: string, tags: readonly Tag[], signal: AbortSignal): Promise<MlflowReply<AnswerFields>> {
    return this.call('writing tags', 'POST', 'runs/log-batch', { run_id: runId, tags }, signal);
  }

  logParams(runId: string, params: readonly Tag[], signal: AbortSignal): Promise<MlflowReply<AnswerFields>> {
    return this.call('writing params', 'POST', 'runs/log-batch', { run_id: runId, params }, signal);
  }

  /**
   * Returns the key whose points the server returns for `key`; undefined if there are none. A database that compares
   * loosely returns those of another key.
   */
  async holderOf(runId: string, key: string, signal: AbortSignal): Promise<MlflowReply<string | undefined>> {
    const input = { run_id: runId, metric_key: key, max_results: 1 };
    const reply = taken(await this.call(`looking for the metric ${key}`, 'GET', 'metrics/get-history', input, signal), (fields) => {
      return fields.list('metrics')[0]?.text('key', key);
    });
    return reply.kind !== 'ok' && reply.cause === 'missing' ? { kind: 'ok', value: undefined } : reply;
  }

  /**
   * Reads a metric's history page by page, in smaller pages if an answer would be too large. `failed` makes the error
   * to throw. Leaves out points of other keys, which a database that compares loosely returns too.
   */
  async *history(
    runId: string,
    key: string,
    failed: (failure: MlflowFailure) => Error,
    signal: AbortSignal,
  ): AsyncGenerator<readonly HistoryPoint[], void, void> {
    const what = `reading the metric ${key}`;
    const listing = { what, address: this.address, size: new PageSize(this.#hosted?.quotas?.historyPage ?? HISTORY_PAGE), failed };
    const ask = async (token: string | undefined, most: number) => {
      const input = { run_id: runId, metric_key: key, max_results: most, page_token: token };
      const reply = await this.call(what, 'GET', 'metrics/get-history', input, signal);
      return taken(reply, (fields) => ({ items: historyIn(fields), next: fields.text('next_page_token', '') }));
    };
    for await (const points of eachPage(listing, ask)) yield points.filter((point) => point.key === undefined || point.key === key);
  }

  close(): Promise<void> {
    return this.#http.close();
  }
}

const withWideSteps = keepWide('step');

function experimentIn(reply: MlflowReply<AnswerFields>): MlflowReply<Experiment> {
  return taken(reply, (fields) => {
    return experimentFacts(fields.object('experiment'));
  });
}

function experimentFacts(fields: AnswerFields): Experiment {
  return {
    id: fields.id('experiment_id'),
    name: fields.text('name', ''),
    isDeleted: isDeleted(fields),
    artifacts: fields.text('artifact_location', ''),
    tags: pairs(fields, 'tags'),
  };
}

/** Reads the facts of a run. The server leaves out whatever is empty or zero. */
function runFacts(run: AnswerFields): MlflowRunFacts {
  const info = run.object('info');
  const data = run.object('data');
  return {
    runId: info.id('run_id'),
    experimentId: info.id('experiment_id'),
    isDeleted: isDeleted(info),
    startTime: info.number('start_time', 0),
    artifactUri: info.text('artifact_uri', ''),
    tags: pairs(data, 'tags'),
    params: pairs(data, 'params'),
    metrics: data.list('metrics').map((metric) => metric.text('key', '')),
  };
}

function isDeleted(fields: AnswerFields): boolean {
  return fields.text('lifecycle_stage', 'active') === 'deleted';
}

function pairs(fields: AnswerFields, name: string): ReadonlyMap<string, string> {
  return new Map(fields.list(name).map((pair) => [pair.text('key', ''), pair.text('value', '')]));
}

function historyIn(fields: AnswerFields): readonly (HistoryPoint & { readonly key: unknown })[] {
  return fields.records('metrics').map(({ key, step = 0, timestamp = 0, value = 0 }) => {
    const [at, time, number] = [wholeNumber(step), Number(wholeNumber(timestamp)), numberIn(value)];
    if (at === undefined || Number.isNaN(time) || number === undefined) throw fields.odd('metrics', 'points with numbers');
    return { key, step: at, timestamp: time, value: number };
  });
}

/** Reads a number. The server sends NaN and infinities as text. */
function numberIn(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  return value === 'NaN' || value === 'Infinity' || value === '-Infinity' ? Number(value) : undefined;
}
