import { type HttpAnswer, HttpClient, type HttpRequest, headerOf } from '../../http/index.ts';
import { type Failure, failureOf, notTheApi } from './answers.ts';
import { Gate } from './gate.ts';
import { REQUESTS_AT_ONCE, UPLOADS_AT_ONCE } from './limits.ts';
import type { MlflowSettings } from './settings.ts';

export interface Ok<T> {
  readonly kind: 'ok';
  readonly value: T;
}

export type Reply<T> = Ok<T> | Failure;

export interface Tag {
  readonly key: string;
  readonly value: string;
}

export interface Experiment {
  readonly id: string;
  readonly name: string;
  readonly isDeleted: boolean;
}

export interface RunFacts {
  readonly runId: string;
  readonly experimentId: string;
  readonly isDeleted: boolean;
  readonly startTime: number;
  readonly artifactUri: string;
  readonly tags: ReadonlyMap<string, string>;
  readonly params: ReadonlyMap<string, string>;
  /** Names of all metrics there are. */
  readonly metrics: readonly string[];
}

/** A point of a metric as the server gives it. */
export interface HistoryPoint {
  readonly step: number | bigint;
  readonly timestamp: number;
  readonly value: number;
}

export interface ServerFacts {
  readonly isFileStore: boolean;
  readonly clock: string | undefined;
}

type Fields = Readonly<Record<string, unknown>>;
const API = '/api/2.0/mlflow/';

/** Each call of these makes one more: whether an answer that was lost stood for one has to be looked up first. */
const MAKES_ANOTHER = new Set(['runs/create', 'model-versions/create']);

/** The calls of the tracking API that are needed, each with its answer taken apart. Names and numbers must be legal already. */
export class MlflowClient {
  readonly address: string;
  readonly #http: HttpClient;
  readonly #gate = new Gate(REQUESTS_AT_ONCE);

  constructor(uri: string, settings: Pick<MlflowSettings, 'auth' | 'tls' | 'timeoutMs'>) {
    this.#http = new HttpClient({
      baseUrl: uri,
      tls: settings.tls,
      timeoutMs: settings.timeoutMs,
      connections: REQUESTS_AT_ONCE + UPLOADS_AT_ONCE,
      ...(settings.auth === undefined ? {} : { auth: settings.auth }),
    });
    this.address = this.#http.address;
  }

  /** `what` is being done, for messages. */
  async call(what: string, method: 'GET' | 'POST', endpoint: string, input: Fields | string, signal: AbortSignal): Promise<Reply<Fields>> {
    const isPost = method === 'POST';
    const answer = await this.#gate.run(
      () =>
        this.#http.send({
          method,
          path: API + endpoint,
          signal,
          isRepeatable: !MAKES_ANOTHER.has(endpoint),
          ...(isPost
            ? { body: typeof input === 'string' ? input : JSON.stringify(input), headers: { 'content-type': 'application/json' } }
            : { query: input as NonNullable<HttpRequest['query']> }),
        }),
      signal,
    );
    if (answer.kind !== 'ok') return failureOf(answer, what, this.address);
    const value = parsed(answer);
    return value === undefined ? notTheApi(what, this.address) : { kind: 'ok', value };
  }

  /** A request as it is: artifacts, health, version. */
  raw(request: HttpRequest): Promise<HttpAnswer> {
    return this.#http.send(request);
  }

  async serverFacts(signal: AbortSignal): Promise<Reply<ServerFacts>> {
    const answer = await this.#http.send({ method: 'GET', path: '/api/3.0/mlflow/server-info', signal });
    // Servers from before 3.0 do not know it, and are taken for the usual ones.
    if (answer.kind === 'refused' && (answer.status === 404 || answer.status === 405)) {
      return { kind: 'ok', value: { isFileStore: false, clock: headerOf(answer.headers, 'date') } };
    }
    if (answer.kind !== 'ok') return failureOf(answer, 'asking the server what it is', this.address);
    const facts = parsed(answer);
    return { kind: 'ok', value: { isFileStore: facts?.['store_type'] === 'FileStore', clock: headerOf(answer.headers, 'date') } };
  }

  async experimentNamed(name: string, signal: AbortSignal): Promise<Reply<Experiment>> {
    const what = `looking for the experiment ${name}`;
    return experimentIn(await this.call(what, 'GET', 'experiments/get-by-name', { experiment_name: name }, signal));
  }

  async experimentById(id: string, signal: AbortSignal): Promise<Reply<Experiment>> {
    return experimentIn(await this.call(`looking for the experiment ${id}`, 'GET', 'experiments/get', { experiment_id: id }, signal));
  }

  /** All runs with this tag in an experiment, deleted ones too, the oldest first. */
  async runsTagged(experimentId: string, tag: string, value: string, signal: AbortSignal): Promise<Reply<readonly RunFacts[]>> {
    const input = {
      experiment_ids: [experimentId],
      filter: `tags.\`${tag}\` = '${value}'`,
      run_view_type: 'ALL',
      max_results: 1000,
      order_by: ['attributes.start_time ASC'],
    };
    const reply = await this.call('looking for the run', 'POST', 'runs/search', input, signal);
    if (reply.kind !== 'ok') return reply;
    const runs = list(reply.value['runs']).map(runFacts);
    return { kind: 'ok', value: runs.sort((a, b) => a.startTime - b.startTime || (a.runId < b.runId ? -1 : 1)) };
  }

  async run(runId: string, signal: AbortSignal): Promise<Reply<RunFacts>> {
    const reply = await this.call(`looking for the run ${runId}`, 'GET', 'runs/get', { run_id: runId }, signal);
    return reply.kind === 'ok' ? { kind: 'ok', value: runFacts(fields(reply.value['run'])) } : reply;
  }

  async createRun(input: Fields, signal: AbortSignal): Promise<Reply<RunFacts>> {
    const reply = await this.call(`creating the run ${String(input['run_name'])}`, 'POST', 'runs/create', input, signal);
    return reply.kind === 'ok' ? { kind: 'ok', value: runFacts(fields(reply.value['run'])) } : reply;
  }

  /** `metrics` is the JSON text of the elements, without brackets. */
  logMetrics(runId: string, metrics: string, signal: AbortSignal): Promise<Reply<Fields>> {
    return this.call('writing metrics', 'POST', 'runs/log-batch', `{"run_id":${JSON.stringify(runId)},"metrics":[${metrics}]}`, signal);
  }

  logTags(runId: string, tags: readonly Tag[], signal: AbortSignal): Promise<Reply<Fields>> {
    return this.call('writing tags', 'POST', 'runs/log-batch', { run_id: runId, tags }, signal);
  }

  logParams(runId: string, params: readonly Tag[], signal: AbortSignal): Promise<Reply<Fields>> {
    return this.call('writing params', 'POST', 'runs/log-batch', { run_id: runId, params }, signal);
  }

  /** One page of a metric's history. */
  async history(
    runId: string,
    key: string,
    most: number,
    token: string | undefined,
    signal: AbortSignal,
  ): Promise<Reply<{ readonly points: readonly HistoryPoint[]; readonly next: string | undefined }>> {
    const input = { run_id: runId, metric_key: key, max_results: most, page_token: token };
    const reply = await this.call(`reading the metric ${key}`, 'GET', 'metrics/get-history', input, signal);
    if (reply.kind !== 'ok') return reply;
    const points = list(reply.value['metrics']).map((metric) => ({
      step: integer(metric['step']),
      timestamp: Number(metric['timestamp'] ?? 0),
      value: Number(metric['value'] ?? 0),
    }));
    const next = reply.value['next_page_token'];
    return { kind: 'ok', value: { points, next: typeof next === 'string' && next !== '' ? next : undefined } };
  }

  close(): Promise<void> {
    return this.#http.close();
  }
}

