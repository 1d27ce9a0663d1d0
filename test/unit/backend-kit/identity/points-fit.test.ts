import { describe, expect, test } from '@jest/globals';
import { pointsFit } from '../../../../src/backend-kit/identity/points-fit.ts';
import type { HeldPoint, ReadBackChunk, RunFiles } from '../../../../src/contract/index.ts';

const signal = new AbortController().signal;
const point = (step: number, changes: Partial<HeldPoint> = {}): HeldPoint => ({
  step,
  wallTime: 1_700_000_000 + step,
  value: step / 8,
  ...changes,
});
const steps = (count: number): HeldPoint[] => Array.from({ length: count }, (_, step) => point(step));

async function* chunks(...all: readonly ReadBackChunk[]): AsyncGenerator<ReadBackChunk, void, void> {
  yield* all;
}
const held = (points: readonly HeldPoint[], tag = 'loss') => chunks({ tag, plugin: 'scalars', points });

function files(points: readonly HeldPoint[], tag = 'loss'): RunFiles & { readonly seen: number } {
  const counter = { seen: 0 };
  return {
    hasRecord: async () => false,
    async *points() {
      for (const each of points) {
        counter.seen++;
        yield { tag, point: each };
      }
    },
    get seen() {
      return counter.seen;
    },
  };
}

describe('the points of a tracker run', () => {
  test('match if each of them is in the files, which are read only up to the last match', async () => {
    const all = files(steps(100));
    expect(await pointsFit(held(steps(10)), all, signal)).toBe('theirs');
    expect(all.seen).toBe(10);
    expect(await pointsFit(held([...steps(3), ...steps(3)]), files(steps(3)), signal)).toBe('theirs');
  });

  test.each([
    ['another step', point(7, { step: 8 })],
    ['another time', point(7, { wallTime: 1 })],
    ['another value', point(7, { value: 1 })],
    ['a value of another kind', point(8, { value: 1n })],
    ['a text', point(8, { value: '1' })],
    ['no number', point(7, { value: Number.NaN })],
    ['a negative zero', point(0, { value: -0 })],
  ])('do not match with %s', async (_, odd) => {
    expect(await pointsFit(held([...steps(5), odd]), files(steps(20)), signal)).toBe('others');
  });

  test('do not match under another tag, and decide nothing if there are none', async () => {
    expect(await pointsFit(held(steps(3), 'other'), files(steps(3)), signal)).toBe('others');
    expect(await pointsFit(held([]), files(steps(3)), signal)).toBe('nothing');
  });

  test('are compared in part if there are very many, with the same part on both sides', async () => {
    const all = steps(5000);
    expect(await pointsFit(held(all), files(all), signal, 100)).toBe('theirs');
    const others = all.map((each) => ({ ...each, wallTime: each.wallTime + 1 }));
    expect(await pointsFit(held(others), files(all), signal, 100)).toBe('others');
  });
});
