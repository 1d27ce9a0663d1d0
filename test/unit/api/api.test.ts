import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import type { FastifyInstance } from 'fastify';
import { API_BASE, makeApi } from '../../../src/api/index.ts';
import { MirrorError } from '../../../src/errors.ts';
import { backfill } from '../../../src/index.ts';
import { StoreQueries } from '../../../src/query/index.ts';
import { keepVerdicts, StateFile } from '../../../src/state/index.ts';
import { event, eventFile, histogramTensor, hparamsSessionStart, image, simpleValue, tensorScalar } from '../../support/event-writer.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const EVENTS = 'events.out.tfevents.1';
const { signal } = new AbortController();

let folder: string;
let store: StoreQueries;
let app: FastifyInstance;
let failures: string[];

function put(path: string, ...events: readonly Uint8Array[]): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), eventFile(...events));
}

async function mirror(): Promise<void> {
  const at = { path: join(folder, 'runs.db'), mediaPath: join(folder, 'media') };
  await backfill({ roots: [{ path: join(folder, 'logs') }], store: at, statePath: join(folder, 'runs.state'), signal });
}

const point = (step: number, value: number): Uint8Array => event({ wallTime: 1000 + step, step, summary: [simpleValue('loss', value)] });
const PNG = Buffer.from('89504e470d0a1a0a0000000d', 'hex');
const SVG = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>alert()</script></svg>');
const shot = (encoded: Uint8Array) => ({ width: 1, height: 1, encoded });
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

function apiOf(more: Partial<Parameters<typeof makeApi>[0]> = {}): FastifyInstance {
  return makeApi({
    store,
    storePath: join(folder, 'runs.db'),
    mediaPath: join(folder, 'media'),
    statePath: join(folder, 'runs.state'),
    version: '1.2.3',
    hosts: { host: '127.0.0.1' },
    token: undefined,
    onFailure: (error, asked) => failures.push(`${asked}: ${String(error)}`),
    ...more,
  });
}

beforeAll(async () => {
  folder = temporaryFolder();
  put(
    `logs/a/${EVENTS}`,
    event({ wallTime: 1, step: 0, summary: [hparamsSessionStart({ lr: 0.1, optimizer: 'adam' })] }),
    ...[4, 3, 2, 1].map((value, i) => point(i, value)),
  );
  put(
    `logs/a/deep run/${EVENTS}`,
    ...[-0, Number.NaN, Number.NEGATIVE_INFINITY, 1e300].map((value, step) =>
      event({ wallTime: 1000.5, step, summary: [tensorScalar('loss', value, 'double')] }),
    ),
    event({ wallTime: 5, step: 2n ** 60n, summary: [tensorScalar('loss', 2n ** 53n + 1n, 'int64')] }),
    event({
      wallTime: 6,
      step: 1,
      summary: [image('picture', shot(PNG)), image('drawing', shot(SVG)), histogramTensor('weights', [[0, 1, 2]])],
    }),
  );
  put(`logs/${EVENTS}`, point(7, 0.5));
  writeFileSync(join(folder, 'logs/a/events.out.tfevents.2'), Buffer.concat([eventFile(point(9, 9)), Buffer.alloc(40, 7)]));
  await mirror();
  failures = [];
  store = new StoreQueries(join(folder, 'runs.db'));
  app = apiOf();
});
afterEach(() => {
  expect(failures.splice(0)).toEqual([]);
});
afterAll(async () => {
  await app.close();
  await store.close();
});

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: the form is what the tests are about
  readonly json: any;
}

async function get(path: string, headers: Readonly<Record<string, string>> = {}, from: FastifyInstance = app): Promise<Answer> {
  const answer = await from.inject({ method: 'GET', url: `${API_BASE}${path}`, headers });
  const isJson = String(answer.headers['content-type']).includes('json');
  return { status: answer.statusCode, headers: answer.headers, text: answer.body, json: isJson ? JSON.parse(answer.body) : undefined };
}

