import { describe, expect, test } from '@jest/globals';
import { heldScalar, isOdd, metricText } from '../../../../src/backends/mlflow/map.ts';

const sent = (step: number | bigint, wallTime: number, value: number | bigint): unknown =>
  JSON.parse(metricText('"k"', step, wallTime, value));

describe('a metric', () => {
  test('is sent as a number that the server can read', () => {
    expect(sent(3, 1700000000.1234, 0.1)).toEqual({ key: 'k', step: 3, timestamp: 1700000000123, value: 0.1 });
    expect(sent(-5, 0, Number.NaN)).toEqual({ key: 'k', step: -5, timestamp: 0, value: 'NaN' });
    expect(sent(9007199254740993n, 1, 1)).toMatchObject({ step: '9007199254740993' });
    expect(sent(-9223372036854775808n, 1, 1)).toMatchObject({ step: '-9223372036854775808' });
    expect(sent(0, 1, Number.POSITIVE_INFINITY)).toMatchObject({ value: 'Infinity' });
    expect(sent(0, 1, 18446744073709551615n)).toMatchObject({ value: 18446744073709552000 });
    expect(metricText('"k"', 0, 1, -0)).toContain('"value":0,');
    expect(metricText('"k"', -0, 1, 5e-324)).toBe('{"key":"k","value":5e-324,"timestamp":1000,"step":0}');
  });

  test.each([
    [Number.NaN, 0],
    [-1, 0],
    [Number.POSITIVE_INFINITY, Number.MAX_SAFE_INTEGER],
    [Number.NEGATIVE_INFINITY, 0],
    [1e300, Number.MAX_SAFE_INTEGER],
  ])('at %d gets the nearest possible time, and is kept in a file', (wallTime, timestamp) => {
    expect(sent(0, wallTime, 1)).toMatchObject({ timestamp });
    expect(isOdd(wallTime, 1, false)).toBe(true);
  });

  test.each([
    [1.5, false],
    [Number.NaN, false],
    [0, false],
    [-0, true],
    [Number.POSITIVE_INFINITY, true],
    [9007199254740993n, true],
  ])('of %d is kept in a file: %j', (value, odd) => expect(isOdd(1700000000.5, value, false)).toBe(odd));

  test('keeps fractions of a millisecond in a file if requested', () => {
    expect(isOdd(1700000000.1234, 1, false)).toBe(false);
    expect(isOdd(1700000000.1234, 1, true)).toBe(true);
    expect(isOdd(1700000000.123, 1, true)).toBe(false);
  });

  test('can hold whole milliseconds and finite numbers', () => {
    expect(heldScalar({ step: 1, wallTime: 1.23456, value: -0 })).toEqual({ step: 1, wallTime: 1.235, value: 0 });
    expect(heldScalar({ step: 1, wallTime: Number.NaN, value: Number.NEGATIVE_INFINITY })).toEqual({
      step: 1,
      wallTime: 0,
      value: -Number.MAX_VALUE,
    });
    expect(heldScalar({ step: 1, wallTime: 1, value: Number.POSITIVE_INFINITY }, true).value).toBe(Number.POSITIVE_INFINITY);
  });
});
