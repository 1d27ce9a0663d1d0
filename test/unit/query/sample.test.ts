import { describe, expect, it } from '@jest/globals';
import { sampledIndexes, shareOf } from '../../../src/query/sample.ts';

describe('sampledIndexes', () => {
  it('selects everything if it fits', () => {
    expect(sampledIndexes(5, 5)).toBeUndefined();
    expect(sampledIndexes(0, 0)).toBeUndefined();
  });

  it('always has the last point', () => {
    expect(sampledIndexes(10, 1)).toEqual([9]);
    expect(sampledIndexes(10, 2)).toEqual([0, 9]);
    expect(sampledIndexes(10, 4)).toEqual([0, 3, 6, 9]);
  });

  it('hides no extreme of the values', () => {
    const values = Array.from({ length: 1000 }, (_, i) => (i === 333 ? 50 : i === 777 ? -50 : i % 7));
    const chosen = sampledIndexes(values.length, 20, values) ?? [];
    expect(chosen).toEqual(expect.arrayContaining([0, 333, 777, 999]));
    expect(chosen.length).toBeLessThanOrEqual(20);
    expect([...chosen].sort((a, b) => a - b)).toEqual(chosen);
  });

  it('finds extremes next to NaN', () => {
    const values = [Number.NaN, Number.NaN, 3, Number.NaN, -1, Number.NaN, 2, 2, 2, 2];
    expect(sampledIndexes(values.length, 4, values)).toEqual([0, 2, 4, 9]);
  });
});

describe('shareOf', () => {
  it('divides the budget among the series, but leaves each two points', () => {
    expect(shareOf({ most: 1000, budget: 100_000, series: 10 })).toBe(1000);
    expect(shareOf({ most: 1000, budget: 100_000, series: 1000 })).toBe(100);
    expect(shareOf({ most: 1000, budget: 100_000, series: 1_000_000 })).toBe(2);
    expect(shareOf({ most: 1, budget: 100_000, series: 10 })).toBe(1);
    expect(shareOf({ most: 7, budget: 100, series: 0 })).toBe(7);
  });
});
