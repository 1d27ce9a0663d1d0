/**
 * Estimates the memory that a message takes once it is decoded, from its wire form alone: two bytes on the wire can
 * become an object of two hundred. It is an upper estimate, and allocates nothing.
 */

/** An object for a message. */
const MESSAGE = 200;
/** A view on bytes. */
const BYTES = 160;
/** A text, without its characters. */
const TEXT = 40;
/** A field that the types do not know: protobufjs keeps its bytes. */
const UNKNOWN = 200;

type Field =
  | { readonly kind: 'message'; readonly schema: Schema }
  | { readonly kind: 'text' | 'bytes' }
  /** Numbers. If they are repeated, they may be packed, and each takes `each` bytes. */
  | { readonly kind: 'numbers'; readonly each: number; readonly width: 0 | 4 | 8 };
type Schema = Readonly<Record<number, Field>>;

const text: Field = { kind: 'text' };
const bytes: Field = { kind: 'bytes' };
const of = (schema: Schema): Field => ({ kind: 'message', schema });
const one: Field = { kind: 'numbers', each: 16, width: 0 };
const small: Field = { kind: 'numbers', each: 8, width: 0 };
/** protobufjs creates an object for each 64-bit integer. */
const long: Field = { kind: 'numbers', each: 56, width: 0 };
const float: Field = { kind: 'numbers', each: 8, width: 4 };
const double: Field = { kind: 'numbers', each: 8, width: 8 };

const SHAPE: Schema = { 2: of({ 1: long, 2: text }), 3: one };
const TENSOR: Schema = {
  1: one,
  2: of(SHAPE),
  4: bytes,
  5: float,
  6: double,
  7: small,
  8: bytes,
  9: float,
  10: long,
  11: small,
  12: double,
  13: small,
  16: small,
  17: long,
};
const METADATA: Schema = { 1: of({ 1: text, 2: bytes }), 2: text, 3: text, 4: one };
const VALUE: Schema = {
  1: text,
  2: one,
  4: of({ 1: one, 2: one, 3: one, 4: bytes }),
  5: of({ 1: one, 2: one, 3: one, 4: one, 5: one, 6: double, 7: double }),
  6: of({ 1: one, 2: long, 3: long, 4: bytes, 5: text }),
  7: text,
  8: of(TENSOR),
  9: of(METADATA),
};
const EVENT: Schema = {
  1: one,
  2: long,
  3: text,
  4: bytes,
  5: of({ 1: of(VALUE) }),
  6: of({ 1: one, 2: text }),
  7: of({ 1: one, 2: text, 3: text }),
  8: of({ 1: text, 2: bytes }),
  9: bytes,
  10: of({ 1: text }),
};

/**
 * Returns the bytes that an event takes after decoding. Stops counting beyond `enough`. For an invalid message,
 * counts what was read.
 */
export function weighEvent(data: Uint8Array, enough = Infinity): number {
  return new Scale(data, enough).message(EVENT, 0, data.length);
}

class Scale {
  readonly #data: Uint8Array;
  readonly #enough: number;
  #at = 0;
  #weight = 0;

  constructor(data: Uint8Array, enough: number) {
    this.#data = data;
    this.#enough = enough;
  }

  /** Weighs a message. The schemas have a finite depth, so the recursion ends. */
  message(schema: Schema, start: number, end: number): number {
    this.#weight += MESSAGE;
    this.#at = start;
    while (this.#at < end && this.#weight <= this.#enough) {
      const key = this.#varint();
      const field = schema[Math.floor(key / 8)];
      if (field === undefined) this.#weight += UNKNOWN;
      switch (key % 8) {
        case 0:
          this.#varint();
          this.#number(field);
          break;
        case 1:
          this.#at += 8;
          this.#number(field);
          break;
        case 2: {
          const length = this.#varint();
          const to = this.#at + length;
          if (to > end) return this.#weight; // not a message: decoding will report it
          if (field !== undefined) this.#delimited(field, this.#at, to);
          this.#at = to;
          break;
        }
        case 5:
          this.#at += 4;
          this.#number(field);
          break;
        default: // groups: their parts are kept as bytes, or refused
          this.#weight += UNKNOWN;
      }
    }
    return this.#weight;
  }

  #number(field: Field | undefined): void {
    if (field?.kind === 'numbers') this.#weight += field.each;
  }

  #delimited(field: Field, start: number, end: number): void {
    switch (field.kind) {
      case 'message':
        this.message(field.schema, start, end);
        break;
      case 'text':
        // Two bytes a character, once one of them is not Latin-1.
        this.#weight += TEXT + 2 * (end - start);
        break;
      case 'bytes':
        this.#weight += BYTES;
        break;
      case 'numbers':
        this.#weight += field.each * (field.width > 0 ? (end - start) / field.width : this.#varints(start, end));
        break;
      default:
        field satisfies never;
    }
  }

  /** Counts varints: each ends with a byte below 128. */
  #varints(start: number, end: number): number {
    let count = 0;
    for (let i = start; i < end; i++) if ((this.#data[i] as number) < 128) count++;
    return count;
  }

  #varint(): number {
    let x = 0;
    let unit = 1;
    for (;;) {
      const byte = this.#data[this.#at++];
      if (byte === undefined) return x;
      x += (byte & 127) * unit;
      if (byte < 128) return x;
      unit *= 128;
    }
  }
}
