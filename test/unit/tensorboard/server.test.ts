// Every call of the protocol, by a client of its own, over a store mirrored from small logs.
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { status } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { backfill } from '../../../src/index.ts';
import { StoreQueries } from '../../../src/query/index.ts';
import { serveTensorBoard, type TensorBoardData, type TensorBoardOptions } from '../../../src/tensorboard/index.ts';
import { eventually } from '../../crash/watch-kill.ts';
import * as w from '../../support/event-writer.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { decoded, type Message, TensorBoardClient } from '../../support/tensorboard-client.ts';

const EVENTS = 'events.out.tfevents.1700000000.host';
const PNG = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 1, 2, 3);
const WAV = Uint8Array.of(0x52, 0x49, 0x46, 0x46, 4, 5);
const { signal } = new AbortController();

/** How often the store was asked for a list of series. */
function listingsIn(spied: { readonly mock: { readonly calls: readonly (readonly [{ readonly kind: string }, ...unknown[]])[] } }): number {
  return spied.mock.calls.filter(([{ kind }]) => kind === 'listing').length;
}

const at = (step: number | bigint, ...summary: Uint8Array[]): Uint8Array => w.event({ wallTime: 1000 + Number(step), step, summary });

/** A store of its own, and what listens over it. */
class Scene {
  readonly folder = temporaryFolder();
  readonly store = { path: join(this.folder, 'runs.db'), mediaPath: join(this.folder, 'media') };
  readonly #open: { readonly data: TensorBoardData; readonly client: TensorBoardClient }[] = [];

  put(path: string, ...events: readonly Uint8Array[]): void {
    const file = join(this.folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, w.eventFile(...events));
  }

  append(path: string, ...events: readonly Uint8Array[]): void {
    appendFileSync(join(this.folder, path), w.concat(...events.map((one) => w.frame(one))));
  }

  async mirror(...roots: readonly string[]): Promise<void> {
    const paths = roots.map((root) => ({ path: join(this.folder, root) }));
    await backfill({ roots: paths, store: this.store, statePath: join(this.folder, 'runs.state'), signal });
  }

  async serve(options: Omit<TensorBoardOptions, 'store'> = {}): Promise<TensorBoardClient> {
    const data = await serveTensorBoard({ store: this.store, ...options });
    const client = new TensorBoardClient(data.address);
    this.#open.push({ data, client });
    return client;
  }

  async close(): Promise<void> {
    for (const { data, client } of this.#open) {
      client.close();
      await data.close();
    }
  }
}

const floats = (tensor: Message): number[] => [...new Float32Array(new Uint8Array(tensor.tensor_content).buffer)];
const doubles = (tensor: Message): number[] => [...new Float64Array(new Uint8Array(tensor.tensor_content).buffer)];
const shape = (tensor: Message): number[] => tensor.tensor_shape.dim.map(({ size }: { readonly size?: string }) => Number(size ?? 0));
const strings = (tensor: Message): string[] => tensor.string_val.map((bytes: Buffer) => Buffer.from(bytes).toString());

