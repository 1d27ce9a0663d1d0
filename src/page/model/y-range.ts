/** The range of the y axis that shows what is drawn. Pure. */
import type { Plot } from './plot.ts';
import { canShow, type Range, type ScaleKind } from './scales.ts';

/** What the y axis has to show. */
export interface YRangeOptions {
  readonly scale: ScaleKind;
  /** The visible part of the x axis; null for all. */
  readonly x: Range | null;
  /** True to leave out the outermost twentieth of the values on both sides. */
  readonly ignoreOutliers: boolean;
  readonly includeZero: boolean;
}

/** The share of the values that is an outlier, on each side. */
const OUTER = 0.05;

/** Returns the smallest and largest value to show; null if there is none. */
export function yRangeOf(plots: readonly Plot[], { scale, x, ignoreOutliers, includeZero }: YRangeOptions): Range | null {
  let range = ignoreOutliers ? innerRange(plots, scale, x) : fullRange(plots, scale, x);
  if (range !== null && includeZero && scale !== 'log') range = [Math.min(range[0], 0), Math.max(range[1], 0)];
  return range;
}

/** Returns the range of the x axis that has all of the plots; null if they have no points. */
export function xRangeOf(plots: readonly Plot[], scale: ScaleKind): Range | null {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const include = (at: number): void => {
    if (!canShow(scale, at)) return;
    if (at < low) low = at;
    if (at > high) high = at;
  };
  for (const { x, from } of plots) {
    include(from);
    for (const at of x) include(at);
  }
  return low <= high ? [low, high] : null;
}

function fullRange(plots: readonly Plot[], scale: ScaleKind, x: Range | null): Range | null {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const plot of plots) {
    for (const values of columnsOf(plot)) {
      eachVisible(plot.x, values, x, (value) => {
        if (!canShow(scale, value)) return;
        if (value < low) low = value;
        if (value > high) high = value;
      });
    }
  }
  return low <= high ? [low, high] : null;
}

function innerRange(plots: readonly Plot[], scale: ScaleKind, x: Range | null): Range | null {
  const all: number[] = [];
  for (const plot of plots) {
    // Without the band: the extremes of buckets are the outliers that are to be ignored.
    for (const values of new Set([plot.y, plot.raw ?? plot.y])) {
      eachVisible(plot.x, values, x, (value) => {
        if (canShow(scale, value)) all.push(value);
      });
    }
  }
  if (all.length === 0) return null;
  const sorted = Float64Array.from(all).sort();
  return [quantile(sorted, OUTER), quantile(sorted, 1 - OUTER)];
}

/** Returns a quantile of sorted numbers, between two of them in proportion. */
export function quantile(sorted: Float64Array, share: number): number {
  const at = (sorted.length - 1) * share;
  const [low, high] = [sorted[Math.floor(at)] ?? Number.NaN, sorted[Math.ceil(at)] ?? Number.NaN];
  return low + (high - low) * (at - Math.floor(at));
}

function columnsOf({ y, low, high, raw }: Plot): Set<Float64Array> {
  return new Set([y, low, high, raw ?? y]);
}

function eachVisible(x: Float64Array, values: Float64Array, range: Range | null, visit: (value: number) => void): void {
  for (let i = 0; i < values.length; i++) {
    const at = x[i] as number;
    if (range === null || (at >= range[0] && at <= range[1])) visit(values[i] as number);
  }
}
