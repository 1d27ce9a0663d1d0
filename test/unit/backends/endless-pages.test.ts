/** A server steers every loop that follows its pages. Here each of them meets one that never comes to an end. */
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from '@jest/globals';
import { ClearmlClient } from '../../../src/backends/clearml/client.ts';
import { type EventSource, taskEvents } from '../../../src/backends/clearml/events.ts';
import { foreignIn } from '../../../src/backends/clearml/foreign.ts';
import { Artifacts } from '../../../src/backends/mlflow/artifacts.ts';
import { MlflowClient } from '../../../src/backends/mlflow/client.ts';
import { HeldMetrics } from '../../../src/backends/mlflow/held-metrics.ts';
import { registerModel } from '../../../src/backends/mlflow/model-versions.ts';
import { readBack } from '../../../src/backends/mlflow/read-back.ts';
import { WandbClient } from '../../../src/backends/wandb/client.ts';
import { foreignIn as runsForeign } from '../../../src/backends/wandb/foreign.ts';
import { OnlineStorage } from '../../../src/backends/wandb/online.ts';
import type { Handle } from '../../../src/contract/index.ts';
import { ObjectStore } from '../../../src/objects/index.ts';

const signal = new AbortController().signal;
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/**
 * How a listing never ends: the same token again, tokens in a circle, ever new ones without anything behind them, or
 * with what was there already.
 */
const WAYS = ['the same token', 'tokens in a circle', 'empty pages', 'the same page under new tokens'] as const;
type Way = (typeof WAYS)[number];

interface Rude {
  readonly url: string;
  /** Requests so far. */
  readonly asked: number;
}

