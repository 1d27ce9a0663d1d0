/**
 * Finds fields in protobuf bytes, where the generated types would decode more than is wanted or don't know the
 * message.
 */
import protobuf from 'protobufjs/minimal.js';

const VARINT = 0;
const LENGTH_DELIMITED = 2;

/**
 * The bytes of the last length-delimited field `number` in `bytes`; several ones of a message are joined, as protobuf
 * merges them.
 */
export function messageField(bytes: Uint8Array, number: number): Uint8Array | undefined {
  const parts = lengthDelimited(bytes, number);
  return parts.length < 2 ? parts[0] : Buffer.concat(parts);
}

/**
 * Every length-delimited field `number` of a message, in order, as views. Throws a RangeError when a field ends
 * beyond the message.
 */
export function lengthDelimited(bytes: Uint8Array, number: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (const reader of fieldsOf(bytes, number, LENGTH_DELIMITED)) {
    const length = reader.uint32();
    found.push(bytes.subarray(reader.pos, reader.pos + length));
    reader.skip(length);
  }
  return found;
}

/** The number in the last varint field `number`, up to 2^32; undefined when there is none. */
export function varintIn(bytes: Uint8Array, number: number): number | undefined {
  let found: number | undefined;
  for (const reader of fieldsOf(bytes, number, VARINT)) found = reader.uint32();
  return found;
}

/** Stops at each field of this number and wire type: the caller reads its value. */
function* fieldsOf(bytes: Uint8Array, number: number, wireType: number): Generator<protobuf.Reader> {
  const reader = protobuf.Reader.create(bytes);
  while (reader.pos < reader.len) {
    const key = reader.uint32();
    if (key >>> 3 === number && (key & 7) === wireType) yield reader;
    else reader.skipType(key & 7);
  }
}
