/** Curves as the API returns them, turned into columns of doubles that can be drawn. Pure. */
import { type JsonNumber, toDouble } from './exact-number.ts';

/** The columns of all points. */
export interface ExactJson {
  readonly kind: 'exact';
  readonly step: readonly JsonNumber[];
  readonly wall_time: readonly JsonNumber[];
  readonly value: readonly JsonNumber[];
  readonly smoothed?: readonly JsonNumber[];
  readonly file?: readonly string[];
  readonly offset?: readonly number[];
  readonly index?: readonly number[];
}

/** The columns of buckets. */
export interface BucketsJson {
  readonly kind: 'buckets';
  readonly count: readonly number[];
  readonly first_step: readonly JsonNumber[];
  readonly last_step: readonly JsonNumber[];
  readonly first_wall_time: readonly JsonNumber[];
  readonly last_wall_time: readonly JsonNumber[];
  readonly min: readonly JsonNumber[];
  readonly max: readonly JsonNumber[];
  readonly last: readonly JsonNumber[];
  readonly nan: readonly number[];
  readonly mean?: readonly JsonNumber[];
  readonly smoothed?: readonly JsonNumber[];
}

/** A curve in an answer of `/curves`. */
export interface CurveJson {
  readonly id: string;
  readonly tag: string;
  readonly count: number;
  readonly data: ExactJson | BucketsJson;
}

/** A curve in columns. An item is a point, or a bucket of consecutive points. */
export interface Curve {
  /** The run. */
  readonly id: string;
  readonly tag: string;
  /** The number of points in the store, in the range that was asked for. */
  readonly count: number;
  /** True if every item is one point. */
  readonly isExact: boolean;
  readonly firstStep: Float64Array;
  /** The step of the last point of an item. */
  readonly step: Float64Array;
  readonly firstWallTime: Float64Array;
  readonly wallTime: Float64Array;
  /** The value of the last point of an item. */
  readonly value: Float64Array;
  readonly min: Float64Array;
  readonly max: Float64Array;
  /** The mean of the numbers of an item; NaN if there are none. */
  readonly mean: Float64Array;
  /** The number of points of an item. */
  readonly points: Float64Array;
  /** The number of points of an item that are NaN. */
  readonly nan: Float64Array;
  /** The smoothed value at the last point; undefined if the server did not smooth. */
  readonly smoothed: Float64Array | undefined;
  /** The exact texts of steps and values that no double holds, by item. */
  readonly wideSteps: ReadonlyMap<number, string>;
  readonly wideValues: ReadonlyMap<number, string>;
}

/** Turns a curve of an answer into columns. */
export function readCurve({ id, tag, count, data }: CurveJson): Curve {
  const own = { id, tag, count };
  if (data.kind === 'exact') {
    const [step, wallTime, value] = [column(data.step), column(data.wall_time), column(data.value)];
    return {
      ...own,
      isExact: true,
      firstStep: step,
      step,
      firstWallTime: wallTime,
      wallTime,
      value,
      min: value,
      max: value,
      mean: value,
      points: new Float64Array(step.length).fill(1),
      nan: Float64Array.from(value, (each) => (Number.isNaN(each) ? 1 : 0)),
      smoothed: data.smoothed && column(data.smoothed),
      wideSteps: wide(data.step),
      wideValues: wide(data.value),
    };
  }
  const last = column(data.last);
  return {
    ...own,
    isExact: false,
    firstStep: column(data.first_step),
    step: column(data.last_step),
    firstWallTime: column(data.first_wall_time),
    wallTime: column(data.last_wall_time),
    value: last,
    min: column(data.min),
    max: column(data.max),
    mean: data.mean ? column(data.mean) : last,
    points: Float64Array.from(data.count),
    nan: Float64Array.from(data.nan),
    smoothed: data.smoothed && column(data.smoothed),
    wideSteps: wide(data.last_step),
    wideValues: new Map(),
  };
}

/** Returns the buffers of a curve, each once: to move a curve to another thread, and to count its bytes. */
export function buffersOf(curve: Curve): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  for (const value of Object.values(curve)) if (value instanceof Float64Array) buffers.add(value.buffer as ArrayBuffer);
  return [...buffers];
}

/** Returns about how many bytes a curve takes in memory. */
export function bytesOf(curve: Curve): number {
  return buffersOf(curve).reduce((sum, { byteLength }) => sum + byteLength, 500) + 60 * (curve.wideSteps.size + curve.wideValues.size);
}

/** Returns the first wall time of a curve, which relative time counts from; NaN if it has no points. */
export function startOf(curve: Curve): number {
  return curve.firstWallTime[0] ?? Number.NaN;
}

/**
 * Puts the items of a zoomed range into the curve of the whole series: the line then goes on to both edges of the
 * picture. Steps of both must not fall, so a curve with restarts stays as it is.
 */
export function spliceCurve(whole: Curve, range: Curve): Curve {
  const [from, to] = [range.firstStep[0], range.step.at(-1)];
  if (from === undefined || to === undefined || !isRising(whole.step) || !isRising(range.step)) return range;
  const before = countWhile(whole.step, (step) => step < from);
  const after = whole.firstStep.length - countWhile(whole.firstStep, (step) => step <= to);
  const joined = (name: ColumnName): Float64Array => {
    const out = new Float64Array(before + range.step.length + after);
    out.set(whole[name].subarray(0, before));
    out.set(range[name], before);
    out.set(whole[name].subarray(whole.step.length - after), before + range.step.length);
    return out;
  };
  const shift = <Value>(of: ReadonlyMap<number, Value>): Map<number, Value> =>
    new Map([...of].map(([index, value]) => [index + before, value]));
  const columns = Object.fromEntries(COLUMNS.map((name) => [name, joined(name)])) as Record<ColumnName, Float64Array>;
  const smoothed =
    whole.smoothed && range.smoothed
      ? Float64Array.from([...whole.smoothed.subarray(0, before), ...range.smoothed, ...whole.smoothed.subarray(whole.step.length - after)])
      : undefined;
  return { ...range, ...columns, smoothed, wideSteps: shift(range.wideSteps), wideValues: shift(range.wideValues) };
}

const COLUMNS = ['firstStep', 'step', 'firstWallTime', 'wallTime', 'value', 'min', 'max', 'mean', 'points', 'nan'] as const;
type ColumnName = (typeof COLUMNS)[number];

/** Tells if numbers never fall. */
export function isRising(numbers: Float64Array): boolean {
  for (let i = 1; i < numbers.length; i++) if ((numbers[i] as number) < (numbers[i - 1] as number)) return false;
  return true;
}

/** Returns how many numbers at the beginning meet a condition that all later ones do not. */
function countWhile(numbers: Float64Array, isBefore: (value: number) => boolean): number {
  let [low, high] = [0, numbers.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isBefore(numbers[middle] as number)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function column(values: readonly JsonNumber[]): Float64Array {
  return Float64Array.from(values, toDouble);
}

/** Returns the texts of integers that a double does not hold. */
function wide(values: readonly JsonNumber[]): Map<number, string> {
  const found = new Map<number, string>();
  values.forEach((value, index) => {
    if (typeof value === 'string' && /^-?\d+$/.test(value)) found.set(index, value);
  });
  return found;
}
