/** Reduces many points to a few buckets that hide no extreme. Pure. */
import type { Buckets } from './questions.ts';

/** The columns of some points. Wide steps and values are rounded to doubles here: a picture shows no more. */
export interface PlainColumns {
  readonly step: ArrayLike<number>;
  readonly wallTime: ArrayLike<number>;
  readonly value: ArrayLike<number>;
}

/** Returns the points at `indexes`, in their order, in at most `most` buckets with counts as equal as possible. */
export function bucketsOf({ step, wallTime, value }: PlainColumns, indexes: Uint32Array, most: number): Buckets {
  const size = Math.min(indexes.length, Math.max(1, Math.floor(most)));
  const column = (): number[] => new Array<number>(size);
  const buckets = {
    count: column(),
    firstStep: column(),
    lastStep: column(),
    firstWallTime: column(),
    lastWallTime: column(),
    min: column(),
    minStep: column(),
    max: column(),
    maxStep: column(),
    last: column(),
    nan: column(),
  };
  for (let bucket = 0; bucket < size; bucket++) {
    const from = Math.floor((bucket * indexes.length) / size);
    const to = Math.floor(((bucket + 1) * indexes.length) / size);
    let [min, minStep, max, maxStep, nan] = [Number.NaN, Number.NaN, Number.NaN, Number.NaN, 0];
    for (let i = from; i < to; i++) {
      const at = indexes[i] as number;
      const y = value[at] as number;
      if (Number.isNaN(y)) nan++;
      // Written so that the first number replaces NaN.
      if (!(y >= min) && !Number.isNaN(y)) [min, minStep] = [y, step[at] as number];
      if (!(y <= max) && !Number.isNaN(y)) [max, maxStep] = [y, step[at] as number];
    }
    const [first, last] = [indexes[from] as number, indexes[to - 1] as number];
    buckets.count[bucket] = to - from;
    buckets.firstStep[bucket] = step[first] as number;
    buckets.lastStep[bucket] = step[last] as number;
    buckets.firstWallTime[bucket] = wallTime[first] as number;
    buckets.lastWallTime[bucket] = wallTime[last] as number;
    buckets.min[bucket] = min;
    buckets.minStep[bucket] = minStep;
    buckets.max[bucket] = max;
    buckets.maxStep[bucket] = maxStep;
    buckets.last[bucket] = value[last] as number;
    buckets.nan[bucket] = nan;
  }
  return { kind: 'buckets', ...buckets };
}
