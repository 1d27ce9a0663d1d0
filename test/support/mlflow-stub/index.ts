// A strict stand-in for an MLflow tracking server (3.17): it answers as the real one does over its SQL store, and
// where the real one would corrupt data without a word it does the same and notes a violation.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { close, listen } from '../../../src/testing/loopback.ts';
import { ArtifactFiles, artifactPath, PlainServerError } from './artifacts.ts';
import { keepToAzureQuotas } from './azure-quotas.ts';
import { type FaultOptions, FaultRules, type StubFault } from './fault-rules.ts';
import { type Metric, type Run, type StoreHabits, TrackingStore } from './store.ts';
import { type Endpoint, registryEndpoints, trackingEndpoints } from './tracking.ts';
import { ApiError, ConversionError, type Fields, invalid, readJson, writeJson } from './wire.ts';

export type { StubFault } from './fault-rules.ts';
export type { Metric } from './store.ts';

export interface StubOptions extends StoreHabits {
  /** The credentials that it accepts. Default: any. */
  readonly auth?: { readonly user: string; readonly password: string } | { readonly token: string };
  /** Where the API begins: `/mlflow`. Default: at the root. */
  readonly prefix?: string;
  /** Hosts beside the loopback ones that are answered. Default: none. */
  readonly allowedHosts?: readonly string[];
  /** Whether artifacts go through the server. Default true. */
  readonly servesArtifacts?: boolean;
  /** Keeps points as the file store does: every one, as often as it comes. Default false. */
  readonly isFileStore?: boolean;
  /** Before it knew `server-info`. Default false. */
  readonly isOld?: boolean;
  /** What `/version` says. Default `3.17.2`. */
  readonly version?: string;
  /** Where runs keep artifacts that do not go through the server: `s3://bucket`. */
  readonly artifactsAt?: string;
  /** Knows the header `X-MLFLOW-WORKSPACE`: the names there are. Default: it knows no such thing. */
  readonly workspaces?: readonly string[];
  /** Keeps to the limits of Azure ML. Default false. */
  readonly hasAzureQuotas?: boolean;
}

const HTML_500 = '<!doctype html>\n<html lang=en>\n<title>500 Internal Server Error</title>\n<h1>Internal Server Error</h1>\n';
const HTML_404 = '<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n';
/** NUL, which PostgreSQL refuses, and halves of characters: whole ones are not escaped. */
const UNSTORABLE = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f][0-9a-f]{2})/i;
const API = /^\/(?:api|ajax-api)\/2\.0\/mlflow\/(.+)$/;
const ARTIFACTS = /^\/(?:api|ajax-api)\/2\.0\/mlflow-artifacts\/(artifacts|mpu)(?:\/(.*))?$/;

interface Answer {
  readonly status: number;
  readonly body: string | Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

export class MlflowStub {
  readonly store: TrackingStore;
  readonly artifacts = new ArtifactFiles();
  /** What a good client never does. Tests expect none. */
  readonly violations: string[] = [];
  /** Requests by endpoint: `runs/log-batch`, `artifacts/put`, `health`; those that failed included. */
  readonly counts = new Map<string, number>();
  /** Workspaces that were written to or asked about, where there are any. */
  readonly asked = new Set<string>();
  readonly #options: StubOptions;
  readonly #server: Server;
  readonly #endpoints: Readonly<Record<string, Endpoint>>;
  readonly #faults = new FaultRules();
  /** Requests that wait for those of other clients, by endpoint. */
  readonly #meetings = new Map<string, { readonly doors: Set<number>; readonly wanted: number; readonly go: (() => void)[] }>();
  /** Runs with a log-batch of a client under way, from its last byte to the end of its answer. */
  readonly #logging = new Set<string>();

