import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { canShow, forward, inverse, linearWidth, padded, roundRange, type ScaleKind, ticks } from '../../../../src/page/model/scales.ts';

const KINDS: readonly ScaleKind[] = ['linear', 'log', 'arcsinh'];
const magnitude = fc.double({ min: 1e-12, max: 1e12, noNaN: true });

describe('scales', () => {
  it.each(KINDS)('come back from a position to the value: %s', (kind) => {
    fc.assert(
      fc.property(magnitude, magnitude, (value, size) => {
        const linear = linearWidth([-size, size]);
        expect(inverse(kind, forward(kind, value, linear), linear) / value).toBeCloseTo(1, 6);
      }),
    );
  });

  it('shows 0 and negative numbers by arcsinh, and not by log', () => {
    expect(forward('arcsinh', 0)).toBe(0);
    expect(forward('arcsinh', -5)).toBe(-forward('arcsinh', 5));
    expect(forward('log', 0)).toBeNaN();
    expect([canShow('log', 0), canShow('arcsinh', 0), canShow('linear', Number.POSITIVE_INFINITY)]).toEqual([false, true, false]);
  });

  it('gives room around a range, also around one value', () => {
    expect(padded('linear', [0, 10], 0.1)).toEqual([-1, 11]);
    expect(padded('log', [1, 100], 0.5).map((value) => Number(value.toPrecision(6)))).toEqual([0.1, 1000]);
    expect(padded('linear', [5, 5])).toEqual([4.5, 5.5]);
    expect(padded('linear', [0, 0])).toEqual([-1, 1]);
    expect(padded('log', [5, 5])).toEqual([2.5, 10]);
  });
});

describe('roundRange', () => {
  it('has as many digits as a picture shows', () => {
    expect(roundRange([10.123456, 20.98765])).toEqual([10.12, 20.99]);
    expect(roundRange([1e6 + 0.4, 2e6])).toEqual([1e6, 2e6]);
    expect(roundRange([1.00000012345, 1.00000013345]).map(String)).toEqual(['1.00000012345', '1.00000013345']);
  });

  it('keeps a range that would become empty', () => {
    const narrow = [1, 1 + Number.EPSILON] as const;
    expect(roundRange(narrow)).toEqual(narrow);
  });
});

describe('ticks', () => {
  it.each([
    ['linear', [0, 1], 5, [0, 0.2, 0.4, 0.6, 0.8, 1]],
    ['linear', [-0.35, 0.35], 4, [-0.2, 0, 0.2]],
    ['linear', [1e-9, 3e-9], 2, [1e-9, 2e-9, 3e-9]],
    ['linear', [1e-12, 0.0004004004009994011], 2, [0.0002, 0.0004]],
    ['log', [0.001, 1000], 8, [0.001, 0.01, 0.1, 1, 10, 100, 1000]],
    ['log', [1, 100], 8, [1, 2, 5, 10, 20, 50, 100]],
    ['log', [1e-30, 1e30], 5, [1e-24, 1e-12, 1, 1e12, 1e24]],
    ['arcsinh', [-100, 1000], 8, [-100, -10, -1, 0, 1, 10, 100, 1000]],
  ] as const)('are round: %s from %p', (kind, range, most, expected) => {
    expect(ticks(kind, range, most)).toEqual(expected);
  });

  it('fall back to a linear division where a logarithm has too few round values', () => {
    expect(ticks('log', [3.1, 3.4], 5)).toEqual([3.1, 3.2, 3.3, 3.4]);
    expect(ticks('arcsinh', [1000, 1100], 5)).toEqual([1000, 1020, 1040, 1060, 1080, 1100]);
  });

  it('are in the range, in rising order, and not too many, for any range', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...KINDS),
        magnitude,
        magnitude,
        fc.boolean(),
        fc.integer({ min: 2, max: 12 }),
        (kind, a, b, isNegative, most) => {
          const low = Math.min(a, b) * (isNegative && kind !== 'log' ? -1 : 1);
          const high = Math.max(a, b) * 1.001;
          const found = ticks(kind, [low, high], most);
          const slack = (high - low) * 1e-5 + Math.abs(high) * 1e-5;
          expect(found.length).toBeLessThanOrEqual(most + 4);
          expect(found.every((tick) => tick >= low - slack && tick <= high + slack)).toBe(true);
          expect(found.every((tick, i) => i === 0 || tick > (found[i - 1] as number))).toBe(true);
          expect(found.length).toBeGreaterThan(0);
        },
      ),
    );
  });

  it('are one for an empty range, and none without a number', () => {
    expect(ticks('linear', [3, 3], 5)).toEqual([3]);
    expect(ticks('linear', [Number.NaN, Number.NaN], 5)).toEqual([]);
  });
});
