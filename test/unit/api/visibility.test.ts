import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { FastifyInstance } from 'fastify';
import { API_BASE, makeApi } from '../../../src/api/index.ts';
import { backfill } from '../../../src/index.ts';
import { StoreQueries } from '../../../src/query/index.ts';
import { event, eventFile, simpleValue } from '../../support/event-writer.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const TOKEN = 'a-token-of-thirty-two-characters';
let folder: string;
let path: string;
let store: StoreQueries;
let app: FastifyInstance;

function put(run: string, steps: number): void {
  mkdirSync(join(folder, 'logs', run), { recursive: true });
  const events = Array.from({ length: steps }, (_, step) => event({ wallTime: 1, step, summary: [simpleValue(`only/${run}`, step)] }));
  writeFileSync(join(folder, 'logs', run, 'events.out.tfevents.1'), eventFile(...events));
}

async function mirror(): Promise<void> {
  await backfill({
    roots: [{ path: join(folder, 'logs') }],
    store: { path, mediaPath: join(folder, 'media') },
    statePath: join(folder, 'runs.state'),
    signal: new AbortController().signal,
  });
}

beforeEach(async () => {
  folder = temporaryFolder();
  path = join(folder, 'runs.db');
  for (const run of ['a', 'b', 'c']) put(run, 2);
  await mirror();
  store = new StoreQueries(path);
  app = makeApi({
    store,
    storePath: path,
    mediaPath: join(folder, 'media'),
    statePath: join(folder, 'runs.state'),
    version: '1.2.3',
    hosts: { host: '127.0.0.1' },
    token: TOKEN,
  });
});
afterEach(async () => {
  await app.close();
  await store.close();
});

const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };

async function post(body: object): Promise<{ readonly status: number; readonly json: ReturnType<typeof JSON.parse> }> {
  const answer = await app.inject({ method: 'POST', url: `${API_BASE}/runs/visibility`, headers, payload: body });
  return { status: answer.statusCode, json: answer.json() };
}

async function get(resource: string): Promise<ReturnType<typeof JSON.parse>> {
  return (await app.inject({ method: 'GET', url: `${API_BASE}${resource}`, headers })).json();
}

async function listed(query = ''): Promise<readonly (readonly [string, string])[]> {
  const { runs } = await get(`/runs${query}`);
  return runs.map(({ run, visibility }: { run: string; visibility: string }) => [run, visibility] as const);
}

describe('the visibility of runs', () => {
  it('is kept in the store, and archived runs are out of the way', async () => {
    const { version } = await get('/changes');
    expect(await post({ runs: ['logs/a'], visibility: 'archived' })).toEqual({ status: 200, json: { changed: 1, visibility: 'archived' } });
    expect(await post({ runs: ['logs/b', 'logs/b'], visibility: 'hidden' })).toMatchObject({ json: { changed: 1 } });
    expect(await listed()).toEqual([
      ['b', 'hidden'],
      ['c', 'visible'],
    ]);
    expect(await listed('?visibility=visible')).toEqual([['c', 'visible']]);
    expect(await listed('?visibility=archived&visibility=hidden')).toEqual([
      ['a', 'archived'],
      ['b', 'hidden'],
    ]);
    expect(await listed('?run=logs/a')).toEqual([['a', 'archived']]);
    const changed = await get(`/changes?since=${version}`);
    expect(changed.runs.map(({ run }: { run: string }) => run)).toEqual(['a', 'b']);
    const tags = async (query: string): Promise<string[]> => (await get(`/tags${query}`)).tags.map(({ tag }: { tag: string }) => tag);
    expect(await tags('')).toEqual(['only/b', 'only/c']);
    expect(await tags('?visibility=archived')).toEqual(['only/a']);
    const csv = await app.inject({ method: 'GET', url: `${API_BASE}/export?format=csv`, headers });
    expect(csv.body).not.toContain('only/a');
    put('a', 5);
    await mirror();
    expect(await listed('?run=logs/a')).toEqual([['a', 'archived']]);
    await post({ runs: ['logs/a', 'logs/b'], visibility: 'visible' });
    expect((await listed()).map(([, visibility]) => visibility)).toEqual(['visible', 'visible', 'visible']);
  });

  it('is changed while another connection of this process writes', async () => {
    const writer = new DatabaseSync(path);
    writer.exec("BEGIN IMMEDIATE; UPDATE meta SET value = value WHERE key = 'created_at'");
    const asked = post({ runs: ['logs/a'], visibility: 'hidden' });
    let isDone = false;
    void asked.then(() => {
      isDone = true;
    });
    await get('/roots');
    expect(isDone).toBe(false);
    writer.exec('COMMIT');
    writer.close();
    expect((await asked).status).toBe(200);
    expect((await listed())[0]).toEqual(['a', 'hidden']);
  });

  it.each([
    [{ runs: ['logs/a', 'logs/none'], visibility: 'hidden' }, 404, 'MB3021'],
    [{ runs: [], visibility: 'hidden' }, 400, 'MB5001'],
    [{ runs: ['logs/a'], visibility: 'gone' }, 400, 'MB5001'],
    [{ runs: 'logs/a', visibility: 'hidden' }, 400, 'MB5001'],
  ])('is not changed by %j', async (body, status, code) => {
    const answer = await post(body);
    expect([answer.status, answer.json.code]).toEqual([status, code]);
    expect((await listed()).map(([, visibility]) => visibility)).toEqual(['visible', 'visible', 'visible']);
  });

  it('is not kept by a store that is not upgraded yet', async () => {
    const db = new DatabaseSync(path);
    const version = Number(db.prepare('PRAGMA user_version').get()?.['user_version']);
    db.exec(`PRAGMA user_version = ${version - 1}`);
    db.close();
    const answer = await post({ runs: ['logs/a'], visibility: 'hidden' });
    expect([answer.status, answer.json.code, answer.json.hint]).toEqual([503, 'MB3003', 'The next backfill or watch upgrades it.']);
  });
});
