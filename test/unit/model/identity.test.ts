import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compareNames, runLabel } from '../../../src/model/index.ts';

describe('compareNames', () => {
  // Few letters, so that names share beginnings: ASCII, two and three bytes, the top of three bytes, four bytes.
  const letter = fc.constantFrom(
    'a',
    'b',
    '.',
    '9',
    '~',
    'é',
    '\u07ff',
    '\u0800',
    '精',
    '\ud7ff',
    '\ue000',
    '\uffff',
    '\u{10000}',
    '\u{1F389}',
    '\u{10FFFF}',
  );
  const name = fc.oneof(
    fc.array(letter, { maxLength: 6 }).map((letters) => letters.join('')),
    fc.string({ unit: 'binary' }),
  );

  test('orders names as their UTF-8 bytes', () => {
    fc.assert(
      fc.property(name, name, (a, b) => {
        return Math.sign(compareNames(a, b)) === Buffer.compare(Buffer.from(a), Buffer.from(b));
      }),
      { numRuns: 5000 },
    );
  });

  test('puts ...1000.x before ...999.x, and a name before longer names that begin with it', () => {
    const names = ['e.999.x', 'e.1000.x', 'e.1000', '\u{1F389}', '\uffff'];
    expect(names.sort(compareNames)).toEqual(['e.1000', 'e.1000.x', 'e.999.x', '\uffff', '\u{1F389}']);
  });
});

test('runLabel names a run by its root and path', () => {
  expect(runLabel({ root: 'logs', path: 'a/b' })).toBe('logs/a/b');
  expect(runLabel({ root: 'logs', path: '.' })).toBe('logs');
});
