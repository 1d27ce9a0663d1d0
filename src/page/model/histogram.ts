/** Histograms over the steps of a series, in common bins. Pure. */
import { type JsonNumber, toDouble } from './exact-number.ts';
import { fieldOf, type ValueJson } from './media-values.ts';
import type { Range } from './scales.ts';

/** A histogram in its own buckets. */
export interface Histogram {
  readonly step: number;
  readonly left: Float64Array;
  readonly right: Float64Array;
  readonly count: Float64Array;
}

/** Histograms in common bins. */
export interface BinnedHistograms {
  readonly range: Range;
  readonly bins: number;
  readonly steps: readonly number[];
  /** A row of counts for each step. */
  readonly rows: readonly Float64Array[];
  /** The largest count of a bin. */
  readonly largest: number;
}

/** Reads a histogram; undefined if the value is none, or has no buckets. */
export function histogramOf({ step, value }: ValueJson): Histogram | undefined {
  const buckets = fieldOf(value, 'buckets');
  if (!Array.isArray(buckets) || buckets.length === 0) return undefined;
  const column = (at: number): Float64Array =>
    Float64Array.from(buckets, (bucket: unknown) =>
      Array.isArray(bucket) ? toDouble((bucket[at] ?? Number.NaN) as JsonNumber) : Number.NaN,
    );
  return { step: toDouble(step), left: column(0), right: column(1), count: column(2) };
}

/** Puts histograms into common bins. A bucket is divided among the bins that it reaches into. */
export function binned(histograms: readonly Histogram[], bins: number): BinnedHistograms | undefined {
  const range = rangeOf(histograms);
  if (range === undefined) return undefined;
  const rows = histograms.map((histogram) => rowOf(histogram, range, bins));
  const largest = rows.reduce((most, row) => row.reduce((a, b) => Math.max(a, b), most), 0);
  return { range, bins, steps: histograms.map(({ step }) => step), rows, largest };
}

/** Returns the range of the buckets that have anything in them. Open ends count as the finite one next to them. */
function rangeOf(histograms: readonly Histogram[]): Range | undefined {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { left, right, count } of histograms) {
    for (let i = 0; i < count.length; i++) {
      if (!((count[i] as number) > 0)) continue;
      for (const end of [left[i] as number, right[i] as number]) {
        // Writers use ends of 1e308 for what is open.
        if (!(Math.abs(end) < 1e300)) continue;
        low = Math.min(low, end);
        high = Math.max(high, end);
      }
    }
  }
  if (low > high) return undefined;
  return low === high ? [low - 0.5, high + 0.5] : [low, high];
}

function rowOf({ left, right, count }: Histogram, [low, high]: Range, bins: number): Float64Array {
  const row = new Float64Array(bins);
  const width = (high - low) / bins;
  const clamp = (bin: number): number => Math.max(0, Math.min(bins - 1, bin));
  for (let i = 0; i < count.length; i++) {
    const many = count[i] as number;
    if (!(many > 0)) continue;
    const [from, to] = [Math.max(low, left[i] as number), Math.min(high, right[i] as number)];
    if (!(to > from)) {
      const bin = clamp(Math.floor((Math.min(high, Math.max(low, Number.isNaN(from) ? low : from)) - low) / width));
      row[bin] = (row[bin] as number) + many;
      continue;
    }
    const [first, last] = [clamp(Math.floor((from - low) / width)), clamp(Math.ceil((to - low) / width) - 1)];
    for (let bin = first; bin <= last; bin++) {
      const share = Math.min(to, low + (bin + 1) * width) - Math.max(from, low + bin * width);
      row[bin] = (row[bin] as number) + (many * Math.max(0, share)) / (to - from);
    }
  }
  return row;
}

/** Returns at most `most` histograms: the first, the last, and some at equal distances between them. */
export function thinned<Item>(items: readonly Item[], most: number): readonly Item[] {
  if (items.length <= most) return items;
  return Array.from({ length: most }, (_, i) => items[Math.round((i * (items.length - 1)) / (most - 1))] as Item);
}
