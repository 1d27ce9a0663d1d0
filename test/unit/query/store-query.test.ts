import { appendFileSync, mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { backfill } from '../../../src/index.ts';
import { type Question, type RunSelection, StoreQuery } from '../../../src/query/index.ts';
import {
  concat,
  event,
  eventFile,
  frame,
  histogramTensor,
  hparamsSessionStart,
  image,
  simpleValue,
  tensorScalar,
  text,
} from '../../support/event-writer.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

let folder = '';
let query: StoreQuery;

/** A store of its own for each test. */
function useStore(): void {
  beforeEach(() => {
    folder = temporaryFolder();
  });
  afterEach(() => {
    query.close();
  });
}

const { signal } = new AbortController();

function put(path: string, ...events: readonly Uint8Array[]): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), eventFile(...events));
}

const point = (step: number, value: number, tag = 'loss'): Uint8Array =>
  event({ wallTime: 1000 + step, step, summary: [simpleValue(tag, value)] });

/** Mirrors the roots into the store, once more if it was done before. */
async function mirror(...roots: readonly string[]): Promise<void> {
  const store = { path: join(folder, 'runs.db'), mediaPath: join(folder, 'media') };
  await backfill({
    roots: roots.map((root) => ({ path: join(folder, root) })),
    store,
    statePath: join(folder, 'runs.state'),
    signal,
  });
}

async function opened(...roots: readonly string[]): Promise<StoreQuery> {
  await mirror(...roots);
  query = new StoreQuery(join(folder, 'runs.db'));
  return query;
}

const EVENTS = 'events.out.tfevents.1';

