import { request } from 'node:http';
import { afterEach, describe, expect, it } from '@jest/globals';
import { MlflowStub, type StubOptions } from '../../support/mlflow-stub/index.ts';

let stub: MlflowStub;
afterEach(() => stub.close());

async function start(options: StubOptions = {}): Promise<string> {
  stub = await MlflowStub.start(options);
  const { experiment_id: id } = await post('experiments/create', { name: 'e' });
  const { run } = (await post('runs/create', { experiment_id: id, run_name: 'r', start_time: 1 })) as { run: { info: { run_id: string } } };
  return run.info.run_id;
}

async function post(path: string, body: unknown): Promise<Record<string, unknown>> {
  return (await (await send(path, JSON.stringify(body))).json()) as Record<string, unknown>;
}

function send(path: string, body: string, headers: Record<string, string> = {}): Promise<Response> {
  const all = { 'content-type': 'application/json', ...headers };
  return fetch(`${stub.url}/api/2.0/mlflow/${path}`, { method: 'POST', headers: all, body });
}

function batch(id: string, ...metrics: readonly object[]): string {
  return JSON.stringify({ run_id: id, metrics });
}

const point = { key: 'm', value: 1, timestamp: 5, step: 2 };

describe('the MLflow stub', () => {
  it('stores a point once even if it arrives repeatedly, and corrupts nothing without a violation', async () => {
    const id = await start();
    for (const _ of [1, 2, 3]) expect((await send('runs/log-batch', batch(id, point, { ...point, value: 'Infinity' }))).status).toBe(200);
    const [run] = stub.runs();
    expect(stub.points(run!)).toEqual([
      { key: 'm', value: 1, timestamp: 5n, step: 2n },
      { key: 'm', value: Number.MAX_VALUE, timestamp: 5n, step: 2n },
    ]);
    expect(stub.violations).toEqual([]);
    expect(stub.count('runs/log-batch')).toBe(3);
  });

  it.each([
    ['a fraction in a step', (id: string) => batch(id, { ...point, step: 1.5 }, point), {}, 200],
    ['a fraction in a time', (id: string) => batch(id, { ...point, timestamp: 1.5 }), {}, 200],
    ['a step beyond 64 bits', (id: string) => batch(id, { ...point, step: '9223372036854775808' }), {}, 200],
    ['nan in small letters', (id: string) => batch(id, { ...point, value: 'nan' }), {}, 200],
    ['a bare NaN', (id: string) => batch(id, point).replace('"value":1', '"value":NaN'), {}, 200],
    ['a number too large', (id: string) => batch(id, point).replace('"value":1', '"value":1e400'), {}, 200],
    ['no JSON', () => '{', {}, 500],
    ['a compressed body', (id: string) => batch(id, point), { 'content-encoding': 'gzip' }, 500],
    ['an origin', (id: string) => batch(id, point), { origin: 'http://elsewhere' }, 403],
  ])('records %s', async (_name, body, headers, status) => {
    const id = await start();
    expect((await send('runs/log-batch', body(id), headers as Record<string, string>)).status).toBe(status);
    expect(stub.violations).not.toEqual([]);
  });

  it('records a chunked body', async () => {
    const id = await start();
    const status = await new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/json', 'transfer-encoding': 'chunked' };
      const out = request(`${stub.url}/api/2.0/mlflow/runs/log-batch`, { method: 'POST', headers }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      });
      out.on('error', reject);
      out.end(batch(id, point));
    });
    expect(status).toBe(500);
    expect(stub.violations).toHaveLength(1);
  });

  it('records two batches of one run at the same time', async () => {
    const id = await start();
    stub.fail({ kind: 'hang', stored: true }, { on: ['runs/log-batch'] });
    const life = new AbortController();
    const hanging = fetch(`${stub.url}/api/2.0/mlflow/runs/log-batch`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: batch(id, point),
      signal: life.signal,
    }).catch(() => undefined);
    while (stub.points(stub.runs()[0]!).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await send('runs/log-batch', batch(id, point));
    expect(stub.violations).toEqual([`two log-batch of run ${id} at the same time`]);
    life.abort();
    await hanging;
  });

  it('loses an answer after the storage of its data, and a request before', async () => {
    const id = await start();
    stub.fail({ kind: 'close', stored: true }, { on: ['runs/log-batch'] });
    stub.fail({ kind: 'close', stored: false }, { on: ['runs/log-batch'] });
    stub.fail({ kind: 'part' }, { on: ['runs/log-batch'] });
    const two = (step: number): string => batch(id, { ...point, step }, { ...point, step: step + 1 });
    await expect(send('runs/log-batch', two(0))).rejects.toThrow();
    await expect(send('runs/log-batch', two(10))).rejects.toThrow();
    expect((await send('runs/log-batch', two(20))).status).toBe(500);
    expect(stub.points(stub.runs()[0]!).map(({ step }) => step)).toEqual([0n, 1n, 20n]);
  });

  it('causes the same faults from the same seed', async () => {
    const id = await start();
    const statuses = async (): Promise<number[]> => {
      stub.heal();
      stub.fail({ kind: 'tooMany', afterSec: 3 }, { on: ['runs/log-batch'], probability: 0.5, seed: 7 });
      const found: number[] = [];
      for (let i = 0; i < 20; i++) found.push((await send('runs/log-batch', batch(id, point))).status);
      return found;
    };
    const first = await statuses();
    expect(new Set(first)).toEqual(new Set([200, 429]));
    expect(await statuses()).toEqual(first);
  });

  it('accepts valid credentials, below a path, on allowed hosts', async () => {
    stub = await MlflowStub.start({ auth: { token: 'secret' }, prefix: '/mlflow', allowedHosts: ['mlflow:5000'] });
    const { port } = new URL(stub.url);
    const statusOf = (path: string, headers: Record<string, string>): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        const out = request({ host: '127.0.0.1', port, path, headers }, (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        });
        out.on('error', reject);
        out.end();
      });
    const authorization = 'Bearer secret';
    expect(await statusOf('/mlflow/health', { host: 'anything' })).toBe(200);
    expect(await statusOf('/mlflow/version', {})).toBe(401);
    expect(await statusOf('/mlflow/version', { authorization })).toBe(200);
    expect(await statusOf('/mlflow/version', { authorization, host: 'mlflow:5000' })).toBe(200);
    expect(await statusOf('/mlflow/version', { authorization, host: 'mlflow' })).toBe(403);
    expect(await statusOf('/version', { authorization })).toBe(404);
  });

  it('keeps every point, and infinities, as the file store does', async () => {
    const id = await start({ isFileStore: true });
    for (const _ of [1, 2]) await send('runs/log-batch', batch(id, { ...point, value: '-Infinity' }));
    expect(stub.points(stub.runs()[0]!).map(({ value }) => value)).toEqual([-Infinity, -Infinity]);
    expect((await send('runs/log-batch', batch(id, { ...point, key: 'm/below' }))).status).toBe(500);
  });

  it('always answers 503 if it serves no artifacts', async () => {
    const id = await start({ servesArtifacts: false });
    const answer = await fetch(`${stub.url}/api/2.0/mlflow-artifacts/artifacts/1/${id}/artifacts/x`, { method: 'PUT', body: 'x' });
    expect([answer.status, await answer.text()]).toEqual([503, expect.stringContaining('Artifact serving is disabled')]);
  });

  it('records artifact paths that a proxy would change', async () => {
    const id = await start();
    for (const [path, status] of [
      ['a%2525b', 200],
      ['a/%2e%2e%2fb', 400],
      ['a%23b', 400],
    ] as const) {
      const root = `${stub.url}/api/2.0/mlflow-artifacts/artifacts/1/${id}/artifacts`;
      expect((await fetch(`${root}/${path}`, { method: 'PUT', body: 'x' })).status).toBe(status);
    }
    expect(stub.violations).toHaveLength(2);
  });
});
