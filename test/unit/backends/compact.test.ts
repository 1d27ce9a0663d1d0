import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Handle, ReadBackPoint } from '../../../src/backends/contract.ts';
import { LocalBackend } from '../../../src/backends/local/index.ts';
import type { Batch, FileState, RunRef, Series } from '../../../src/model/index.ts';

const RUN: RunRef = { root: 'logs', path: 'run' };
const FILE = 'events.out.tfevents.1';
const SEGMENTS = 'SELECT count(*) AS n FROM segment';

let folder = '';
let backend: LocalBackend;
let handle: Handle;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mirrorboard-compact-'));
  mkdirSync(join(folder, 'media'));
  backend = new LocalBackend({ path: join(folder, 'store.db'), mediaPath: join(folder, 'media') });
  handle = await backend.open({ run: RUN, rootPath: '/logs' });
});
afterEach(async () => {
  await backend.close();
  rmSync(folder, { recursive: true });
});

interface Point {
  readonly offset: number;
  readonly index?: number;
  readonly step: number | bigint;
  readonly wallTime: number;
  readonly value: number | bigint;
}

function seriesOf(id: number): Series {
  const words = { plugin: 'scalars', dataClass: 'scalar' as const, form: 'simple_value', displayName: '', description: '' };
  return { id, tag: `tag ${id}`, ...words, metadata: new Uint8Array(0), firstFile: FILE, firstOffset: 0 };
}

const defined = new Set<string>();
beforeEach(() => defined.clear());

/** Stores points of one series as one batch, as a wake-up of the watch does. */
async function store(points: readonly Point[], { series = 0, file = FILE, generation = 0 } = {}): Promise<void> {
  const newSeries: Series[] = [];
  for (let id = 0; id <= series; id++) {
    if (defined.has(`${id}`)) continue;
    defined.add(`${id}`);
    newSeries.push(seriesOf(id));
  }
  const wide = (get: (point: Point) => number | bigint): Map<number, bigint> =>
    new Map(points.flatMap((point, i) => (typeof get(point) === 'bigint' ? [[i, get(point) as bigint]] : [])));
  const end = Math.max(...points.map(({ offset }) => offset)) + 10;
  const batch: Batch = {
    run: RUN,
    file,
    generation,
    start: 0,
    end,
    records: points.length,
    newSeries,
    scalars: {
      count: points.length,
      series: Uint32Array.from(points, () => series),
      step: Float64Array.from(points, ({ step }) => Number(step)),
      wallTime: Float64Array.from(points, ({ wallTime }) => wallTime),
      value: Float64Array.from(points, ({ value }) => Number(value)),
      offset: Float64Array.from(points, ({ offset }) => offset),
      checksum: Uint32Array.from(points, () => 0),
      index: Uint32Array.from(points, ({ index = 0 }) => index),
      wideSteps: wide(({ step }) => step),
      wideValues: wide(({ value }) => value),
    },
    objects: [],
    marks: [],
  };
  const state: FileState = {
    name: file,
    generation,
    position: { watermark: end, gaps: [] },
    guard: { first: undefined, last: undefined },
    damage: [],
    size: end,
    stamp: '',
    records: 1,
  };
  expect(await backend.send([{ handle, batch, state }])).toMatchObject([{ kind: 'accepted', points: points.length }]);
}

async function readBack(): Promise<Map<string, readonly ReadBackPoint[]>> {
  const series = new Map<string, ReadBackPoint[]>();
  for await (const { tag, points } of backend.readBack(handle)) series.set(tag, [...(series.get(tag) ?? []), ...points]);
  return series;
}

function rows(sql: string): Record<string, unknown>[] {
  const db = new DatabaseSync(join(folder, 'store.db'), { readOnly: true });
  try {
    const statement = db.prepare(sql);
    statement.setReadBigInts(true);
    return statement.all().map((row) => ({ ...row }));
  } finally {
    db.close();
  }
}

const VIEW = 'SELECT root, run, tag, step, wall_time, value, typeof(value) AS type, file FROM scalars ORDER BY tag, file, step, wall_time';

/** All that can be read, by the reader and through the view. */
async function everything(): Promise<object> {
  return { points: await readBack(), view: rows(VIEW), tags: rows('SELECT * FROM tags'), runs: rows('SELECT * FROM runs') };
}

