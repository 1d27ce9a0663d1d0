import { HEADER_BYTES } from './frame.ts';

/** Bytes of a record's data that are searched for the fields that lead to its content. */
export const LOOKED_INTO_BYTES = 4096;

/**
 * True if, judging by the record's first bytes, a field of its message begins at `at` (counted from the record's
 * first byte). An event file that was stored whole as a text or a tensor begins there, and its records are not this
 * file's. A record that another process wrote after an interrupted one may begin anywhere.
 */
export function isFieldStart(record: Uint8Array, at: number, length: number): boolean {
  let start = HEADER_BYTES;
  let end = HEADER_BYTES + length;
  for (;;) {
    const field = fieldAround(record, start, end, at);
    if (field === undefined) return false;
    if (field.start === at) return true;
    ({ start, end } = field);
  }
}

interface Range {
  readonly start: number;
  readonly end: number;
}

/** Returns the length-delimited field that contains `at`, of the message from `start` to `end`. */
function fieldAround(bytes: Uint8Array, start: number, end: number, at: number): Range | undefined {
  for (let p = start; p < bytes.length && p < end; ) {
    const key = varint(bytes, p);
    if (key === undefined) return undefined;
    p = key.next;
    const wire = key.value % 8;
    if (wire === 0) p = varint(bytes, p)?.next ?? Infinity;
    else if (wire === 1) p += 8;
    else if (wire === 5) p += 4;
    else if (wire === 2) {
      const size = varint(bytes, p);
      if (size === undefined || size.next + size.value > end) return undefined;
      if (size.next <= at && at < size.next + size.value) return { start: size.next, end: size.next + size.value };
      p = size.next + size.value;
    } else return undefined;
    if (p > at) return undefined;
  }
  return undefined;
}

function varint(bytes: Uint8Array, at: number): { readonly value: number; readonly next: number } | undefined {
  let value = 0;
  let unit = 1;
  for (let p = at; p < bytes.length && p < at + 10; p++, unit *= 128) {
    const byte = bytes[p] as number;
    value += (byte & 127) * unit;
    if (byte < 128) return { value, next: p + 1 };
  }
  return undefined;
}