/** Closes every object of a schema with known fields: an answer must have no field that the document does not name. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const own = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]));
  return 'properties' in own && own['type'] === 'object' ? { additionalProperties: false, ...own } : own;
}

describe('every answer has the form of the OpenAPI document:', () => {
  let validators: ReadonlyMap<string, ValidateFunction>;
  const asked = new Set<string>();
  beforeAll(async () => {
    const { json: document } = await get('/openapi.json');
    expect([document.openapi, document.info.version]).toEqual(['3.1.1', '1.2.3']);
    const ajv = new Ajv2020({ strict: false });
    ajv.addFormat('date-time', true);
    ajv.addSchema({ $id: 'api', components: closed(document.components) });
    validators = new Map(
      Object.entries(
        document.paths as Record<
          string,
          { get?: { responses: Record<string, { content: Record<string, { schema?: { $ref: string } }> }> } }
        >,
      )
        .map(([path, { get: operation }]) => [path, operation?.responses['200']?.content['application/json']?.schema?.$ref] as const)
        // The others are streams of bytes.
        .filter(([, ref]) => ref !== undefined)
        .map(([path, ref]) => [path.slice(API_BASE.length), ajv.compile({ $ref: `api${ref}` })] as const),
    );
    validators = new Map([...validators, ['problem', ajv.compile({ $ref: 'api#/components/schemas/Problem' })]]);
  });

  async function valid(path: string, status = 200): Promise<Answer> {
    const answer = await get(path);
    const name = status === 200 ? (path.split('?')[0] ?? '') : 'problem';
    asked.add(name);
    const validate = validators.get(name);
    const fits = validate?.(answer.json);
    expect([answer.status, fits, validate?.errors ?? []]).toEqual([status, true, []]);
    return answer;
  }

  it('roots', async () => {
    const { json } = await valid('/roots');
    expect(json).toEqual({ roots: [{ name: 'logs', path: join(folder, 'logs'), runs: 3, points: 15 }] });
  });

  it('plugins', async () => {
    const { json } = await valid('/plugins?root=logs');
    expect(json.plugins.map(({ plugin }: { plugin: string }) => plugin)).toEqual(['histograms', 'hparams', 'images', 'scalars']);
  });

  it('runs, filtered, sorted, with metrics and params', async () => {
    const { json } = await valid('/runs?filter=has:loss&order=-max:loss&metric=loss&param=lr&param=optimizer');
    expect(json.runs.map(({ id }: { id: string }) => id)).toEqual(['logs/a/deep run', 'logs/a', 'logs']);
    expect(json).toMatchObject({ total: 3, next: null });
    expect(json.runs[1]).toMatchObject({
      root: 'logs',
      run: 'a',
      files: 2,
      damaged: true,
      metrics: { loss: { count: 5, last: 9, min: 1, max: 9 } },
      params: { lr: 0.1, optimizer: 'adam' },
    });
    expect(json.runs[0].metrics.loss).toMatchObject({ last: '9007199254740993', min: '-Infinity' });
    expect((await valid('/runs?run=logs&run=logs/a')).json.runs.map(({ run }: { run: string }) => run)).toEqual(['.', 'a']);
  });

  it('runs in pages', async () => {
    const first = await valid('/runs?limit=2&order=-run');
    const second = await valid(`/runs?limit=2&order=-run&cursor=${first.json.next}`);
    expect([...first.json.runs, ...second.json.runs].map(({ run }: { run: string }) => run)).toEqual(['a/deep run', 'a', '.']);
    expect(second.json.next).toBeNull();
    const forged = Buffer.from(`${Buffer.from(first.json.next, 'base64url').toString().slice(0, 12)}{"a":1}`).toString('base64url');
    expect((await valid(`/runs?limit=2&order=-run&cursor=${forged}`, 400)).json.code).toBe('MB3024');
    for (const cursor of [first.json.next, 'x', '', Buffer.from('5.x').toString('base64url')])
      expect((await valid(`/runs?limit=2&cursor=${cursor}`, 400)).json).toMatchObject({
        code: 'MB5001',
        errors: [{ parameter: 'cursor' }],
      });
  });

  it('one run, whose path has slashes and blanks', async () => {
    const { json } = await valid('/run?run=logs/a/deep%20run');
    expect(json.run).toMatchObject({ id: 'logs/a/deep run', points: 8, tags: 4 });
    expect(json.series.map(({ tag }: { tag: string }) => tag)).toEqual(['drawing', 'loss', 'picture', 'weights']);
    expect(json.files).toEqual([{ name: EVENTS, bytes: expect.any(Number), good_bytes: json.files[0].bytes, records: 7, generation: 0 }]);
    const damaged = (await valid('/run?run=logs/a')).json;
    expect(damaged.hparams).toEqual({ lr: 0.1, optimizer: 'adam' });
    expect(damaged.sessions).toEqual([]);
    expect(damaged.damage).toMatchObject([{ file: 'events.out.tfevents.2', id: 'logs/a' }]);
    expect((await valid('/run?run=logs/none', 404)).json).toMatchObject({ code: 'MB3021', status: 404 });
    expect((await valid('/run', 400)).json.errors).toEqual([{ parameter: 'run', detail: expect.stringContaining('missing') }]);
  });

  it('tags', async () => {
    const { json } = await valid('/tags?plugin=scalars&run=logs/a');
    expect(json.tags).toEqual([{ tag: 'loss', plugin: 'scalars', runs: 1, points: 5 }]);
  });

  it('exact curves, where every number reads back', async () => {
    const { json, text } = await valid('/curves?run=logs/a/deep%20run&tag=loss&tag=none&positions=true');
    const { step, value, wall_time: wallTime, offset, file, index } = json.curves[0].data;
    expect(step).toEqual([0, 1, 2, 3, '1152921504606846976']);
    expect(value).toEqual([-0, 'NaN', '-Infinity', 1e300, '9007199254740993']);
    expect(text).toContain('"value":[-0.0,');
    expect(wallTime).toEqual([1000.5, 1000.5, 1000.5, 1000.5, 5]);
    expect([offset.length, file[0], index[0]]).toEqual([5, EVENTS, 0]);
    expect(json.curves).toHaveLength(1);
  });

  it('curves in buckets, of a range of steps, of the runs that a filter selects', async () => {
    const { json } = await valid('/curves?filter=run:a&tag=loss&width=2');
    expect(json).toMatchObject({ total: 1, next: null });
    expect(json.curves[0]).toMatchObject({
      count: 5,
      data: { kind: 'buckets', count: [2, 3], min: [3, 1], max: [4, 9], mean: [3.5, 4], finite: [2, 3] },
    });
    const averages = (await valid('/curves?run=logs/a&tag=loss&smooth=0.5&smooth_x=wall_time&width=2')).json.curves[0].data.smoothed;
    const all = (await valid('/curves?run=logs/a&tag=loss&smooth=0.5')).json.curves[0].data.smoothed;
    expect([all.length, averages]).toEqual([5, [all[1], all[4]]]);
    const range = (await valid('/curves?run=logs/a&tag=loss&from=1&to=2')).json;
    expect(range.curves[0].data.step).toEqual([1, 2]);
    expect((await valid('/curves?root=logs&tag=loss&limit=2')).json.curves.map(({ id }: { id: string }) => id)).toEqual(['logs', 'logs/a']);
    expect((await valid('/curves?run=logs/a&run=logs/none&tag=loss', 404)).json).toMatchObject({ code: 'MB3021' });
    expect((await valid('/curves?run=logs/a&tag=loss&tag=loss')).json.curves).toHaveLength(1);
  });

  it('values with their media', async () => {
    const { json } = await valid('/values?run=logs/a/deep%20run&tag=picture');
    expect(json.values).toMatchObject([{ step: 1, kind: 'images', media: [{ sha256: sha256(PNG), format: 'png', bytes: PNG.length }] }]);
    expect(json.values[0].media[0].url).toBe(`${API_BASE}/media/${sha256(PNG)}`);
    expect(json).toMatchObject({ total: 1, next: null });
    expect((await valid('/values?run=logs/a/deep%20run&tag=picture&cursor=x', 400)).json.errors).toMatchObject([{ parameter: 'cursor' }]);
    expect((await valid('/values?run=logs/a/deep%20run&tag=weights')).json.values[0].value).toMatchObject({ buckets: [[0, 1, 2]] });
  });

  it('one record of a file, with its checksums', async () => {
    const { json: exact } = await get('/curves?run=logs/a&tag=loss&positions=true');
    const { file: files, offset: offsets } = exact.curves[0].data;
    const bytes = readFileSync(join(folder, 'logs/a', files[0]));
    const at = (offset: number, file: string = files[0]): string => `/record?run=logs/a&file=${file}&offset=${offset}`;
    const { json } = await valid(at(offsets[1]));
    const length = offsets[2] - offsets[1] - 16;
    expect(json).toEqual({
      id: 'logs/a',
      root: 'logs',
      run: 'a',
      file: files[0],
      offset: offsets[1],
      path: join(folder, 'logs/a', files[0]),
      readable: true,
      reason: null,
      record: {
        length,
        end: offsets[2],
        length_checksum: bytes.readUInt32LE(offsets[1] + 8),
        length_valid: true,
        data_checksum: bytes.readUInt32LE(offsets[2] - 4),
        data_valid: true,
      },
    });
    expect((await valid(at(offsets[1] + 1))).json.record).toMatchObject({ length_valid: false, data_valid: null, end: null });
    expect((await valid(at(bytes.length))).json.record).toMatchObject({ length: null, length_valid: false });
    writeFileSync(join(folder, 'logs/a', files[0]), bytes.with(offsets[1] + 13, 1 ^ (bytes[offsets[1] + 13] ?? 0)).subarray(0, -1));
    expect((await valid(at(offsets[1]))).json.record).toMatchObject({ length, length_valid: true, data_valid: false });
    const [last] = offsets.filter((_: number, i: number) => files[i] === files[0]).slice(-1);
    expect((await valid(at(last))).json.record).toMatchObject({ length_valid: true, data_checksum: null, data_valid: null });
    rmSync(join(folder, 'logs/a', files[0]));
    expect((await valid(at(0))).json).toMatchObject({ readable: false, reason: 'there is no such file here', record: null });
    symlinkSync('/dev/zero', join(folder, 'logs/a', files[0]));
    expect((await valid(at(0))).json).toMatchObject({
      readable: false,
      reason: expect.stringContaining('a kernel file system'),
      record: null,
    });
    rmSync(join(folder, 'logs/a', files[0]));
    writeFileSync(join(folder, 'logs/a', files[0]), bytes);
    writeFileSync(join(folder, 'logs/a/other'), bytes);
    for (const name of ['other', '../a/other', '..', '/etc/passwd'])
      expect((await valid(at(0, encodeURIComponent(name)), 404)).json.code).toBe('MB3021');
    rmSync(join(folder, 'logs/a/other'));
  });

  it('hparams', async () => {
    const { json } = await valid('/hparams');
    expect(json).toMatchObject({ total: 3, names: ['lr', 'optimizer'], runs: [{ id: 'logs/a', params: { lr: 0.1, optimizer: 'adam' } }] });
  });

  it('damage', async () => {
    expect((await valid('/damage?run=logs')).json).toEqual({ damage: [] });
    expect((await valid('/damage')).json.damage).toHaveLength(1);
  });

  it('lanes, status and verifications, without and with a state file', async () => {
    const path = join(folder, 'other.state');
    const without = await apiOf({ statePath: path });
    expect((await get('/lanes', {}, without)).json).toEqual({ lanes: [] });
    const state = StateFile.open(path, { now: () => 2000 });
    const snapshot = { state: 'parked', reason: 'no such project', code: 'MB4004', remedy: 'create it', stopped_runs: [], lag_bytes: 5 };
    state.lane('mlflow', 'http://mlflow').keepSnapshot({ by: 'watch', pid: 1, written_ms: 1000, ended: false, lane: snapshot, behind: [] });
    state.writeStatus({ ended: false, cwd: '/' });
    state.flush();
    state.close();
    keepVerdicts(path, [{ name: 'mlflow', target: 'http://mlflow', roots: [], verdict: { atMs: 3000, differences: 2 } }]);
    const before = app;
    app = without;
    const { json } = await valid('/lanes');
    expect(json.lanes).toMatchObject([
      { name: 'mlflow', where: 'http://mlflow', state: 'idle', driven: false, reason: 'no such project', verify_differences: 2 },
    ]);
    const verified = { lane: 'mlflow', where: 'http://mlflow', at: '1970-01-01T00:00:03.000Z', differences: 2 };
    expect((await valid('/verifications')).json).toEqual({
      verifications: [{ ...verified, totals: null, runs: [], kept: 0, left_out: 0 }],
    });
    expect((await valid('/differences?lane=mlflow')).json).toEqual({ differences: [], left_out: 0 });
    const lines = [
      { kind: 'missing', lane: 'mlflow', root: 'logs', run: 'a', tag: 'loss', step: 1, file: 'events', offset: 24, mine: 5, theirs: null },
      {
        kind: 'extra',
        lane: 'mlflow',
        root: 'logs',
        run: '.',
        tag: 'loss',
        step: 2n ** 60n,
        file: null,
        offset: null,
        mine: null,
        theirs: NaN,
      },
    ];
    const report = { totals: { points: 3 }, differences: lines, leftOut: 7, runs: [{ root: 'logs', run: 'a', differences: 8 }] };
    keepVerdicts(path, [{ name: 'mlflow', target: 'http://mlflow', roots: [], verdict: { atMs: 3000, differences: 9 }, report }]);
    expect((await valid('/verifications')).json.verifications).toEqual([
      {
        ...verified,
        differences: 9,
        totals: { points: 3 },
        runs: [{ id: 'logs/a', root: 'logs', run: 'a', differences: 8 }],
        kept: 2,
        left_out: 7,
      },
    ]);
    expect((await valid('/differences?lane=mlflow')).json.differences).toMatchObject([
      lines[0],
      { step: String(2n ** 60n), theirs: 'NaN' },
    ]);
    expect((await valid('/differences?lane=mlflow&run=logs')).json.differences).toHaveLength(1);
    expect((await valid('/differences?lane=other', 404)).json.code).toBe('MB5003');
    expect((await valid('/status')).json).toMatchObject({
      lanes: (await valid('/lanes')).json.lanes,
      roots: [{ name: 'logs' }],
      watch: { running: false, written_at: '1970-01-01T00:00:02.000Z', status: { cwd: '/' } },
    });
    app = before;
    await without.close();
  });

  it('changes since a version', async () => {
    const { json: first } = await valid('/changes');
    expect(first).toEqual({ version: expect.any(String), all: true, runs: [] });
    expect((await valid(`/changes?since=${first.version}`)).json).toEqual({ ...first, all: false });
    put(`logs/new/${EVENTS}`, point(1, 1));
    await mirror();
    expect((await valid(`/changes?since=${first.version}`)).json).toMatchObject({ all: false, runs: [{ id: 'logs/new' }] });
    rmSync(join(folder, 'logs/new'), { recursive: true });
  });

  it('and no resource is left out', () => {
    expect([...asked].sort()).toEqual([...validators.keys()].sort());
  });
});

describe('a request', () => {
  it.each([
    ['/runs?rnus=1', 'rnus', 'no such parameter'],
    ['/runs?runn=1', 'runn', 'did you mean run?'],
    ['/runs?limit=0', 'limit', 'from 1 to 10000'],
    ['/runs?limit=', 'limit', 'from 1 to 10000'],
    ['/runs?limit=1&limit=2', 'limit', 'found ["1","2"]'],
    ['/runs?order=fast', 'order', 'expected run, points'],
    ['/runs?order=param:', 'order', 'param:NAME'],
    ['/curves?run=logs/a', 'tag', 'at least one tag'],
    ['/curves?run=logs/a&tag=loss&width=10001', 'width', 'from 1 to 10000'],
    ['/curves?run=logs/a&tag=loss&from=1e3', 'from', 'an integer'],
    ['/curves?run=logs/a&tag=loss&shown=some', 'shown', 'tensorboard, python or all'],
    ['/curves?run=logs/a&tag=loss&positions=yes', 'positions', 'true or false'],
    ['/curves?run=logs/a&tag=loss&smooth=1', 'smooth', 'between 0 and 1'],
    ['/curves?run=logs/a&tag=loss&smooth=0', 'smooth', 'between 0 and 1'],
    ['/curves?run=logs/a&tag=loss&smooth=0.5&smooth_x=time', 'smooth_x', 'step or wall_time'],
    ['/openapi.json?x=1', 'x', 'no such parameter'],
  ])('is refused for %s', async (path, parameter, detail) => {
    const { status, headers, json } = await get(path);
    expect([status, headers['content-type']]).toEqual([400, 'application/problem+json; charset=utf-8']);
    expect(json).toMatchObject({
      type: 'urn:mirrorboard:MB5001',
      code: 'MB5001',
      errors: [{ parameter, detail: expect.stringContaining(detail) }],
    });
  });

  it('is refused for an invalid filter, with the hint of the query', async () => {
    const { status, json } = await get('/runs?filter=lr%3E');
    expect([status, json.code, json.hint]).toEqual([400, 'MB3024', expect.stringContaining('has:val/loss')]);
  });

  it('is refused if the answer would be too large', async () => {
    const asked: unknown[] = [];
    const ask = async (question: { readonly kind: string }): Promise<unknown> => {
      if (question.kind === 'changes') return { version: '1' };
      asked.push(question);
      throw new MirrorError('MB5004', 'the answer would have 5 numbers', { hint: 'Ask for less.' });
    };
    const large = apiOf({ store: { ask } as never });
    expect((await get('/curves?root=logs&tag=loss&from=0', {}, large)).json).toMatchObject({
      code: 'MB5004',
      status: 400,
      hint: 'Ask for less.',
    });
    expect((await get('/values?run=logs/a&tag=loss', {}, large)).json).toMatchObject({ code: 'MB5004' });
    expect(asked).toMatchObject([
      { kind: 'curvePage', mostNumbers: 3_000_000 },
      { kind: 'valuePage', mostBytes: 16 * 1024 * 1024 },
    ]);
    await large.close();
  });

  it('names the run that the store does not have, and no path of this machine', async () => {
    const { status, json, text } = await get('/run?run=logs/none');
    expect([status, json.code, json.hint, text.includes(folder)]).toEqual([404, 'MB3021', 'GET /api/v1/runs lists the runs.', false]);
  });

  it('of a wrong question leaves the versions of all others as they were', async () => {
    const { version } = (await get('/changes')).json;
    await get('/runs?filter=lr%3E');
    await get('/values?run=logs/none&tag=loss');
    expect((await get('/changes')).json.version).toBe(version);
  });

  it('costs nothing again until the store has changed', async () => {
    const { headers } = await get('/runs');
    const again = { 'if-none-match': `W/"x", W/${String(headers['etag'])}` };
    const unchanged = await get('/runs', again);
    expect([unchanged.status, unchanged.text, unchanged.headers['etag']]).toEqual([304, '', headers['etag']]);
    expect((await get('/runs?limit=5', again)).status).toBe(200);
    expect((await get('/roots', { 'if-none-match': String((await get('/roots')).headers['etag']) })).status).toBe(304);
    put(`logs/later/${EVENTS}`, point(1, 1));
    await mirror();
    expect((await get('/runs', again)).status).toBe(200);
    expect(headers['cache-control']).toBe('private, no-cache');
  });

  it('is answered from a store that replaced the former one', async () => {
    const path = join(folder, 'replaced.db');
    const at = { path, mediaPath: join(folder, 'replaced-media') };
    const fill = (): Promise<unknown> => backfill({ roots: [{ path: join(folder, 'logs/a') }], store: at, signal });
    const queries = new StoreQueries(path);
    const api = apiOf({ store: queries });
    expect((await get('/roots', {}, api)).json).toMatchObject({ status: 503, code: 'MB3007' });
    expect(failures.splice(0)).toHaveLength(1);
    await fill();
    expect((await get('/roots', {}, api)).json.roots).toHaveLength(1);
    for (const name of readdirSync(folder)) if (name.startsWith('replaced.db')) rmSync(join(folder, name));
    expect((await get('/roots', {}, api)).status).toBe(503);
    failures.splice(0);
    await fill();
    expect((await get('/roots', {}, api)).json.roots).toMatchObject([{ name: 'a' }]);
    await api.close();
    await queries.close();
  });

  it('is withdrawn when the client closes its connection', async () => {
    const withdrawn = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const ask = (_: unknown, given?: AbortSignal): Promise<never> =>
      new Promise((_resolve, reject) => {
        begun.resolve();
        given?.addEventListener('abort', () => {
          withdrawn.resolve();
          reject(given.reason);
        });
      });
    const api = apiOf({ store: { ask } });
    await api.listen({ host: '127.0.0.1', port: 0 });
    const sent = httpRequest({ host: '127.0.0.1', port: (api.server.address() as AddressInfo).port, path: `${API_BASE}/roots` });
    sent.on('error', () => undefined);
    sent.end();
    await begun.promise;
    sent.destroy();
    await withdrawn.promise;
    await api.close();
  });

  it('waits its turn no longer than others: too many are refused', async () => {
    const { promise, resolve } = Promise.withResolvers<readonly []>();
    const api = apiOf({ store: { ask: () => promise } as never });
    const waiting = Array.from({ length: 64 }, () => get('/roots', {}, api));
    const { status, headers, json } = await get('/roots', {}, api);
    expect([status, headers['retry-after'], json.code]).toEqual([503, '1', 'MB5005']);
    failures.splice(0);
    resolve([]);
    expect((await Promise.all(waiting)).every((answer) => answer.status === 200)).toBe(true);
    expect((await get('/roots', {}, api)).status).toBe(200);
    await api.close();
  });

  it('that fails is logged, and tells the client no more than the message', async () => {
    const api = apiOf({ store: { ask: () => Promise.reject(new TypeError('no such thing')) } });
    expect((await get('/roots', {}, api)).json).toMatchObject({ status: 500, code: 'MB9001', detail: 'no such thing' });
    expect(failures.splice(0)).toEqual([`GET ${API_BASE}/roots: TypeError: no such thing`]);
    await api.close();
  });
});

describe('media', () => {
  it('come with a type that no browser runs', async () => {
    const picture = await get(`/media/${sha256(PNG)}`);
    expect(picture.headers).toMatchObject({
      'content-type': 'image/png',
      'content-length': String(PNG.length),
      'x-content-type-options': 'nosniff',
      'content-security-policy': expect.stringContaining('sandbox'),
      'cross-origin-resource-policy': 'same-origin',
      'cache-control': 'private, max-age=31536000, immutable',
    });
    const drawing = await get(`/media/${sha256(SVG)}`);
    expect([drawing.text, drawing.headers['content-type'], drawing.headers['content-disposition']]).toEqual([
      SVG.toString(),
      'application/octet-stream',
      `attachment; filename="${sha256(SVG)}.bin"`,
    ]);
    const known = await get(`/media/${sha256(PNG)}`, { 'if-none-match': `"${sha256(PNG)}"` });
    expect([known.status, known.headers['cache-control']]).toEqual([304, picture.headers['cache-control']]);
    const head = await app.inject({ method: 'HEAD', url: `${API_BASE}/media/${sha256(PNG)}` });
    expect([head.statusCode, head.headers['content-length'], head.body]).toEqual([200, String(PNG.length), '']);
    const part = await app.inject({ method: 'HEAD', url: `${API_BASE}/media/${sha256(PNG)}`, headers: { range: 'bytes=2-4' } });
    expect([part.statusCode, part.headers['content-length'], part.headers['content-range']]).toEqual([206, '3', 'bytes 2-4/12']);
  });

  it.each([
    ['bytes=1-3', 206, 'bytes 1-3/70'],
    ['bytes=60-', 206, 'bytes 60-69/70'],
    ['bytes=-5', 206, 'bytes 65-69/70'],
    ['bytes=0-999', 206, 'bytes 0-69/70'],
    ['bytes=0-1,4-5', 200, undefined],
    ['bytes=70-', 416, 'bytes */70'],
  ])('are sent in part for %s', async (range, status, contentRange) => {
    expect(SVG.length).toBe(70);
    const answer = await get(`/media/${sha256(SVG)}`, { range });
    expect([answer.status, answer.headers['content-range']]).toEqual([status, contentRange]);
    if (status !== 206) return;
    const [from = 0, to = 0] = (/(\d+)-(\d+)/.exec(contentRange ?? '') ?? []).slice(1).map(Number);
    expect(answer.text).toBe(SVG.subarray(from, to + 1).toString());
  });

  it.each(['..%2f..%2fruns.db', 'A'.repeat(64), '0'.repeat(64), '0', 'a'.repeat(90), '%00'])(
    'are not files of other places: %s',
    async (name) => {
      const { status, json } = await get(`/media/${name}`);
      expect([status, json.code]).toEqual([404, 'MB5003']);
    },
  );

  it('are not files that a changed store, a link or a missing file names', async () => {
    const own = sha256(PNG);
    const api = (path: string): FastifyInstance => apiOf({ store: { ask: async () => ({ sha256: own, bytes: 1, path }) } as never });
    writeFileSync(join(folder, 'secret'), 'x');
    mkdirSync(join(folder, 'media', own.slice(0, 2)), { recursive: true });
    symlinkSync(join(folder, 'secret'), join(folder, 'media', own.slice(0, 2), `${own}.gif`));
    mkdirSync(join(folder, 'media', own.slice(0, 2), `${own}.jpg`));
    for (const path of [
      '../secret',
      `${own.slice(0, 2)}/../../secret`,
      `zz/${own}.png`,
      ...['gif', 'jpg', 'wav'].map((end) => `${own.slice(0, 2)}/${own}.${end}`),
    ]) {
      const server = api(path);
      expect([path, (await get(`/media/${own}`, {}, server)).status]).toEqual([path, 404]);
      await server.close();
    }
  });
});