function expectSound(): void {
  expect(rows('PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }]);
  expect(rows('SELECT id FROM odd_point WHERE id NOT IN (SELECT id FROM point)')).toEqual([]);
}

const point = (n: number, value: number | bigint = n / 3, more: Partial<Point> = {}): Point => ({
  offset: 24 + n * 40,
  step: n,
  wallTime: 1e9 + n,
  value,
  ...more,
});
const ODD: readonly (number | bigint)[] = [-0, NaN, Infinity, -Infinity, 2n ** 63n, 2n ** 64n - 1n, 2n ** 53n + 1n, -(2n ** 63n), 5e-324];

describe('compaction', () => {
  it('of a thousand segments of one point each leaves what can be read as it is, odd values and all', async () => {
    for (let n = 0; n < 1000; n++) {
      const odd = n % 10 === 0 ? ODD[(n / 10) % ODD.length] : undefined;
      const more: Partial<Point> = {
        ...(n % 7 === 0 ? { index: n % 300 } : {}),
        ...(n % 11 === 0 ? { step: 2n ** 60n + BigInt(n) } : {}),
        ...(n % 13 === 0 ? { wallTime: n % 2 === 0 ? NaN : -0 } : {}),
      };
      await store([point(n, odd, more)], { series: n % 2 });
    }
    const before = await everything();
    expect(rows(SEGMENTS)).toEqual([{ n: 1000n }]);
    backend.compact(RUN);
    expect(await everything()).toEqual(before);
    expect(rows(SEGMENTS)).toEqual([{ n: 2n }]);
    expect(rows('SELECT count(*) AS n FROM point')).toEqual([{ n: 1000n }]);
    expectSound();
  });

  it('done twice is the same as done once, and copies nothing again', async () => {
    for (let n = 0; n < 200; n++) await store([point(n)], { file: `events.out.tfevents.${n % 20}` });
    backend.compact(RUN);
    const before = await everything();
    const ids = rows('SELECT id FROM point');
    backend.compact(RUN);
    expect(await everything()).toEqual(before);
    expect(rows('SELECT id FROM point')).toEqual(ids);
    expectSound();
  });

  it('keeps the order of the file where healed records came late', async () => {
    for (let n = 0; n < 60; n++) if (n % 6 !== 3) await store([point(n)]);
    await store([point(100), point(101), point(102)]);
    for (const n of [57, 3, 9, 33]) await store([point(n, n === 9 ? -0 : n)]);
    await store([15, 21, 27].map((n) => point(n, 2n ** 63n + BigInt(n))));
    const before = await everything();
    expect((await readBack()).get('tag 0')?.map(({ offset = 0 }) => (offset - 24) / 40)).toEqual(
      [...Array(60).keys(), 100, 101, 102].filter((n) => ![39, 45, 51].includes(n)),
    );
    backend.compact(RUN);
    expect(await everything()).toEqual(before);
    backend.compact(RUN);
    expect(await everything()).toEqual(before);
    expectSound();
  });

  it('keeps files apart, and what a file held before it was replaced', async () => {
    for (let n = 0; n < 30; n++) await store([point(n)], { file: n % 2 === 0 ? FILE : 'events.out.tfevents.2' });
    for (let n = 0; n < 30; n++) await store([point(n, -n)], { generation: 1 });
    const before = await everything();
    backend.compact(RUN);
    expect(await everything()).toEqual(before);
    expect(rows('SELECT count(*) AS n FROM point')).toEqual([{ n: 60n }]);
    expect(rows('SELECT generation, sum(last_point - first_point + 1) AS points FROM segment GROUP BY file, generation')).toEqual([
      { generation: 0n, points: 15n },
      { generation: 1n, points: 30n },
      { generation: 0n, points: 15n },
    ]);
    expectSound();
  });

  it('leaves room for what comes: points stored after it stand behind what was there', async () => {
    for (let n = 0; n < 50; n++) await store([point(n)], { series: n % 2 });
    backend.compact(RUN);
    for (let n = 50; n < 100; n++) await store([point(n, -0)], { series: n % 2 });
    backend.compact(RUN);
    await store([point(100, 2n ** 63n)], { series: 1 });
    const points = await readBack();
    expect(points.get('tag 0')?.map(({ step }) => step)).toEqual(Array.from({ length: 50 }, (_, i) => 2 * i));
    expect(points.get('tag 1')?.map(({ step }) => step)).toEqual([...Array.from({ length: 50 }, (_, i) => 2 * i + 1), 100]);
    expect(points.get('tag 1')?.at(-1)?.value).toBe(2n ** 63n);
    expect(Object.is(points.get('tag 0')?.at(-1)?.value, -0)).toBe(true);
    expectSound();
  });

  it('touches no other run, and no series of few segments', async () => {
    for (let n = 0; n < 4; n++) await store([point(n)]);
    const ids = rows('SELECT id FROM point');
    backend.compact(RUN);
    backend.compact({ root: 'logs', path: 'other' });
    expect(rows('SELECT id FROM point')).toEqual(ids);
    expect(rows(SEGMENTS)).toEqual([{ n: 4n }]);
  });

  it('makes no segment longer than a batch', async () => {
    const perBatch = 4000;
    for (let k = 0; k < 40; k++) await store(Array.from({ length: perBatch }, (_, i) => point(k * perBatch + i)));
    const before = (await readBack()).get('tag 0')?.length;
    backend.compact(RUN);
    expect((await readBack()).get('tag 0')?.length).toBe(before);
    const [longest] = rows('SELECT max(last_point - first_point + 1) AS n, count(*) AS segments FROM segment');
    expect(Number(longest?.['n'])).toBeLessThanOrEqual(65_536);
    expect(longest?.['segments']).toBe(3n);
    expectSound();
  });
});