describe('one root', () => {
  const scene = new Scene();
  let client: TensorBoardClient;

  beforeAll(async () => {
    scene.put(
      `logs/train/${EVENTS}`,
      at(0, w.simpleValue('loss', 4), w.tensorScalar('rate', 0.1, 'double')),
      at(1, w.simpleValue('loss', 2)),
      at(2n ** 60n, w.simpleValue('wide', Number.NaN)),
      at(3, w.histo('old', { min: -1, max: 3, num: 4, sum: 1, sumSquares: 9, limits: [0, 1, 2, 9], counts: [1, 0, 3, 0] })),
      at(3, w.histogramTensor('weights', [[0, 1, 3]])),
      at(4, w.image('old image', { width: 7, height: 5, encoded: PNG })),
      at(4, w.imageTensor('images', { width: 2, height: 3, images: [PNG, WAV] })),
      at(5, w.audio('old clip', { sampleRate: 8000, frames: 1, encoded: WAV })),
      at(5, w.audioTensor('clips', [{ encoded: WAV, label: 'a' }, { encoded: PNG }])),
      at(6, w.text('note', [Uint8Array.of(0xff, 0xfe), 'x'.repeat(5000)])),
      at(
        7,
        w.prCurve('pr', [
          [1, 2],
          [3, 4],
          [5, 6],
          [7, 8],
          [0.5, 0.25],
          [1, 0],
        ]),
      ),
      at(8, w.layout([{ title: 'c', charts: [{ title: 't', tags: ['loss'] }], closed: true }])),
      at(9, ...w.mesh('m', { vertices: [Array.from({ length: 40 }, (_, i) => [i, i, i] as const)] })),
      w.event({ wallTime: 1, step: 0, graphDef: Buffer.from('a graph') }),
      w.event({ wallTime: 1, step: 2, taggedRunMetadata: { tag: 'step2', runMetadata: Buffer.from('costs') } }),
    );
    scene.put(`logs/${EVENTS.replace('17', '16')}`, at(1, w.simpleValue('loss', 1)));
    scene.put(`logs/empty/${EVENTS}`);
    writeFileSync(join(scene.folder, `logs/empty/${EVENTS}`), '');
    await scene.mirror('logs');
    client = await scene.serve();
  });
  afterAll(() => scene.close());

  it.each(['', 'defaultExperimentId', 'logs'])('describes the experiment %p', async (id) => {
    const answer = await client.ask('GetExperiment', { experiment_id: id });
    expect(answer).toMatchObject({ name: 'logs', data_location: join(scene.folder, 'logs') });
  });

  it('refuses other experiments, and requests without a plugin', async () => {
    await expect(client.ask('ListRuns', { experiment_id: 'other' })).rejects.toMatchObject({
      code: status.NOT_FOUND,
      details: 'the store has no root other',
    });
    await expect(client.ask('ListScalars')).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
    await expect(client.ask('ReadTensors', { plugin_filter: {} })).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
  });

  it('lists plugins', async () => {
    const { plugins } = await client.ask('ListPlugins');
    expect(plugins.map(({ name }: Message) => name).sort()).toEqual(
      [
        ...['audio', 'custom_scalars', 'graph_tagged_run_metadata', 'graphs', 'histograms', 'images', 'mesh', 'pr_curves', 'scalars'],
        'text',
      ].sort(),
    );
  });

  it('lists runs with their starts, those without events at the end', async () => {
    const { runs } = await client.ask('ListRuns');
    const starts = new Map(runs.map(({ name, start_time: start }: Message) => [name, start]));
    expect(starts).toEqual(
      new Map([
        ['.', 1_700_000_000],
        ['empty', Number.POSITIVE_INFINITY],
        ['train', 1_700_000_000],
      ]),
    );
  });

  it('lists scalars with the metadata that TensorBoard makes of them', async () => {
    const listed = await client.series('ListScalars', 'scalars');
    expect([...listed.keys()]).toEqual(['. loss', 'train loss', 'train rate', 'train wide']);
    const loss = listed.get('train loss');
    expect(loss).toMatchObject({ max_step: '1', max_wall_time: 1001 });
    expect(decoded('SummaryMetadata', loss.summary_metadata)).toEqual({
      plugin_data: { plugin_name: 'scalars' },
      display_name: 'loss',
      data_class: 1,
    });
    expect(listed.get('train wide').max_step).toBe(String(2n ** 60n));
    expect(decoded('SummaryMetadata', listed.get('train rate').summary_metadata)).toEqual({
      plugin_data: { plugin_name: 'scalars' },
      data_class: 1,
    });
  });

  it('reads scalars as floats of 32 bits', async () => {
    const read = await client.series('ReadScalars', 'scalars', { downsample: { num_points: 1000 } });
    expect(read.get('train loss')).toEqual({ step: ['0', '1'], wall_time: [1000, 1001], value: [4, 2] });
    expect(read.get('train rate').value).toEqual([Math.fround(0.1)]);
    expect(read.get('train wide')).toMatchObject({ step: [String(2n ** 60n)], value: [Number.NaN] });
  });

  it('reads the last point only, or all points for 0', async () => {
    const one = await client.series('ReadScalars', 'scalars', { downsample: { num_points: 1 } });
    expect(one.get('train loss')).toMatchObject({ step: ['1'], value: [2] });
    const all = await client.series('ReadScalars', 'scalars', { downsample: { num_points: 0 } });
    expect(all.get('train loss').step).toEqual(['0', '1']);
  });

  it.each([
    [{}, ['. loss', 'train loss', 'train rate', 'train wide']],
    [{ runs: { names: ['.', 'none'] } }, ['. loss']],
    [{ tags: { names: ['loss', 'none'] } }, ['. loss', 'train loss']],
    [{ runs: { names: ['train'] }, tags: { names: ['rate'] } }, ['train rate']],
    [{ tags: { names: [...Array.from({ length: 30 }, (_, i) => `tag ${i}`), 'loss'] } }, ['. loss', 'train loss']],
    [{ runs: { names: [] } }, []],
    [{ tags: { names: [] } }, []],
  ])('selects series by %j', async (filter, expected) => {
    expect([...(await client.series('ListScalars', 'scalars', { run_tag_filter: filter })).keys()]).toEqual(expected);
    expect([...(await client.series('ReadScalars', 'scalars', { run_tag_filter: filter })).keys()]).toEqual(expected);
  });

  const tensor = async (plugin: string, series: string): Promise<Message> => {
    const read = await client.series('ReadTensors', plugin);
    return decoded('TensorProto', read.get(`train ${series}`).value[0]);
  };

  it('reads histograms as rows of left edge, right edge and count', async () => {
    expect(shape(await tensor('histograms', 'old'))).toEqual([3, 3]);
    expect(doubles(await tensor('histograms', 'old'))).toEqual([-1, 0, 1, 0, 1, 0, 1, 3, 3]);
    expect(doubles(await tensor('histograms', 'weights'))).toEqual([0, 1, 3]);
    const listed = await client.series('ListTensors', 'histograms');
    expect(decoded('SummaryMetadata', listed.get('train old').summary_metadata)).toMatchObject({ display_name: 'old', data_class: 2 });
  });

  it('reads texts byte for byte, long ones too', async () => {
    const [odd, long] = (await tensor('text', 'note')).string_val;
    expect([...odd]).toEqual([0xff, 0xfe]);
    expect(Buffer.from(long).toString()).toBe('x'.repeat(5000));
    expect(shape(await tensor('text', 'note'))).toEqual([2]);
  });

  it('reads PR curves, meshes from the media folder, and layouts', async () => {
    const curve = await tensor('pr_curves', 'pr');
    expect([shape(curve), floats(curve)]).toEqual([
      [6, 2],
      [1, 2, 3, 4, 5, 6, 7, 8, 0.5, 0.25, 1, 0],
    ]);
    const [name = ''] = [...(await client.series('ListTensors', 'mesh')).keys()];
    const mesh = await tensor('mesh', name.replace('train ', ''));
    expect([shape(mesh), floats(mesh).slice(-3)]).toEqual([
      [1, 40, 3],
      [39, 39, 39],
    ]);
    const [bytes] = (await tensor('custom_scalars', 'custom_scalars__config__')).string_val;
    expect(decoded('Layout', bytes)).toEqual({
      category: [{ title: 'c', chart: [{ title: 't', multiline: { tag: ['loss'] } }], closed: true }],
    });
  });

  it('lists and reads blobs: sizes before images, clips without labels, graphs', async () => {
    const blobs = async (plugin: string, series: string): Promise<string[]> => {
      const read = await client.series('ReadBlobSequences', plugin, { downsample: { num_points: 10 } });
      const keys = read.get(`train ${series}`).values[0].blob_refs.map((reference: Message) => reference.blob_key);
      const found = await Promise.all(keys.map((key: string) => client.blob(key)));
      return found.map(({ bytes }) => bytes.toString('latin1'));
    };
    const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
    expect(await blobs('images', 'old image')).toEqual(['7', '5', text(PNG)]);
    expect(await blobs('images', 'images')).toEqual(['2', '3', text(PNG), text(WAV)]);
    expect(await blobs('audio', 'old clip')).toEqual([text(WAV)]);
    expect(await blobs('audio', 'clips')).toEqual([text(WAV), text(PNG)]);
    expect(await blobs('graphs', '__run_graph__')).toEqual(['a graph']);
    expect(await blobs('graph_tagged_run_metadata', 'step2')).toEqual(['costs']);
    const listed = await client.series('ListBlobSequences', 'images');
    expect([...listed].map(([series, { max_length: length }]) => [series, length])).toEqual([
      ['train old image', '3'],
      ['train images', '4'],
    ]);
    const old = decoded('SummaryMetadata', listed.get('train old image').summary_metadata);
    expect([...old.plugin_data.content]).toEqual([0x10, 1]);
  });

  it('refuses keys of no blob', async () => {
    await expect(client.blob('../store')).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
    for (const key of [`999999-0-${'0'.repeat(32)}`, `1-77-${'0'.repeat(32)}`, '0'.repeat(64)]) {
      await expect(client.blob(key)).rejects.toMatchObject({ code: status.NOT_FOUND });
    }
    await expect(client.blob('x'.repeat(5000))).rejects.toMatchObject({ details: `"${'x'.repeat(100)}" is no key of a blob` });
  });

  it('makes one list for both ids of the default experiment', async () => {
    const spied = jest.spyOn(StoreQueries.prototype, 'ask');
    const ask = async (id: string): Promise<string> =>
      (await served.bytes('ListScalars', { experiment_id: id, plugin_filter: { plugin_name: 'scalars' } })).toString('hex');
    const served = await scene.serve();
    const [older, newer] = [await ask(''), await ask('defaultExperimentId')];
    expect([newer, listingsIn(spied)]).toEqual([older, 1]);
    spied.mockRestore();
  });

  it('makes the list of scalars before a page asks for it, if one will', async () => {
    const spied = jest.spyOn(StoreQueries.prototype, 'ask');
    await scene.serve();
    expect(listingsIn(spied)).toBe(0);
    await scene.serve({ isAwaited: true });
    await eventually(() => expect(listingsIn(spied)).toBe(1));
    spied.mockRestore();
  });

  it('shows new points without a restart, also in lists', async () => {
    await client.series('ListScalars', 'scalars');
    scene.append(`logs/train/${EVENTS}`, at(10, w.simpleValue('loss', 9)), at(10, w.simpleValue('later', 9)));
    await scene.mirror('logs');
    expect((await client.series('ListScalars', 'scalars')).get('train later')).toMatchObject({ max_step: '10' });
    expect((await client.series('ReadScalars', 'scalars')).get('train loss')).toMatchObject({ step: ['0', '1', '10'] });
  });

  it('serves no file outside of the media folder, whatever path the store names', async () => {
    const secret = Buffer.from('not of the store');
    writeFileSync(join(scene.folder, 'secret.txt'), secret);
    const db = new DatabaseSync(scene.store.path);
    const { sha256, path } = db
      .prepare(
        `SELECT blob.sha256, blob.path FROM object_blob JOIN blob ON blob.sha256 = object_blob.sha256
         JOIN object ON object.id = object_blob.object WHERE object.kind = 'images' LIMIT 1`,
      )
      .get() as { sha256: string; path: string };
    const key = sha256;
    const name = (text: string): unknown => db.prepare('UPDATE blob SET path = ? WHERE sha256 = ?').run(text, sha256);
    expect((await client.blob(key)).bytes).toEqual(Buffer.from(PNG));
    name('../secret.txt');
    await expect(client.blob(key)).rejects.toMatchObject({ code: status.NOT_FOUND });
    name(path);
    expect((await client.blob(key)).bytes).toEqual(Buffer.from(PNG));
    db.close();
  });

  it('gives a tensor of a type of numbers that it does not know as it is in the file', async () => {
    const QINT8 = 11;
    const tensorOf = (...content: number[]): Uint8Array =>
      w.concat(
        w.field(1, 0, QINT8),
        w.field(2, 2, '', w.field(2, 2, '', w.field(1, 0, content.length))),
        w.field(4, 2, Uint8Array.from(content)),
      );
    const meta = w.metadata({ plugin: 'mesh', dataClass: 'tensor' });
    scene.put(`logs/quantized/${EVENTS}`, at(1, w.value('m_VERTEX', [w.field(8, 2, tensorOf(1, 255, 3))], meta)));
    await scene.mirror('logs');
    const read = await client.series('ReadTensors', 'mesh');
    const found = decoded('TensorProto', read.get('quantized m_VERTEX').value[0]);
    expect([found.dtype, [...found.tensor_content]]).toEqual([QINT8, [1, 255, 3]]);
  });

  it('leaves out a tensor whose file is missing', async () => {
    rmSync(scene.store.mediaPath, { recursive: true });
    expect([...(await client.series('ReadTensors', 'mesh')).values()]).toMatchObject([
      { step: [], value: [] },
      { step: [], value: [] },
    ]);
    expect(strings(await tensor('custom_scalars', 'custom_scalars__config__'))).toHaveLength(1);
  });
});

