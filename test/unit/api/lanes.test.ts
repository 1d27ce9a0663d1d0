import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { FastifyInstance } from 'fastify';
import { API_BASE, type ApiOptions, type ConfiguredLane, makeApi } from '../../../src/api/index.ts';
import type { Handle } from '../../../src/contract/index.ts';
import { backfill } from '../../../src/index.ts';
import { StoreQueries } from '../../../src/query/index.ts';
import { keepVerdicts, StateFile } from '../../../src/state/index.ts';
import { event, eventFile, simpleValue } from '../../support/event-writer.ts';
import { MemoryBackend, MemoryTracker } from '../../support/memory-backend.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const EVENTS = 'events.out.tfevents.1';
const TOKEN = 'a-token-of-thirty-two-characters';
const { signal } = new AbortController();
const TARGET = 'memory:one';

let folder: string;
let statePath: string;
let storePath: string;
let store: StoreQueries;
let app: FastifyInstance;
let configured: readonly ConfiguredLane[] | undefined;

function put(run: string, steps: number): void {
  mkdirSync(join(folder, 'logs', run), { recursive: true });
  const events = Array.from({ length: steps }, (_, step) => event({ wallTime: 1, step, summary: [simpleValue('loss', step)] }));
  writeFileSync(join(folder, 'logs', run, EVENTS), eventFile(...events));
}

async function mirror(tracker: MemoryTracker | undefined): Promise<void> {
  await backfill({
    roots: [{ path: join(folder, 'logs') }],
    store: { path: storePath, mediaPath: join(folder, 'media') },
    trackers:
      tracker === undefined
        ? []
        : [
            {
              name: 'one',
              type: 'memory',
              target: TARGET,
              backend: new MemoryBackend(tracker),
              namesOf: (run) => ({ name: run.path, group: '', tags: {} }),
            },
          ],
    statePath,
    signal,
  });
}

function apiOf(more: Partial<ApiOptions> = {}): FastifyInstance {
  return makeApi({
    store,
    storePath,
    mediaPath: join(folder, 'media'),
    statePath,
    version: '1.2.3',
    hosts: { host: '127.0.0.1', hosts: ['runs.example.com'] },
    token: TOKEN,
    configured: async () => configured,
    ...more,
  });
}

beforeAll(async () => {
  folder = temporaryFolder();
  [statePath, storePath] = [join(folder, 'runs.state'), join(folder, 'runs.db')];
  put('well', 3);
  put('refused', 3);
  const tracker = new MemoryTracker('one');
  tracker.refuses = ({ step }) => (step === 2 && [...tracker.runs.values()].length > 0 ? 'refused' : undefined);
  await mirror(tracker);
  put('behind', 2);
  put('stopped', 2);
  await mirror(new MemoryTracker('one'));
  put('behind', 4);
  put('new', 1);
  await mirror(undefined);
  const state = StateFile.open(statePath, { now: () => 2000 });
  const stopped = [{ root: 'logs', run: 'stopped', reason: 'deleted', remedy: 'none' }];
  state.lane('one', TARGET).keepSnapshot({
    by: 'watch',
    pid: 1,
    written_ms: 1000,
    ended: false,
    lane: { state: 'active', stopped_runs: stopped },
    pace: null,
    points_per_byte: null,
    behind: [],
  });
  state.flush();
  state.close();
  store = new StoreQueries(storePath);
});
afterAll(async () => {
  await store.close();
});
beforeEach(() => {
  configured = [
    { name: 'local', target: storePath },
    { name: 'one', target: TARGET, linkOf: (handle: Handle) => `https://tracker.example/${encodeURIComponent(handle)}` },
    { name: 'other', target: 'memory:other' },
  ];
});

async function get(path: string, from: FastifyInstance): Promise<ReturnType<typeof JSON.parse>> {
  return (await from.inject({ method: 'GET', url: `${API_BASE}${path}`, headers: { authorization: `Bearer ${TOKEN}` } })).json();
}

