import { zstdDecompressSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import type { ReadBackPoint } from '../../../src/contract/index.ts';
import { type ExportSeries, type ExportSource, type ParquetOptions, writeParquet } from '../../../src/export/index.ts';

type Row = readonly [step: number | bigint, wallTime: number, value: number | bigint | string];

/** A series in memory. */
function series(tag: string, rows: readonly Row[], facts: Partial<ExportSeries> = {}): ExportSeries {
  return {
    tag,
    plugin: 'scalars',
    dataClass: 'scalar',
    displayName: '',
    description: '',
    points: () => rows.map(([step, wallTime, value]): ReadBackPoint => ({ step, wallTime, value })),
    ...facts,
  };
}

/** Runs by name, without files. */
function memorySource(runs: Readonly<Record<string, readonly ExportSeries[]>>): ExportSource {
  return { runs: () => Object.entries(runs).map(([run, all]) => ({ run, files: [], series: all })) };
}

/**
 * Numbers in which a careless writer loses something: not-a-number, infinities, negative zero, extremes, wide
 * integers.
 */
const AWKWARD: readonly Row[] = [
  [0, 1.5, NaN],
  [1, NaN, Infinity],
  [2, -Infinity, -Infinity],
  [3, -0, -0],
  [4, 1e300, 0.1],
  [5, 5e-324, 1.7976931348623157e308],
  [-6, 0, 2 ** 62],
  [2 ** 40, 1_700_000_000.000_000_2, -1e21],
  [9_223_372_036_854_775_807n, 1, 18_446_744_073_709_551_615n],
  [-9_223_372_036_854_775_808n, 1, -9_007_199_254_740_993n],
];

async function written(source: Parameters<typeof writeParquet>[0], options?: ParquetOptions): Promise<ArrayBuffer> {
  const chunks: Uint8Array[] = [];
  await writeParquet(
    source,
    async (chunk) => {
      await new Promise(setImmediate);
      chunks.push(chunk);
    },
    options,
  );
  const all = Buffer.concat(chunks);
  return all.buffer.slice(all.byteOffset, all.byteOffset + all.length);
}

function readBack(file: ArrayBuffer) {
  return parquetReadObjects({ file, compressors: { ZSTD: (bytes) => zstdDecompressSync(bytes) } });
}

const bits = (x: number): bigint => new BigUint64Array(new Float64Array([x]).buffer)[0]!;

describe('Parquet', () => {
  it('returns every number bit for bit', async () => {
    const rows = await readBack(await written(memorySource({ 'a/b': [series('x', AWKWARD)] })));
    expect(rows).toHaveLength(AWKWARD.length);
    for (const [i, [step, wallTime, value]] of AWKWARD.entries()) {
      const row = rows[i]!;
      expect([row.run, row.tag]).toEqual(['a/b', 'x']);
      expect(row.step).toBe(BigInt(step));
      expect(bits(row.wall_time)).toBe(bits(wallTime));
      expect(bits(row.value)).toBe(bits(Number(value)));
      expect(row.value_exact ?? null).toBe(typeof value === 'bigint' ? String(value) : null);
    }
  });

  it('keeps negative zero apart from zero in a column that repeats them', async () => {
    const rows = Array.from({ length: 4000 }, (_, i): Row => [i, i % 2 === 0 ? 0 : -0, i % 3 === 0 ? -0 : 0]);
    const back = await readBack(await written(memorySource({ r: [series('x', rows)] })));
    for (const [i, [, wallTime, value]] of rows.entries()) {
      expect(Object.is(back[i]?.wall_time, wallTime) && Object.is(back[i]?.value, value)).toBe(true);
    }
  });

  it('begins a row group when one is full, with rows of any series', async () => {
    const rows = Array.from({ length: 700 }, (_, i): Row => [i, i + 0.5, Math.sqrt(i)]);
    const source = memorySource({ r: [series('x', rows), series('y', rows)], s: [series('z', rows)] });
    const file = await written(source, { rowGroupRows: 500 });
    expect(parquetMetadata(file).row_groups.map((group) => Number(group.num_rows))).toEqual([500, 500, 500, 500, 100]);
    const back = await readBack(file);
    expect(back.map((row) => [row.run, row.tag, Number(row.step), row.wall_time, row.value])).toEqual([
      ...rows.map((row) => ['r', 'x', ...row]),
      ...rows.map((row) => ['r', 'y', ...row]),
      ...rows.map((row) => ['s', 'z', ...row]),
    ]);
  });

  it('has a column of JSON texts for other kinds', async () => {
    const source = memorySource({ r: [series('h', [[1, 2, '{"buckets":[]}']], { plugin: 'histograms' }), series('s', [[3, 4, 5]])] });
    const histograms = await readBack(await written(source, { kind: 'histograms' }));
    expect(histograms.map((row) => [row.tag, row.value ?? null, row.value_json])).toEqual([['h', null, '{"buckets":[]}']]);
    const all = await readBack(await written(source, { kind: 'all' }));
    expect(all.map((row) => [row.tag, row.value ?? null, row.value_json ?? null])).toEqual([
      ['h', null, '{"buckets":[]}'],
      ['s', 5, null],
    ]);
  });

  it('is a table without rows if there is no point', async () => {
    const file = await written(memorySource({}));
    expect(parquetMetadata(file).schema.map((element) => element.name)).toEqual([
      'root',
      'run',
      'tag',
      'step',
      'wall_time',
      'value',
      'value_exact',
    ]);
    expect(await readBack(file)).toEqual([]);
  });

  it('counts values in a series of scalars that are not numbers', async () => {
    const source = memorySource({
      r: [
        series('s', [
          [1, 2, '{"malformed":"x"}'],
          [2, 3, 4],
        ]),
      ],
    });
    expect(await writeParquet(source, () => {})).toEqual({ runs: 1, series: 1, points: 1, leftOut: 1 });
  });
});
