import { describe, expect, it } from '@jest/globals';
import { nextScanDelay, pollInterval } from '../../../src/discover/index.ts';

describe('pollInterval', () => {
  it('checks a file every second if it grew in the last minute, every quarter of a minute for an hour, then never', () => {
    expect([0, 59_999].map(pollInterval)).toEqual([1000, 1000]);
    expect([60_000, 3_599_999].map(pollInterval)).toEqual([15_000, 15_000]);
    expect([3_600_000, Infinity].map(pollInterval)).toEqual([undefined, undefined]);
  });

  it('treats a file from the future as one that grows', () => {
    expect(pollInterval(-1e9)).toBe(1000);
  });
});

describe('nextScanDelay', () => {
  it('is the interval, plus or minus a fifth', () => {
    expect(nextScanDelay(60_000, 10, 0)).toBe(48_000);
    expect(nextScanDelay(60_000, 10, 0.5)).toBe(60_000);
    expect(nextScanDelay(60_000, 10, 0.999_999)).toBeLessThan(72_000);
  });

  it('is four times the duration of a scan for a tree that takes long to scan', () => {
    expect(nextScanDelay(60_000, 100_000, 0.5)).toBe(400_000);
  });
});
