import { describe, expect, test } from '@jest/globals';
import { bfloat16ToNumber, halfToNumber } from '../../../src/model/half.ts';

/** IEEE 754 by the book: sign, significand and a power of two, each from its own bits. */
function reference(pattern: number, exponentBits: number, fractionBits: number): number {
  const sign = pattern >> (exponentBits + fractionBits) === 0 ? 1 : -1;
  const exponent = (pattern >> fractionBits) % 2 ** exponentBits;
  const fraction = (pattern % 2 ** fractionBits) / 2 ** fractionBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  if (exponent === 2 ** exponentBits - 1) return fraction === 0 ? sign * Infinity : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** (1 - bias) : sign * (1 + fraction) * 2 ** (exponent - bias);
}

test.each([
  ['half', halfToNumber, 5, 10],
  ['bfloat16', bfloat16ToNumber, 8, 7],
])('%s: every pattern is the number that IEEE 754 says', (_, convert, exponentBits, fractionBits) => {
  for (let pattern = 0; pattern < 65_536; pattern++) {
    const expected = reference(pattern, exponentBits, fractionBits);
    if (!Object.is(convert(pattern), expected)) throw new Error(`${pattern}: ${convert(pattern)} is not ${expected}`);
  }
});

describe('known numbers', () => {
  test('come out', () => {
    expect([0x3c00, 0xc000, 0x7bff, 0x0001, 0x8000, 0x3555].map(halfToNumber)).toEqual([1, -2, 65_504, 2 ** -24, -0, 0.333251953125]);
    expect([0x3f80, 0xc000, 0x0001, 0x4049].map(bfloat16ToNumber)).toEqual([1, -2, 2 ** -133, 3.140625]);
  });
});
