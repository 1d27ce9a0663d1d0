import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { AimFailure } from '../../../src/backends/aim/answers.ts';
import { AimClient } from '../../../src/backends/aim/client.ts';
import { pack, unpack } from '../../../src/backends/aim/tree.ts';
import { ClearmlClient } from '../../../src/backends/clearml/client.ts';
import { taskEvents } from '../../../src/backends/clearml/events.ts';
import { MlflowClient } from '../../../src/backends/mlflow/client.ts';
import { WandbClient } from '../../../src/backends/wandb/client.ts';
import { OnlineStorage } from '../../../src/backends/wandb/online.ts';
import { memoryInUse, useMemory } from '../../../src/memory/index.ts';
import { ObjectStore } from '../../../src/objects/index.ts';
import { AimStub } from '../../support/aim-stub/index.ts';

const MIB = 1024 * 1024;
const before = memoryInUse();
const signal = new AbortController().signal;
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  useMemory(before);
  for (const close of closers.splice(0)) await close();
});

type Answer = (request: IncomingMessage, body: Record<string, unknown>) => unknown;

/** Answers are objects, which become JSON, or bytes. */
async function serve(answer: Answer): Promise<string> {
  const server = createServer(async (request, response) => {
    response.on('error', () => undefined);
    let text = '';
    for await (const chunk of request) text += chunk;
    const value = answer(request, text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : {});
    const type = Buffer.isBuffer(value) ? 'application/octet-stream' : 'application/json';
    response.writeHead(200, { 'content-type': type }).end(Buffer.isBuffer(value) ? value : JSON.stringify(value));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  closers.push(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** With it the longest answer has 4 MiB. */
function withLittleMemory(): void {
  useMemory({ limit: 64 * MIB, trackers: 1 });
}

const range = (from: number, to: number): readonly number[] => Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
/** A page of so many is too large. */
const TOO_MANY = 40;
const TOO_LARGE = Buffer.alloc(5 * MIB, ' ');

describe('a listing whose pages are too large', () => {
  test('is split into smaller pages: the history of an MLflow metric', async () => {
    withLittleMemory();
    const sizes: number[] = [];
    const url = await serve((request) => {
      const query = new URL(request.url ?? '', 'http://h').searchParams;
      const [from, most] = [Number(query.get('page_token') ?? 0), Number(query.get('max_results'))];
      sizes.push(most);
      const end = Math.min(100, from + most);
      if (end - from >= TOO_MANY) return TOO_LARGE;
      const metrics = range(from, end).map((step) => ({ key: 'k', step, timestamp: step, value: step }));
      return { metrics, ...(end < 100 ? { next_page_token: String(end) } : {}) };
    });
    const client = new MlflowClient(url, { auth: undefined, tls: {}, timeoutMs: 60_000 });
    closers.push(() => client.close());
    const steps: unknown[] = [];
    for await (const page of client.history('r', 'k', ({ error }) => error, signal)) for (const { step } of page) steps.push(step);
    expect(steps).toEqual(range(0, 100));
    expect(Math.min(...sizes)).toBeGreaterThan(10);
    expect(sizes.length).toBeLessThan(30);
  });

  test('is split into smaller pages: MLflow runs of one key', async () => {
    withLittleMemory();
    const url = await serve((_, { page_token: token = '0', max_results: most }) => {
      const end = Math.min(60, Number(token) + Number(most));
      if (end - Number(token) >= TOO_MANY) return TOO_LARGE;
      const runs = range(Number(token), end).map((i) => ({ info: { run_id: `r${i}`, experiment_id: '1', start_time: i } }));
      return { runs, ...(end < 60 ? { next_page_token: String(end) } : {}) };
    });
    const client = new MlflowClient(url, { auth: undefined, tls: {}, timeoutMs: 60_000 });
    closers.push(() => client.close());
    const found = await client.runsTagged('1', 'a', 'b', signal);
    expect(found.kind === 'ok' && found.value.map(({ runId }) => runId)).toEqual(range(0, 60).map((i) => `r${i}`));
  });

  test('is split into smaller pages: the events of a ClearML task', async () => {
    withLittleMemory();
    const url = await serve((request, { batch_size: size, scroll_id: scroll = '0' }) => {
      if (request.url?.endsWith('auth.login')) return { meta: {}, data: { token: 'a.b.c' } };
      const end = Math.min(1200, Number(scroll) + Number(size));
      // Short ones, and then long ones.
      if (end > 500 && end - Number(scroll) >= TOO_MANY) return TOO_LARGE;
      const events = range(Number(scroll), end).map((iter) => ({ iter, key: `k${iter}` }));
      return { meta: {}, data: { events, scroll_id: String(end) } };
    });
    const client = new ClearmlClient({ apiServer: url, auth: undefined, tls: {}, extraRetryCodes: new Set(), workerName: 'w' });
    closers.push(() => client.close());
    const steps: unknown[] = [];
    for await (const page of taskEvents(client, 'task', 'plot', signal)) for (const { iter } of page) steps.push(iter);
    expect(steps).toEqual(range(0, 1200));
  });

  test('is split into smaller pages: the rows of a W&B run', async () => {
    withLittleMemory();
    const rows = range(0, 80).map((i) => `{"_step":${i}}`);
    const url = await serve((request, { operationName, variables }) => {
      if (request.url?.startsWith('/files/') === true) return TOO_LARGE;
      if (operationName === 'RunResumeStatus') return { data: { model: { bucket: { id: 'b', name: 'r', historyLineCount: 80 } } } };
      const { minStep, maxStep } = variables as { minStep: number; maxStep: number };
      const page = rows.slice(minStep, maxStep);
      return page.length >= TOO_MANY ? TOO_LARGE : { data: { project: { run: { history: page } } } };
    });
    const client = new WandbClient({ baseUrl: url, apiKey: 'k', timeoutMs: 60_000, tls: {} });
    closers.push(() => client.close());
    const places = new OnlineStorage(client, { offsetSemantics: 'replace', uncounted: async () => {}, pages: url });
    const found = await places.find({ entity: 'e', project: 'p', id: 'r' }, signal);
    const read: string[] = [];
    if (found.kind === 'ok') for await (const line of found.value?.readLines(0, Infinity, signal) ?? []) read.push(line);
    expect(read).toEqual(rows);
  });
});

describe('an answer without pages that is too large', () => {
  test('names its limit: the fields of an MLflow run', async () => {
    withLittleMemory();
    const url = await serve(() => ({
      run: { info: { run_id: 'r', experiment_id: '1' }, data: { tags: [{ key: 'a', value: 'x'.repeat(5 * MIB) }] } },
    }));
    const client = new MlflowClient(url, { auth: undefined, tls: {}, timeoutMs: 60_000 });
    closers.push(() => client.close());
    expect(await client.run('r', signal)).toMatchObject({
      kind: 'failed',
      error: { code: 'MB4030', message: expect.stringMatching(/^looking for the run r: .*limit is 4MiB$/) },
    });
  });

  test('names its limit: an object of a bucket', async () => {
    withLittleMemory();
    const url = await serve(() => Buffer.alloc(5 * MIB));
    const credentials = { accessKeyId: 'AKIAOFTHETESTS', secretAccessKey: 'the-secret-of-the-tests' };
    const store = new ObjectStore({ bucket: 'b', prefix: '', url: 's3://b', endpoint: url, region: 'us-east-1', credentials });
    closers.push(() => store.close());
    await expect(store.get('a', signal)).rejects.toMatchObject({ code: 'MB4030', message: expect.stringContaining('the limit is 4MiB') });
  });

  test('names its limit: a column of Aim', async () => {
    const stub = await AimStub.start();
    closers.push(() => stub.close());
    const client = await AimClient.connect(stub.url, { headers: {}, tls: {}, timeoutMs: 60_000 }, signal);
    closers.push(() => client.close());
    const seqs = await client.snapshot('seqs', 'a'.repeat(24), signal);
    withLittleMemory();
    stub.answerNextRead(pack(Array.from({ length: 60_000 }, (_, i) => [BigInt(i), 1])));
    const failure = await client.items(seqs, ['a'], signal).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(AimFailure);
    expect(failure).toMatchObject({ kind: 'busy', error: { code: 'MB4030' } });
    // The connection is as good as before.
    expect(client.isBroken).toBe(false);
  });
});

describe('a bucket', () => {
  const credentials = { accessKeyId: 'AKIAOFTHETESTS', secretAccessKey: 'the-secret-of-the-tests' };

  test('that sends single bytes fails at the time limit of a command', async () => {
    const server = createServer((_, response) => {
      response.writeHead(200, { 'content-length': 1_000_000 });
      const drip = setInterval(() => response.write('x'), 10);
      response.on('close', () => clearInterval(drip));
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    closers.push(async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    });
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const options = { bucket: 'b', prefix: '', url: 's3://b', endpoint, region: 'us-east-1', credentials, timeoutMs: 500 };
    const store = new ObjectStore(options);
    closers.push(() => store.close());
    await expect(store.get('a', signal)).rejects.toMatchObject({ code: 'MB4001', message: expect.stringContaining('no answer within') });
  });

  test('whose listings never end is abandoned, and its errors may have any name', async () => {
    let body = `<?xml version="1.0"?><ListBucketResult>${'<Contents><Key>a</Key></Contents>'.repeat(200_000)}</ListBucketResult>`;
    let status = 200;
    const server = createServer((_, response) => response.writeHead(status, { 'content-type': 'application/xml' }).end(body));
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    closers.push(async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    });
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const store = new ObjectStore({ bucket: 'b', prefix: '', url: 's3://b', endpoint, region: 'us-east-1', credentials });
    closers.push(() => store.close());
    await expect(store.probe(signal)).rejects.toMatchObject({ code: 'MB4031' });
    status = 400;
    body = '<Error><Code><toString>1</toString></Code><Message><a/><toString/></Message></Error>';
    await expect(store.probe(signal)).rejects.toMatchObject({ code: 'MB4005' });
  });
});

describe("a tree in Aim's form", () => {
  test('with very many levels is invalid', () => {
    const part = Buffer.from([97, 0xfe]);
    const key = Buffer.concat(Array.from({ length: 1000 }, () => part));
    const head = Buffer.alloc(4);
    head.writeUInt32LE(key.length);
    const tail = Buffer.from([0, 1, 0, 0, 0, 0]);
    expect(() => unpack(Buffer.concat([head, key, tail]))).toThrow('more than 64 levels');
  });
});