describe('the server', () => {
  it('answers only for hosts that are its own', async () => {
    const named = apiOf({ hosts: { host: '127.0.0.1', hosts: ['runs.example.com'] } });
    for (const host of ['127.0.0.1:6070', 'localhost', '[::1]:1', 'runs.example.com'])
      expect([host, (await get('/roots', { host }, named)).status]).toEqual([host, 200]);
    for (const host of ['evil.example', 'localhost.evil.example'])
      expect([host, (await get('/roots', { host }, named)).json.status]).toEqual([host, 403]);
    await named.close();
  });

  it('answers only with the token, if it has one', async () => {
    const token = 'a-token-of-thirty-two-characters';
    const locked = apiOf({ token });
    const refused = await get('/openapi.json', {}, locked);
    expect([refused.status, refused.json.code, refused.headers['www-authenticate']]).toEqual([401, 'MB5002', 'Bearer realm="mirrorboard"']);
    for (const authorization of ['', 'Bearer', 'Bearer ', `Bearer ${token}x`, `Bearer ${token.slice(1)}`, token, `Basic ${token}`])
      expect([authorization, (await get('/roots', { authorization }, locked)).status]).toEqual([authorization, 401]);
    for (const authorization of [`Bearer ${token}`, `bearer ${token}`])
      expect((await get('/roots', { authorization }, locked)).status).toBe(200);
    expect((await get('/nothing', {}, locked)).status).toBe(401);
    await locked.close();
  });

  it('reads only, and lets no other site read', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS'] as const) {
      const answer = await app.inject({ method, url: `${API_BASE}/roots`, headers: { origin: 'http://evil.example' } });
      expect([method, answer.statusCode, answer.headers['allow']]).toEqual([method, 405, 'GET, HEAD']);
    }
    const { headers } = await get('/roots', { origin: 'http://evil.example' });
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  it('has no other resources', async () => {
    for (const path of ['', '/']) {
      const { status, json } = await get(path);
      expect([status, json.openapi, json.resources.slice(0, 2)]).toEqual([
        200,
        `${API_BASE}/openapi.json`,
        [`${API_BASE}/roots`, `${API_BASE}/plugins`],
      ]);
    }
    for (const path of ['//', '/nothing', '/roots/', '/%zz'])
      expect((await get(path)).json).toMatchObject({ code: path === '/%zz' ? 'MB5001' : 'MB5003' });
  });

  it('never writes to the store', async () => {
    const db = new DatabaseSync(join(folder, 'runs.db'), { readOnly: true });
    const version = (): unknown => db.prepare('PRAGMA data_version').get();
    const before = version();
    for (const path of ['/roots', '/runs?metric=loss', '/curves?root=logs&tag=loss', '/status', '/hparams', '/damage', '/changes'])
      expect((await get(path)).status).toBe(200);
    expect(version()).toEqual(before);
    db.close();
  });
});
