import { hash } from 'node:crypto';

/** The number of words that a hash takes in an array of sums. */
export const HASH_WORDS = 4;

const numbers = new Float64Array(3);
const words = new Uint32Array(numbers.buffer);
const integers = new BigUint64Array(numbers.buffer);

/** Flags that say what the bits of step and value mean: the same bits as another kind of number are another point. */
const TEXT = 1;
const WIDE_VALUE = 2;
const NEGATIVE_VALUE = 4;
const WIDE_STEP = 8;

/**
 * Adds the hash of a point's content (every bit of step, wall time and value) to the four sums at `at`. Each is a sum
 * modulo 2^32 of one word of a 128-bit mix, so the order of points leaves no trace and nothing must be sorted. All
 * NaN count as one, because languages and databases do not keep their payloads. A text counts by its SHA-256.
 */
export function addHash(sums: Uint32Array, at: number, step: number | bigint, wallTime: number, value: number | bigint | string): void {
  let kind = 0;
  if (typeof step === 'number') {
    numbers[0] = step + 0; // no step is -0
  } else {
    integers[0] = BigInt.asUintN(64, step);
    kind = WIDE_STEP;
  }
  numbers[1] = Number.isNaN(wallTime) ? NaN : wallTime;
  if (typeof value === 'number') {
    numbers[2] = Number.isNaN(value) ? NaN : value;
  } else if (typeof value === 'bigint') {
    integers[2] = BigInt.asUintN(64, value);
    kind |= value < 0n ? WIDE_VALUE | NEGATIVE_VALUE : WIDE_VALUE;
  } else {
    const digest = hash('sha256', value, 'buffer');
    words[4] = digest.readUInt32LE(0);
    words[5] = digest.readUInt32LE(4);
    kind |= TEXT;
  }
  mix(sums, at, kind);
}

/**
 * Mixes the six words with MurmurHash3's 128-bit mix (Austin Appleby, public domain). It is spelled out because it
 * runs twice a point.
 */
function mix(sums: Uint32Array, at: number, kind: number): void {
  let h1 = kind;
  let h2 = kind;
  let h3 = kind;
  let h4 = kind;
  let k = Math.imul(words[0] as number, 0x239b961b);
  h1 ^= Math.imul((k << 15) | (k >>> 17), 0xab0e9789);
  h1 = (Math.imul(((h1 << 19) | (h1 >>> 13)) + h2, 5) + 0x561ccd1b) | 0;
  k = Math.imul(words[1] as number, 0xab0e9789);
  h2 ^= Math.imul((k << 16) | (k >>> 16), 0x38b34ae5);
  h2 = (Math.imul(((h2 << 17) | (h2 >>> 15)) + h3, 5) + 0x0bcaa747) | 0;
  k = Math.imul(words[2] as number, 0x38b34ae5);
  h3 ^= Math.imul((k << 17) | (k >>> 15), 0xa1e38b93);
  h3 = (Math.imul(((h3 << 15) | (h3 >>> 17)) + h4, 5) + 0x96cd1c35) | 0;
  k = Math.imul(words[3] as number, 0xa1e38b93);
  h4 ^= Math.imul((k << 18) | (k >>> 14), 0x239b961b);
  h4 = (Math.imul(((h4 << 13) | (h4 >>> 19)) + h1, 5) + 0x32ac3b17) | 0;

  k = Math.imul(words[5] as number, 0xab0e9789);
  h2 ^= Math.imul((k << 16) | (k >>> 16), 0x38b34ae5);
  k = Math.imul(words[4] as number, 0x239b961b);
  h1 ^= Math.imul((k << 15) | (k >>> 17), 0xab0e9789);

  h1 = (h1 + h2 + h3 + h4) | 0;
  h2 = finish((h2 + h1) | 0);
  h3 = finish((h3 + h1) | 0);
  h4 = finish((h4 + h1) | 0);
  h1 = (finish(h1) + h2 + h3 + h4) | 0;
  // The sums wrap around by themselves: they are unsigned words.
  sums[at] = (sums[at] as number) + h1;
  sums[at + 1] = (sums[at + 1] as number) + h2 + h1;
  sums[at + 2] = (sums[at + 2] as number) + h3 + h1;
  sums[at + 3] = (sums[at + 3] as number) + h4 + h1;
}

function finish(word: number): number {
  let h = word;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