describe('runs with their lanes', () => {
  beforeAll(() => {
    app = apiOf();
  });
  afterAll(async () => {
    await app.close();
  });

  it('have a state in each configured lane', async () => {
    const { runs } = await get('/runs?lanes=true', app);
    const states = Object.fromEntries(
      runs.map(({ run, lanes }: { run: string; lanes: readonly { name: string; state: string; points: number }[] }) => [
        run,
        lanes.map(({ name, state, points }) => [name, state, points]),
      ]),
    );
    const local = (points: number): [string, string, number] => ['local', 'mirrored', points];
    const other = ['other', 'absent', 0];
    expect(states).toEqual({
      well: [local(3), ['one', 'refused', 2], other],
      refused: [local(3), ['one', 'refused', 2], other],
      behind: [local(4), ['one', 'behind', 2], other],
      stopped: [local(2), ['one', 'stopped', 2], other],
      new: [local(1), ['one', 'absent', null], ['other', 'absent', null]],
    });
  });

  it('have the pages of the tracker runs, and when the lanes were verified', async () => {
    keepVerdicts(statePath, [{ name: 'one', target: TARGET, roots: [join(folder, 'logs')], verdict: { atMs: 3000, differences: 0 } }]);
    const { run } = await get('/run?run=logs/well', app);
    expect(run.lanes).toMatchObject([
      { name: 'local', url: null, verified_at: null },
      {
        name: 'one',
        refused: 1,
        behind_bytes: 0,
        url: expect.stringMatching(/^https:\/\/tracker\.example\/./),
        verified_at: '1970-01-01T00:00:03.000Z',
      },
      { name: 'other', url: null },
    ]);
    const report = { totals: {}, differences: [], leftOut: 0, runs: [{ root: 'logs', run: 'well', differences: 4 }] };
    keepVerdicts(statePath, [
      { name: 'one', target: TARGET, roots: [join(folder, 'logs')], verdict: { atMs: 4000, differences: 4 }, report },
    ]);
    expect((await get('/run?run=logs/well', app)).run.lanes[1]).toMatchObject({ state: 'differs', differences: 4 });
    keepVerdicts(statePath, [{ name: 'one', target: TARGET, roots: [join(folder, 'logs')], verdict: { atMs: 5000, differences: 0 } }]);
    expect((await get('/run?run=logs/well', app)).run.lanes[1]).toMatchObject({ state: 'refused', differences: 0 });
    const pages: string[] = ['javascript:alert(1)', '/relative'];
    for (const page of pages) {
      configured = [{ name: 'one', target: TARGET, linkOf: () => page }];
      expect((await get('/run?run=logs/well', app)).run.lanes[0].url).toBeNull();
    }
    configured = [
      {
        name: 'one',
        target: TARGET,
        linkOf: () => {
          throw new Error('not one of ours');
        },
      },
    ];
    expect((await get('/run?run=logs/well', app)).run.lanes[0]).toMatchObject({ url: null, state: 'refused' });
  });

  it('are those of the state if the configuration is unknown, and none without a state', async () => {
    configured = undefined;
    const names = ({ lanes }: { lanes: readonly { name: string }[] }): string[] => lanes.map(({ name }) => name);
    expect(names((await get('/run?run=logs/well', app)).run)).toEqual(['one']);
    const without = apiOf({ statePath: join(folder, 'none.state') });
    expect(names((await get('/run?run=logs/well', without)).run)).toEqual([]);
    await without.close();
  });

  it('come with the request only', async () => {
    const { runs } = await get('/runs', app);
    expect(runs[0].lanes).toBeUndefined();
  });
});

