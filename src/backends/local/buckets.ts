/**
 * The buckets of a segment: what a chart needs of every `BUCKET_POINTS` of its points, so that a chart of many points
 * reads few bytes. The column `buckets` of a segment, little-endian:
 *
 * | bytes | what |
 * | --- | --- |
 * | 1 | version, 1 |
 * | 1 | flags: 1, exact as float32; 2, the distance of steps is constant; 4, each step is larger than the one before |
 * | 2 | points per bucket |
 * | 4 | points of the segment, uint32 |
 * | 16 | the first step and the distance of steps, float64; distance 0 unless flag 2 is set |
 * | n × 16 | wall times of the first and the last point of each bucket, float64 |
 * | n × 32 | unless flag 2 is set: first, last, smallest value's and largest value's step, float64 |
 * | n × 16 or 32 | smallest, largest, last value and mean of the finite ones, float32 or float64 |
 * | n × 4 | places of the smallest and the largest value in the bucket, counts of NaN and of finite values, uint8 |
 *
 * Each row of this table stands as columns: all first wall times, then all last ones, and so on.
 */
import { MirrorError } from '../../errors.ts';

/** The points of a bucket; the last one of a segment may have fewer. */
export const BUCKET_POINTS = 16;
/** Shorter segments have no buckets: their points are as few bytes. */
export const LEAST_BUCKETED = 64;

/** A power of two, so that nothing is rounded. */
const SHARE = 1 / BUCKET_POINTS;

const VERSION = 1;
const IS_FLOAT32 = 1;
const HAS_STRIDE = 2;
const IS_INCREASING = 4;
const HEADER_BYTES = 24;

/** The points of a segment, in order. Numbers that no double holds are rounded. */
export interface BucketedPoints {
  readonly count: number;
  readonly step: Float64Array;
  readonly wallTime: Float64Array;
  readonly value: Float64Array;
}

/** Consecutive points in buckets: an item of each column for each bucket. */
export interface BucketColumns {
  readonly length: number;
  /** The points of all buckets together. */
  readonly points: number;
  /** The points of each bucket but the last one. */
  readonly size: number;
  /** True if each step is larger than the one before. */
  readonly isIncreasing: boolean;
  readonly firstStep: Float64Array;
  readonly lastStep: Float64Array;
  readonly firstWallTime: Float64Array;
  readonly lastWallTime: Float64Array;
  /** The smallest and the largest number, infinities included; NaN if there are none. */
  readonly min: Float64Array | Float32Array;
  readonly max: Float64Array | Float32Array;
  readonly minStep: Float64Array;
  readonly maxStep: Float64Array;
  /** Where in their bucket the smallest and the largest number are. */
  readonly minAt: Uint8Array;
  readonly maxAt: Uint8Array;
  readonly last: Float64Array | Float32Array;
  /** The mean of the finite numbers, rounded to the precision of the others; NaN if there are none. */
  readonly mean: Float64Array | Float32Array;
  readonly nan: Uint8Array;
  readonly finite: Uint8Array;
}

/**
 * The memory that `packBuckets` works in, as bytes and as numbers: allocating it for each segment would cost most of
 * the time.
 */
let scratch = scratchOf(256);

function scratchOf(buckets: number): {
  readonly buckets: number;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly doubles: Float64Array;
  readonly floats: Float32Array;
  readonly numbers: Float64Array;
  readonly small: Uint8Array;
} {
  // Two wall times, four steps, four numbers and four bytes for each, rounded up to whole doubles.
  const all = new ArrayBuffer(HEADER_BYTES + 8 * (11 * buckets));
  return {
    buckets,
    bytes: new Uint8Array(all),
    view: new DataView(all),
    doubles: new Float64Array(all),
    floats: new Float32Array(all),
    numbers: new Float64Array(4 * buckets),
    small: new Uint8Array(4 * buckets),
  };
}

/**
 * Packs the buckets of a segment, the points from `start` to `end` (exclusive); undefined if they are too few, or if
 * one has a step beyond 2^53. Returns a view that the next call overwrites.
 */
