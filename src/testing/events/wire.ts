// CRC-32C, TFRecord frames and the protobuf wire format, written again for tests: a fault in the product's decoder
// must not be repeated here.

const TABLES = makeTables();
const T0 = TABLES.subarray(0, 256);
const T1 = TABLES.subarray(256, 512);
const T2 = TABLES.subarray(512, 768);
const T3 = TABLES.subarray(768, 1024);

/**
 * Makes tables of CRC-32C (reflected polynomial 0x82F63B78) for four bytes at a time: enough to make gigabytes of
 * benchmark logs in seconds.
 */
function makeTables(): Int32Array {
  const tables = new Int32Array(4 * 256);
  for (let i = 0; i < 256; i++) {
    let crc = i;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    tables[i] = crc;
  }
  for (let i = 256; i < tables.length; i++) {
    const before = tables[i - 256] ?? 0;
    tables[i] = (before >>> 8) ^ (tables[before & 255] ?? 0);
  }
  return tables;
}

/**
 * Returns the CRC-32C of the bytes from `start` (default 0) to `end` (exclusive, default all), as an unsigned number.
 */
export function crc32c(data: Uint8Array, start = 0, end = data.length): number {
  let crc = -1;
  let at = start;
  for (const stop = end - 3; at < stop; at += 4) {
    crc ^= data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16) | (data[at + 3]! << 24);
    crc = T3[crc & 255]! ^ T2[(crc >>> 8) & 255]! ^ T1[(crc >>> 16) & 255]! ^ T0[crc >>> 24]!;
  }
  for (; at < end; at++) crc = T0[(crc ^ data[at]!) & 255]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** Returns the masked form in which a record file stores a CRC-32C. */
export function maskedCrc(data: Uint8Array, start = 0, end = data.length): number {
  const crc = crc32c(data, start, end);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** Returns one record: length, its masked checksum, the data, its masked checksum. */
export function frame(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(data.length + 16);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc(record, 0, 8), true);
  record.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc(data), true);
  return record;
}

/** Returns the bytes of all parts, one after the other. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Returns a base-128 varint. Negative numbers are written as their 64-bit two's complement: ten bytes. */
export function varint(value: number | bigint): Uint8Array {
  if (typeof value === 'number' && !Number.isSafeInteger(value))
    throw new RangeError(`a varint needs an integer or a bigint, not ${value}`);
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}

/** Returns the bytes of a text in UTF-8; bytes pass unchanged, so that text which is not UTF-8 can be written too. */
export function utf8(text: string | Uint8Array): Uint8Array {
  return typeof text === 'string' ? new TextEncoder().encode(text) : text;
}

/** Returns a float32 in little-endian bytes; pass the four bytes themselves to keep the payload of a NaN. */
export function float32(value: number | Uint8Array): Uint8Array {
  return typeof value === 'number' ? fixed(4, (view) => view.setFloat32(0, value, true)) : sized(value, 4);
}

/** Returns a float64 in little-endian bytes; pass the eight bytes themselves to keep the payload of a NaN. */
export function float64(value: number | Uint8Array): Uint8Array {
  return typeof value === 'number' ? fixed(8, (view) => view.setFloat64(0, value, true)) : sized(value, 8);
}

/** Returns `width` bytes that `write` fills. */
export function fixed(width: number, write: (view: DataView) => void): Uint8Array {
  const view = new DataView(new ArrayBuffer(width));
  write(view);
  return new Uint8Array(view.buffer);
}

function sized(bytes: Uint8Array, width: number): Uint8Array {
  if (bytes.length !== width) throw new RangeError(`expected ${width} bytes, not ${bytes.length}`);
  return bytes;
}

/** Returns a field of wire type 0, a varint. */
export function field(no: number, wire: 0, value: number | bigint | boolean): Uint8Array;
/** Returns a field of wire type 1 or 5, a float64 or a float32, or its bytes. */
export function field(no: number, wire: 1 | 5, value: number | Uint8Array): Uint8Array;
/** Returns a field of wire type 2, a text, bytes or a message given in parts. */
export function field(no: number, wire: 2, value: string | Uint8Array, ...more: readonly Uint8Array[]): Uint8Array;
/** Returns one field of a protobuf message: key and value. */
export function field(
  no: number,
  wire: 0 | 1 | 2 | 5,
  value: number | bigint | boolean | string | Uint8Array,
  ...more: readonly Uint8Array[]
): Uint8Array {
  const key = varint((BigInt(no) << 3n) | BigInt(wire));
  if (typeof value === 'string' || (wire === 2 && value instanceof Uint8Array)) {
    const body = concat(utf8(value), ...more);
    return concat(key, varint(body.length), body);
  }
  if (wire === 0 && !(value instanceof Uint8Array)) return concat(key, varint(typeof value === 'boolean' ? Number(value) : value));
  if (typeof value === 'number' || value instanceof Uint8Array) return concat(key, wire === 1 ? float64(value) : float32(value));
  throw new TypeError(`wire type ${wire} cannot hold a ${typeof value}`);
}