describe('several roots', () => {
  const scene = new Scene();
  beforeAll(async () => {
    scene.put(`a/${EVENTS}`, at(1, w.simpleValue('loss', 1)));
    scene.put(`a/x/y/${EVENTS}`, at(1, w.simpleValue('loss', 2)));
    scene.put(`b/x/${EVENTS}`, at(1, w.simpleValue('loss', 3)));
    await scene.mirror('a', 'b');
  });
  afterAll(() => scene.close());

  it('have their names before those of the runs', async () => {
    const client = await scene.serve();
    expect((await client.ask('GetExperiment')).name).toBe('mirrorboard');
    const { runs } = await client.ask('ListRuns');
    expect(runs.map(({ name }: Message) => name)).toEqual(['a', 'a/x/y', 'b/x']);
    const read = await client.series('ReadScalars', 'scalars', { run_tag_filter: { runs: { names: ['a', 'b/x', 'x', 'c/x'] } } });
    expect([...read].map(([series, { value }]) => [series, value])).toEqual([
      ['a loss', [1]],
      ['b/x loss', [3]],
    ]);
  });

  it('are experiments of their own', async () => {
    const client = await scene.serve();
    expect((await client.ask('ListRuns', { experiment_id: 'b' })).runs).toMatchObject([{ name: 'x' }]);
  });

  it('are hidden if one was chosen', async () => {
    const client = await scene.serve({ root: 'a' });
    expect((await client.ask('ListRuns')).runs).toMatchObject([{ name: '.' }, { name: 'x/y' }]);
    await expect(client.ask('ListRuns', { experiment_id: 'b' })).rejects.toMatchObject({ code: status.NOT_FOUND });
    await expect(scene.serve({ root: 'c' })).rejects.toMatchObject({ code: 'MB3008', message: expect.stringContaining('it has: a, b') });
  });
});

