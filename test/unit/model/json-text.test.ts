import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Json, jsonNumber, jsonText } from '../../../src/model/index.ts';

describe('jsonText', () => {
  test('writes every finite number so that readers get it back exactly', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (x) => {
        expect(JSON.parse(jsonText(x))).toBe(x);
      }),
      { numRuns: 2000 },
    );
  });

  test('keeps the sign of zero, and writes numbers that JSON lacks as strings', () => {
    expect([0, -0, Number.NaN, Infinity, -Infinity, 5e-324, 1e21].map(jsonNumber)).toEqual([
      '0',
      '-0.0',
      '"NaN"',
      '"Infinity"',
      '"-Infinity"',
      '5e-324',
      '1e+21',
    ]);
    expect(jsonText([2n ** 53n, -(2n ** 63n), 2n ** 64n - 1n])).toBe('["9007199254740992","-9223372036854775808","18446744073709551615"]');
  });

  test('writes a list as its items', () => {
    const number = fc.oneof(fc.double(), fc.integer(), fc.constantFrom(0, -0, 2 ** 53, -(2 ** 53), 1e21, Number.NaN));
    fc.assert(
      fc.property(fc.array(fc.oneof({ weight: 20, arbitrary: number }, { weight: 1, arbitrary: fc.bigInt() })), (list) => {
        expect(jsonText(list)).toBe(`[${list.map((item) => (typeof item === 'bigint' ? `"${item}"` : jsonNumber(item))).join(',')}]`);
      }),
      { numRuns: 2000 },
    );
    expect(jsonText([1, 2.5, 1e300, -3])).toBe('[1,2.5,1e+300,-3]');
  });

  test('writes nested values as JSON.stringify does', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false, maxDepth: 4 }), (value) => {
        const text = jsonText(value as Json);
        expect(JSON.stringify(JSON.parse(text))).toBe(JSON.stringify(JSON.parse(JSON.stringify(value))));
      }),
    );
  });

  test('keeps a key named __proto__', () => {
    const value = JSON.parse('{"__proto__":1}') as Json;
    expect(jsonText({ inner: value })).toBe('{"inner":{"__proto__":1}}');
  });
});
