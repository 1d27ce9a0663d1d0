import type { mirrorboard as messages } from '../proto/messages.js';
import { type DType, dtypeName, dtypeNamed, dtypeOf } from './dtype.ts';

/** A tensor of an event file, with its elements in one form, whatever form the writer chose. */
export interface Tensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Elements little-endian, row-major; absent for strings and if the tensor cannot be read. */
  readonly bytes?: Uint8Array;
  /** Elements of a string tensor. */
  readonly strings?: readonly Uint8Array[];
  /** The reason why the elements cannot be read. */
  readonly unreadable?: string;
  /** The message in the file, if the elements do not contain all of its content. */
  readonly raw?: Uint8Array;
}

/** The largest array created from a list shorter than its shape: a shape is only a claim. */
const MAX_REPEATED_BYTES = 64 * 1024 * 1024;

/**
 * Reads a tensor from its message (`tensor.proto`): shape, dtype, numbers. Throws if shape and content do not match.
 */
export function readTensor(message: messages.TensorProto.$Properties): Tensor {
  const number = message.dtype ?? 0;
  const dtype = dtypeOf(number);
  const shape = (message.tensor_shape?.dim ?? []).map((dim) => Number(dim.size ?? 0));
  const base = { dtype: dtypeName(number), shape };
  if (dtype?.name === 'string') return { ...base, strings: message.string_val ?? [] };
  if (dtype === undefined) return { ...base, unreadable: `the number type ${base.dtype} is not known` };
  const size = shape.reduce((product, n) => product * n, 1);
  if (shape.some((n) => n < 0) || !(size >= 0) || !Number.isSafeInteger(size))
    return { ...base, unreadable: `the shape [${shape}] is not possible` };

  const content = message.tensor_content;
  if (content !== undefined && content !== null && content.length > 0) {
    if (content.length !== size * dtype.width) {
      return { ...base, unreadable: `${content.length} bytes of content do not fill the shape [${shape}]` };
    }
    return { ...base, bytes: content };
  }
  return { ...base, ...fromList(message, dtype, size) };
}

/**
 * Creates the elements from a list. If the list is shorter than the shape, its last element is repeated; an empty
 * list means zeros.
 */
function fromList(message: messages.TensorProto.$Properties, dtype: DType, size: number): Pick<Tensor, 'bytes' | 'unreadable'> {
  const write = listWriter(message, dtype);
  if (write.count > size) return { unreadable: `${write.count} elements do not fit into ${size}` };
  if (write.count < size && size * dtype.width > MAX_REPEATED_BYTES) {
    return { unreadable: `${write.count} elements are too few for ${size}` };
  }
  const bytes = new Uint8Array(size * dtype.width);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < write.count; i++) write.element(view, i * dtype.width, i);
  if (write.count > 0) {
    const last = (write.count - 1) * dtype.width;
    for (let at = last + dtype.width; at < bytes.length; at += dtype.width) bytes.copyWithin(at, last, last + dtype.width);
  }
  return { bytes };
}

interface ListWriter {
  readonly count: number;
  element(view: DataView, at: number, i: number): void;
}

function listWriter(message: messages.TensorProto.$Properties, dtype: DType): ListWriter {
  const numbers = (list: readonly number[] | null | undefined, put: (view: DataView, at: number, x: number) => void): ListWriter => {
    const values = list ?? [];
    return { count: values.length, element: (view, at, i) => put(view, at, values[i] as number) };
  };
  const longs = (list: readonly (Long | number)[] | null | undefined): ListWriter => {
    const values = list ?? [];
    return { count: values.length, element: (view, at, i) => view.setBigUint64(at, BigInt.asUintN(64, bigintOf(values[i] as Long)), true) };
  };
  const pairs = (list: readonly number[] | null | undefined, put: (view: DataView, at: number, x: number) => void): ListWriter => {
    const values = list ?? [];
    return {
      count: values.length >> 1,
      element: (view, at, i) => {
        put(view, at, values[2 * i] as number);
        put(view, at + dtype.width / 2, values[2 * i + 1] as number);
      },
    };
  };
  switch (dtype.name) {
    case 'float':
      return numbers(message.float_val, (view, at, x) => view.setFloat32(at, x, true));
    case 'double':
      return numbers(message.double_val, (view, at, x) => view.setFloat64(at, x, true));
    case 'int32':
      return numbers(message.int_val, (view, at, x) => view.setInt32(at, x, true));
    case 'uint8':
    case 'int8':
      return numbers(message.int_val, (view, at, x) => view.setUint8(at, x & 255));
    case 'int16':
    case 'uint16':
      return numbers(message.int_val, (view, at, x) => view.setUint16(at, x & 0xffff, true));
    case 'bool':
      return { count: (message.bool_val ?? []).length, element: (view, at, i) => view.setUint8(at, message.bool_val?.[i] ? 1 : 0) };
    case 'half':
    case 'bfloat16':
      return numbers(message.half_val, (view, at, x) => view.setUint16(at, x & 0xffff, true));
    case 'uint32':
      return numbers(message.uint32_val, (view, at, x) => view.setUint32(at, x, true));
    case 'int64':
      return longs(message.int64_val);
    case 'uint64':
      return longs(message.uint64_val);
    case 'complex64':
      return pairs(message.scomplex_val, (view, at, x) => view.setFloat32(at, x, true));
    case 'complex128':
      return pairs(message.dcomplex_val, (view, at, x) => view.setFloat64(at, x, true));
    default:
      return { count: 0, element: () => undefined };
  }
}