describe('runs', () => {
  beforeAll(async () => {
    folder = temporaryFolder();
    put(
      `logs/a/${EVENTS}`,
      event({ wallTime: 1, step: 0, summary: [hparamsSessionStart({ lr: 0.1, optimizer: 'adam' })] }),
      point(1, 4),
      point(2, 2),
    );
    put(
      `logs/b/${EVENTS}`,
      event({ wallTime: 1, step: 0, summary: [hparamsSessionStart({ lr: 0.001, optimizer: 'sgd' })] }),
      point(1, 1),
      point(9, 3),
    );
    put(`logs/c/deep/${EVENTS}`, point(5, Number.NaN), point(6, 7, 'acc/val'));
    put(`other/a/${EVENTS}`, point(1, 1));
    await opened('logs', 'other');
  });
  afterAll(() => {
    query.close();
  });

  const paths = (select: RunSelection): string[] => query.ask({ kind: 'runs', select }).runs.map(({ run }) => `${run.root}/${run.path}`);
  const filtered = (filter: string): string[] => paths({ filter });

  it('have the points, tags and files of their logs', () => {
    const { total, runs, next } = query.ask({ kind: 'runs', metrics: ['loss', 'nothing'], params: ['lr', 'nothing'] });
    expect({ total, next }).toEqual({ total: 4, next: undefined });
    expect(runs[1]).toEqual({
      run: { root: 'logs', path: 'b' },
      points: 3,
      tags: 2,
      files: 1,
      bytes: expect.any(Number),
      lastStep: 9,
      firstWallTime: 1,
      lastWallTime: 1009,
      isDamaged: false,
      visibility: 'visible',
      metrics: { loss: { count: 2, last: 3, min: 1, max: 3 } },
      params: { lr: 0.001 },
    });
    expect(runs[2]?.metrics['loss']).toEqual({ count: 1, last: Number.NaN, min: null, max: null });
  });

  it.each([
    ['lr>1e-2', ['logs/a']],
    ['lr<=0.1', ['logs/a', 'logs/b']],
    ['optimizer=sgd', ['logs/b']],
    ['param:optimizer!=sgd', ['logs/a']],
    ['loss<3', ['logs/a', 'other/a']],
    ['min:loss=1 -root:other', ['logs/b']],
    ['max:loss>=4', ['logs/a']],
    ['loss=nan', []],
    ['acc/val=7', ['logs/c/deep']],
    ['has:acc/*', ['logs/c/deep']],
    ['-has:loss', []],
    ['run:a', ['logs/a', 'other/a']],
    ['run:c*', ['logs/c/deep']],
    ['DEEP', ['logs/c/deep']],
    ['-logs', ['other/a']],
    ['"c/de"', ['logs/c/deep']],
    ['', ['logs/a', 'logs/b', 'logs/c/deep', 'other/a']],
  ])('can be filtered by %j', (filter, wanted) => {
    expect(filtered(filter)).toEqual(wanted);
  });

  it.each(['lr>', '>3', 'lr>fast', 'run:', '"open', 'x'.repeat(5000)])('cannot be filtered by %j', (filter) => {
    expect(() => filtered(filter)).toThrow(expect.objectContaining({ code: 'MB3024' }));
  });

  it('can be selected by root and by run', () => {
    expect(paths({ root: 'other' })).toEqual(['other/a']);
    expect(
      paths({
        runs: [
          { root: 'logs', path: 'b' },
          { root: 'logs', path: 'gone' },
        ],
      }),
    ).toEqual(['logs/b']);
  });

  it.each<[string, Extract<Question, { kind: 'runs' }>['order'], string[]]>([
    ['a metric, runs without a number last', { by: 'metric', tag: 'loss' }, ['other/a', 'logs/a', 'logs/b', 'logs/c/deep']],
    [
      'the largest value, descending',
      { by: 'metric', tag: 'loss', of: 'max', descending: true },
      ['logs/a', 'logs/b', 'other/a', 'logs/c/deep'],
    ],
    ['a param', { by: 'param', name: 'lr' }, ['logs/b', 'logs/a', 'logs/c/deep', 'other/a']],
    [
      'a param that is a text, descending',
      { by: 'param', name: 'optimizer', descending: true },
      ['logs/b', 'logs/a', 'logs/c/deep', 'other/a'],
    ],
    ['the last step', { by: 'lastStep', descending: true }, ['logs/b', 'logs/c/deep', 'logs/a', 'other/a']],
  ])('can be sorted by %s', (_, order, wanted) => {
    const { runs } = query.ask({ kind: 'runs', ...(order === undefined ? {} : { order }) });
    expect(runs.map(({ run }) => `${run.root}/${run.path}`)).toEqual(wanted);
  });

  it('come in pages', () => {
    const pages: string[][] = [];
    for (let after: string | undefined; ; ) {
      const { runs, next, total } = query.ask({ kind: 'runs', limit: 3, ...(after === undefined ? {} : { after }) });
      expect(total).toBe(4);
      pages.push(runs.map(({ run }) => run.path));
      if (next === undefined) break;
      after = next;
    }
    expect(pages).toEqual([['a', 'b', 'c/deep'], ['a']]);
    expect(() => query.ask({ kind: 'runs', after: 'x' })).toThrow(expect.objectContaining({ code: 'MB3024' }));
  });

  it('come with roots, plugins, tags and params', () => {
    expect(query.ask({ kind: 'roots' })).toEqual([
      { name: 'logs', path: join(folder, 'logs'), runs: 3, points: 8 },
      { name: 'other', path: join(folder, 'other'), runs: 1, points: 1 },
    ]);
    expect(query.ask({ kind: 'plugins' })).toEqual([
      { plugin: 'hparams', series: 2, points: 2 },
      { plugin: 'scalars', series: 5, points: 7 },
    ]);
    expect(query.ask({ kind: 'tags', plugin: 'scalars' })).toEqual([
      { tag: 'acc/val', plugin: 'scalars', runs: 1, points: 1 },
      { tag: 'loss', plugin: 'scalars', runs: 4, points: 6 },
    ]);
    expect(query.ask({ kind: 'tags', select: { filter: 'run:b' } }).map(({ tag, runs }) => [tag, runs])).toEqual([
      ['_hparams_/session_start_info', 1],
      ['loss', 1],
    ]);
    expect(query.ask({ kind: 'hparams', select: { root: 'logs' } })).toEqual([
      { run: { root: 'logs', path: 'a' }, params: { lr: 0.1, optimizer: 'adam' } },
      { run: { root: 'logs', path: 'b' }, params: { lr: 0.001, optimizer: 'sgd' } },
    ]);
  });

  it('have files', () => {
    const bytes = statSync(join(folder, 'logs/a', EVENTS)).size;
    expect(query.ask({ kind: 'files', run: { root: 'logs', path: 'a' } })).toEqual([
      { name: EVENTS, bytes, readBytes: bytes, records: 4, generation: 0 },
    ]);
  });

  it('are reported if they are unknown', () => {
    expect(() => query.ask({ kind: 'series', run: { root: 'logs', path: 'z' } })).toThrow(expect.objectContaining({ code: 'MB3021' }));
  });
});

