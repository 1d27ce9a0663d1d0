import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { FastifyInstance } from 'fastify';
import { API_BASE, makeApi } from '../../../src/api/index.ts';
import type { Changes, Question } from '../../../src/query/index.ts';
import { FakeClock } from '../../support/fake-clock.ts';

let clock: FakeClock;
let app: FastifyInstance;
let version: number;
let questions: string[];
let failures: string[];
let isBroken: boolean;

const run = { root: 'logs', path: 'a' };

/** A store whose version is a number, and in which one run changes. */
async function ask(question: Question): Promise<Changes> {
  if (question.kind !== 'changes') throw new Error(`not expected: ${question.kind}`);
  questions.push(question.since ?? '');
  if (isBroken) throw new Error('no disk');
  const runs = question.since === undefined || Number.isNaN(Number(question.since)) ? 'all' : Number(question.since) < version ? [run] : [];
  return { version: String(version), runs };
}

beforeEach(async () => {
  clock = new FakeClock();
  [version, questions, failures, isBroken] = [1, [], [], false];
  app = makeApi({
    store: { ask: ask as never },
    storePath: '/none',
    mediaPath: '/none',
    statePath: '/none',
    version: '1.2.3',
    hosts: { host: '127.0.0.1' },
    token: undefined,
    clock,
    onFailure: (error, what) => failures.push(`${what}: ${String(error)}`),
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
});
afterEach(async () => {
  await app.close();
});

interface Client {
  readonly status: number;
  readonly type: string | undefined;
  /** What came so far. */
  readonly text: () => string;
  readonly ended: Promise<void>;
  readonly close: () => void;
}

function listen(headers: Readonly<Record<string, string>> = {}, query = ''): Promise<Client> {
  return new Promise((resolve, reject) => {
    const sent = request({
      host: '127.0.0.1',
      port: (app.server.address() as AddressInfo).port,
      path: `${API_BASE}/events${query}`,
      headers,
    });
    sent.on('error', reject);
    sent.on('response', (response) => {
      let text = '';
      response.on('data', (data) => {
        text += String(data);
      });
      const { promise: ended, resolve: end } = Promise.withResolvers<void>();
      response.on('close', end);
      response.on('error', () => undefined);
      resolve({
        status: response.statusCode ?? 0,
        type: response.headers['content-type'],
        text: () => text,
        ended,
        close: () => void sent.destroy(),
      });
    });
    sent.end();
  });
}

/** Waits for what the sockets bring. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await nextTurn();
}

const LANES = 'event: lanes\ndata: {"lanes":[]}\n\n';
const changes = (id: number, all: boolean, runs: readonly string[] = []): string =>
  `id: ${id}\nevent: changes\ndata: {"version":"${id}","all":${all},"runs":[${runs
    .map((path) => `{"id":"logs/${path}","root":"logs","run":"${path}"}`)
    .join(',')}]}\n\n`;

describe('a stream of events', () => {
  it('begins with the version of the store and the lanes, and goes on with each change', async () => {
    const client = await listen();
    expect([client.status, client.type]).toEqual([200, 'text/event-stream; charset=utf-8']);
    await until(() => client.text().includes(LANES));
    expect(client.text()).toBe(`retry: 2000\n\n${changes(1, true)}${LANES}`);
    await clock.pass(3000);
    version = 2;
    await clock.pass(500);
    await until(() => client.text().endsWith(changes(2, false, ['a'])));
    expect(client.text()).toBe(`retry: 2000\n\n${changes(1, true)}${LANES}${changes(2, false, ['a'])}`);
    client.close();
  });

  it('continues from the version that a client has', async () => {
    version = 7;
    const [again, named] = [await listen({ 'last-event-id': '6' }, '?since=1'), await listen({}, '?since=7')];
    await until(() => again.text().includes(LANES) && named.text().includes(LANES));
    expect(again.text()).toContain(changes(7, false, ['a']));
    expect(named.text()).toContain(changes(7, false));
    expect((await listen({ 'last-event-id': 'nonsense' })).status).toBe(200);
    again.close();
    named.close();
  });

  it('costs one look for all clients, and none without a client', async () => {
    const clients = await Promise.all(Array.from({ length: 5 }, () => listen()));
    await until(() => clients.every((client) => client.text().includes(LANES)));
    await clock.pass(500);
    questions = [];
    await clock.pass(5000);
    expect(questions).toEqual(new Array(10).fill('1'));
    for (const client of clients) client.close();
    await Promise.all(clients.map(({ ended }) => ended));
    let seen = -1;
    // The server notices a moment later.
    while (seen !== questions.length) {
      seen = questions.length;
      await clock.pass(500);
      await nextTurn();
    }
    questions = [];
    await clock.pass(60_000);
    expect(questions).toEqual([]);
  });

  it('says something each 15 seconds', async () => {
    const client = await listen();
    await until(() => client.text().includes(LANES));
    await clock.pass(30_000);
    await until(() => client.text().split(': quiet\n\n').length === 3);
    client.close();
  });

  it('is refused if there are 16 already', async () => {
    const clients = await Promise.all(Array.from({ length: 16 }, () => listen()));
    expect(clients.every(({ status }) => status === 200)).toBe(true);
    const refused = await listen();
    await refused.ended;
    expect([refused.status, refused.text()]).toEqual([503, expect.stringContaining('MB5005')]);
    expect(failures.splice(0)).toHaveLength(1);
    clients[0]?.close();
    for (;;) {
      const next = await listen();
      if (next.status === 200) break;
      failures = [];
    }
    for (const client of clients) client.close();
  });

  it('goes on after a failure, which is reported once', async () => {
    isBroken = true;
    const client = await listen();
    await clock.pass(5000);
    expect(failures).toEqual([`GET ${API_BASE}/events: Error: no disk`]);
    isBroken = false;
    await clock.pass(500);
    await until(() => client.text().includes(changes(1, true)));
    client.close();
  });

  it('ends at once when the server closes', async () => {
    const client = await listen();
    await until(() => client.text().includes(LANES));
    await app.close();
    await client.ended;
  });

  it('has no body for HEAD, and names wrong parameters', async () => {
    const head = await app.inject({ method: 'HEAD', url: `${API_BASE}/events` });
    expect([head.statusCode, head.body]).toEqual([200, '']);
    const wrong = await app.inject({ method: 'GET', url: `${API_BASE}/events?sicne=1` });
    expect([wrong.statusCode, wrong.json().errors]).toEqual([
      400,
      [{ parameter: 'sicne', detail: 'no such parameter; did you mean since?' }],
    ]);
  });
});
