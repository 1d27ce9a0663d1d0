import { createHash } from 'node:crypto';

/** One of several processes that share the runs of their roots: each run belongs to exactly one of them. */
export interface Shard {
  /** From 0 to `count` - 1. */
  readonly index: number;
  readonly count: number;
}

/** The largest number of processes over one tree; a larger one is a typing error. */
const MOST_SHARDS = 1000;

/** Parses a shard, `0/3`; undefined if the text is not one. */
export function parseShard(text: string): Shard | undefined {
  const found = /^(\d{1,4})\/(\d{1,4})$/.exec(text.trim());
  if (found === null) return undefined;
  const [index, count] = [Number(found[1]), Number(found[2])];
  return count >= 1 && count <= MOST_SHARDS && index < count ? { index, count } : undefined;
}

/** Returns the text of a shard: `0/3`. */
export function shardText({ index, count }: Shard): string {
  return `${index}/${count}`;
}

/**
 * Returns the shard of a key, out of `count`. Each shard gets a number from the key, and the highest wins (rendezvous
 * hashing). The result is the same on every machine; an additional shard takes keys from the others without moving
 * any between them.
 */
export function shardOf(key: string, count: number): number {
  let best = -1;
  let highest = -1;
  for (let shard = 0; shard < count; shard++) {
    const score = createHash('sha256')
      .update(JSON.stringify([shard, key]))
      .digest()
      .readUIntBE(0, 6);
    if (score > highest) [best, highest] = [shard, score];
  }
  return best;
}