describe('curves', () => {
  useStore();
  const run = { root: 'logs', path: 'r' };
  const curve = (more: object = {}) =>
    query.ask({ kind: 'curves', runs: [run], tags: ['loss'], ...more } as Extract<Question, { kind: 'curves' }>)[0];

  it('are exact, to the bit', async () => {
    const values = [-0, Number.NaN, Number.NEGATIVE_INFINITY, 0.1];
    put(
      `logs/r/${EVENTS}`,
      ...values.map((value, step) => event({ wallTime: step === 0 ? -0 : 1000.5, step, summary: [tensorScalar('loss', value, 'double')] })),
      event({ wallTime: 5, step: 2n ** 60n, summary: [tensorScalar('loss', 2n ** 53n + 1n, 'int64')] }),
    );
    await opened('logs');
    const { data, count } = curve({ positions: true }) ?? {};
    expect(count).toBe(5);
    if (data?.kind !== 'exact') throw new Error('not exact');
    expect(data.step).toEqual([0, 1, 2, 3, 2n ** 60n]);
    expect(data.value).toEqual([-0, Number.NaN, Number.NEGATIVE_INFINITY, 0.1, 2n ** 53n + 1n]);
    expect(data.wallTime).toEqual([-0, 1000.5, 1000.5, 1000.5, 5]);
    expect(data.position?.[0]).toEqual({ file: EVENTS, offset: expect.any(Number), index: 0 });
    const offsets = data.position?.map(({ offset }) => offset) ?? [];
    expect(offsets).toEqual(offsets.toSorted((a, b) => a - b));
  });

  it('show the same points as TensorBoard after a restart, or all', async () => {
    put(`logs/r/events.out.tfevents.1`, ...[1, 2, 3, 4].map((step) => point(step, step)));
    put(`logs/r/events.out.tfevents.2`, event({ wallTime: 1, step: 3, sessionLog: { status: 'start' } }), point(6, 60), point(7, 70));
    await opened('logs');
    const steps = (shown: string): unknown => {
      const data = curve({ shown })?.data;
      return data?.kind === 'exact' ? data.step : undefined;
    };
    expect(steps('all')).toEqual([1, 2, 3, 4, 6, 7]);
    expect(steps('tensorboard')).toEqual([1, 2, 3, 4, 6, 7]);
    // The only session start is the run's first one.
    expect(steps('python')).toEqual([1, 2, 3, 4, 6, 7]);
    put(`logs/r/events.out.tfevents.3`, event({ wallTime: 1, step: 4, sessionLog: { status: 'start' } }), point(4, 400), point(5, 500));
    await mirror('logs');
    expect(steps('all')).toEqual([1, 2, 3, 4, 6, 7, 4, 5]);
    expect(steps('tensorboard')).toEqual([1, 2, 3, 4, 5]);
    expect(steps('python')).toEqual([1, 2, 3, 4, 5]);
    expect(query.ask({ kind: 'series', run }).find(({ tag }) => tag === 'loss')).toMatchObject({ last: 500, count: 8 });
    expect(query.ask({ kind: 'sessions', run })).toEqual([
      { file: 'events.out.tfevents.2', offset: expect.any(Number), step: 3, wallTime: 1 },
      { file: 'events.out.tfevents.3', offset: expect.any(Number), step: 4, wallTime: 1 },
    ]);
    expect(query.ask({ kind: 'sessions', run: { root: 'logs', path: 'none' } })).toEqual([]);
  });

  it('consist of buckets that hide no extreme', async () => {
    const values = Array.from({ length: 1000 }, (_, i) => (i === 417 ? 1e6 : i === 600 ? Number.NaN : Math.sin(i / 50)));
    put(`logs/r/${EVENTS}`, ...values.map((value, step) => point(step, value)));
    await opened('logs');
    const { data, count } = curve({ width: 10 }) ?? {};
    if (data?.kind !== 'buckets') throw new Error('no buckets');
    expect(count).toBe(1000);
    expect(data.count).toEqual(new Array(10).fill(100));
    expect([data.max[4], data.maxStep[4]]).toEqual([1e6, 417]);
    expect(data.nan).toEqual([0, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
    expect(data.firstStep).toEqual([0, 100, 200, 300, 400, 500, 600, 700, 800, 900]);
    expect(data.lastStep[9]).toBe(999);
    const low = Math.min(...data.min);
    expect(low).toBe(Math.min(...values.filter((value) => !Number.isNaN(value)).map(Math.fround)));
    expect(data.finite).toEqual([100, 100, 100, 100, 100, 100, 99, 100, 100, 100]);
    const [tenth = []] = [values.slice(900).map(Math.fround)];
    expect(data.mean[9]).toBeCloseTo(tenth.reduce((sum, value) => sum + value, 0) / 100, 9);
    // So many as fit are exact.
    expect(curve({ width: 10, from: 410, to: 419 })?.data.kind).toBe('exact');
    expect(curve({ width: 10, from: 410, to: 420 })?.count).toBe(11);
  });

  it('have averages that neither the width nor the range changes', async () => {
    const values = Array.from({ length: 100 }, (_, i) => (i === 50 ? Number.NaN : i === 51 ? Number.POSITIVE_INFINITY : Math.sin(i)));
    put(`logs/r/${EVENTS}`, ...values.map((value, step) => point(step, value)));
    await opened('logs');
    const smooth = { weight: 0.8 };
    const all = curve({ smooth })?.data.smoothed ?? [];
    expect(all).toHaveLength(100);
    expect(all.flatMap((value, i) => (Number.isNaN(value) ? [i] : []))).toEqual([50, 51]);
    expect(curve({ smooth, from: 40, to: 44 })?.data.smoothed).toEqual(all.slice(40, 45));
    expect(curve({ smooth, width: 10 })?.data.smoothed).toEqual([9, 19, 29, 39, 49, 59, 69, 79, 89, 99].map((i) => all[i]));
    expect(curve({ smooth, width: 25, from: 50, to: 99 })?.data.smoothed?.[0]).toBeNaN();
    // The wall time of a point is 1000 more than its step.
    expect(curve({ smooth: { weight: 0.8, by: 'wallTime' } })?.data.smoothed).toEqual(all);
    expect(curve()?.data.smoothed).toBeUndefined();
  });

  it('follow the files while they grow, and name the changed ones', async () => {
    put(`logs/r/${EVENTS}`, point(1, 1));
    put(`logs/s/${EVENTS}`, point(1, 1));
    await opened('logs');
    const first = query.ask({ kind: 'changes' });
    expect(first.runs).toBe('all');
    expect(query.ask({ kind: 'changes', since: first.version })).toEqual({ version: first.version, runs: [] });
    appendFileSync(join(folder, `logs/r/${EVENTS}`), concat(frame(point(2, 5))));
    await mirror('logs');
    const second = query.ask({ kind: 'changes', since: first.version });
    expect(second.runs).toEqual([run]);
    expect(curve()?.count).toBe(2);
    expect(query.ask({ kind: 'changes', since: second.version }).runs).toEqual([]);
    expect(query.ask({ kind: 'changes', since: 'of another process:3' }).runs).toBe('all');
  });

  it('say that everything may have changed if a run has another name', async () => {
    put(`logs/r/${EVENTS}`, point(1, 1));
    put(`logs/s/${EVENTS}`, point(1, 1));
    await opened('logs');
    const { version } = query.ask({ kind: 'changes' });
    renameSync(join(folder, 'logs/r'), join(folder, 'logs/renamed'));
    await mirror('logs');
    expect(query.ask({ kind: 'changes', since: version }).runs).toBe('all');
  });
});

describe('values', () => {
  useStore();
  it('come with their media and positions', async () => {
    put(
      `logs/r/${EVENTS}`,
      event({ wallTime: 1, step: 1, summary: [text('note', ['first'])] }),
      event({ wallTime: 2, step: 2, summary: [text('note', ['second'])] }),
      event({
        wallTime: 2,
        step: 2,
        summary: [image('sample', { width: 1, height: 1, encoded: Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 1, 2, 3) })],
      }),
      event({ wallTime: 3, step: 3, summary: [histogramTensor('weights', [[0, 1, 3]])] }),
    );
    await opened('logs');
    const run = { root: 'logs', path: 'r' };
    const values = (tag: string, limit = 10) => query.ask({ kind: 'values', run, tag, limit });
    expect(values('note', 1)).toEqual([
      {
        id: expect.any(Number),
        step: 2,
        wallTime: 2,
        form: 'tensor',
        kind: 'text',
        value: { shape: [1], strings: ['second'] },
        media: [],
        position: { file: EVENTS, offset: expect.any(Number), index: 0 },
      },
    ]);
    expect(values('note').map(({ step }) => step)).toEqual([1, 2]);
    expect(values('sample')[0]?.media).toEqual([expect.objectContaining({ bytes: 7, format: 'png' })]);
    const { sha256 = '', path } = values('sample')[0]?.media[0] ?? {};
    expect(query.ask({ kind: 'media', sha256 })).toEqual({ sha256, bytes: 7, path });
    expect(query.ask({ kind: 'media', sha256: '0'.repeat(64) })).toBeUndefined();
    expect(values('weights')[0]?.value).toMatchObject({ buckets: [[0, 1, 3]] });
  });
});

describe('a store', () => {
  useStore();

  it('names the unreadable parts of the files', async () => {
    put(`logs/r/${EVENTS}`, point(1, 1));
    const damaged = frame(point(2, 2));
    damaged[14] = (damaged[14] ?? 0) ^ 1;
    appendFileSync(join(folder, `logs/r/${EVENTS}`), concat(damaged, frame(point(3, 3))));
    await opened('logs');
    expect(query.ask({ kind: 'damage' })).toEqual([
      expect.objectContaining({ run: { root: 'logs', path: 'r' }, file: EVENTS, reason: expect.any(String), start: expect.any(Number) }),
    ]);
    expect(query.ask({ kind: 'runs' }).runs[0]?.isDamaged).toBe(true);
    expect(query.ask({ kind: 'damage', select: { root: 'nothing' } })).toEqual([]);
  });

  it('reads one snapshot, and blocks no writer', async () => {
    put(`logs/r/${EVENTS}`, point(1, 1));
    await opened('logs');
    const writer = new DatabaseSync(join(folder, 'runs.db'));
    try {
      writer.exec('BEGIN IMMEDIATE');
      expect(query.ask({ kind: 'runs' }).total).toBe(1);
      writer.exec('UPDATE run SET points = 77; COMMIT');
    } finally {
      writer.close();
    }
    expect(query.ask({ kind: 'runs' }).runs[0]?.points).toBe(77);
  });
});