/** Answers everything that is asked for a page with one more page. */
async function rude(way: Way): Promise<Rude> {
  let asked = 0;
  const server: Server = createServer(async (request, response) => {
    for await (const _ of request);
    asked++;
    const token = way === 'the same token' ? 't' : way === 'tokens in a circle' ? `t${asked % 3}` : `t${asked}`;
    // What is in a page is new, but where the way is that it is not.
    const number = way === 'the same page under new tokens' ? 1 : asked;
    const [type, text] = pageOf(request, token, way !== 'empty pages', number);
    response.writeHead(200, { 'content-type': type }).end(text);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  closers.push(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get asked() {
      return asked;
    },
  };
}

function pageOf({ url = '' }: IncomingMessage, token: string, isFull: boolean, asked: number): readonly [string, string] {
  if (url.startsWith('/bucket')) return ['application/xml', s3PageOf(url, token, isFull, asked)];
  const events = isFull ? [{ iter: asked, type: 'x' }] : [];
  const edges = isFull ? [{ node: { name: `f${asked}`, sizeBytes: 1 } }] : [];
  const run = {
    info: { run_id: 'r', experiment_id: '1' },
    data: { metrics: [{ key: 'loss' }] },
    files: { edges, pageInfo: { hasNextPage: true, endCursor: token } },
    history: isFull ? [`{"_step":${asked}}`] : [],
  };
  const runs = { edges: isFull ? [{ node: { name: `r${asked}` } }] : [], pageInfo: { hasNextPage: true, endCursor: token } };
  const answer = {
    // MLflow
    files: isFull ? [{ path: `a${asked}`, file_size: 1 }] : [],
    metrics: isFull ? [{ key: 'loss', step: asked, timestamp: 0, value: 1 }] : [],
    model_versions: isFull ? [{ name: 'other' }] : [],
    run,
    next_page_token: token,
    // W&B
    data: {
      token: 'x.e30.x',
      events,
      tasks: isFull ? [{ id: `t${asked}` }] : [],
      scroll_id: token,
      project: { run, runs },
      model: { bucket: { id: 'r', historyLineCount: 1e15 } },
    },
    // ClearML
    meta: { result_code: 200 },
  };
  return ['application/json', JSON.stringify(answer)];
}

function s3PageOf(url: string, token: string, isFull: boolean, asked: number): string {
  if (url.includes('uploads') && !url.includes('uploadId')) {
    return '<ListMultipartUploadsResult><Upload><Key>big</Key><UploadId>u</UploadId></Upload></ListMultipartUploadsResult>';
  }
  const part = isFull ? `<Part><PartNumber>${asked}</PartNumber><ETag>"e"</ETag></Part>` : '';
  return `<ListPartsResult><IsTruncated>true</IsTruncated><NextPartNumberMarker>${token}</NextPartNumberMarker>${part}</ListPartsResult>`;
}

function mlflowOf(url: string): MlflowClient {
  const client = new MlflowClient(url, { auth: undefined, tls: {}, timeoutMs: 30_000 });
  closers.push(() => client.close());
  return client;
}

function wandbOf(url: string): WandbClient {
  const client = new WandbClient({ baseUrl: url, apiKey: 'k'.repeat(40), timeoutMs: 30_000, tls: {} });
  closers.push(() => client.close());
  return client;
}

function clearmlOf(url: string): ClearmlClient {
  const client = new ClearmlClient({ apiServer: url, auth: undefined, tls: {}, extraRetryCodes: new Set(), workerName: 'w' });
  closers.push(() => client.close());
  return client;
}

const TRACKED = { runId: 'r', experimentId: '1', root: undefined } as const;
const PATH = { entity: 'e', project: 'p', id: 'r' };

async function* nothing(): AsyncGenerator<never, void, void> {}

async function drain(all: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of all);
}

/** Every loop that follows pages, by what it lists. */
const LOOPS: Readonly<Record<string, (url: string) => Promise<unknown>>> = {
  'artifacts of an MLflow run': (url) => new Artifacts(mlflowOf(url)).list('r', '', signal),
  'versions of models of an MLflow run': (url) =>
    registerModel(mlflowOf(url), TRACKED, { model: 'm', file: { path: 'a', hash: '0' }, tags: {} }, signal),
  'the history of an MLflow metric, to compare it': (url) => {
    const client = mlflowOf(url);
    return drain(readBack(client, new Artifacts(client), TRACKED, { signal }));
  },
  'the history of an MLflow metric, to send no point twice': (url) => {
    const held = new HeldMetrics(mlflowOf(url), 'r', false);
    const metric = { key: 'loss', text: '{"key":"loss","step":1,"timestamp":0,"value":1}', offset: 0, index: 0 };
    return held.missing([{ ...metric, isSettled: false, isDerived: false }], signal, ({ error }) => error);
  },
  'files of a W&B run': (url) => wandbOf(url).files(PATH, signal),
  'runs of a W&B project': async (url) => {
    const client = wandbOf(url);
    const places = new OnlineStorage(client, { offsetSemantics: 'replace', uncounted: async () => {}, pages: url });
    const handle = JSON.stringify({ run: 'r', entity: 'e', project: 'p', started: 0 }) as Handle;
    const own = [{ handle, files: [], params: [], tags: {} }];
    await drain(
      (await runsForeign(client, places, own, { entity: 'e', configured: { tags: [], notes: undefined }, warn: () => {} }, signal)) ??
        nothing(),
    );
  },
  'rows of a W&B run': async (url) => {
    const places = new OnlineStorage(wandbOf(url), { offsetSemantics: 'replace', uncounted: async () => {}, pages: url });
    const found = await places.find(PATH, signal);
    if (found.kind !== 'ok' || found.value === undefined) throw new Error('no run');
    await drain(found.value.readLines(0, Infinity, signal));
  },
  'events of a ClearML task': (url) => drain(taskEvents(clearmlOf(url), 'task', 'plot', signal)),
  'tasks of a ClearML project': async (url) => {
    const client = clearmlOf(url);
    const source = (): EventSource => {
      throw new Error('no task is read');
    };
    await drain(foreignIn(client, source, [{ id: 't', project: 'p', files: [], params: [], tags: {} }], signal));
  },
  'parts of an upload to a bucket': async (url) => {
    const credentials = { accessKeyId: 'AKIAOFTHETESTS', secretAccessKey: 'the-secret-of-the-tests' };
    const store = new ObjectStore(
      { bucket: 'bucket', prefix: '', url: 's3://bucket', endpoint: url, region: 'us-east-1', credentials },
      16,
    );
    closers.push(() => store.close());
    const data = Buffer.alloc(64);
    await store.put('big', { bytes: data.length, read: () => [data] as unknown as AsyncIterable<Uint8Array> }, signal);
  },
};

describe.each(WAYS)('a listing that never ends (%s)', (way) => {
  test.each(Object.keys(LOOPS))('%s: is not a valid answer of an API', async (name) => {
    // Rows are asked for by their numbers, which never come twice: no token leads to them.
    if (/^rows|^tasks/.test(name) && (way === 'the same token' || way === 'tokens in a circle')) return;
    // There an empty page is the end.
    if (/^events|^tasks/.test(name) && way === 'empty pages') return;
    const server = await rude(way);
    const listing = (LOOPS[name] as (url: string) => Promise<unknown>)(server.url);
    await expect(listing).rejects.toMatchObject({ code: 'MB4003', message: expect.stringMatching(/endless pages/) });
    // Logging in, looking for the run, what a bucket has, and the pages themselves.
    expect(server.asked).toBeLessThan(20);
  });
});

test('every source that reads a server’s token of a page uses the guard', () => {
  const root = fileURLToPath(new URL('../../../src', import.meta.url));
  const TOKEN = /next_page_token|endCursor|hasNextPage|scroll_id|NextPartNumberMarker|NextContinuationToken|NextMarker|NextKeyMarker/;
  const without = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.js') && TOKEN.test(readFileSync(join(root, file), 'utf8')))
    .filter((file) => !/\b(?:new Pages|eachPage)\(/.test(readFileSync(join(root, file), 'utf8')));
  expect(without).toEqual([]);
});
