import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { LocalBackend } from '../../../src/backends/local/index.ts';
import type { Handle, Parcel, ReadBackPoint } from '../../../src/contract/index.ts';
import type { Batch, FileState, RunRef, Series } from '../../../src/model/index.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const RUN: RunRef = { root: 'logs', path: 'run' };
const FILE = 'events.out.tfevents.1';
const SEGMENTS = 'SELECT count(*) AS n FROM segment';

let folder = '';
let backend: LocalBackend;
let handle: Handle;
beforeEach(async () => {
  folder = temporaryFolder();
  mkdirSync(join(folder, 'media'));
  backend = new LocalBackend({ path: join(folder, 'store.db'), mediaPath: join(folder, 'media') });
  handle = await backend.open({ run: RUN, rootPath: '/logs' });
});
afterEach(async () => {
  await backend.close();
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
async function store(points: readonly Point[], where: Where = {}): Promise<void> {
  expect(await backend.send([parcelOf(points, where)])).toMatchObject([{ kind: 'accepted', points: points.length }]);
}

interface Where {
  readonly series?: number;
  readonly file?: string;
  readonly generation?: number;
}

function parcelOf(points: readonly Point[], { series = 0, file = FILE, generation = 0 }: Where = {}): Parcel {
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
  return { handle, batch, state };
}

/** As many wake-ups of one point each. */
async function storeApart(from: number, to: number, series = 0, files = 1): Promise<void> {
  const parcels = Array.from({ length: to - from }, (_, i) =>
    parcelOf([point(from + i, from + i)], { series, file: `${FILE}${(from + i) % files || ''}` }),
  );
  expect((await backend.send(parcels)).every(({ kind }) => kind === 'accepted')).toBe(true);
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
  it('of a thousand segments of one point each keeps all readable data, including unusual values', async () => {
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

  it('gives the same result twice, and copies nothing again', async () => {
    for (let n = 0; n < 200; n++) await store([point(n)], { file: `events.out.tfevents.${n % 20}` });
    backend.compact(RUN);
    const before = await everything();
    const ids = rows('SELECT id FROM point');
    backend.compact(RUN);
    expect(await everything()).toEqual(before);
    expect(rows('SELECT id FROM point')).toEqual(ids);
    expectSound();
  });

  it('keeps the order of the file if repaired records arrive late', async () => {
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
    for (const n of [51, 39, 45]) await store([point(n)]);
    const healed = await everything();
    expect((await readBack()).get('tag 0')?.map(({ step }) => step)).toEqual([...Array(60).keys(), 100, 101, 102]);
    backend.compact(RUN);
    expect(await everything()).toEqual(healed);
    expectSound();
  });

  it('keeps files apart, and the former content of a replaced file', async () => {
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

  it('leaves room for later points: they follow the existing ones', async () => {
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

  it('changes no other run, and no series of few segments', async () => {
    for (let n = 0; n < 4; n++) await store([point(n)]);
    const ids = rows('SELECT id FROM point');
    backend.compact(RUN);
    backend.compact({ root: 'logs', path: 'other' });
    expect(rows('SELECT id FROM point')).toEqual(ids);
    expect(rows(SEGMENTS)).toEqual([{ n: 4n }]);
  });

  it('of a large run is done in parts, and more data may arrive between them', async () => {
    for (let from = 0; from < 20_000; from += 1000) {
      await storeApart(from, from + 1000, 0);
      await storeApart(from, from + 1000, 1, 16);
    }
    const before = rows('SELECT tag, count(*) AS n, sum(value) AS values_, sum(step * value) AS steps FROM scalars GROUP BY tag');
    const segments = [Number(rows(SEGMENTS)[0]?.['n'])];
    let calls = 1;
    for (; backend.compact(RUN); calls++) {
      expect(rows('SELECT tag, count(*) AS n, sum(value) AS values_, sum(step * value) AS steps FROM scalars GROUP BY tag')).toEqual(
        before,
      );
      segments.push(Number(rows(SEGMENTS)[0]?.['n']));
      expect((segments.at(-2) ?? 0) - (segments.at(-1) ?? 0)).toBeLessThan(20_000);
    }
    expect(calls).toBeGreaterThan(4);
    expect(Number(rows(SEGMENTS)[0]?.['n'])).toBeLessThan(64);

    await storeApart(20_000, 40_000);
    expect(backend.compact(RUN)).toBe(true);
    await storeApart(40_000, 50_000, 1);
    while (backend.compact(RUN)) expect(calls++).toBeLessThan(100);
    expect(Number(rows(SEGMENTS)[0]?.['n'])).toBeLessThan(64);
    const points = await readBack();
    expect(points.get('tag 0')?.map(({ value }) => value)).toEqual([...Array(40_000).keys()]);
    expect(
      points
        .get('tag 1')
        ?.map(({ value }) => Number(value))
        .sort((a, b) => a - b),
    ).toEqual([...Array(50_000).keys()].filter((n) => n < 20_000 || n >= 40_000));
    expectSound();
  });

  it('does not change points if some of them are lost', async () => {
    for (let n = 0; n < 30; n++) await store([point(n, n === 20 ? -0 : n), point(n + 0.5)], { series: n % 2 });
    await backend.close();
    const db = new DatabaseSync(join(folder, 'store.db'));
    db.exec('DELETE FROM point WHERE id = 13');
    db.close();
    backend = new LocalBackend({ path: join(folder, 'store.db'), mediaPath: join(folder, 'media') });
    await backend.open({ run: RUN, rootPath: '/logs' });
    const before = await everything();
    backend.compact(RUN);
    expect(await everything()).toEqual(before);
    expectSound();
  });

  it('is postponed while another process locks the store', async () => {
    for (let n = 0; n < 30; n++) await store([point(n)]);
    const db = new DatabaseSync(join(folder, 'store.db'));
    db.exec('BEGIN IMMEDIATE');
    expect(backend.compact(RUN)).toBe(false);
    db.close();
    expect(rows(SEGMENTS)).toEqual([{ n: 30n }]);
    expect(backend.compact(RUN)).toBe(false);
    expect(rows(SEGMENTS)).toEqual([{ n: 1n }]);
  });

  it('creates no segment longer than a batch', async () => {
    const perBatch = 4000;
    for (let k = 0; k < 40; k++) await store(Array.from({ length: perBatch }, (_, i) => point(k * perBatch + i)));
    const before = (await readBack()).get('tag 0')?.length;
    for (let calls = 0; backend.compact(RUN); calls++) expect(calls).toBeLessThan(10);
    expect((await readBack()).get('tag 0')?.length).toBe(before);
    const [longest] = rows('SELECT max(last_point - first_point + 1) AS n, count(*) AS segments FROM segment');
    expect(Number(longest?.['n'])).toBeLessThanOrEqual(65_536);
    expect(longest?.['segments']).toBe(3n);
    expectSound();
  });
});

describe('recent segments of a growing run', () => {
  const perSeries = 'SELECT max(n) AS n FROM (SELECT count(*) AS n FROM segment GROUP BY series)';

  /** Wake-ups that bring two series a few points each; recent segments are merged every 16. */
  async function grow(wakeUps: number, from = 0): Promise<void> {
    for (let n = from; n < from + wakeUps; n++) {
      for (const series of [0, 1]) {
        const of = (i: number): Point => point(10 * n + 2 * i + series, (n + i) % 23 === 0 ? ODD[n % ODD.length] : n / 3);
        await store(
          Array.from({ length: 5 }, (_, i) => of(i)),
          { series },
        );
      }
      if (n % 16 === 15) expect(backend.mergeRecent([RUN])).toBe(1);
    }
  }

  it('stay few, and everything stays readable', async () => {
    await grow(640);
    const { points, view } = (await everything()) as { points: Map<string, ReadBackPoint[]>; view: Record<string, unknown>[] };
    expect(view).toHaveLength(6400);
    for (const series of [0, 1]) {
      expect(points.get(`tag ${series}`)?.map(({ step }) => step)).toEqual(
        Array.from({ length: 3200 }, (_, k) => 10 * Math.floor(k / 5) + 2 * (k % 5) + series),
      );
    }
    expect(Number(rows(perSeries)[0]?.['n'])).toBeLessThanOrEqual(3 * 17);
    expectSound();
    const before = await everything();
    while (backend.compact(RUN));
    expect(await everything()).toEqual(before);
    expect(rows(perSeries)).toEqual([{ n: 1n }]);
    expectSound();
  });

  it('are copied a few times at most, however long the run grows', async () => {
    await grow(1600);
    // Every row that a point ever had has a number of its own.
    const [{ last, n } = {}] = rows('SELECT max(id) AS last, count(*) AS n FROM point');
    expect(n).toBe(16_000n);
    expect(Number(last) / Number(n)).toBeLessThanOrEqual(4);
    expect(Number(rows(perSeries)[0]?.['n'])).toBeLessThanOrEqual(3 * 17);
  });

  it('of many series are merged in parts, while more data arrives', async () => {
    const series = 300;
    const wakeUp = async (n: number): Promise<void> => {
      const parcels = Array.from({ length: series }, (_, s) => parcelOf([point(series * n + s, n)], { series: s }));
      expect((await backend.send(parcels)).every(({ kind }) => kind === 'accepted')).toBe(true);
    };
    for (let n = 0; n < 60; n++) await wakeUp(n);
    const other = { root: 'logs', path: 'other' };
    let calls = 0;
    for (let n = 60; backend.mergeRecent([RUN, other]) < 2; n++, calls++) await wakeUp(n);
    expect(calls).toBeGreaterThan(1);
    expect(calls).toBeLessThan(5);
    expect(Number(rows(perSeries)[0]?.['n'])).toBeLessThanOrEqual(1 + calls);
    for (const points of (await readBack()).values()) {
      expect(points.map(({ value }) => value)).toEqual([...Array(60 + calls).keys()]);
    }
    expectSound();
  });

  it('never become longer than a batch', async () => {
    for (let n = 0; n < 64; n++) {
      const length = n < 40 ? 4000 : 5;
      await store(Array.from({ length }, (_, i) => point(4000 * n + i)));
    }
    const before = (await readBack()).get('tag 0');
    expect(backend.mergeRecent([RUN])).toBe(1);
    expect((await readBack()).get('tag 0')).toEqual(before);
    const longest = Number(rows('SELECT max(last_point - first_point + 1) AS n FROM segment')[0]?.['n']);
    expect(longest).toBeGreaterThan(40_000);
    expect(longest).toBeLessThanOrEqual(65_536);
    expectSound();
  });

  it('of several files and generations stay apart', async () => {
    for (let n = 0; n < 60; n++) await store([point(n)], { file: n % 2 === 0 ? FILE : 'events.out.tfevents.2' });
    for (let n = 0; n < 30; n++) await store([point(n, -n)], { generation: 1 });
    const before = await everything();
    expect(backend.mergeRecent([RUN])).toBe(1);
    expect(await everything()).toEqual(before);
    expect(rows('SELECT count(*) AS n FROM segment')).toEqual([{ n: 3n }]);
    expectSound();
  });

  it('wait while another process locks the store', async () => {
    for (let n = 0; n < 30; n++) await store([point(n)]);
    const db = new DatabaseSync(join(folder, 'store.db'));
    db.exec('BEGIN IMMEDIATE');
    expect(backend.mergeRecent([RUN])).toBe(1);
    db.close();
    expect(rows(SEGMENTS)).toEqual([{ n: 30n }]);
    expect(backend.mergeRecent([RUN])).toBe(1);
    expect(rows(SEGMENTS)).toEqual([{ n: 1n }]);
  });
});
