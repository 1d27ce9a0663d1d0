import { describe, expect, it } from '@jest/globals';
import { judge, percent, percentile, seconds, spread, times } from '../../bench/figures.ts';
import { interleave } from '../../bench/pairs.ts';
import { parseLoadCycle } from '../../bench/references/data-server.ts';
import { parseLimit } from '../../bench/references/limit.ts';
import { renderTable } from '../../bench/table.ts';

describe('figures', () => {
  it('takes the median of an odd and of an even number of figures', () => {
    expect(spread([3, 1, 2])).toEqual({ median: 2, low: 1, high: 3 });
    expect(spread([4, 1, 2, 3])).toEqual({ median: 2.5, low: 1, high: 4 });
    expect(() => spread([])).toThrow(RangeError);
  });

  it('takes percentiles by the nearest rank', () => {
    const figures = Array.from({ length: 200 }, (_, i) => i + 1);
    expect([0, 0.5, 0.99, 1].map((part) => percentile(figures, part))).toEqual([1, 100, 198, 200]);
    expect(() => percentile([], 0.5)).toThrow(RangeError);
  });

  it('judges from both limits', () => {
    expect([1.6, 1.5, 0.9].map((x) => judge(x, { bound: 'most', reach: 1.5, moonshot: 1 }))).toEqual(['short', 'reached', 'moonshot']);
    expect([0.3, 0.35, 0.7].map((x) => judge(x, { bound: 'least', reach: 0.35, moonshot: 0.6 }))).toEqual(['short', 'reached', 'moonshot']);
    expect(judge(0, { bound: 'most', reach: 1 })).toBe('reached');
  });

  it('writes times and ratios with their significant digits', () => {
    expect([0.0449, 0.9999, 12].map(seconds)).toEqual(['45 ms', '1.00 s', '12.00 s']);
    expect([0.384, 12.34, 345.6].map(times)).toEqual(['0.38×', '12.3×', '346×']);
    expect([1.236, 12.34].map(percent)).toEqual(['1.24 %', '12.3 %']);
  });

  it('leaves out empty columns', () => {
    const row = { what: 'a', ours: '1 s', figure: spread([2, 3, 4]), format: times, target: { bound: 'most', reach: 5 } } as const;
    expect(renderTable([row])).toBe(
      ['     ours  figure     low – high    reach', '  a   1 s   3.00×  2.00× – 4.00×  ≤ 5.00×  reached'].join('\n'),
    );
  });
});

describe('measuring', () => {
  it('warms both sides up, then lets them take turns', async () => {
    const order: string[] = [];
    const side = (name: string) => async () => order.push(name);
    expect(await interleave(2, side('a'), side('b'))).toEqual([
      [3, 4],
      [5, 6],
    ]);
    expect(order.join('')).toBe('ababab');
  });

  it.each([
    ['INFO rustboard_core::cli] Finished load cycle (1.16s)\n', 1.16],
    ['INFO rustboard_core::cli] Finished load cycle (982.6ms)\n', 0.9826],
    ['INFO rustboard_core::cli] Finished load cycle (45.5µs)\n', 45.5e-6],
    ['INFO rustboard_core::cli] Starting load cycle\n', undefined],
    ['INFO rustboard_core::cli] Finished load cycle (98', undefined],
  ])('reads the load time from %j', (said, expected) => {
    const found = parseLoadCycle(said);
    if (expected === undefined) expect(found).toBeUndefined();
    else expect(found).toBeCloseTo(expected, 9);
  });

  it('reads the answer of the limit', () => {
    expect(parseLimit('2000001 records, 10.00 M records/s, 765 MB/s (check a9)\n')).toEqual({
      records: 2_000_001,
      seconds: 2_000_001 / 1e7,
    });
    expect(() => parseLimit('data checksum at 12')).toThrow('unexpected output');
  });
});
