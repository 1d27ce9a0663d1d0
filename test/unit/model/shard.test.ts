import { describe, expect, it } from '@jest/globals';
import { parseShard, shardOf, shardText } from '../../../src/model/index.ts';

const KEYS = Array.from({ length: 3000 }, (_, i) => `run ${i}`);

describe('shardOf', () => {
  it('gives each shard about as many keys as the others', () => {
    const counts = [0, 0, 0];
    for (const key of KEYS) (counts[shardOf(key, 3)] as number)++;
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });

  it('moves keys only to a new shard', () => {
    const moved = KEYS.filter((key) => shardOf(key, 2) !== shardOf(key, 3));
    expect(new Set(moved.map((key) => shardOf(key, 3)))).toEqual(new Set([2]));
    expect(Math.abs(moved.length - 1000)).toBeLessThan(150);
  });

  it('is the same on every machine and in every version', () => {
    expect(['a', 'b', 'c', 'd', 'e', 'f'].map((key) => shardOf(key, 4))).toEqual([3, 0, 1, 0, 3, 2]);
  });
});

describe('parseShard', () => {
  it.each(['0/1', '0/3', '2/3', ' 11/12 '])('accepts %s', (text) => {
    const shard = parseShard(text);
    expect(shard && shardText(shard)).toBe(text.trim());
  });

  it.each(['', '3/3', '-1/3', '1', '1/0', '0/1001', 'a/b', '1/3/5', '1.5/3'])('rejects %s', (text) => {
    expect(parseShard(text)).toBeUndefined();
  });
});
