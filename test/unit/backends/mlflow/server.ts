import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { whoseRun } from '../../../../src/backend-kit/identity/index.ts';
import { mlflow } from '../../../../src/backends/mlflow/index.ts';
import { FACTS_TAG, factsText, UNTRIED } from '../../../../src/backends/mlflow/store-facts.ts';
import type { Backend, Handle, RunSource, TrackerParcel } from '../../../../src/contract/index.ts';
import type { ObjectPoint, Series } from '../../../../src/model/index.ts';
import { hastyClock } from '../../../support/hasty-clock.ts';

export interface Seen {
  readonly method: string;
  /** Without what all calls of the API begin with. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly text: string;
  /** The body, where it is JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every shape
  readonly body: any;
  readonly headers: IncomingHttpHeaders;
}

export interface Answer {
  readonly status?: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** The connection is cut instead. */
  readonly isReset?: boolean;
}

/** What a test answers; undefined is answered as a server with one experiment and no run does. */
export type Script = (seen: Seen) => Answer | undefined;

/** An experiment with what a trial found: the server is not tried again. */
const KNOWN = {
  experiment_id: '0',
  name: 'Default',
  artifact_location: 'mlflow-artifacts:/0',
  tags: [{ key: FACTS_TAG, value: factsText({ ...UNTRIED, tagLength: 8000 }, '') }],
};

/** A server that answers by a script: what it was asked stands in `seen`. */
export class ScriptedServer {
  readonly seen: Seen[] = [];
  readonly files = new Map<string, Buffer>();
  script: Script;
  url = '';
  readonly warnings: string[] = [];
  readonly #server = createServer();
  readonly #backends: Backend[] = [];

  constructor(script: Script = () => undefined) {
    this.script = script;
  }

  async start(): Promise<this> {
    this.#server.on('request', async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const data = Buffer.concat(chunks);
      const url = new URL(request.url ?? '', 'http://h');
      const path = url.pathname.replace('/api/2.0/mlflow/', '').replace('/api/2.0/mlflow-artifacts/artifacts/', 'file/');
      const isJson = request.headers['content-type'] === 'application/json';
      const text = data.toString('utf8');
      const body = isJson ? JSON.parse(text) : undefined;
      const seen: Seen = { method: request.method ?? '', path, query: url.searchParams, text, body, headers: request.headers };
      this.seen.push(seen);
      const answer = this.script(seen) ?? this.#usual(seen, data);
      if (answer.isReset === true) {
        request.socket.resetAndDestroy();
        return;
      }
      const { status = 200, body: said = {}, headers = {} } = answer;
      const type = typeof said === 'string' ? 'text/html' : 'application/json';
      response.writeHead(status, { 'content-type': type, ...headers });
      response.end(typeof said === 'string' || Buffer.isBuffer(said) ? said : JSON.stringify(said));
    });
    await new Promise<void>((done) => this.#server.listen(0, '127.0.0.1', done));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return this;
  }

  #usual({ method, path, query, body }: Seen, data: Buffer): Answer {
    if (path === 'experiments/get-by-name') {
      return { body: { experiment: { experiment_id: '1', name: query.get('experiment_name'), lifecycle_stage: 'active' } } };
    }
    if (path === 'experiments/search') return { body: { experiments: [KNOWN] } };
    if (path === 'runs/create') return { body: { run: runOf('r1', body.tags) } };
    if (path === 'runs/get') return { body: { run: runOf(query.get('run_id') ?? '', []) } };
    if (path.startsWith('file/') && method === 'PUT') this.files.set(decodeURIComponent(path), data);
    return {};
  }

  /** Calls of one endpoint so far. */
  calls(path: string): readonly Seen[] {
    return this.seen.filter((seen) => seen.path === path);
  }

  async backend(section: Readonly<Record<string, unknown>> = {}): Promise<Backend> {
    const parsed = mlflow.parse({ tracking_uri: this.url, ...section }, {});
    if (parsed.kind !== 'settings') throw new Error(JSON.stringify(parsed.problems));
    const warn = (message: string): void => void this.warnings.push(message);
    const backend = await mlflow.create(parsed.settings, { lane: 'mlflow', whoseRun, env: {}, warn, clock: hastyClock() });
    this.#backends.push(backend);
    return backend;
  }

  async close(): Promise<void> {
    for (const backend of this.#backends) await backend.close();
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }
}

export function runOf(id: string, tags: unknown, more: object = {}, data: object = {}): object {
  return {
    info: {
      run_id: id,
      experiment_id: '1',
      lifecycle_stage: 'active',
      start_time: 1,
      artifact_uri: `mlflow-artifacts:/1/${id}/artifacts`,
      ...more,
    },
    data: { tags, ...data },
  };
}

export function apiError(status: number, code: string, message: string): Answer {
  return { status, body: { error_code: code, message } };
}

export const source: RunSource = {
  run: { root: 'logs', path: 'train/a' },
  rootPath: '/logs',
  key: 'abc123',
  name: 'train/a',
  group: 'Group',
  tags: { team: 'vision' },
  instanceId: 'me',
  fingerprint: [{ file: 'f', checksum: 7 }],
  startedAt: 1700000000.25,
};

export const signal: AbortSignal = new AbortController().signal;

/** [tag, step, wall time, value] of each scalar. */
export type Row = readonly [tag: string, step: number | bigint, wallTime: number, value: number | bigint];

export function parcelOf(
  handle: Handle,
  rows: readonly Row[],
  start = 0,
  objects: readonly (Omit<ObjectPoint, 'series'> & { tag: string; plugin: string })[] = [],
): TrackerParcel {
  const series: Series[] = [];
  const idOf = (tag: string, plugin: string): number => {
    const known = series.find((one) => one.tag === tag);
    if (known !== undefined) return known.id;
    const made: Series = {
      id: series.length,
      tag,
      plugin,
      dataClass: 'unknown',
      metadata: new Uint8Array(0),
      displayName: '',
      description: '',
      form: '',
      firstFile: 'f',
      firstOffset: 0,
    };
    series.push(made);
    return made.id;
  };
  const wideSteps = new Map<number, bigint>();
  const wideValues = new Map<number, bigint>();
  for (const [i, [, step, , value]] of rows.entries()) {
    if (typeof step === 'bigint') wideSteps.set(i, step);
    if (typeof value === 'bigint') wideValues.set(i, value);
  }
  return {
    handle,
    target: source.run,
    file: 'f',
    series,
    state: {
      name: 'f',
      generation: 0,
      position: { watermark: start + rows.length * 10, gaps: [] },
      guard: { first: undefined, last: undefined },
      damage: [],
      size: 0,
      stamp: '',
      records: 0,
    },
    batch: {
      run: source.run,
      file: 'f',
      generation: 0,
      start,
      end: start + (rows.length + objects.length) * 10,
      records: rows.length + objects.length,
      newSeries: [],
      scalars: {
        count: rows.length,
        series: Uint32Array.from(rows, ([tag]) => idOf(tag, 'scalars')),
        step: Float64Array.from(rows, ([, step]) => Number(step)),
        wallTime: Float64Array.from(rows, ([, , wallTime]) => wallTime),
        value: Float64Array.from(rows, ([, , , value]) => Number(value)),
        offset: Float64Array.from(rows, (_, i) => start + i * 10),
        checksum: Uint32Array.from(rows, (_, i) => i),
        index: new Uint32Array(rows.length),
        wideSteps,
        wideValues,
      },
      objects: objects.map(({ tag, plugin, ...point }) => ({ ...point, series: idOf(tag, plugin) })),
      marks: [],
    },
  };
}