  private constructor(options: StubOptions) {
    this.#options = options;
    const root = options.artifactsAt ?? ((options.servesArtifacts ?? true) ? 'mlflow-artifacts:' : '/srv/artifacts');
    const artifactRoot = (experiment: string, run: string): string => `${root}/${experiment}/${run}/artifacts`;
    this.store = new TrackingStore(options.isFileStore ?? false, artifactRoot, options);
    this.#endpoints = { ...trackingEndpoints(this.store), ...registryEndpoints(this.store), ...this.#artifactEndpoints() };
    this.#server = createServer((request, response) => {
      this.#handle(request, response).catch((error: unknown) => {
        this.violations.push(`the stub failed: ${String(error)}`);
        response.destroy();
      });
    });
  }

  static async start(options: StubOptions = {}): Promise<MlflowStub> {
    const stub = new MlflowStub(options);
    await listen(stub.#server);
    return stub;
  }

  /** What a tracking URI says. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${this.#options.prefix ?? ''}`;
  }

  /** Answers over TLS, too, as a proxy before the server does. */
  async overTls(options: ServerOptions): Promise<{ readonly url: string; close(): Promise<void> }> {
    const server = createSecureServer(options, (request, response) => void this.#server.emit('request', request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return {
      url: `https://127.0.0.1:${(server.address() as AddressInfo).port}${this.#options.prefix ?? ''}`,
      async close() {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      },
    };
  }

  /**
   * Answers on another port, too: a server that comes up late, or the way in of a second client, who is told apart by
   * it. Returns how to end that.
   */
  async alsoOn(port: number): Promise<() => Promise<void>> {
    const server = createServer((request, response) => void this.#server.emit('request', request, response));
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    return async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    };
  }

  async close(): Promise<void> {
    await close(this.#server);
  }

  /** Lets something go wrong from now on. */
  fail(fault: StubFault, options: FaultOptions = {}): void {
    this.#faults.add(fault, options);
  }

  /**
   * Has something against a metric's key from now on, as a server with rules of its own may; or says that it is there
   * already.
   */
  refuse(key: string, how: 'rule' | 'clash' = 'rule'): void {
    this.store.refusedKeys.set(key, how);
  }

  /** Lets clients meet: holds the requests to an endpoint until one has come in by each of so many ports. */
  meet(endpoint: string, wanted: number): void {
    this.#meetings.set(endpoint, { doors: new Set(), wanted, go: [] });
  }

  /** Faults that have not happened yet. */
  get faultsLeft(): number {
    return this.#faults.left;
  }

  /** All is well again. */
  heal(): void {
    this.#faults.clear();
  }

  count(endpoint: string): number {
    return this.counts.get(endpoint) ?? 0;
  }

  // --- what tests look at ---

  runs(): Run[] {
    return [...this.store.runs.values()].filter(({ stage }) => stage === 'active');
  }

  /** Runs by name. */
  run(name: string): Run {
    const found = this.runs().filter((run) => run.name === name);
    if (found.length !== 1) throw new Error(`${found.length} runs are named ${name}`);
    return found[0] as Run;
  }

  points(run: Run): Metric[] {
    return [...run.metrics.values()];
  }

  /** Artifacts of a run by their path in it. */
  artifactsOf({ experiment, id }: Run): Map<string, Buffer> {
    const root = `${experiment.id}/${id}/artifacts/`;
    const own = [...this.artifacts.files].filter(([path]) => path.startsWith(root));
    return new Map(own.map(([path, content]) => [path.slice(root.length), content]));
  }

  deleteRun(id: string): void {
    this.store.run(id).stage = 'deleted';
  }

  deleteExperiment(name: string): void {
    for (const experiment of this.store.experiments.values()) if (experiment.name === name) experiment.stage = 'deleted';
  }

  // --- requests ---

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const method = request.method ?? 'GET';
    const [rawPath = '/', rawQuery = ''] = cutAt(request.url ?? '/', '?');
    const body = await readBody(request);
    if (body === undefined) return;
    const prefix = this.#options.prefix ?? '';
    const path = rawPath.startsWith(prefix) ? rawPath.slice(prefix.length) : '';
    const endpoint = endpointName(method, path);
    this.counts.set(endpoint, this.count(endpoint) + 1);
    if (endpoint === 'health') return send(response, { status: 200, body: 'OK', headers: { 'content-type': 'text/plain; charset=utf-8' } });
    const refusal = this.#refusal(request, method);
    if (refusal !== undefined) return send(response, refusal);
    const fault = this.#faults.next(endpoint);
    if (fault?.kind === 'slow') await new Promise((resolve) => setTimeout(resolve, fault.ms));
    const early = earlyAnswer(fault);
    if (early !== undefined) return send(response, early);
    if (fault?.kind === 'hang' && !fault.stored) return;
    if (fault?.kind === 'close' && !fault.stored) return void response.destroy();
    await this.#met(endpoint, request);
    const release = endpoint === 'runs/log-batch' ? this.#beginBatch(request, body) : () => {};
    response.on('close', release);
    // A moment as a database takes it: two batches of a run meet only if they are sent at once.
    if (endpoint === 'runs/log-batch') await new Promise((resolve) => setImmediate(resolve));
    const answer = this.#answer(request, method, path, rawQuery, body, fault?.kind === 'part');
    if (fault?.kind === 'hang') return;
    if (fault?.kind === 'close') return void response.destroy();
    // The client may send its next batch as soon as it has this answer.
    release();
    send(response, answer);
  }

  #answer(request: IncomingMessage, method: string, path: string, rawQuery: string, body: Buffer, isPart: boolean): Answer {
    try {
      if (path === '/version')
        return { status: 200, body: this.#options.version ?? '3.17.2', headers: { 'content-type': 'text/html; charset=utf-8' } };
      if (path === '/api/3.0/mlflow/server-info' && !this.#options.isOld) {
        const type = this.store.isFileStore ? 'FileStore' : 'SqlStore';
        return json(200, {
          store_type: type,
          workspaces_enabled: this.#options.workspaces !== undefined,
          multipart_uploads_enabled: false,
        });
      }
      const { workspaces } = this.#options;
      const workspace = request.headers['x-mlflow-workspace'];
      if (workspace !== undefined && workspaces === undefined && !this.#options.isOld) {
        throw new ApiError(500, 'INTERNAL_ERROR', 'Workspace APIs are not available: workspaces are not enabled on this server');
      }
      if (workspace !== undefined && workspaces !== undefined && !workspaces.includes(String(workspace))) {
        throw new ApiError(404, 'RESOURCE_DOES_NOT_EXIST', `Workspace '${String(workspace)}' not found`);
      }
      if (workspaces !== undefined) this.asked.add(String(workspace ?? 'default'));
      const artifact = ARTIFACTS.exec(path);
      if (artifact !== null) return this.#artifact(request, method, artifact[1] ?? '', artifact[2] ?? '', rawQuery, body, isPart);
      const handle = this.#endpoints[`${method} ${API.exec(path)?.[1] ?? ''}`];
      if (handle === undefined) return page(404, HTML_404);
      const fields = method === 'POST' ? this.#fields(request, path, body) : {};
      if (fields === undefined) return page(500, HTML_500);
      const complain = (violation: string): void => void this.violations.push(violation);
      const query = new URLSearchParams(rawQuery);
      if (this.#options.hasAzureQuotas === true) keepToAzureQuotas(API.exec(path)?.[1] ?? '', fields, query, (id) => this.store.run(id));
      return json(200, handle({ fields, query, complain, isPart }));
    } catch (error) {
      if (error instanceof ApiError) {
        return json(error.status, { error_code: error.errorCode, message: error.message, sqlstate: 'KAM00', error_class: error.errorCode });
      }
      if (error instanceof ConversionError) {
        this.violations.push(`${path}: ${error.message}`);
        return json(400, { error_code: 'INVALID_PARAMETER_VALUE', message: error.message });
      }
      if (error instanceof PlainServerError) {
        return {
          status: 500,
          body: 'Internal Server Error',
          headers: { 'content-type': 'text/plain; charset=utf-8', connection: 'close' },
        };
      }
      throw error;
    }
  }

  /** The fields of a JSON body; undefined for one that the real server stumbles over. */
  #fields(request: IncomingMessage, path: string, body: Buffer): Fields | undefined {
    const { headers } = request;
    if (headers['transfer-encoding'] !== undefined || headers['content-encoding'] !== undefined) {
      this.violations.push(`${path}: a body that is chunked or compressed`);
      return undefined;
    }
    if (!/^application\/json\s*(;|$)/.test(headers['content-type'] ?? '')) {
      throw invalid("Bad Request. Content-Type must be one of ['application/json'].");
    }
    if (UNSTORABLE.test(body.toString('utf8'))) this.violations.push(`${path}: a text that no database, or not every one, takes`);
    if (body.length > 1_000_000) this.violations.push(`${path}: a body of ${body.length} bytes; hosted servers take a million`);
    const read = readJson(body.toString('utf8'));
    if (read === undefined) this.violations.push(`${path}: a body that is no JSON`);
    if (read?.hasBareNumbers) this.violations.push(`${path}: a bare NaN or infinity`);
    return read?.fields;
  }

  #artifact(request: IncomingMessage, method: string, kind: string, raw: string, rawQuery: string, body: Buffer, isPart: boolean): Answer {
    if (!(this.#options.servesArtifacts ?? true)) {
      const detail = 'Artifact serving is disabled. Please start the server with `--serve-artifacts`';
      return json(503, { detail });
    }
    if (kind === 'mpu') throw new ApiError(501, 'NOT_IMPLEMENTED', 'Multipart upload is not supported for the current artifact repository');
    const complain = (violation: string): void => void this.violations.push(violation);
    if (request.headers['content-encoding'] !== undefined) complain('an artifact with a content encoding: it would be stored as it is');
    if (method === 'GET' && raw === '') {
      const folder = artifactPath(new URLSearchParams(rawQuery).get('path') ?? '', complain);
      return json(200, { files: this.artifacts.list(folder === '.' ? '' : folder) });
    }
    const path = artifactPath(raw, complain);
    if (method === 'PUT') {
      if (isPart) throw new PlainServerError('the disk is full');
      this.artifacts.put(path, body);
      return { status: 200, body: '', headers: {} };
    }
    if (method === 'DELETE') {
      this.artifacts.remove(path);
      return json(200, {});
    }
    return rangeOf(this.artifacts.get(path), request.headers.range);
  }

  #artifactEndpoints(): Readonly<Record<string, Endpoint>> {
    return {
      'GET artifacts/list': ({ query }) => {
        const run = this.store.run(query.get('run_id') ?? '');
        const path = query.get('path') ?? '';
        if (path.split('/').includes('..')) throw invalid('Invalid path');
        const files = this.artifacts.list([run.experiment.id, run.id, 'artifacts', ...(path === '' ? [] : [path])].join('/'));
        const named = files.map((file) => ({ ...file, path: path === '' ? file.path : `${path}/${file.path}` }));
        return { root_uri: run.artifactUri, files: named };
      },
    };
  }

  #refusal({ headers }: IncomingMessage, method: string): Answer | undefined {
    const { host = '', origin, authorization = '' } = headers;
    if (!/^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/.test(host) && !this.#options.allowedHosts?.includes(host)) {
      return plain(403, 'Invalid Host header - possible DNS rebinding attack detected');
    }
    if (origin !== undefined) {
      this.violations.push(`an Origin header: ${origin}`);
      if (method !== 'GET') return plain(403, 'Cross-origin request blocked');
    }
    const { auth } = this.#options;
    if (auth === undefined) return undefined;
    const wanted = 'token' in auth ? `Bearer ${auth.token}` : `Basic ${Buffer.from(`${auth.user}:${auth.password}`).toString('base64')}`;
    return authorization === wanted ? undefined : DENIED;
  }

  async #met(endpoint: string, { socket }: IncomingMessage): Promise<void> {
    const meeting = this.#meetings.get(endpoint);
    if (meeting === undefined) return;
    meeting.doors.add(socket.localPort ?? 0);
    if (meeting.doors.size < meeting.wanted) await new Promise<void>((resolve) => meeting.go.push(resolve));
    for (const go of meeting.go.splice(0)) go();
  }

  /**
   * Notes a batch of a run; two of one client at the same time are what the server does not like. Clients can't know
   * of each other's.
   */
  #beginBatch({ socket }: IncomingMessage, body: Buffer): () => void {
    const id = /"run_id"\s*:\s*"([^"]*)"/.exec(body.toString('utf8'))?.[1] ?? '';
    // The sender has died meanwhile: the next process does not know about it.
    if (socket.destroyed) return () => undefined;
    const key = `${socket.localPort} ${id}`;
    if (this.#logging.has(key)) this.violations.push(`two log-batch of run ${id} at the same time`);
    this.#logging.add(key);
    let isOver = false;
    return () => {
      // After its answer, the next batch may be under way when this request's connection is told to be done.
      if (!isOver) this.#logging.delete(key);
      isOver = true;
    };
  }
}