export function packBuckets(points: BucketedPoints, start = 0, end = points.count): Uint8Array | undefined {
  const { step, wallTime, value } = points;
  const count = end - start;
  if (count < LEAST_BUCKETED) return undefined;
  const stride = (step[start + 1] as number) - (step[start] as number);
  let isEven = true;
  let isIncreasing = true;
  let before = step[start] as number;
  let largest = Math.abs(before);
  for (let i = start + 1; i < end; i++) {
    const s = step[i] as number;
    const distance = s - before;
    if (distance !== stride) isEven = false;
    if (!(distance > 0)) isIncreasing = false;
    if (s > largest) largest = s;
    else if (-s > largest) largest = -s;
    before = s;
  }
  if (!(largest <= Number.MAX_SAFE_INTEGER)) return undefined;
  const n = Math.ceil(count / BUCKET_POINTS);
  if (scratch.buckets < n) scratch = scratchOf(2 * n);
  const { bytes, view, doubles, floats, numbers, small } = scratch;
  let isFloat32 = true;
  for (let b = 0, from = start; b < n; b++, from += BUCKET_POINTS) {
    const to = Math.min(from + BUCKET_POINTS, end);
    let [minAt, maxAt, nan, finite, shares] = [from, from, 0, to - from, 0];
    let [min, max] = [Infinity, -Infinity];
    for (let i = from; i < to; i++) {
      const v = value[i] as number;
      if (v < min) {
        min = v;
        minAt = i;
      }
      if (v > max) {
        max = v;
        maxAt = i;
      }
      if (Math.fround(v) !== v && !Number.isNaN(v)) isFloat32 = false;
      // A share of each: the sum of large numbers could overflow.
      shares += v * SHARE;
    }
    if (!Number.isFinite(shares)) ({ min, max, minAt, maxAt, nan, finite, shares } = withOdd(value, from, to));
    numbers[b] = min;
    numbers[n + b] = max;
    numbers[2 * n + b] = value[to - 1] as number;
    numbers[3 * n + b] = (shares / finite) * BUCKET_POINTS;
    small[b] = minAt - from;
    small[n + b] = maxAt - from;
    small[2 * n + b] = nan;
    small[3 * n + b] = finite;
  }
  view.setUint8(0, VERSION);
  view.setUint8(1, (isFloat32 ? IS_FLOAT32 : 0) | (isEven ? HAS_STRIDE : 0) | (isIncreasing ? IS_INCREASING : 0));
  view.setUint16(2, BUCKET_POINTS, true);
  view.setUint32(4, count, true);
  view.setFloat64(8, step[start] as number, true);
  view.setFloat64(16, isEven ? stride : 0, true);
  let at = HEADER_BYTES / 8;
  for (let b = 0, from = start; b < n; b++, from += BUCKET_POINTS) {
    const last = Math.min(from + BUCKET_POINTS, end) - 1;
    doubles[at + b] = wallTime[from] as number;
    doubles[at + n + b] = wallTime[last] as number;
    if (isEven) continue;
    doubles[at + 2 * n + b] = step[from] as number;
    doubles[at + 3 * n + b] = step[last] as number;
    doubles[at + 4 * n + b] = step[from + (small[b] as number)] as number;
    doubles[at + 5 * n + b] = step[from + (small[n + b] as number)] as number;
  }
  at += isEven ? 2 * n : 6 * n;
  if (isFloat32) for (let i = 0; i < 4 * n; i++) floats[2 * at + i] = numbers[i] as number;
  else for (let i = 0; i < 4 * n; i++) doubles[at + i] = numbers[i] as number;
  at = 8 * at + 4 * n * (isFloat32 ? 4 : 8);
  for (let i = 0; i < 4 * n; i++) bytes[at + i] = small[i] as number;
  return bytes.subarray(0, at + 4 * n);
}