describe('a log directory of TensorBoard', () => {
  const scene = new Scene();
  beforeAll(async () => {
    scene.put(`logs/a/${EVENTS}`, at(1, w.simpleValue('loss', 1), w.text('note', 'x')));
    scene.put(`logs/a/x/${EVENTS}`, at(1, w.simpleValue('loss', 2)));
    scene.put(`logs/a/x/y/${EVENTS}`, at(1, w.simpleValue('loss', 3)));
    scene.put(`logs/b/x/${EVENTS}`, at(1, w.simpleValue('loss', 4)));
    scene.put(`c/${EVENTS}`, at(1, w.simpleValue('loss', 5)));
    await scene.mirror('logs/a', 'logs/b', 'c');
  });
  afterAll(() => scene.close());

  it.each([
    ['logs/a', { '.': 1, x: 2, 'x/y': 3 }, ['scalars', 'text']],
    ['logs/a/x', { '.': 2, 'x/y': undefined, y: 3 }, ['scalars']],
    ['logs', { a: 1, 'a/x': 2, 'a/x/y': 3, 'b/x': 4 }, ['scalars', 'text']],
    ['.', { c: 5, 'logs/a': 1, 'logs/a/x': 2, 'logs/a/x/y': 3, 'logs/b/x': 4 }, ['scalars', 'text']],
    ['logs/b/x', { '.': 4 }, ['scalars']],
  ])('%s shows the runs that it holds, under their names in it', async (path, runs, plugins) => {
    const client = await scene.serve({ logdir: [join(scene.folder, path)] });
    const known = Object.entries(runs).filter(([, value]) => value !== undefined);
    const series = known.map(([name, value]) => [`${name} loss`, [value]]);
    expect((await client.ask('ListRuns')).runs.map(({ name }: Message) => name).sort()).toEqual(known.map(([name]) => name));
    expect((await client.ask('ListPlugins')).plugins.map(({ name }: Message) => name)).toEqual(plugins);
    expect([...(await client.series('ListScalars', 'scalars')).keys()].sort()).toEqual(series.map(([name]) => name).sort());
    const read = await client.series('ReadScalars', 'scalars');
    expect(Object.fromEntries([...read].map(([name, { value }]) => [name, value]))).toEqual(Object.fromEntries(series));
    const filter = { run_tag_filter: { runs: { names: Object.keys(runs) } } };
    expect((await client.series('ReadScalars', 'scalars', filter)).size).toBe(known.length);
    await expect(client.ask('ListRuns', { experiment_id: 'c' })).rejects.toMatchObject({ code: status.NOT_FOUND });
  });

  it('must have been mirrored', async () => {
    await expect(scene.serve({ logdir: [join(scene.folder, 'other')] })).rejects.toMatchObject({
      code: 'MB3008',
      message: expect.stringContaining(join(scene.folder, 'logs/a')),
    });
  });
});

