/**
 * Types whose lists hold varints: the field in the tensor message, and the bytes of an element in `tensor_content`.
 */
const TYPES: ReadonlyMap<number, { readonly field: number; readonly width: number }> = new Map([
  [3, { field: 7, width: 4 }], // int32
  [4, { field: 7, width: 1 }], // uint8
  [5, { field: 7, width: 2 }], // int16
  [6, { field: 7, width: 1 }], // int8
  [9, { field: 10, width: 8 }], // int64
  [10, { field: 11, width: 1 }], // bool
  [14, { field: 13, width: 2 }], // bfloat16
  [17, { field: 7, width: 2 }], // uint16
  [19, { field: 13, width: 2 }], // half
  [22, { field: 16, width: 4 }], // uint32
  [23, { field: 17, width: 8 }], // uint64
]);

const BOOL = 10;
const CONTENT_KEY = 0x22;

/** The element's bits, little-endian; upper bytes that its type does not have are meaningless. */
const bits = new DataView(new ArrayBuffer(8));

/**
 * Reads the number of a tensor of integers, bools, halves or bfloat16. Its only field besides type and shape is from
 * `q` to `end`: one element in `tensor_content`, or one packed or unpacked list entry. Returns NaN if it has another
 * form, or the number does not fit into a double: the event reader reads those.
 */
export function readShortNumber(buffer: Uint8Array, dtype: number, q: number, end: number): number {
  const type = TYPES.get(dtype);
  if (type === undefined) return Number.NaN;
  if (buffer[q] === CONTENT_KEY) {
    if (end - q !== 2 + type.width || buffer[q + 1] !== type.width) return Number.NaN;
    for (let i = 0; i < type.width; i++) bits.setUint8(i, buffer[q + 2 + i] as number);
    return element(dtype);
  }
  let at = q;
  let key = buffer[at++] as number;
  // Keys of fields from 16 have two bytes.
  if (key > 127) key = (key & 127) | ((buffer[at++] as number) << 7);
  if (key === ((type.field << 3) | 2)) {
    if (buffer[at] !== end - at - 1) return Number.NaN;
    at++;
  } else if (key !== type.field << 3) return Number.NaN;
  if (dtype === BOOL && end - at > 1) return Number.NaN;
  return takeVarint(buffer, at, end) ? element(dtype) : Number.NaN;
}

/** Puts the varint from `at` to `end` into `bits`; false if it does not fill these bytes exactly. */
function takeVarint(buffer: Uint8Array, at: number, end: number): boolean {
  const size = end - at;
  if (size < 1 || size > 10) return false;
  let low = 0;
  let high = 0;
  for (let i = 0; i < size; i++) {
    const byte = buffer[at + i] as number;
    if (byte > 127 !== i < size - 1 || (i === 9 && byte > 1)) return false;
    const seven = byte & 127;
    const shift = 7 * i;
    if (shift < 32) low |= seven << shift;
    if (shift >= 32) high |= seven << (shift - 32);
    else if (shift > 25) high |= seven >>> (32 - shift);
  }
  bits.setUint32(0, low, true);
  bits.setUint32(4, high, true);
  return true;
}

function element(dtype: number): number {
  switch (dtype) {
    case 3:
      return bits.getInt32(0, true);
    case 4:
      return bits.getUint8(0);
    case 5:
      return bits.getInt16(0, true);
    case 6:
      return bits.getInt8(0);
    case 9:
      return safe(bits.getInt32(4, true) * 0x1_0000_0000 + bits.getUint32(0, true));
    case BOOL:
      return bits.getUint8(0) === 0 ? 0 : 1; // any byte but 0 is true
    case 14: // a bfloat16 is the upper half of a float
      bits.setUint32(0, bits.getUint16(0, true) << 16, true);
      return bits.getFloat32(0, true);
    case 17:
      return bits.getUint16(0, true);
    case 19:
      return bits.getFloat16(0, true);
    case 22:
      return bits.getUint32(0, true);
    default: // uint64
      return safe(bits.getUint32(4, true) * 0x1_0000_0000 + bits.getUint32(0, true));
  }
}

/**
 * Returns a safe integer unchanged, otherwise NaN. A sum of halves that no double can hold is rounded to one that is
 * not safe either.
 */
function safe(x: number): number {
  return Number.isSafeInteger(x) ? x : Number.NaN;
}
