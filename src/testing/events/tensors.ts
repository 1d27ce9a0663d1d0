// TensorProto in every dtype and encoding of event files.
import { concat, field, fixed, float32, float64, utf8, varint } from './wire.ts';

// biome-ignore format: a table
/** The number of every dtype of the format, by name. */
export const DTYPES = {
  float: 1, double: 2, int32: 3, uint8: 4, int16: 5, int8: 6, string: 7, complex64: 8, int64: 9, bool: 10,
  bfloat16: 14, uint16: 17, complex128: 18, half: 19, uint32: 22, uint64: 23,
} as const;

/** The name of a dtype. */
export type Dtype = keyof typeof DTYPES;

/** A complex number: real and imaginary part. */
export type Complex = readonly [re: number, im: number];

/** One element: integers beyond 2^53 are bigints, bytes are strings, or raw little-endian elements in `content`. */
export type Element = number | bigint | boolean | string | Uint8Array | Complex;

/**
 * `packed` and `list` put values into the dtype's own `*_val` field, `content` into tensor_content as raw
 * little-endian bytes.
 */
export type Encoding = 'packed' | 'list' | 'content';

/** A TensorProto. */
export interface WrittenTensor {
  readonly dtype: Dtype;
  /** The sizes; null leaves the shape message out. Default: no dimension, a scalar. */
  readonly shape?: readonly (number | bigint)[] | null;
  /** The elements, possibly fewer than the shape has: the last one then counts for the rest. */
  readonly values: readonly Element[];
  /** The encoding. Default `packed`. Strings have only one, string_val. */
  readonly as?: Encoding;
}

type Kind = 'varint' | 'fixed32' | 'fixed64' | 'bytes';

/** The `*_val` field of each dtype, its kind on the wire and the bytes of one element in tensor_content. */
const LAYOUT: { readonly [D in Dtype]: { readonly no: number; readonly kind: Kind; readonly content: (x: Element) => Uint8Array } } = {
  float: { no: 5, kind: 'fixed32', content: (x) => float32(real(x)) },
  double: { no: 6, kind: 'fixed64', content: (x) => float64(real(x)) },
  int32: { no: 7, kind: 'varint', content: (x) => integer(x, 4) },
  uint8: { no: 7, kind: 'varint', content: (x) => integer(x, 1) },
  int16: { no: 7, kind: 'varint', content: (x) => integer(x, 2) },
  int8: { no: 7, kind: 'varint', content: (x) => integer(x, 1) },
  string: { no: 8, kind: 'bytes', content: (x) => bytes(x) },
  complex64: { no: 9, kind: 'fixed32', content: (x) => concat(...complex(x).map(float32)) },
  int64: { no: 10, kind: 'varint', content: (x) => integer(x, 8) },
  bool: { no: 11, kind: 'varint', content: (x) => integer(x, 1) },
  complex128: { no: 12, kind: 'fixed64', content: (x) => concat(...complex(x).map(float64)) },
  half: { no: 13, kind: 'varint', content: (x) => integer(halfBits(real(x)), 2) },
  bfloat16: { no: 13, kind: 'varint', content: (x) => integer(bfloat16Bits(real(x)), 2) },
  uint16: { no: 7, kind: 'varint', content: (x) => integer(x, 2) },
  uint32: { no: 16, kind: 'varint', content: (x) => integer(x, 4) },
  uint64: { no: 17, kind: 'varint', content: (x) => integer(x, 8) },
};

/** Returns a serialized TensorProto. */
export function tensor({ dtype, shape = [], values, as = 'packed' }: WrittenTensor): Uint8Array {
  const head = [field(1, 0, DTYPES[dtype])];
  if (shape) head.push(field(2, 2, '', ...shape.map((size) => field(2, 2, '', ...(BigInt(size) === 0n ? [] : [field(1, 0, size)])))));
  const { no, kind, content } = LAYOUT[dtype];
  if (kind === 'bytes') return concat(...head, ...values.map((x) => field(no, 2, bytes(x))));
  if (as === 'content') return concat(...head, field(4, 2, concat(...values.map((x) => (x instanceof Uint8Array ? x : content(x))))));
  const cells = values.flatMap((x) => cellsOf(dtype, kind, x, content));
  if (as === 'packed') return concat(...head, field(no, 2, concat(...cells)));
  const wire = { varint: 0, fixed32: 5, fixed64: 1 }[kind];
  return concat(...head, ...cells.map((cell) => concat(varint((no << 3) | wire), cell)));
}

/**
 * Returns the wire values of one element: two for a complex number, a varint for all integers, the bit pattern for
 * half and bfloat16.
 */
function cellsOf(dtype: Dtype, kind: Kind, x: Element, content: (x: Element) => Uint8Array): Uint8Array[] {
  if (kind === 'varint') {
    if (dtype === 'half') return [varint(halfBits(real(x)))];
    if (dtype === 'bfloat16') return [varint(bfloat16Bits(real(x)))];
    return [varint(typeof x === 'bigint' ? x : Number(x))];
  }
  const all = x instanceof Uint8Array ? x : content(x);
  const width = kind === 'fixed32' ? 4 : 8;
  return all.length === width ? [all] : [all.subarray(0, width), all.subarray(width)];
}

/** Returns the bits of the half nearest to `x`, ties to even. */
export function halfBits(x: number): number {
  if (Number.isNaN(x)) return 0x7e00;
  const sign = x < 0 || Object.is(x, -0) ? 0x8000 : 0;
  const size = Math.abs(x);
  if (size >= 65_520) return sign | 0x7c00;
  if (size < 2 ** -14) return sign | roundToEven(size * 2 ** 24);
  let exponent = Math.floor(Math.log2(size));
  // log2 is not exact next to a power of two.
  if (2 ** exponent > size) exponent--;
  else if (2 ** (exponent + 1) <= size) exponent++;
  // A fraction rounded up to 1024 carries into the exponent on its own.
  return sign | (((exponent + 15) << 10) + roundToEven(size * 2 ** (10 - exponent)) - 1024);
}

/** Returns the bits of the bfloat16 nearest to `x` as a float32, ties to even. */
export function bfloat16Bits(x: number): number {
  if (Number.isNaN(x)) return 0x7fc0;
  const bits = new DataView(float32(x).buffer).getUint32(0, true);
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) / 65_536) & 0xffff;
}

function roundToEven(x: number): number {
  const low = Math.floor(x);
  const rest = x - low;
  return rest > 0.5 || (rest === 0.5 && low % 2 === 1) ? low + 1 : low;
}

function integer(x: Element, width: number): Uint8Array {
  const value = BigInt.asUintN(width * 8, BigInt(typeof x === 'bigint' ? x : real(x)));
  return fixed(8, (view) => view.setBigUint64(0, value, true)).subarray(0, width);
}

function real(x: Element): number {
  if (typeof x === 'number' || typeof x === 'boolean' || typeof x === 'bigint') return Number(x);
  throw new TypeError(`expected a number, not ${String(x)}`);
}

function complex(x: Element): Complex {
  return x instanceof Uint8Array || typeof x !== 'object' ? [real(x), 0] : x;
}

function bytes(x: Element): Uint8Array {
  return typeof x === 'string' || x instanceof Uint8Array ? utf8(x) : utf8(String(x));
}
