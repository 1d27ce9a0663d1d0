/** Reduces many points to a few buckets that hide no extreme. Pure. */
import type { Buckets } from './questions.ts';

/** A scalar. Wide steps and values are rounded to doubles here: a picture shows no more. */
interface Scalar {
  readonly step: number | bigint;
  readonly wallTime: number;
  readonly value: number | bigint;
}

/**
 * Returns points, in their order, in at most `most` buckets with counts as equal as possible. `averages`: the smoothed
 * value at each point, of which a bucket gets the last number.
 */
export function bucketsOf(points: readonly Scalar[], most: number, averages?: Float64Array): Buckets {
  const size = Math.min(points.length, Math.max(1, Math.floor(most)));
  const borders = Array.from({ length: size + 1 }, (_, bucket) => Math.floor((bucket * points.length) / size));
  const ranges = borders.slice(1).map((end, bucket) => [borders[bucket] as number, end] as const);
  const buckets = ranges.map(([start, end]) => bucketOf(points.slice(start, end)));
  const column = (name: keyof Bucket): readonly number[] => buckets.map((bucket) => bucket[name]);
  return {
    kind: 'buckets',
    count: column('count'),
    firstStep: column('firstStep'),
    lastStep: column('lastStep'),
    firstWallTime: column('firstWallTime'),
    lastWallTime: column('lastWallTime'),
    min: column('min'),
    minStep: column('minStep'),
    max: column('max'),
    maxStep: column('maxStep'),
    last: column('last'),
    nan: column('nan'),
    mean: column('mean'),
    finite: column('finite'),
    ...(averages === undefined ? {} : { smoothed: ranges.map(([start, end]) => lastNumber(averages.subarray(start, end))) }),
  };
}

type Bucket = Readonly<Record<Exclude<keyof Buckets, 'kind' | 'smoothed'>, number>>;

function bucketOf(points: readonly Scalar[]): Bucket {
  const [first, last] = [points[0], points.at(-1)] as [Scalar, Scalar];
  let [min, minStep, max, maxStep, nan] = [Number.NaN, Number.NaN, Number.NaN, Number.NaN, 0];
  let [mean, finite] = [0, 0];
  for (const { step, value } of points) {
    const y = Number(value);
    if (Number.isNaN(y)) {
      nan++;
      continue;
    }
    // Written so that the first number replaces NaN.
    if (!(y >= min)) [min, minStep] = [y, Number(step)];
    if (!(y <= max)) [max, maxStep] = [y, Number(step)];
    if (!Number.isFinite(y)) continue;
    finite++;
    // Halves cannot overflow, as the difference of two large numbers could.
    mean += 2 * ((y / 2 - mean / 2) / finite);
  }
  return {
    count: points.length,
    firstStep: Number(first.step),
    lastStep: Number(last.step),
    firstWallTime: first.wallTime,
    lastWallTime: last.wallTime,
    min,
    minStep,
    max,
    maxStep,
    last: Number(last.value),
    nan,
    mean: finite === 0 ? Number.NaN : mean,
    finite,
  };
}

function lastNumber(averages: Float64Array): number {
  return averages.findLast((each) => !Number.isNaN(each)) ?? Number.NaN;
}
