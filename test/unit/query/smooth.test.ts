import { describe, expect, it } from '@jest/globals';
import { smoothed } from '../../../src/query/smooth.ts';

const averages = (x: readonly number[], y: readonly number[], weight: number): number[] => [
  ...smoothed(Float64Array.from(x), Float64Array.from(y), weight),
];

/** The average as TensorBoard computes it: by the index of a point. */
function tensorBoardAverages(y: readonly number[], weight: number): number[] {
  let last = 0;
  return y.map((value, i) => {
    last = last * weight + (1 - weight) * value;
    return last / (1 - weight ** (i + 1));
  });
}

describe('averages', () => {
  it('are those of TensorBoard for points at equal distances', () => {
    const y = [5, 1, 4, 1, 9, 2, 6];
    for (const scale of [1, 0.001, 250]) {
      const found = averages(
        y.map((_, i) => i * scale),
        y,
        0.6,
      );
      for (const [i, wanted] of tensorBoardAverages(y, 0.6).entries()) expect(found[i]).toBeCloseTo(wanted, 12);
    }
  });

  it('weigh a point by its distance', () => {
    // The usual distance is 1, and the last point is 3 away.
    const [, , , last] = averages([0, 1, 2, 5], [8, 8, 8, 0], 0.5);
    const sum = 1 + 0.5 + 0.25;
    expect(last).toBeCloseTo((8 * sum * 0.5 ** 3) / (sum * 0.5 ** 3 + 1), 12);
  });

  it('do not change the curve much when every second point is missing', () => {
    const y = Array.from({ length: 400 }, (_, i) => Math.sin(i / 40));
    const x = y.map((_, i) => i);
    const dense = averages(x, y, 0.9);
    const mixed = x.filter((i) => i < 200 || i % 2 === 0);
    const sparse = averages(
      mixed,
      mixed.map((i) => y[i] as number),
      0.9,
    );
    expect(Math.abs((sparse.at(-1) ?? 0) - (dense[398] ?? 0))).toBeLessThan(0.02);
  });

  it('skip NaN and the infinities', () => {
    const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;
    const found = averages([0, 1, 2, 3, 4], [nan, 2, infinity, nan, 2], 0.5);
    expect(found).toEqual([nan, 2, nan, nan, 2]);
    expect(averages([0, 1], [nan, -infinity], 0.5)).toEqual([nan, nan]);
  });

  it('are numbers for points at one place, at no place, and going back', () => {
    expect(averages([3, 3], [2, 4], 0.5)).toEqual([2, 3]);
    expect(averages([Number.NaN, Number.NaN], [2, 4], 0.5)).toEqual([2, 3]);
    expect(averages([0, 10, 0], [1, 1, 1], 0.5)).toEqual([1, 1, 1]);
    expect(averages([], [], 0.5)).toEqual([]);
  });

  it('do not overflow', () => {
    const found = averages([0, 1, 2, 3], [1e308, 1.7e308, -1.7e308, 1.7e308], 0.99);
    expect(found.every(Number.isFinite)).toBe(true);
  });

  it('of a long gap between two parts are those of each part', () => {
    const found = averages([0, 1, 2, 1e9, 1e9 + 1], [1, 1, 1, 5, 5], 0.9);
    expect(found).toEqual([1, 1, 1, 5, 5]);
  });
});
