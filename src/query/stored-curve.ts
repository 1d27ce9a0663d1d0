/**
 * Curves of series with many points, from the buckets that the store keeps of each segment: a chart of 100,000 points
 * reads a sixteenth of them. Where a curve begins or ends within a bucket, it reads the bucket's points.
 */
import type { BareScalar, BucketColumns, BucketedSegment, BucketReader } from '../backends/local/index.ts';
import type { Buckets, Shown } from './questions.ts';

/** Series with fewer points are read point by point: their charts are worth it. */
export const MOST_READ_POINTS = 4096;
/** So are series whose buckets would be fewer than half of the width. */
const POINTS_PER_PIXEL = 8;

/** True if a curve of so many points is drawn from buckets. */
export function isDrawnFromBuckets(count: number, width: number): boolean {
  return count > Math.max(MOST_READ_POINTS, POINTS_PER_PIXEL * width);
}

/** The part of a series that a curve shows. */
export interface CurveRange {
  readonly shown: Exclude<Shown, 'python'>;
  /** The range of steps, both included. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
}

/** A curve that is read as far as its width asks for. */
export interface StoredCurve {
  readonly count: number;
  /** Returns the curve in at most `width` buckets. */
  buckets(width: number): Buckets;
  /** Returns its points. */
  points(): BareScalar[];
}

/**
 * Returns the curve of a series with more than `MOST_READ_POINTS`; undefined if its buckets do not tell it, for example
 * because a restart drops points within a segment.
 */
export function storedCurve(store: BucketReader, series: number, range: CurveRange): StoredCurve | undefined {
  const segments = store.segments(series);
  if (segments.length === 0) return undefined;
  const isCut = range.shown === 'tensorboard' || range.from !== undefined || range.to !== undefined;
  const parts: Part[] = [];
  // From the last segment to the first: a step drops what came before it and is not older.
  let bound = Number.POSITIVE_INFINITY;
  for (let i = segments.length - 1; i >= 0; i--) {
    const segment = segments[i] as BucketedSegment;
    const next = segments[i + 1];
    const isOverlapping = next !== undefined && next.file === segment.file && next.firstOffset <= segment.lastOffset;
    if (isOverlapping) return undefined;
    const piece = segment.buckets === undefined ? new ReadPiece(store, segment) : new BucketPiece(store, segment, segment.buckets);
    if ((isCut && !piece.isIncreasing) || !piece.isExact) return undefined;
    const before = range.shown === 'tensorboard' ? piece.stepsWhile((step) => step < bound) : piece.count;
    bound = Math.min(bound, piece.firstStep);
    const { from, to } = range;
    const start = from === undefined ? 0 : piece.stepsWhile((step) => step < from);
    const end =
      to === undefined
        ? before
        : Math.min(
            before,
            piece.stepsWhile((step) => step <= to),
          );
    if (start < end) parts.push({ piece, start, end });
  }
  parts.reverse();
  const count = parts.reduce((sum, { start, end }) => sum + end - start, 0);
  return {
    count,
    buckets: (width) => {
      const merging = new Merging(count, Math.max(1, Math.floor(width)));
      for (const { piece, start, end } of parts) piece.mergeInto(merging, start, end);
      return merging.columns();
    },
    points: () => parts.flatMap(({ piece, start, end }) => piece.points(start, end)),
  };
}

/** The points of a segment. */
interface Piece {
  readonly count: number;
  readonly firstStep: number;
  /** True if each step is larger than the one before. */
  readonly isIncreasing: boolean;
  /** False if a step is beyond 2^53: steps are compared as doubles here. */
  readonly isExact: boolean;
  /** Returns how many steps, which increase, meet a condition that holds up to one of them. */
  stepsWhile(isMet: (step: number) => boolean): number;
  points(start: number, end: number): BareScalar[];
  mergeInto(merging: Merging, start: number, end: number): void;
}

/** Some points of a segment: those from number `start` to `end` (exclusive). */
interface Part {
  readonly piece: Piece;
  readonly start: number;
  readonly end: number;
}

/** A segment with too few points for buckets, such as those of a run that is watched. */
class ReadPiece implements Piece {
  readonly count: number;
  readonly firstStep: number;
  readonly isIncreasing: boolean;
  readonly isExact: boolean;
  readonly #points: readonly BareScalar[];

  constructor(store: BucketReader, { from, to }: BucketedSegment) {
    const points = store.points(from, to);
    this.#points = points;
    this.count = points.length;
    this.firstStep = points.reduce((least, { step }) => Math.min(least, Number(step)), Number.POSITIVE_INFINITY);
    this.isExact = points.every(({ step }) => typeof step === 'number' && Number.isSafeInteger(step));
    this.isIncreasing = points.every(({ step }, i) => i === 0 || step > (points[i - 1] as BareScalar).step);
  }

  stepsWhile(isMet: (step: number) => boolean): number {
    const end = this.#points.findIndex(({ step }) => !isMet(Number(step)));
    return end < 0 ? this.count : end;
  }

  points(start: number, end: number): BareScalar[] {
    return this.#points.slice(start, end);
  }

  mergeInto(merging: Merging, start: number, end: number): void {
    for (const point of this.points(start, end)) merging.point(point);
  }
}

/** A segment with buckets, whose points are read only where a bucket is too coarse. */
class BucketPiece implements Piece {
  readonly isExact = true;
  readonly count: number;
  readonly firstStep: number;
  readonly isIncreasing: boolean;
  readonly #store: BucketReader;
  readonly #first: number;
  readonly #buckets: BucketColumns;

  constructor(store: BucketReader, { from }: BucketedSegment, buckets: BucketColumns) {
    this.#store = store;
    this.#first = from;
    this.#buckets = buckets;
    this.count = buckets.points;
    this.firstStep = buckets.firstStep[0] as number;
    this.isIncreasing = buckets.isIncreasing;
  }

