/** Chance as the rooms need it. Tests and simulators bring a source of their own, which repeats. */
import { randomBytes, randomUUID } from 'node:crypto';

/** A source of chance. */
export interface Random {
  /** At least 0 and below 1. */
  fraction(): number;
  /** A random UUID (version 4). */
  uuid(): string;
  /** So many random bytes. */
  bytes(count: number): Uint8Array;
}

/** The system's chance. */
export const systemRandom: Random = {
  fraction: () => Math.random(),
  uuid: () => randomUUID(),
  bytes: (count) => randomBytes(count),
};
