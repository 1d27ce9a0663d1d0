/** Turns curves into what a chart draws: lines with gaps, bands, and marks of what is no number. Pure. */
import { type Curve, startOf } from './curve.ts';
import { smoothed } from './smoothing.ts';

/** What the x axis shows: steps, wall time, or the time since the start of the series. */
export type XAxis = 'step' | 'wall' | 'relative';

/** A value that no line can show. */
export interface Mark {
  readonly x: number;
  readonly kind: 'nan' | 'above' | 'below';
}

/** What is drawn of one curve. The arrays have an item for each place on the x axis; NaN is a gap. */
export interface Plot {
  /** The run or the group of runs. */
  readonly id: string;
  readonly x: Float64Array;
  /** The place of the first point: before `x` if it is the first of a bucket. */
  readonly from: number;
  readonly y: Float64Array;
  /** The ends of the band; the same array as `y` if there is none. */
  readonly low: Float64Array;
  readonly high: Float64Array;
  /** The line before smoothing; undefined without smoothing. */
  readonly raw: Float64Array | undefined;
  readonly marks: readonly Mark[];
  /** The curve that it shows; undefined for a group. */
  readonly curve: Curve | undefined;
  /** True if the smoothing is a preview over the drawn points, not over all points. */
  readonly isPreview: boolean;
}

/** How a curve is shown. */
export interface PlotOptions {
  readonly x: XAxis;
  /** 0 to 0.999; 0 is without smoothing. */
  readonly smoothing: number;
  /** The wall time that relative time counts from; default: that of the curve's first item. */
  readonly start?: number;
}

/** Returns the picture of a curve. */
export function plotOf(curve: Curve, { x, smoothing, start = startOf(curve) }: PlotOptions): Plot {
  const xs = xOf(curve, x, start);
  const line = gaps(curve.value);
  const marks = marksOf(curve, xs);
  const hasBand = !curve.isExact;
  const from = x === 'step' ? curve.firstStep[0] : (curve.firstWallTime[0] ?? Number.NaN) - (x === 'wall' ? 0 : start);
  const raw = {
    id: curve.id,
    x: xs,
    from: from ?? Number.NaN,
    marks,
    curve,
    low: hasBand ? gaps(curve.min) : line,
    high: hasBand ? gaps(curve.max) : line,
  };
  if (!(smoothing > 0)) return { ...raw, y: line, raw: undefined, isPreview: false };
  // Gaps stay gaps: the smoothed value at a NaN would be a number that nothing in the log says.
  const smooth = curve.smoothed ?? smoothed(xs, curve, smoothing);
  const y = Float64Array.from(smooth, (value, i) => (Number.isFinite(curve.value[i] as number) ? value : Number.NaN));
  return { ...raw, y, raw: line, isPreview: curve.smoothed === undefined };
}

/** Returns the places of a curve on an x axis: steps, seconds since 1970, or seconds since the start. */
export function xOf({ step, wallTime }: Curve, axis: XAxis, start: number): Float64Array {
  if (axis === 'step') return step;
  return axis === 'wall' ? wallTime : Float64Array.from(wallTime, (time) => time - start);
}

function gaps(values: Float64Array): Float64Array {
  return values.every(Number.isFinite) ? values : values.map((value) => (Number.isFinite(value) ? value : Number.NaN));
}

/** Returns the marks of a curve: one for each item that has such a value. */
function marksOf({ min, max, nan }: Curve, x: Float64Array): readonly Mark[] {
  const marks: Mark[] = [];
  x.forEach((at, i) => {
    if ((nan[i] as number) > 0) marks.push({ x: at, kind: 'nan' });
    if (max[i] === Number.POSITIVE_INFINITY) marks.push({ x: at, kind: 'above' });
    if (min[i] === Number.NEGATIVE_INFINITY) marks.push({ x: at, kind: 'below' });
  });
  return marks;
}

/** Returns the items that have no line to a neighbour: they are drawn as dots. */
export function lonePoints(y: Float64Array): readonly number[] {
  const lone: number[] = [];
  const has = (i: number): boolean => i >= 0 && i < y.length && !Number.isNaN(y[i] as number);
  for (let i = 0; i < y.length; i++) if (has(i) && !has(i - 1) && !has(i + 1)) lone.push(i);
  return lone;
}