  stepsWhile(isMet: (step: number) => boolean): number {
    const { length, size, firstStep, lastStep } = this.#buckets;
    if (isMet(lastStep[length - 1] as number)) return this.count;
    let [low, high] = [0, length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isMet(lastStep[middle] as number)) low = middle + 1;
      else high = middle;
    }
    const start = low * size;
    if (!isMet(firstStep[low] as number)) return start;
    const points = this.points(start, Math.min(start + size, this.count));
    return start + points.findIndex(({ step }) => !isMet(Number(step)));
  }

  points(start: number, end: number): BareScalar[] {
    return start < end ? this.#store.points(this.#first + start, this.#first + end - 1) : [];
  }

  mergeInto(merging: Merging, start: number, end: number): void {
    const { size } = this.#buckets;
    const whole = end === this.count ? Math.ceil(end / size) : Math.floor(end / size);
    const first = Math.min(Math.ceil(start / size), whole);
    for (const point of this.points(start, Math.min(first * size, end))) merging.point(point);
    for (let b = first; b < whole; b++) merging.bucket(this.#buckets, b);
    for (const point of this.points(Math.max(Math.min(whole * size, this.count), start), end)) merging.point(point);
  }
}

const NAMES = [
  'count',
  'firstStep',
  'lastStep',
  'firstWallTime',
  'lastWallTime',
  'min',
  'minStep',
  'max',
  'maxStep',
  'last',
  'nan',
  'mean',
  'finite',
] as const satisfies readonly Exclude<keyof Buckets, 'kind' | 'smoothed'>[];
type Name = (typeof NAMES)[number];
type Columns = Readonly<Record<Name, Float64Array>>;

/** Merges points and buckets of a store into the buckets of a chart. */
class Merging {
  readonly #share: number;
  /** An item for each bucket of the chart: no more than its width, and one for what rounding adds. */
  readonly #columns: Columns;
  #length = 0;
  /** The points so far, and the number of the present bucket. */
  #points = 0;
  #at = -1;

  constructor(count: number, width: number) {
    const most = Math.min(width, count);
    this.#share = most / count;
    this.#columns = Object.fromEntries(NAMES.map((name) => [name, new Float64Array(most + 1)])) as Record<Name, Float64Array>;
  }

  columns(): Buckets {
    const columns = NAMES.map((name) => [name, listOf(this.#columns[name], this.#length)]);
    return { kind: 'buckets', ...(Object.fromEntries(columns) as Record<Name, number[]>) };
  }

  point({ step, wallTime, value }: BareScalar): void {
    const [s, v] = [Number(step), Number(value)];
    const to = this.#open(s, wallTime);
    this.#append(to, 1, s, wallTime, v);
    this.#values(to, v, s, v, s);
    this.#numbers(to, Number.isNaN(v) ? 1 : 0, v, Number.isFinite(v) ? 1 : 0);
  }

  bucket(buckets: BucketColumns, b: number): void {
    const to = this.#open(buckets.firstStep[b] as number, buckets.firstWallTime[b] as number);
    const count = Math.min(buckets.size, buckets.points - b * buckets.size);
    this.#append(to, count, buckets.lastStep[b] as number, buckets.lastWallTime[b] as number, buckets.last[b] as number);
    const [min, max] = [buckets.min[b] as number, buckets.max[b] as number];
    this.#values(to, min, buckets.minStep[b] as number, max, buckets.maxStep[b] as number);
    this.#numbers(to, buckets.nan[b] as number, buckets.mean[b] as number, buckets.finite[b] as number);
  }

  /** Returns the index of the bucket that the next points belong to, and begins it if it is new. */
  #open(step: number, wallTime: number): number {
    const at = Math.floor(this.#points * this.#share);
    if (at === this.#at) return this.#length - 1;
    this.#at = at;
    const to = this.#length++;
    const { firstStep, firstWallTime, min, minStep, max, maxStep, mean } = this.#columns;
    firstStep[to] = step;
    firstWallTime[to] = wallTime;
    for (const column of [min, minStep, max, maxStep, mean]) column[to] = NaN;
    return to;
  }

  #append(to: number, points: number, step: number, wallTime: number, value: number): void {
    const { count, lastStep, lastWallTime, last } = this.#columns;
    this.#points += points;
    count[to] = (count[to] as number) + points;
    lastStep[to] = step;
    lastWallTime[to] = wallTime;
    last[to] = value;
  }

  #values(to: number, least: number, leastStep: number, most: number, mostStep: number): void {
    const { min, minStep, max, maxStep } = this.#columns;
    // Written so that the first number replaces NaN, and NaN no number.
    if (!(least >= (min[to] as number)) && !Number.isNaN(least)) {
      min[to] = least;
      minStep[to] = leastStep;
    }
    if (!(most <= (max[to] as number)) && !Number.isNaN(most)) {
      max[to] = most;
      maxStep[to] = mostStep;
    }
  }

  #numbers(to: number, nans: number, average: number, finites: number): void {
    const { nan, mean, finite } = this.#columns;
    nan[to] = (nan[to] as number) + nans;
    if (finites === 0) return;
    const all = (finite[to] as number) + finites;
    const before = all === finites ? 0 : (mean[to] as number);
    // Halves cannot overflow, as the difference of two large numbers could.
    mean[to] = before + 2 * ((average / 2 - before / 2) * (finites / all));
    finite[to] = all;
  }
}

/** A loop, because `Array.from` takes ten times as long for an array of numbers. */
function listOf(column: Float64Array, length: number): number[] {
  const list: number[] = [];
  for (let i = 0; i < length; i++) list.push(column[i] as number);
  return list;
}