describe('keys of blobs', () => {
  it('name no other value after the store was built again', async () => {
    const scene = new Scene();
    const keysOf = async (client: TensorBoardClient): Promise<string[]> => {
      const read = await client.series('ReadBlobSequences', 'images');
      return [...read.values()].flatMap(({ values }) => values[0].blob_refs.map((reference: Message) => reference.blob_key));
    };
    const put = (width: number, image: Uint8Array): void =>
      scene.put(`logs/r/${EVENTS}`, at(1, w.imageTensor('sample', { width, height: 3, images: [image] })));
    put(7, PNG);
    await scene.mirror('logs');
    const client = await scene.serve();
    const before = await keysOf(client);
    for (const name of ['runs.db', 'runs.db-wal', 'runs.db-shm', 'runs.state', 'media']) {
      rmSync(join(scene.folder, name), { recursive: true, force: true });
    }
    put(8, WAV);
    await scene.mirror('logs');
    const after = await keysOf(client);
    // The height is still the same, so its key may be.
    expect([before[0] === after[0], before[2] === after[2]]).toEqual([false, false]);
    for (const key of [before[0], before[2]]) await expect(client.blob(key as string)).rejects.toMatchObject({ code: status.NOT_FOUND });
    expect((await client.blob(after[2] as string)).bytes).toEqual(Buffer.from(WAV));
    await scene.close();
  });
});

