/** Random values, as all other code uses them. Tests and simulators pass a source of their own, which repeats. */
import { randomBytes, randomUUID } from 'node:crypto';

/** A source of random values. */
export interface Random {
  /** Returns a number of at least 0 and below 1. */
  fraction(): number;
  /** Returns a random UUID (version 4). */
  uuid(): string;
  /** Returns `count` random bytes. */
  bytes(count: number): Uint8Array;
}

/** The system's random values. */
export const systemRandom: Random = {
  fraction: () => Math.random(),
  uuid: () => randomUUID(),
  bytes: (count) => randomBytes(count),
};
