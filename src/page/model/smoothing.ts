/** Smooths what is drawn, for the time until the server has smoothed all points (formula: docs/api.md). Pure. */
import type { Curve } from './curve.ts';

/**
 * Returns the exponential average at each item of a curve. Of exact points, it is what the server computes. A bucket
 * counts as its points at equal distances, all with the mean of the bucket. `x`: the distances that count.
 */
export function smoothed(x: Float64Array, { mean, points, nan }: Curve, weight: number): Float64Array {
  const unit = usualDistance(x, points);
  let [average, sum, before] = [0, 0, x[0] ?? 0];
  return mean.map((value, i) => {
    if (!Number.isFinite(value)) return Number.NaN;
    const at = x[i] as number;
    const own = Math.max(1, (points[i] as number) - (nan[i] as number));
    const weights = own === 1 ? 1 : (1 - weight ** own) / (1 - weight);
    sum = sum * weight ** (Math.abs(at - before) / unit) + weights;
    const share = weights / sum;
    average = average * (1 - share) + value * share;
    before = at;
    return average;
  });
}

/** Returns the median distance between two points; 1 if there is none. */
function usualDistance(x: Float64Array, points: Float64Array): number {
  const distances = Float64Array.from(x, (at, i) => (i === 0 ? 0 : Math.abs(at - (x[i - 1] as number)) / Math.max(1, points[i] as number)));
  const sorted = distances.filter((each) => each > 0).sort();
  return sorted[sorted.length >> 1] ?? 1;
}