/** What `packBuckets` gathers of a bucket, if some of its numbers are NaN or infinite. */
function withOdd(
  value: Float64Array,
  from: number,
  to: number,
): Record<'min' | 'max' | 'minAt' | 'maxAt' | 'nan' | 'finite' | 'shares', number> {
  let [min, max, minAt, maxAt, nan, finite, shares] = [NaN, NaN, from, from, 0, 0, 0];
  for (let i = from; i < to; i++) {
    const v = value[i] as number;
    if (Number.isNaN(v)) {
      nan++;
      continue;
    }
    // Written so that the first number replaces NaN.
    if (!(v >= min)) {
      min = v;
      minAt = i;
    }
    if (!(v <= max)) {
      max = v;
      maxAt = i;
    }
    if (!Number.isFinite(v)) continue;
    finite++;
    shares += v * SHARE;
  }
  return { min, max, minAt, maxAt, nan, finite, shares };
}

/** Reverses `packBuckets`. Throws MB3006 for bytes that it did not make. */
export function unpackBuckets(packed: Uint8Array): BucketColumns {
  // SQLite's bytes may begin anywhere; arrays of numbers must not.
  const bytes = packed.byteOffset % 8 === 0 ? packed : packed.slice();
  const header = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER_BYTES || header.getUint8(0) !== VERSION) throw damaged('their version is unknown');
  const flags = header.getUint8(1);
  const size = header.getUint16(2, true);
  const points = header.getUint32(4, true);
  const n = Math.ceil(points / size);
  const isEven = (flags & HAS_STRIDE) !== 0;
  const width = (flags & IS_FLOAT32) !== 0 ? 4 : 8;
  const numbersAt = HEADER_BYTES + n * (isEven ? 16 : 48);
  const smallAt = numbersAt + 4 * n * width;
  if (!(size > 0) || bytes.length !== smallAt + 4 * n) throw damaged(`they have ${bytes.length} bytes`);
  const doubles = (at: number, column: number): Float64Array => new Float64Array(bytes.buffer, bytes.byteOffset + at + 8 * n * column, n);
  const numbers = (column: number): Float32Array | Float64Array => {
    const at = bytes.byteOffset + numbersAt + width * n * column;
    return width === 4 ? new Float32Array(bytes.buffer, at, n) : new Float64Array(bytes.buffer, at, n);
  };
  const small = (column: number): Uint8Array => new Uint8Array(bytes.buffer, bytes.byteOffset + smallAt + n * column, n);
  const [minAt, maxAt] = [small(0), small(1)];
  const [first, stride] = [header.getFloat64(8, true), header.getFloat64(16, true)];
  const stepsAt = HEADER_BYTES + 16 * n;
  const steps = isEven
    ? evenSteps(first, stride, { n, size, points, minAt, maxAt })
    : [0, 1, 2, 3].map((column) => doubles(stepsAt, column));
  return {
    length: n,
    points,
    size,
    isIncreasing: (flags & IS_INCREASING) !== 0,
    firstStep: steps[0] as Float64Array,
    lastStep: steps[1] as Float64Array,
    minStep: steps[2] as Float64Array,
    maxStep: steps[3] as Float64Array,
    firstWallTime: doubles(HEADER_BYTES, 0),
    lastWallTime: doubles(HEADER_BYTES, 1),
    min: numbers(0),
    max: numbers(1),
    last: numbers(2),
    mean: numbers(3),
    minAt,
    maxAt,
    nan: small(2),
    finite: small(3),
  };
}

/** The first and last step of each bucket, and those of its smallest and largest value, of steps with one distance. */
function evenSteps(
  first: number,
  stride: number,
  {
    n,
    size,
    points,
    minAt,
    maxAt,
  }: { readonly n: number; readonly size: number; readonly points: number; readonly minAt: Uint8Array; readonly maxAt: Uint8Array },
): readonly Float64Array[] {
  const [firstStep, lastStep, minStep, maxStep] = [new Float64Array(n), new Float64Array(n), new Float64Array(n), new Float64Array(n)];
  for (let b = 0, at = 0; b < n; b++, at += size) {
    firstStep[b] = first + stride * at;
    lastStep[b] = first + stride * (at + size - 1);
    minStep[b] = first + stride * (at + (minAt[b] as number));
    maxStep[b] = first + stride * (at + (maxAt[b] as number));
  }
  lastStep[n - 1] = first + stride * (points - 1);
  return [firstStep, lastStep, minStep, maxStep];
}

function damaged(why: string): MirrorError {
  return new MirrorError('MB3006', `the buckets of a segment cannot be read: ${why}`);
}
