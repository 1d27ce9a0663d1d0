/** Selects a few of many points, always the same ones for the same points. Pure. */

/** Returns how many points of each of `series` series an answer may have: at least 2, unless the caller wants fewer. */
export function shareOf({ most, budget, series }: { readonly most: number; readonly budget: number; readonly series: number }): number {
  return Math.min(most, Math.max(2, Math.floor(budget / Math.max(1, series))));
}

/**
 * Returns the indexes of at most `most` of `count` points, in their order, or undefined for all of them. The last
 * point is always among them. With values, it selects the first and the last point and the extremes between them;
 * without values, points at equal distances.
 */
export function sampledIndexes(count: number, most: number, values?: ArrayLike<number>): readonly number[] | undefined {
  if (count <= most) return undefined;
  if (most < 1) return [];
  if (most === 1) return [count - 1];
  const even = Array.from({ length: most }, (_, i) => Math.round((i * (count - 1)) / (most - 1)));
  if (values === undefined || most < 4) return even;
  const buckets = Math.floor((most - 2) / 2);
  const chosen = new Set([0, count - 1]);
  for (let bucket = 0; bucket < buckets; bucket++) {
    const from = Math.floor((bucket * count) / buckets);
    const to = Math.floor(((bucket + 1) * count) / buckets);
    for (const index of extremes(values, from, to)) chosen.add(index);
  }
  return [...chosen].sort((a, b) => a - b);
}

/** Returns the indexes of the smallest and the largest number from `from` to `to` (exclusive); NaN is none. */
function extremes(values: ArrayLike<number>, from: number, to: number): [number, number] {
  let [low, high] = [from, from];
  for (let i = from + 1; i < to; i++) {
    const value = values[i] as number;
    // Written so that the first number replaces NaN.
    if (!(value >= (values[low] as number)) && !Number.isNaN(value)) low = i;
    if (!(value <= (values[high] as number)) && !Number.isNaN(value)) high = i;
  }
  return [low, high];
}