describe('restarts', () => {
  const scene = new Scene();
  const start = w.event({ wallTime: 1, step: 2, sessionLog: { status: 'start' } });
  beforeAll(async () => {
    const first = w.event({ wallTime: 1, step: 0, sessionLog: { status: 'start' } });
    const point = (step: number): Uint8Array => at(step, w.simpleValue('loss', step), w.text('note', String(step)));
    scene.put(`logs/r/${EVENTS}`, first, point(1), point(2), point(3), start, point(3), point(3));
    await scene.mirror('logs');
  });
  afterAll(() => scene.close());

  it.each([
    ['tensorboard', ['1', '2', '3']],
    ['python', ['1', '3', '3']],
    ['all', ['1', '2', '3', '3', '3']],
  ] as const)('are shown by the rule %s', async (shown, steps) => {
    const client = await scene.serve({ shown });
    expect((await client.series('ReadScalars', 'scalars')).get('r loss').step).toEqual(steps);
    expect((await client.series('ReadTensors', 'text')).get('r note').step).toEqual(steps);
  });
});

describe('hparams', () => {
  const scene = new Scene();
  afterEach(() => scene.close());
  const run = (name: string, hparam: string, createdSec: number): void =>
    scene.put(
      `logs/${name}/${EVENTS}`,
      at(0, w.hparamsExperiment({ createdSec, hparams: [{ name: hparam }] }), w.hparamsSessionStart({ [hparam]: 1 })),
    );
  const tags = async (client: TensorBoardClient): Promise<string[]> => [...(await client.series('ListTensors', 'hparams')).keys()];

  it('send the description of the experiment if all runs have the same one', async () => {
    run('a', 'lr', 1);
    run('b', 'lr', 2);
    await scene.mirror('logs');
    const client = await scene.serve();
    expect(await tags(client)).toEqual([
      ...['a _hparams_/experiment', 'a _hparams_/session_start_info'],
      ...['b _hparams_/experiment', 'b _hparams_/session_start_info'],
    ]);
    const read = await client.series('ReadTensors', 'hparams');
    expect(shape(decoded('TensorProto', read.get('a _hparams_/session_start_info').value[0]))).toEqual([0]);
  });

  it('leave it out if the runs differ, so that TensorBoard collects all', async () => {
    run('c', 'batch', 1);
    await scene.mirror('logs');
    expect(await tags(await scene.serve())).toEqual(['a', 'b', 'c'].map((name) => `${name} _hparams_/session_start_info`));
  });
});

