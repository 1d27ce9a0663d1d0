import { describe, expect, it } from '@jest/globals';
import { buffersOf, bytesOf, type CurveJson, readCurve, spliceCurve, startOf } from '../../../../src/page/model/curve.ts';

const exact: CurveJson = {
  id: 'logs/a',
  tag: 'loss',
  count: 3,
  data: { kind: 'exact', step: [0, 1, '9007199254740993'], wall_time: [10, 11, 12.5], value: ['NaN', '-Infinity', '123456789012345678'] },
};

/** Returns a curve of buckets with the points of consecutive steps. */
function buckets(from: number, size: number, count: number): CurveJson {
  const starts = Array.from({ length: count }, (_, i) => from + i * size);
  const ends = starts.map((start) => start + size - 1);
  return {
    id: 'logs/a',
    tag: 'loss',
    count: size * count,
    data: {
      kind: 'buckets',
      count: starts.map(() => size),
      first_step: starts,
      last_step: ends,
      first_wall_time: starts,
      last_wall_time: ends,
      min: starts,
      max: ends,
      last: ends,
      nan: starts.map(() => 0),
    },
  };
}

describe('readCurve', () => {
  it('reads exact points, and keeps what no double holds as texts', () => {
    const curve = readCurve(exact);
    expect([...curve.value]).toEqual([Number.NaN, Number.NEGATIVE_INFINITY, 123456789012345680]);
    expect([...curve.nan]).toEqual([1, 0, 0]);
    expect([...curve.wideValues]).toEqual([[2, '123456789012345678']]);
    expect([...curve.wideSteps]).toEqual([[2, '9007199254740993']]);
    expect([curve.isExact, curve.smoothed, startOf(curve)]).toEqual([true, undefined, 10]);
  });

  it('reads buckets; their mean is the last value if the server has none', () => {
    const curve = readCurve(buckets(0, 10, 3));
    expect([...curve.points]).toEqual([10, 10, 10]);
    expect([...curve.min]).toEqual([0, 10, 20]);
    expect([...curve.max]).toEqual([9, 19, 29]);
    expect(curve.mean).toBe(curve.value);
    expect([curve.isExact, curve.count]).toEqual([false, 30]);
  });

  it('counts the bytes of shared columns once', () => {
    expect(buffersOf(readCurve(exact))).toHaveLength(5);
    expect(bytesOf(readCurve(exact))).toBeLessThan(1000);
  });
});

describe('spliceCurve', () => {
  it('replaces the items of the range, and keeps those around it', () => {
    const whole = readCurve(buckets(0, 10, 10));
    const range = readCurve(buckets(35, 1, 20));
    const joined = spliceCurve(whole, range);
    expect([...joined.step]).toEqual([9, 19, 29, ...Array.from({ length: 20 }, (_, i) => 35 + i), 69, 79, 89, 99]);
    expect([...joined.points].slice(2, 5)).toEqual([10, 1, 1]);
    expect(joined.count).toBe(20);
  });

  it('moves the texts of wide values with their items', () => {
    const range = readCurve({ ...exact, data: { kind: 'exact', step: [41, 42], wall_time: [1, 2], value: [1, '9007199254740993'] } });
    const joined = spliceCurve(readCurve(buckets(0, 10, 10)), range);
    const [[index, text]] = [...joined.wideValues] as [[number, string]];
    expect([joined.step[index], text]).toEqual([42, '9007199254740993']);
  });

  it('leaves a curve with restarts alone', () => {
    const range = readCurve({ ...exact, data: { kind: 'exact', step: [41, 42, 41], wall_time: [1, 2, 3], value: [1, 2, 3] } });
    expect(spliceCurve(readCurve(buckets(0, 10, 10)), range)).toBe(range);
  });
});