const DENIED: Answer = {
  status: 401,
  body: 'You are not authenticated. Please see https://www.mlflow.org/docs/latest/auth/index.html',
  headers: { 'content-type': 'text/html; charset=utf-8', 'www-authenticate': 'Basic realm="mlflow"' },
};

/** The answer of a fault that stores nothing. */
function earlyAnswer(fault: StubFault | undefined): Answer | undefined {
  switch (fault?.kind) {
    case 'tooMany': {
      const { afterSec, asDate = false } = fault;
      const value = asDate ? new Date(Date.now() + (afterSec ?? 0) * 1000).toUTCString() : String(afterSec);
      const body = writeJson({ error_code: 'REQUEST_LIMIT_EXCEEDED', message: 'Too many requests' });
      return {
        status: 429,
        body,
        headers: { 'content-type': 'application/json', ...(afterSec === undefined ? {} : { 'retry-after': value }) },
      };
    }
    case 'status':
      return page(fault.status, `<html><body><h1>${fault.status}</h1></body></html>`);
    case 'error':
      return json(500, { error_code: 'INTERNAL_ERROR', message: '(sqlite3.OperationalError) database is locked' });
    case 'html':
      return page(500, HTML_500);
    case 'denied':
      return DENIED;
    default:
      return undefined;
  }
}

