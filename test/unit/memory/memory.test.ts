import { describe, expect, test } from '@jest/globals';
import {
  formatMemory,
  memoryForRecord,
  memoryForValues,
  memoryOf,
  parseMemory,
  recordsAtOnce,
  sharesOf,
} from '../../../src/memory/index.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;

describe('the memory setting', () => {
  test.each([
    ['512MiB', 512 * MIB],
    ['512Mi', 512 * MIB],
    ['2G', 2 * GIB],
    ['1.5GiB', 1.5 * GIB],
    ['1073741824', GIB],
    ['10MiB', undefined],
    ['much', undefined],
    ['', undefined],
    ['-1GiB', undefined],
  ])('reads %s', (text, bytes) => {
    expect(parseMemory(text)).toBe(bytes);
  });

  test('is shown in a form that the setting accepts', () => {
    for (const bytes of [512 * MIB, 2 * GIB, 513 * MIB, 3 * GIB + 1]) {
      expect(parseMemory(formatMemory(bytes))).toBeGreaterThanOrEqual(bytes);
    }
  });

  test('is the limit of the cgroup if there is one, and never more', () => {
    expect(memoryOf(undefined, { constrained: 512 * MIB, total: 64 * GIB })).toBe(512 * MIB);
    expect(memoryOf(2 * GIB, { constrained: 512 * MIB, total: 64 * GIB })).toBe(512 * MIB);
    expect(memoryOf(256 * MIB, { constrained: 512 * MIB, total: 64 * GIB })).toBe(256 * MIB);
  });

  test.each([0, undefined, 2 ** 63])('is half of the machine, 4 GiB at most, if the cgroup has %p', (constrained) => {
    expect(memoryOf(undefined, { constrained, total: 6 * GIB })).toBe(3 * GIB);
    expect(memoryOf(undefined, { constrained, total: 64 * GIB })).toBe(4 * GIB);
    expect(memoryOf(8 * GIB, { constrained, total: 64 * GIB })).toBe(8 * GIB);
  });

  test('is enough if a message recommends it', () => {
    for (const [trackers, roots] of [
      [0, 1],
      [4, 1],
      [2, 20],
    ] as const) {
      const bytes = 600 * MIB;
      const records = recordsAtOnce({ trackers, roots });
      expect(sharesOf(memoryForRecord(bytes, records), records).record).toBeGreaterThanOrEqual(bytes);
    }
    expect(sharesOf(memoryForValues(100 * MIB) ?? 0).values).toBeGreaterThanOrEqual(100 * MIB);
    expect(memoryForValues(GIB)).toBeUndefined();
  });
});
