/** Writes protobuf fields. */
import protobuf from 'protobufjs/minimal.js';

/** A writer of a message. */
export type Writer = protobuf.Writer;

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;

/** Returns an empty message. */
export function message(): Writer {
  return protobuf.Writer.create();
}

/** Adds a text or bytes. */
export function addBytes(writer: Writer, field: number, value: string | Uint8Array): Writer {
  writer.uint32((field << 3) | BYTES);
  return typeof value === 'string' ? writer.string(value) : writer.bytes(value);
}

/** Adds a message that `write` fills. */
export function addMessage(writer: Writer, field: number, write: (writer: Writer) => void): Writer {
  writer.uint32((field << 3) | BYTES).fork();
  write(writer);
  return writer.ldelim();
}

/** Adds an integer. */
export function addInt(writer: Writer, field: number, value: number | bigint): Writer {
  return writer.uint32((field << 3) | VARINT).int64(int64Of(value));
}

/** Adds a double. */
export function addDouble(writer: Writer, field: number, value: number): Writer {
  return writer.uint32((field << 3) | FIXED64).double(value);
}

/** Adds a packed list of integers. */
export function addInts(writer: Writer, field: number, values: Iterable<number | bigint>): Writer {
  return addMessage(writer, field, (list) => {
    for (const value of values) list.int64(int64Of(value));
  });
}

/** Adds a packed list of doubles or floats: in memory as in the message, on every machine that Node runs on. */
export function addNumbers(writer: Writer, field: number, values: Float64Array | Float32Array): Writer {
  return addBytes(writer, field, bytesOf(values));
}

/** Returns the bytes of an array of numbers. */
export function bytesOf(values: Float64Array | Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

type Int64 = Parameters<Writer['int64']>[0];

/** Integers that no double holds are pairs of halves. */
function int64Of(value: number | bigint): Int64 {
  if (typeof value === 'number') return value;
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  return { low: Number(BigInt.asIntN(32, value)), high: Number(BigInt.asIntN(32, value >> 32n)), unsigned: false } as Int64;
}
