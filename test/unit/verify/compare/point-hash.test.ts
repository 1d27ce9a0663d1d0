import { describe, expect, test } from '@jest/globals';
import { addHash, HASH_WORDS } from '../../../../src/verify/compare/point-hash.ts';

type Point = readonly [step: number | bigint, wallTime: number, value: number | bigint | string];

function sumOf(...points: readonly Point[]): string {
  const sums = new Uint32Array(HASH_WORDS);
  for (const [step, wallTime, value] of points) addHash(sums, 0, step, wallTime, value);
  return sums.join(' ');
}

describe('the sum of hashes', () => {
  test('does not depend on the order', () => {
    const points: Point[] = [
      [1, 2, 3],
      [2, 2, 'text'],
      [3n ** 39n, 0.5, -0],
      [4, NaN, 2n ** 63n],
    ];
    expect(sumOf(...points)).toBe(sumOf(...points.toReversed()));
  });

  test('differs for every two points that differ in a single bit', () => {
    const points: Point[] = [
      [0, 0, 0],
      [0, 0, -0],
      [0, -0, 0],
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
      [0, 0, 1 + Number.EPSILON],
      [0, 0, 5e-324],
      [0, 0, NaN],
      [0, NaN, 0],
      [0, 0, Infinity],
      [0, 0, -Infinity],
      [0, 0, '0'],
      [0, 0, ''],
      [0, 0, 2n ** 64n - 1n],
      [0, 0, -1n],
      [0, 0, 2n ** 53n],
      [2n ** 53n, 0, 0],
      [2n ** 53n + 1n, 0, 0],
      [-(2n ** 53n), 0, 0],
      [-1, 0, 0],
    ];
    expect(new Set(points.map((point) => sumOf(point))).size).toBe(points.length);
  });

  test('treats every NaN as equal: databases do not keep their payloads', () => {
    const other = new Float64Array(new BigUint64Array([0x7ff8_0000_0000_0001n]).buffer)[0] as number;
    expect(sumOf([1, other, other])).toBe(sumOf([1, NaN, NaN]));
  });

  test('distinguishes doubled, swapped and shifted points', () => {
    const base = sumOf([1, 10, 5], [2, 20, 6]);
    expect(sumOf([1, 10, 6], [2, 20, 5])).not.toBe(base);
    expect(sumOf([1, 20, 5], [2, 10, 6])).not.toBe(base);
    expect(sumOf([1, 10, 5], [1, 10, 5])).not.toBe(base);
    expect(sumOf([1, 10, 5], [2, 20, 6], [2, 20, 6])).not.toBe(base);
  });

  test('covers all words: neighbours have different hashes, in each pair of words', () => {
    const seen = [new Set<number>(), new Set<number>()];
    const sums = new Uint32Array(HASH_WORDS);
    for (let step = 0; step < 200_000; step++) {
      sums.fill(0);
      addHash(sums, 0, step, 1.7e9, 0.5);
      for (const [i, set] of seen.entries()) set.add((sums[2 * i] as number) * 2 ** 21 + ((sums[2 * i + 1] as number) >>> 11));
    }
    expect(seen.map((set) => set.size)).toEqual([200_000, 200_000]);
  });
});
