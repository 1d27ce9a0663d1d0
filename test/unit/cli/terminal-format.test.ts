import { describe, expect, test } from '@jest/globals';
import { counted, formatBytes, formatCount, formatDuration, formatRate, formatStep } from '../../../src/cli/terminal/index.js';

describe('numbers in the output', () => {
  test('keep all digits of counts', () => {
    expect([0, -0, 999, 1_234_567].map(formatCount)).toEqual(['0', '0', '999', '1,234,567']);
    expect(formatCount(9_223_372_036_854_775_807n)).toBe('9,223,372,036,854,775,807');
  });

  test('have a singular for one', () => {
    expect([0, 1, 2, 1234].map((n) => counted(n, 'file'))).toEqual(['0 files', '1 file', '2 files', '1,234 files']);
    expect([1, 3].map((n) => counted(n, 'try', 'tries'))).toEqual(['1 try', '3 tries']);
  });

  test('have three digits in sizes and never reach 1024 of a unit', () => {
    const sizes = [0, 1, 1023, 1024, 1536, 10_230, 102_400, 1023 * 1024, 1024 * 1024 - 1, 5 * 1024 ** 3, 2 ** 60];
    expect(sizes.map(formatBytes)).toEqual([
      ...['0 B', '1 B', '1023 B', '1.00 KiB', '1.50 KiB', '9.99 KiB', '100 KiB', '1023 KiB', '1.00 MiB', '5.00 GiB', '1024 PiB'],
    ]);
  });

  test('have two units in durations and never 60 of one', () => {
    const durations = [0, 800, 9_949, 9_950, 12_000, 59_600, 60_000, 200_000, 3_599_600, 7_500_000, 86_399_999, 356_400_000];
    expect(durations.map(formatDuration)).toEqual([
      ...['< 0.1 s', '0.8 s', '9.9 s', '10 s', '12 s', '1 min', '1 min', '3 min 20 s', '1 h', '2 h 5 min', '1 d', '4 d 3 h'],
    ]);
    expect([Number.NaN, -1, Number.POSITIVE_INFINITY].map(formatDuration)).toEqual(['< 0.1 s', '< 0.1 s', 'forever']);
  });

  test('are short in rates', () => {
    const rates = [0, 0.4, 12.3, 850, 999.6, 1_940_000, 12_000_000].map((rate) => formatRate(rate, 'points'));
    expect(rates.map((rate) => rate.replace(' points/s', ''))).toEqual(['0', '0.4', '12', '850', '1.0 k', '1.9 M', '12 M']);
  });

  test('are exact in steps beyond 2^53, and a dash if the step is missing', () => {
    expect([null, 0, -5, 4_999, 2n ** 63n - 1n].map(formatStep)).toEqual(['-', '0', '-5', '4,999', '9,223,372,036,854,775,807']);
  });
});
