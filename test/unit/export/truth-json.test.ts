import { describe, expect, it } from '@jest/globals';
import type { ReadBackPoint } from '../../../src/contract/index.ts';
import { type ExportedFile, type ExportSeries, type ExportSource, writeTruthJson } from '../../../src/export/index.ts';

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

/** Runs by name, with one file each unless `files` says otherwise. */
function memorySource(runs: Readonly<Record<string, readonly ExportSeries[]>>, files: readonly ExportedFile[] = []): ExportSource {
  return { runs: () => Object.entries(runs).map(([run, all]) => ({ run, files, series: all })) };
}

/** What a sink of text was given. */
function textSink(): { readonly chunks: string[]; readonly sink: (chunk: string) => void; readonly text: () => string } {
  const chunks: string[] = [];
  return { chunks, sink: (chunk) => void chunks.push(chunk), text: () => chunks.join('') };
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

const FILE: ExportedFile = {
  name: 'events.out.tfevents.1',
  size: 100,
  records: 3,
  position: { watermark: 90, gaps: [{ start: 30, end: 50, reason: 'damage' }] },
  damage: [{ start: 30, end: 50, reason: 'data_checksum' }],
};

async function written(source: Parameters<typeof writeTruthJson>[0]): Promise<string> {
  const out = textSink();
  await writeTruthJson(source, out.sink);
  return out.text();
}

describe('the truth format', () => {
  it('names runs, files, tags and points', async () => {
    const facts = { displayName: 'Loss "x"', description: '**b**' };
    const source = memorySource({ 'a/b': [series('loss', [[1, 2.5, 0.25]], facts), series('acc', [[2, 3, 1]])] }, [FILE]);
    expect(JSON.parse(await written(source))).toEqual({
      format: 1,
      runs: {
        'a/b': {
          files: [{ name: FILE.name, bytes: 100, records: 3, good_bytes: 90, damage: [{ start: 30, end: 50, reason: 'data_checksum' }] }],
          tags: {
            loss: { plugin: 'scalars', data_class: 'scalar', display_name: 'Loss "x"', description: '**b**', points: [[1, 2.5, 0.25]] },
            acc: { plugin: 'scalars', data_class: 'scalar', points: [[2, 3, 1]] },
          },
        },
      },
    });
  });

  it('keeps every number: as text if JSON has no number for it, with all digits if no double holds them', async () => {
    const text = await written(memorySource({ '.': [series('x', AWKWARD)] }));
    const points = JSON.parse(text).runs['.'].tags.x.points as (number | string)[][];
    expect(points).toHaveLength(AWKWARD.length);
    for (const [i, point] of AWKWARD.entries()) {
      for (const [k, want] of point.entries()) {
        const got = points[i]?.[k];
        if (typeof want === 'bigint') expect(got).toBe(String(want));
        else expect(Object.is(Number(got), want)).toBe(true);
      }
    }
    expect(text).toContain('[3,-0.0,-0.0]');
  });

  it('copies texts that are JSON already', async () => {
    const source = memorySource({ '.': [series('h', [[1, 2, '{"buckets":[[0,1,2]]}']], { plugin: 'histograms' })] });
    expect(JSON.parse(await written(source)).runs['.'].tags.h.points).toEqual([[1, 2, { buckets: [[0, 1, 2]] }]]);
  });

  it('lists a run without points, and leaves out a series without any', async () => {
    const text = await written(
      memorySource({ empty: [series('gone', [])], other: [series('gone', []), series('here', [[0, 0, 0]])] }, [FILE]),
    );
    const { runs } = JSON.parse(text);
    expect(runs.empty.tags).toEqual({});
    expect(runs.empty.files).toHaveLength(1);
    expect(Object.keys(runs.other.tags)).toEqual(['here']);
  });

  it('is a JSON text if there is no point', async () => {
    expect(JSON.parse(await written(memorySource({})))).toEqual({ format: 1, runs: {} });
  });

  it('keeps any names', async () => {
    const names = ['__proto__', 'a"b\\c', '', 'äß😀', 'line\nbreak'];
    const parsed = JSON.parse(await written(memorySource({ r: names.map((name) => series(name, [[0, 0, 0]])) })));
    expect(Object.keys(parsed.runs.r.tags).sort()).toEqual([...names].sort());
  });

  it('waits for the sink and holds little more than one chunk', async () => {
    const rows = Array.from({ length: 20_000 }, (_, i) => [i, i / 7, i / 3] as const);
    let isBusy = false;
    let longest = 0;
    let chunks = 0;
    await writeTruthJson(memorySource({ r: [series('x', rows)] }), async (chunk) => {
      expect(isBusy).toBe(false);
      isBusy = true;
      chunks++;
      longest = Math.max(longest, chunk.length);
      await new Promise(setImmediate);
      isBusy = false;
    });
    expect(chunks).toBeGreaterThan(5);
    expect(longest).toBeLessThan(70_000);
  });

  it('releases a series when the sink fails', async () => {
    let isClosed = false;
    function* points() {
      try {
        for (let step = 0; ; step++) yield { step, wallTime: 0, value: 0 };
      } finally {
        isClosed = true;
      }
    }
    const source = memorySource({ r: [series('x', [], { points })] });
    await expect(
      writeTruthJson(source, async () => {
        throw new Error('the disk is full');
      }),
    ).rejects.toThrow('the disk is full');
    expect(isClosed).toBe(true);
  });

  it('counts its own output', async () => {
    const source = memorySource({ a: [series('x', [[0, 0, 0]]), series('y', [])], b: [] });
    expect(await writeTruthJson(source, () => {})).toEqual({ runs: 2, series: 1, points: 1, leftOut: 0 });
  });
});