describe('a request for a lane', () => {
  beforeAll(() => {
    app = apiOf();
  });
  afterAll(async () => {
    await app.close();
  });

  const HEADERS = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json', host: '127.0.0.1:6070' };

  async function post(
    path: string,
    body: unknown = {},
    headers: Readonly<Record<string, string>> = HEADERS,
    to = app,
  ): Promise<{ readonly status: number; readonly json: ReturnType<typeof JSON.parse> }> {
    const payload = typeof body === 'string' ? body : JSON.stringify(body);
    const answer = await to.inject({ method: 'POST', url: `${API_BASE}${path}`, headers, payload });
    return { status: answer.statusCode, json: answer.json() };
  }

  it('pauses, resumes and retries it', async () => {
    expect(await post('/lanes/one/pause', { root: 'logs' })).toEqual({
      status: 200,
      json: {
        lane: 'one',
        where: TARGET,
        action: 'pause',
        changed: true,
        paused: [{ root: 'logs', since: expect.any(String) }],
        driven: false,
      },
    });
    expect((await post('/lanes/one/pause', { root: 'logs' })).json.changed).toBe(false);
    expect((await post('/lanes/one/pause')).json.paused.map(({ root }: { root: string | null }) => root)).toEqual([null, 'logs']);
    expect((await get('/lanes', app)).lanes.find(({ name }: { name: string }) => name === 'one').state).toBe('paused');
    expect((await post('/lanes/one/resume')).json).toMatchObject({ changed: true, paused: null });
    expect((await post('/lanes/one/retry')).json).toMatchObject({ action: 'retry', changed: true });
    const state = StateFile.openForReading(statePath);
    expect(state.lane('one', TARGET).pauses()).toEqual([]);
    state.close();
  });

  it('waits while another connection of this process has the state, and blocks nothing', async () => {
    const state = StateFile.open(statePath, { now: () => 2000 });
    state
      .lane('one', TARGET)
      .keepSnapshot({ by: 'watch', pid: 1, written_ms: 1, ended: true, lane: {}, pace: null, points_per_byte: null, behind: [] });
    const answer = await post('/lanes/one/pause', { root: 'logs' });
    expect([answer.status, answer.json.changed]).toEqual([200, true]);
    state.close();
    await post('/lanes/one/resume');
  });

  it.each([
    ['/lanes/oen/pause', {}, 404, 'MB5003', /did you mean one\?/],
    ['/lanes/one/pause', { root: 'logz' }, 404, 'MB3021', /did you mean logs\?/],
    ['/lanes/one/pause', { rot: 'logs' }, 400, 'MB5001', /rot: no such parameter; did you mean root\?/],
    ['/lanes/one/retry', { root: 'logs' }, 400, 'MB5001', /root: no such parameter/],
    ['/lanes/one/pause', [], 400, 'MB5001', /expected object/],
    ['/lanes/one/pause', '{', 400, 'MB5001', /JSON/],
    ['/lanes/one/pause', '', 400, 'MB5001', /empty/],
    ['/lanes/one/pause?root=logs', {}, 400, 'MB5001', /root: no such parameter/],
    ['/lanes/one/pause', JSON.stringify({ root: 'x'.repeat(70_000) }), 413, 'MB5001', /large/],
  ])('is refused: %s %j', async (path, body, status, code, detail) => {
    const answer = await post(path, body);
    expect([answer.status, answer.json.code]).toEqual([status, code]);
    expect(answer.json.detail).toMatch(detail);
  });

  it('needs the token, JSON, and an origin of ours', async () => {
    const { authorization: _, ...without } = HEADERS;
    expect((await post('/lanes/one/retry', {}, without)).status).toBe(401);
    expect((await post('/lanes/one/retry', {}, { ...HEADERS, 'content-type': 'text/plain' })).status).toBe(415);
    for (const origin of ['http://evil.example', 'null', 'http://6.6.6.6', 'http://[2001:db8::1]', 'http://127.0.0.1:9', 'nonsense'])
      expect([origin, (await post('/lanes/one/retry', {}, { ...HEADERS, origin })).json.code]).toEqual([origin, 'MB5002']);
    for (const origin of ['http://127.0.0.1:6070', 'https://runs.example.com'])
      expect([origin, (await post('/lanes/one/retry', {}, { ...HEADERS, origin })).status]).toEqual([origin, 200]);
    const open = apiOf({ token: undefined });
    const refused = await post('/lanes/one/retry', {}, HEADERS, open);
    expect([refused.status, refused.json.hint]).toEqual([403, expect.stringContaining('--token-file')]);
    await open.close();
  });

  it('is a POST: other methods, and a POST of something else, are refused', async () => {
    const of = async (method: 'GET' | 'PUT' | 'POST', path: string): Promise<number> =>
      (await app.inject({ method, url: `${API_BASE}${path}`, headers: HEADERS, ...(method === 'GET' ? {} : { payload: '{}' }) }))
        .statusCode;
    expect([await of('GET', '/lanes/one/pause'), await of('PUT', '/lanes/one/pause'), await of('POST', '/lanes')]).toEqual([404, 405, 405]);
  });

  it('needs a state', async () => {
    const without = apiOf({ statePath: join(folder, 'none.state') });
    const answer = await post('/lanes/one/pause', {}, HEADERS, without);
    expect([answer.status, answer.json.code]).toEqual([503, 'MB3105']);
    await without.close();
  });

  it('is in the OpenAPI document', async () => {
    const { paths } = await get('/openapi.json', app);
    expect(Object.keys(paths[`${API_BASE}/lanes/{lane}/pause`].post)).toContain('requestBody');
  });
});
