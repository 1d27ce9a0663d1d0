/** Smooths a curve by an exponential average that weighs points by their distance (formula: docs/api.md). Pure. */

/** The most distances of which the median is taken: more would not change it much. */
const MOST_DISTANCES = 4096;

/**
 * Returns the average at each point: NaN at points whose `y` is NaN or infinite, which count nowhere else. A point at
 * the usual distance from its neighbour counts `weight` times as much as it, one at twice that distance
 * `weight ** 2` times. So an average of points at equal distances is that of TensorBoard, without its bias at the
 * start, and an average does not depend on how often a writer writes. `weight` is between 0 and 1.
 */
export function smoothed(x: Float64Array, y: Float64Array, weight: number): Float64Array {
  const unit = usualDistance(x, y);
  const result = new Float64Array(y.length).fill(Number.NaN);
  let [average, sum, before] = [0, 0, Number.NaN];
  for (let i = 0; i < y.length; i++) {
    const [at, value] = [x[i] as number, y[i] as number];
    if (!Number.isFinite(value)) continue;
    // The sum of all weights; that of the newest point is 1.
    sum = sum * weight ** (distance(before, at) / unit) + 1;
    // Two products cannot overflow, as a sum of large values could.
    average = average * (1 - 1 / sum) + value / sum;
    result[i] = average;
    before = at;
  }
  return result;
}

/** Returns the median distance of neighbours that are not at the same place; 1 if there are none. */
function usualDistance(x: Float64Array, y: Float64Array): number {
  const stride = Math.max(1, Math.floor(y.length / MOST_DISTANCES));
  const distances: number[] = [];
  for (let i = 1; i < y.length; i += stride) {
    if (!Number.isFinite(y[i] as number) || !Number.isFinite(y[i - 1] as number)) continue;
    const each = distance(x[i - 1] as number, x[i] as number);
    if (each > 0) distances.push(each);
  }
  const sorted = Float64Array.from(distances).sort();
  return sorted[sorted.length >> 1] ?? 1;
}

/** Returns the distance of two places; 0 if one of them is not a finite number. Runs that start again go back. */
function distance(from: number, to: number): number {
  const each = Math.abs(to - from);
  return Number.isFinite(each) ? each : 0;
}
