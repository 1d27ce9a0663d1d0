import { type NumberForm, numberOf } from './stored-forms.ts';

type Write = (view: DataView, at: number, x: NumberForm) => void;

/** Widths in bytes, and how to write an element. A complex number is two elements. */
const ELEMENTS: ReadonlyMap<string, readonly [width: number, write: Write]> = new Map([
  ['float', [4, (view, at, x) => view.setFloat32(at, numberOf(x), true)]],
  ['complex64', [4, (view, at, x) => view.setFloat32(at, numberOf(x), true)]],
  ['double', [8, (view, at, x) => view.setFloat64(at, numberOf(x), true)]],
  ['complex128', [8, (view, at, x) => view.setFloat64(at, numberOf(x), true)]],
  ['int32', [4, (view, at, x) => view.setInt32(at, numberOf(x), true)]],
  ['uint32', [4, (view, at, x) => view.setUint32(at, numberOf(x), true)]],
  ['int16', [2, (view, at, x) => view.setInt16(at, numberOf(x), true)]],
  ['uint16', [2, (view, at, x) => view.setUint16(at, numberOf(x), true)]],
  ['int8', [1, (view, at, x) => view.setInt8(at, numberOf(x))]],
  ['uint8', [1, (view, at, x) => view.setUint8(at, numberOf(x))]],
  ['bool', [1, (view, at, x) => view.setUint8(at, numberOf(x) === 0 ? 0 : 1)]],
  ['half', [2, (view, at, x) => view.setFloat16(at, numberOf(x), true)]],
  ['bfloat16', [2, setBfloat16]],
  ['int64', [8, (view, at, x) => view.setBigInt64(at, BigInt(x), true)]],
  ['uint64', [8, (view, at, x) => view.setBigUint64(at, BigInt(x), true)]],
]);

/** Returns the elements of a tensor, little-endian; undefined for a type of number that TensorBoard cannot read. */
export function elementBytes(dtype: string, values: readonly NumberForm[]): Uint8Array | undefined {
  const element = ELEMENTS.get(dtype);
  if (element === undefined) return undefined;
  const [width, write] = element;
  const view = new DataView(new ArrayBuffer(width * values.length));
  for (const [i, value] of values.entries()) write(view, i * width, value);
  return new Uint8Array(view.buffer);
}

const bits = new DataView(new ArrayBuffer(4));

/** Writes the upper half of a float32, which holds every bfloat16 exactly. */
function setBfloat16(view: DataView, at: number, x: NumberForm): void {
  bits.setFloat32(0, numberOf(x));
  view.setUint16(at, bits.getUint16(0), true);
}