/** JSON with its wide integers kept: steps are int64, and come as bare digits. Undefined where it is no JSON object. */
function parsed(answer: Extract<HttpAnswer, { kind: 'ok' }>): Fields | undefined {
  const text = answer.body.toString('utf8');
  // No string of an answer can contain this: its quotes would be escaped.
  const exact = /"step":\s*-?\d{16,}/.test(text) ? text.replace(/("step":\s*)(-?\d{16,})/g, '$1"$2"') : text;
  try {
    const value: unknown = JSON.parse(exact);
    return typeof value === 'object' && value !== null ? (value as Fields) : undefined;
  } catch {
    return undefined;
  }
}

function experimentIn(reply: Reply<Fields>): Reply<Experiment> {
  if (reply.kind !== 'ok') return reply;
  const { experiment_id: id, name, lifecycle_stage: stage } = fields(reply.value['experiment']);
  return { kind: 'ok', value: { id: String(id), name: String(name), isDeleted: stage === 'deleted' } };
}

/** Whatever is empty or zero is left out by the server. */
function runFacts(run: Fields): RunFacts {
  const info = fields(run['info']);
  const data = fields(run['data']);
  return {
    runId: String(info['run_id'] ?? ''),
    experimentId: String(info['experiment_id'] ?? ''),
    isDeleted: info['lifecycle_stage'] === 'deleted',
    startTime: Number(info['start_time'] ?? 0),
    artifactUri: String(info['artifact_uri'] ?? ''),
    tags: pairs(data['tags']),
    params: pairs(data['params']),
    metrics: list(data['metrics']).map((metric) => String(metric['key'] ?? '')),
  };
}

function pairs(value: unknown): ReadonlyMap<string, string> {
  return new Map(list(value).map((pair) => [String(pair['key'] ?? ''), String(pair['value'] ?? '')]));
}

function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function list(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? (value as Fields[]) : [];
}

function integer(value: unknown): number | bigint {
  if (typeof value !== 'string') return Number(value ?? 0);
  const wide = BigInt(value);
  const narrow = Number(wide);
  return Number.isSafeInteger(narrow) ? narrow : wide;
}
