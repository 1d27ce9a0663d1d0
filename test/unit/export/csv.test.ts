import { describe, expect, it } from '@jest/globals';
import type { ReadBackPoint } from '../../../src/contract/index.ts';
import { type CsvOptions, type ExportSeries, type ExportSource, writeCsv } from '../../../src/export/index.ts';

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

async function written(source: Parameters<typeof writeCsv>[0], options?: CsvOptions): Promise<string> {
  const out = textSink();
  await writeCsv(source, out.sink, options);
  return out.text();
}

describe('CSV', () => {
  it('has a line for the names and one line for each point', async () => {
    const source = memorySource({ 'a/b': [series('loss', [[1, 2.5, 0.1]])], '.': [series('acc', [[2, 3, 1e-7]])] });
    expect(await written(source)).toBe('run,tag,step,wall_time,value\na/b,loss,1,2.5,0.1\n.,acc,2,3,1e-7\n');
  });

  it('contains nothing that a spreadsheet evaluates or a terminal obeys, with --safe', async () => {
    const formulas = ['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', ' =1', '\u00a0=1', '\uff1d1', '=cmd|"/C calc"!A0'];
    const steering = ['a\u001b[2Jb', 'c\u009bd', 'e\u202ef', 'g\nh', 'i\u0000j', 'k\u2028l'];
    const plain = ['loss', 'a=b', 'a-b', "'quoted", 'ü/é', 'a,b', 'a"b', ''];
    const tags = [...formulas, ...steering, ...plain];
    const source = memorySource({ '=run': tags.map((tag) => series(tag, [[-1, -2.5, -0.5]])) });
    const lines = (await written(source, { safe: true })).trimEnd().split('\n').slice(1);
    expect(lines).toHaveLength(tags.length);
    for (const [i, line] of lines.entries()) {
      const found = /^'=run,(.*),-1,-2\.5,-0\.5$/u.exec(line)?.[1] ?? 'nothing';
      const text = found.startsWith('"') ? found.slice(1, -1).replaceAll('""', '"') : found;
      expect([line, text]).toEqual([line, expect.not.stringMatching(/^\s*[=+\-@\uff1d\t\r]|[\p{Cc}\p{Cf}\u2028]/u)]);
      if (i < formulas.length) expect(text.startsWith("'")).toBe(true);
      if (plain.includes(tags[i] as string)) expect(text).toBe(tags[i]);
    }
    // Exactly what it is, where it is not.
    const exact = await written(memorySource({ '=run': [series('=1+1\u001b', [[1, 2, 3]])] }));
    expect(exact).toBe('run,tag,step,wall_time,value\n=run,=1+1\u001b,1,2,3\n');
  });

  it('writes numbers so that readers get them back exactly', async () => {
    const lines = (await written(memorySource({ r: [series('x', AWKWARD)] }))).trimEnd().split('\n').slice(1);
    expect(lines).toHaveLength(AWKWARD.length);
    for (const [i, point] of AWKWARD.entries()) {
      const fields = lines[i]?.split(',').slice(2) ?? [];
      for (const [k, want] of point.entries()) {
        if (typeof want === 'bigint') expect(fields[k]).toBe(String(want));
        else expect(Object.is(Number(fields[k]), want)).toBe(true);
      }
    }
    expect(lines.slice(0, 4)).toEqual(['r,x,0,1.5,NaN', 'r,x,1,NaN,Infinity', 'r,x,2,-Infinity,-Infinity', 'r,x,3,-0.0,-0.0']);
  });

  it('quotes names that contain a comma, a quote or a line break', async () => {
    const source = memorySource({ 'a,b': [series('say "x"', [[1, 2, 3]]), series('two\nlines', [[1, 2, 3]])] });
    expect(await written(source)).toBe('run,tag,step,wall_time,value\n"a,b","say ""x""",1,2,3\n"a,b","two\nlines",1,2,3\n');
  });

  it('writes series of one kind', async () => {
    const source = memorySource({
      r: [
        series('s', [[1, 2, 3]]),
        series('h', [[1, 2, '{"buckets":[]}']], { plugin: 'histograms' }),
        series('m_VERTEX', [[1, 2, '{"shape":[1]}']], { plugin: 'mesh' }),
        series('t', [[1, 2, '{"shape":[2]}']], { plugin: '' }),
      ],
    });
    expect(await written(source, { kind: 'histograms' })).toBe('run,tag,step,wall_time,value\nr,h,1,2,"{""buckets"":[]}"\n');
    expect(
      (await written(source, { kind: 'tensors' }))
        .trimEnd()
        .split('\n')
        .slice(1)
        .map((line) => line.split(',')[1]),
    ).toEqual(['m_VERTEX', 't']);
    expect((await written(source, { kind: 'all' })).trimEnd().split('\n')).toHaveLength(5);
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
    expect(await writeCsv(source, () => {})).toEqual({ runs: 1, series: 1, points: 1, leftOut: 1 });
  });
});
