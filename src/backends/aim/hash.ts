/** The hashes by which Aim names contexts and places scalars: 64 bits of salted BLAKE2b, as a signed integer. */
import { blake2b } from '@noble/hashes/blake2.js';
import type { Key, TreeObject } from './tree.ts';

/** `_HASH_NONE` and the salts of `aim/storage/hashing/hashing.py`. */
const NULL_HASH = 1393794177995070132n;
const SALT = {
  number: saltOf(-7494597716789683807n),
  string: saltOf(7540324813251503183n),
  array: saltOf(2965039128708897743n),
  object: saltOf(-2435585119574290752n),
} as const;

function saltOf(salt: bigint): Uint8Array {
  const bytes = Buffer.alloc(16);
  bytes.writeBigInt64LE(salt);
  return bytes;
}

/** The values that a context consists of. */
export type Hashable = null | string | number | bigint | { readonly [key: string]: Hashable };

/** Returns Aim's `hash_auto` of a value, as a signed 64-bit integer (`aim/storage/hashing/hashing.py`). */
export function hashOf(value: Hashable): bigint {
  if (value === null) return NULL_HASH;
  if (typeof value === 'string') return hashBytes(Buffer.from(value), SALT.string);
  if (typeof value === 'number' || typeof value === 'bigint') return hashNumber(Number(value));
  const pairs = Object.entries(value)
    .map(([key, child]) => [hashOf(key), hashOf(child)] as const)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return hashBytes(Buffer.concat(pairs.map((pair) => int64(hashBytes(Buffer.concat(pair.map(int64)), SALT.array)))), SALT.object);
}

/** Returns the hash of a step. It uses a double, so two steps beyond 2^53 may have the same hash. */
export function hashNumber(value: number): bigint {
  return hashBytes(int64(reduced(value)), SALT.number);
}

function hashBytes(bytes: Uint8Array, salt: Uint8Array): bigint {
  const digest = blake2b(bytes, { dkLen: 8, salt });
  return Buffer.from(digest.buffer, digest.byteOffset, 8).readBigInt64LE();
}

function int64(value: bigint): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigInt64LE(value);
  return bytes;
}

/** The modulus of Python's hash of numbers: Python reduces a number modulo this prime. */
const MODULUS = 2n ** 61n - 1n;

function reduced(value: number): bigint {
  if (Number.isNaN(value)) return 0n;
  if (!Number.isFinite(value)) return value > 0 ? 314159n : -314159n;
  // Steps are integers; nothing else is hashed here.
  const whole = BigInt(Math.trunc(value));
  return whole < 0n ? -(-whole % MODULUS) : whole % MODULUS;
}

/** The hashes of steps. Every tag has the same steps, so this keeps as many hashes as are worth their memory. */
export class StepHashes {
  readonly #most: number;
  #young = new Map<number, bigint>();
  #old = new Map<number, bigint>();

  constructor(most = 200_000) {
    this.#most = most;
  }

  of(step: number): bigint {
    const known = this.#young.get(step) ?? this.#old.get(step);
    if (known !== undefined) return known;
    const hash = hashNumber(step);
    if (this.#young.size >= this.#most / 2) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(step, hash);
    return hash;
  }
}

/** The context of a sequence: names and texts. */
export type Context = TreeObject & { readonly [key: string]: string };

/** Returns the number by which Aim stores a context. */
export function contextId(context: Context): bigint {
  return hashOf(context);
}

export type { Key };