function endpointName(method: string, path: string): string {
  if (path === '/health' || path === '/version') return path.slice(1);
  if (path === '/api/3.0/mlflow/server-info') return 'server-info';
  const artifact = ARTIFACTS.exec(path);
  if (artifact !== null) return (artifact[2] ?? '') === '' ? 'artifacts/list-all' : `artifacts/${method.toLowerCase()}`;
  return API.exec(path)?.[1] ?? 'unknown';
}

function cutAt(text: string, mark: string): string[] {
  const at = text.indexOf(mark);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

/** The whole body; undefined where the client went away. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const parts: Buffer[] = [];
  try {
    for await (const part of request) parts.push(part as Buffer);
  } catch {
    return undefined;
  }
  return Buffer.concat(parts);
}

function json(status: number, value: unknown): Answer {
  return { status, body: writeJson(value), headers: { 'content-type': 'application/json' } };
}

function page(status: number, body: string): Answer {
  return { status, body, headers: { 'content-type': 'text/html; charset=utf-8' } };
}

function plain(status: number, body: string): Answer {
  return { status, body, headers: { 'content-type': 'text/plain' } };
}

function rangeOf(content: Buffer, range: string | undefined): Answer {
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? [];
  const headers = { 'content-type': 'application/octet-stream' };
  if (from === undefined) return { status: 200, body: content, headers };
  const end = to === '' || to === undefined ? content.length : Math.min(Number(to) + 1, content.length);
  return {
    status: 206,
    body: content.subarray(Number(from), end),
    headers: { ...headers, 'content-range': `bytes ${from}-${end - 1}/${content.length}` },
  };
}

function send(response: ServerResponse, { status, body, headers }: Answer): void {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}
