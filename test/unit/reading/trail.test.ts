import { describe, expect, test } from '@jest/globals';
import type { Batch, TrailMark } from '../../../src/model/index.ts';
import { longerTrail } from '../../../src/reading/trail.ts';

/** A batch of scalars at some offsets, and of other points at others; the checksum of each is its offset plus one. */
function batch(end: number, scalars: readonly number[], objects: readonly number[] = []): Batch {
  return {
    start: 0,
    end,
    scalars: { count: scalars.length, offset: Float64Array.from(scalars), checksum: Uint32Array.from(scalars, (x) => x + 1) },
    objects: objects.map((offset) => ({ offset, checksum: offset + 1 })),
  } as unknown as Batch;
}

const offsets = (trail: readonly TrailMark[]): number[] => trail.map(({ offset }) => offset);
const range = (n: number, step: number): number[] => Array.from({ length: n }, (_, i) => i * step);

describe('a trail', () => {
  test('marks every record of a short file, scalar or not', () => {
    const trail = longerTrail([], batch(200, [24, 64, 64, 104], [84]));
    expect(trail).toEqual([24, 64, 84, 104].map((offset) => ({ offset, checksum: offset + 1 })));
  });

  test('has a bounded length for any growth of the file, and is even over its bytes', () => {
    let trail: readonly TrailMark[] = [];
    for (let from = 0; from < 1_000_000; from += 1000) {
      trail = longerTrail(
        trail,
        batch(
          from + 1000,
          range(20, 50).map((at) => from + at),
        ),
      );
      expect(trail.length).toBeLessThanOrEqual(40);
    }
    expect(trail.length).toBeGreaterThan(14);
    const gaps = offsets(trail).map((at, i) => at - (offsets(trail)[i - 1] ?? 0));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(1_000_000 / 16);
  });

  test('of a long batch uses a few of its records', () => {
    const trail = longerTrail([], batch(10_000_000, range(100_000, 100)));
    expect(trail.length).toBeGreaterThan(14);
    expect(trail.length).toBeLessThanOrEqual(40);
    expect(trail.at(-1)?.offset).toBeGreaterThan(9_600_000);
  });

  test('does not change for a batch without points', () => {
    const trail = longerTrail([], batch(100, [24]));
    expect(longerTrail(trail, batch(100, []))).toBe(trail);
  });
});