/** Returns how many numbers `tensorNumbers` gives: two an element for complex types. */
export function numberCount(tensor: Tensor): number {
  const size = tensor.shape.reduce((product, n) => product * n, 1);
  return tensor.dtype.startsWith('complex') ? 2 * size : size;
}

/**
 * Returns the elements as numbers (complex ones as real, imaginary), and as bigint if no double can hold an integer.
 * `most` limits their number.
 */
export function tensorNumbers(tensor: Tensor, most = Infinity): (number | bigint)[] {
  const bytes = tensor.bytes;
  if (bytes === undefined) return [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read = elementReader(tensor.dtype, view);
  const width = (dtypeNamed(tensor.dtype)?.width ?? 1) / (tensor.dtype.startsWith('complex') ? 2 : 1);
  const out: (number | bigint)[] = [];
  for (let at = 0; at < bytes.length && out.length < most; at += width) out.push(read(at));
  return out;
}

function elementReader(dtype: string, view: DataView): (at: number) => number | bigint {
  switch (dtype) {
    case 'float':
    case 'complex64':
      return (at) => view.getFloat32(at, true);
    case 'double':
    case 'complex128':
      return (at) => view.getFloat64(at, true);
    case 'int32':
      return (at) => view.getInt32(at, true);
    case 'uint32':
      return (at) => view.getUint32(at, true);
    case 'int16':
      return (at) => view.getInt16(at, true);
    case 'uint16':
      return (at) => view.getUint16(at, true);
    case 'int8':
      return (at) => view.getInt8(at);
    case 'half':
      return (at) => view.getFloat16(at, true);
    case 'bfloat16':
      return (at) => bfloat16(view.getUint16(at, true));
    case 'int64':
      return (at) => narrow(view.getBigInt64(at, true));
    case 'uint64':
      return (at) => narrow(view.getBigUint64(at, true));
    case 'bool':
      return (at) => (view.getUint8(at) === 0 ? 0 : 1); // any byte but 0 is true
    default: // uint8
      return (at) => view.getUint8(at);
  }
}

/**
 * Converts a 64-bit integer from protobufjs: to a number if a double can hold it exactly. The only place that knows
 * `Long`.
 */
export function int64(value: Long | number | null | undefined): number | bigint {
  if (value === null || value === undefined) return 0;
  return typeof value === 'number' ? value : narrow(bigintOf(value));
}

interface Long {
  readonly low: number;
  readonly high: number;
  readonly unsigned: boolean;
}

function bigintOf(value: Long | number): bigint {
  if (typeof value === 'number') return BigInt(value);
  const high = value.unsigned ? value.high >>> 0 : value.high;
  return (BigInt(high) << 32n) | BigInt(value.low >>> 0);
}

function narrow(x: bigint): number | bigint {
  return x >= -9007199254740991n && x <= 9007199254740991n ? Number(x) : x;
}

const bits = new DataView(new ArrayBuffer(4));

/** Decodes a bfloat16, which is the upper half of a float32. */
function bfloat16(pattern: number): number {
  bits.setUint32(0, pattern << 16);
  return bits.getFloat32(0);
}