describe('the listener', () => {
  it('reports a missing store and a port that is taken', async () => {
    const folder = temporaryFolder();
    const store = { path: join(folder, 'none.db'), mediaPath: join(folder, 'media') };
    await expect(serveTensorBoard({ store })).rejects.toMatchObject({ code: 'MB3007' });
    const scene = new Scene();
    scene.put(`logs/r/${EVENTS}`, at(1, w.simpleValue('loss', 1)));
    await scene.mirror('logs');
    const data = await serveTensorBoard({ store: scene.store });
    const port = Number(data.address.split(':')[1]);
    await expect(serveTensorBoard({ store: scene.store, port })).rejects.toMatchObject({ code: 'MB1001' });
    await data.close();
  });

  it('keeps the first and the last point of a sample', async () => {
    const scene = new Scene();
    for (const name of ['a', 'b']) {
      scene.put(`logs/${name}/${EVENTS}`, ...Array.from({ length: 60 }, (_, step) => at(step, w.simpleValue('loss', step % 7))));
    }
    await scene.mirror('logs');
    const client = await scene.serve();
    const read = await client.series('ReadScalars', 'scalars', { downsample: { num_points: 10 } });
    for (const { step } of read.values()) {
      expect(step.length).toBeLessThanOrEqual(10);
      expect([step[0], step.at(-1)]).toEqual(['0', '59']);
    }
    await scene.close();
  });
});
