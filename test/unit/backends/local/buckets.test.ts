import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { BUCKET_POINTS, LEAST_BUCKETED, packBuckets, unpackBuckets } from '../../../../src/backends/local/buckets.ts';

const value = fc.oneof(
  fc.double({ noNaN: false }),
  fc.float({ noNaN: false }),
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0, Number.MAX_VALUE, -Number.MAX_VALUE),
);
const numbers = (value: fc.Arbitrary<number>) => fc.array(value, { minLength: LEAST_BUCKETED, maxLength: 200 });
const float32 = fc.float({ noNaN: false });
const evenSteps = fc.tuple(fc.integer(), fc.integer()).map(
  ([first, stride]) =>
    (i: number) =>
      first + i * stride,
);
const oddSteps = fc.array(fc.maxSafeInteger(), { minLength: 200, maxLength: 200 }).map((steps) => (i: number) => steps[i] as number);

/** What a bucket says of its points, computed point by point. */
function expected(points: readonly { step: number; wallTime: number; value: number }[]) {
  const counted = points.filter(({ value }) => !Number.isNaN(value));
  const [first, last] = [points[0], points.at(-1)];
  const smallest = counted.reduce<(typeof points)[number] | undefined>((a, b) => (a === undefined || b.value < a.value ? b : a), undefined);
  const largest = counted.reduce<(typeof points)[number] | undefined>((a, b) => (a === undefined || b.value > a.value ? b : a), undefined);
  return {
    firstStep: first?.step,
    lastStep: last?.step,
    firstWallTime: first?.wallTime,
    lastWallTime: last?.wallTime,
    last: last?.value,
    min: smallest?.value ?? Number.NaN,
    max: largest?.value ?? Number.NaN,
    ...(smallest === undefined ? {} : { minStep: smallest.step, maxStep: largest?.step }),
    nan: points.length - counted.length,
    finite: counted.filter(({ value }) => Number.isFinite(value)).length,
  };
}

describe('the buckets of a segment', () => {
  it('say of their points what the points say', () => {
    fc.assert(
      fc.property(fc.oneof(numbers(value), numbers(float32)), fc.oneof(evenSteps, oddSteps), (values, stepOf) => {
        const points = values.map((each, i) => ({ step: stepOf(i), wallTime: i / 3, value: each }));
        const packed = packBuckets({
          count: points.length,
          step: Float64Array.from(points, ({ step }) => step),
          wallTime: Float64Array.from(points, ({ wallTime }) => wallTime),
          value: Float64Array.from(values),
        });
        fc.pre(points.every(({ step }) => Number.isSafeInteger(step)));
        // SQLite hands out bytes that begin anywhere in their buffer.
        const moved = new Uint8Array((packed?.length ?? 0) + 3).subarray(3);
        moved.set(packed as Uint8Array);
        const buckets = unpackBuckets(moved);
        expect(buckets).toMatchObject({ length: Math.ceil(points.length / BUCKET_POINTS), points: points.length, size: BUCKET_POINTS });
        expect(buckets.isIncreasing).toBe(points.every(({ step }, i) => i === 0 || step > (points[i - 1]?.step ?? 0)));
        for (let b = 0; b < buckets.length; b++) {
          const of = expected(points.slice(b * BUCKET_POINTS, (b + 1) * BUCKET_POINTS));
          const got = Object.fromEntries(Object.keys(of).map((name) => [name, (buckets[name as keyof typeof buckets] as Float64Array)[b]]));
          expect(got).toEqual(of);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('have the mean of the finite values', () => {
    const values = Float64Array.from({ length: 64 }, (_, i) => (i === 3 ? Number.NaN : i === 5 ? Number.POSITIVE_INFINITY : i));
    const packed = packBuckets({ count: 64, step: values.map((_, i) => i), wallTime: values.map(() => 0), value: values });
    const { mean, finite } = unpackBuckets(packed as Uint8Array);
    expect([...finite]).toEqual([14, 16, 16, 16]);
    expect([...mean].map((each) => Math.round(each * 1e5) / 1e5)).toEqual([8, 23.5, 39.5, 55.5]);
  });

  it('have a mean of numbers whose sum no double holds', () => {
    const value = new Float64Array(64).fill(1.5e308);
    const packed = packBuckets({ count: 64, step: value.map((_, i) => i), wallTime: value, value });
    expect([...unpackBuckets(packed as Uint8Array).mean]).toEqual(Array(4).fill(1.5e308));
  });

  it('need enough points, and steps that doubles hold', () => {
    const columns = (count: number, step: number) => ({
      count,
      step: new Float64Array(count).fill(step),
      wallTime: new Float64Array(count),
      value: new Float64Array(count),
    });
    expect(packBuckets(columns(LEAST_BUCKETED - 1, 1))).toBeUndefined();
    expect(packBuckets(columns(LEAST_BUCKETED, 2 ** 53))).toBeUndefined();
    expect(packBuckets(columns(LEAST_BUCKETED, 2 ** 53 - 1))).toBeDefined();
  });

  it('are refused if they are damaged', () => {
    const packed = packBuckets({ count: 64, step: new Float64Array(64), wallTime: new Float64Array(64), value: new Float64Array(64) });
    for (const bytes of [
      new Uint8Array(0),
      (packed as Uint8Array).subarray(0, 40),
      Uint8Array.of(9, ...(packed as Uint8Array).subarray(1)),
    ]) {
      expect(() => unpackBuckets(bytes)).toThrow(expect.objectContaining({ code: 'MB3006' }));
    }
  });
});
