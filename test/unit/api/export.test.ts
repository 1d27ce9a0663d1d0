import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { zstdDecompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { FastifyInstance } from 'fastify';
import { parquetReadObjects } from 'hyparquet';
import { API_BASE, makeApi } from '../../../src/api/index.ts';
import { openStore } from '../../../src/backends/local/index.ts';
import { storeSource, writeTruthJson } from '../../../src/export/index.ts';
import { backfill } from '../../../src/index.ts';
import { StoreQueries } from '../../../src/query/index.ts';
import { event, eventFile, frame, simpleValue, text } from '../../support/event-writer.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const POINTS = 40_000;
/** Makes an export larger than what sockets and pieces hold. */
const LONG_TAG = 't'.repeat(300);
let folder: string;
let store: StoreQueries;
let app: FastifyInstance;
let failures: string[];

function put(path: string, ...events: readonly Uint8Array[]): void {
  mkdirSync(join(folder, path), { recursive: true });
  writeFileSync(join(folder, path, 'events.out.tfevents.1'), eventFile(...events));
}

const point = (step: number, tag = 'loss'): Uint8Array => event({ wallTime: 1, step, summary: [simpleValue(tag, step)] });

beforeAll(async () => {
  folder = temporaryFolder();
  put('logs/a', point(1), point(2), point(1, 'acc'), event({ wallTime: 2, step: 3, summary: [text('note', '=1+1')] }));
  put('logs/long');
  const many = Array.from({ length: POINTS }, (_, step) => frame(point(step, LONG_TAG)));
  appendFileSync(join(folder, 'logs/long/events.out.tfevents.1'), Buffer.concat(many));
  put('other/a', point(7));
  await backfill({
    roots: [{ path: join(folder, 'logs') }, { path: join(folder, 'other') }],
    store: { path: join(folder, 'runs.db'), mediaPath: join(folder, 'media') },
    statePath: join(folder, 'runs.state'),
    signal: new AbortController().signal,
  });
  store = new StoreQueries(join(folder, 'runs.db'));
  app = apiOf(join(folder, 'runs.db'));
  await app.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(async () => {
  await app.close();
  await store.close();
});

function apiOf(storePath: string): FastifyInstance {
  failures = [];
  return makeApi({
    store,
    storePath,
    mediaPath: join(folder, 'media'),
    statePath: join(folder, 'runs.state'),
    version: '1.2.3',
    hosts: { host: '127.0.0.1' },
    token: undefined,
    onFailure: (error, asked) => failures.push(`${asked}: ${String(error)}`),
  });
}

/** Sends a request, and returns its answer before the body. */
function open(query: string, server = app): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const { port } = server.server.address() as AddressInfo;
    request({ host: '127.0.0.1', port, path: `${API_BASE}/export?${query}` }, resolve)
      .on('error', reject)
      .end();
  });
}

async function bodyOf(answer: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of answer) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

const exported = async (query: string): Promise<Buffer> => await bodyOf(await open(query));

describe('an export', () => {
  it('is what the command writes, of one root', async () => {
    const answer = await open('format=json&root=other');
    expect(answer.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'content-disposition': 'attachment; filename="mirrorboard.json"',
      'cache-control': 'no-store',
    });
    const reader = openStore(join(folder, 'runs.db'));
    let wanted = '';
    await writeTruthJson(storeSource(reader, { roots: ['other'] }), (piece) => {
      wanted += piece;
    });
    reader.close();
    expect((await bodyOf(answer)).toString()).toBe(wanted);
  });

  it('names runs with their roots if there are several', async () => {
    expect((await exported('format=csv&filter=run:a&tag=loss')).toString()).toBe(
      'run,tag,step,wall_time,value\nlogs/a,loss,1,1,1\nlogs/a,loss,2,1,2\nother/a,loss,7,1,7\n',
    );
    expect((await exported('format=csv&run=other/a&root=other')).toString()).toBe('run,tag,step,wall_time,value\na,loss,7,1,7\n');
  });

  it('has the chosen kind, and harmless texts if asked', async () => {
    const of = async (query: string): Promise<string> => (await exported(`format=csv&run=logs/a&root=logs&kind=texts${query}`)).toString();
    expect(await of('')).toContain('=1+1');
    expect(await of('&safe=true')).not.toContain(',"=');
  });

  it('is Parquet that others read', async () => {
    const bytes = await exported('format=parquet&root=logs');
    const file = { byteLength: bytes.length, slice: (start: number, end?: number) => Uint8Array.from(bytes.subarray(start, end)).buffer };
    const rows = await parquetReadObjects({ file, compressors: { ZSTD: (data) => zstdDecompressSync(data) } });
    expect(rows).toHaveLength(POINTS + 3);
    expect(rows.at(-1)).toMatchObject({ run: 'long', tag: LONG_TAG, step: BigInt(POINTS - 1) });
  });

  it('is written at the pace of the client, and ends with it', async () => {
    const answer = await open('format=csv&root=logs');
    const [first, second] = [await open('format=csv&root=logs'), await open('format=csv&root=logs')];
    expect([answer.statusCode, first.statusCode, second.statusCode]).toEqual([200, 200, 503]);
    expect(JSON.parse((await bodyOf(second)).toString())).toMatchObject({ code: 'MB5005' });
    first.destroy();
    for (;;) {
      const next = await open('format=csv&root=other');
      const body = await bodyOf(next);
      if (next.statusCode === 200) {
        expect(body.toString()).toContain('a,loss,7,1,7');
        break;
      }
    }
    expect((await bodyOf(answer)).toString().trimEnd().split('\n')).toHaveLength(POINTS + 4);
    failures = [];
  });

  it.each([
    ['', 400, 'MB5001', /format: it is missing, expected csv, json or parquet/],
    ['format=xml', 400, 'MB5001', /expected csv, json or parquet/],
    ['format=csv&kind=some', 400, 'MB5001', /expected one of scalars/],
    ['format=csv&run=logs/none', 404, 'MB3021', /no run logs\/none/],
    ['format=csv&filter=lr%3E', 400, 'MB3024', /lr>/],
  ])('is refused before it begins: %s', async (query, status, code, detail) => {
    const answer = await open(query);
    const json = JSON.parse((await bodyOf(answer)).toString());
    expect([answer.statusCode, json.code]).toEqual([status, code]);
    expect(json.detail).toMatch(detail);
    expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(answer.headers['content-disposition']).toBeUndefined();
  });

  it('breaks off if the store has lost points', async () => {
    const damaged = join(folder, 'damaged.db');
    const from = new DatabaseSync(join(folder, 'runs.db'));
    from.exec(`VACUUM INTO '${damaged}'`);
    from.close();
    const db = new DatabaseSync(damaged);
    db.exec('UPDATE series SET count = count + 1 WHERE id = (SELECT min(id) FROM series); UPDATE run SET points = points + 1');
    db.close();
    const server = apiOf(damaged);
    await server.listen({ host: '127.0.0.1', port: 0 });
    const answer = await open('format=csv&root=logs', server);
    await expect(bodyOf(answer)).rejects.toThrow('aborted');
    expect(failures.splice(0)).toEqual([expect.stringContaining('MirrorError: the store lists')]);
    await server.close();
  });

  it('has a head alone for HEAD', async () => {
    const head = await app.inject({ method: 'HEAD', url: `${API_BASE}/export?format=csv` });
    expect([head.statusCode, head.headers['content-type'], head.body]).toEqual([200, 'text/csv; charset=utf-8', '']);
  });
});
