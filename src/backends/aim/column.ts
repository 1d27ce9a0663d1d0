/** A column of a sequence as the server returns it: nearly always numbers, which need no tree. */
import { type Key, PART, type Tree, Type } from './tree.ts';

/** Cells by their keys, in the order of the server. */
export interface Column {
  /** The cells in their order. */
  entries(): Iterable<readonly [Key, Tree]>;
  /** Returns the cell of a key after the one requested last: all columns of a sequence have the same order. */
  next(key: Key): Tree | undefined;
}

/** A column with values of any type. */
export class MixedColumn implements Column {
  readonly #cells: ReadonlyMap<Key, Tree>;

  constructor(cells: ReadonlyMap<Key, Tree>) {
    this.#cells = cells;
  }

  entries(): Iterable<readonly [Key, Tree]> {
    return this.#cells;
  }

  next(key: Key): Tree | undefined {
    return this.#cells.get(key);
  }
}

/** A column of numbers, all floats or all integers. */
export class NumberColumn implements Column {
  readonly #keys: BigInt64Array;
  readonly #values: Float64Array | BigInt64Array;
  #at = 0;

  constructor(keys: BigInt64Array, values: Float64Array | BigInt64Array) {
    this.#keys = keys;
    this.#values = values;
  }

  *entries(): Generator<readonly [bigint, number | bigint], void, void> {
    for (const [i, key] of this.#keys.entries()) yield [key, this.#values[i] as number | bigint];
  }

  next(key: Key): number | bigint | undefined {
    const found = this.#keys[this.#at] === key ? this.#at : this.#keys.indexOf(key as bigint, this.#at);
    if (found < 0) return undefined;
    this.#at = found + 1;
    return this.#values[found];
  }
}

/** The head of a node: the length of its key, the key, whether it is a blob, the length of its value, the value. */
const NODE_BYTES = 4 + 1 + 4;
/** The length of an integer as a part of a path. */
const PART_BYTES = 10;
const HEAD_BYTES = NODE_BYTES + 1;
/** The length of a pair's array head. */
const PAIR_HEAD_BYTES = NODE_BYTES + PART_BYTES + 1;
/** The length of a pair's key, or of its value. */
const NUMBER_BYTES = NODE_BYTES + 2 * PART_BYTES + 9;
const PAIR_BYTES = PAIR_HEAD_BYTES + 2 * NUMBER_BYTES;
/** The position of the number in its node. */
const NUMBER_AT = NUMBER_BYTES - 8;

/**
 * Reads the answer of `items_eager` for a column of numbers: pairs of equal length. Returns undefined if the bytes
 * are anything else, or if there are no pairs.
 */
export function readNumbers(bytes: Uint8Array): NumberColumn | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = (buffer.length - HEAD_BYTES) / PAIR_BYTES;
  if (!Number.isInteger(count) || count < 1 || !isNode(buffer, 0, 0, 1, Type.array)) return undefined;
  const isFloat = buffer[HEAD_BYTES + PAIR_HEAD_BYTES + NUMBER_BYTES + NUMBER_AT - 1] === Type.float;
  const keys = new BigInt64Array(count);
  const floats = new Float64Array(isFloat ? count : 0);
  const integers = new BigInt64Array(isFloat ? 0 : count);
  for (let i = 0; i < count; i++) {
    const at = HEAD_BYTES + i * PAIR_BYTES;
    const keyAt = at + PAIR_HEAD_BYTES;
    const valueAt = keyAt + NUMBER_BYTES;
    const isPair =
      isNode(buffer, at, PART_BYTES, 1, Type.array) &&
      isItem(buffer, at + 4, i) &&
      isNode(buffer, keyAt, 2 * PART_BYTES, 9, Type.int) &&
      isItem(buffer, keyAt + 4, i) &&
      isItem(buffer, keyAt + 4 + PART_BYTES, 0) &&
      isNode(buffer, valueAt, 2 * PART_BYTES, 9, isFloat ? Type.float : Type.int) &&
      isItem(buffer, valueAt + 4, i) &&
      isItem(buffer, valueAt + 4 + PART_BYTES, 1);
    if (!isPair) return undefined;
    keys[i] = buffer.readBigInt64LE(keyAt + NUMBER_AT);
    if (isFloat) floats[i] = buffer.readDoubleLE(valueAt + NUMBER_AT);
    else integers[i] = buffer.readBigInt64LE(valueAt + NUMBER_AT);
  }
  return new NumberColumn(keys, isFloat ? floats : integers);
}

/** True if a node begins here that is no blob, with a key and a value of these lengths. */
function isNode(buffer: Buffer, at: number, keyLength: number, valueLength: number, type: number): boolean {
  const valueAt = at + NODE_BYTES + keyLength;
  return (
    buffer.readUInt32LE(at) === keyLength &&
    buffer[valueAt - 5] === 0 &&
    buffer.readUInt32LE(valueAt - 4) === valueLength &&
    buffer[valueAt] === type
  );
}

/** True if this part of a path is an item of a list. */
function isItem(buffer: Buffer, at: number, index: number): boolean {
  const isPart = buffer[at] === PART && buffer[at + PART_BYTES - 1] === PART;
  return isPart && buffer.readUInt32BE(at + 1) === 0 && buffer.readUInt32BE(at + 5) === index;
}
