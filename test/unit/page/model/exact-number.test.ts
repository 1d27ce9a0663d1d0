import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { exactText, shortText, tickTexts, toDouble } from '../../../../src/page/model/exact-number.ts';

describe('numbers of the API', () => {
  it('reads back every double from its text', () => {
    fc.assert(
      fc.property(fc.double(), (value) => {
        expect(Object.is(Number(exactText(value)), value)).toBe(true);
      }),
    );
  });

  it('keeps all digits of an integer that no double holds', () => {
    expect(exactText('9007199254740993')).toBe('9007199254740993');
    expect(toDouble('9007199254740993')).toBe(9007199254740992);
  });

  it.each([
    ['NaN', Number.NaN],
    ['Infinity', Number.POSITIVE_INFINITY],
    ['-Infinity', Number.NEGATIVE_INFINITY],
  ])('reads %s', (text, value) => {
    expect(toDouble(text)).toBe(value);
    expect(exactText(text)).toBe(text);
  });

  it('writes negative zero as the exports do', () => {
    expect(exactText(-0)).toBe('-0.0');
  });

  it.each([
    [0.1 + 0.2, '0.3'],
    [123456.789, '123460'],
    [1234567, '1234567'],
    [0.00001234567, '1.2346e-5'],
    [12345678, '1.2346e7'],
    [-2e-7, '-2e-7'],
    [1e300, '1e300'],
    [9999999.9, '1e7'],
    [Number.NaN, 'NaN'],
    [Number.NEGATIVE_INFINITY, '-∞'],
  ])('writes %p short', (value, text) => {
    expect(shortText(value)).toBe(text);
  });

  it('tells ticks apart that differ in the last digits', () => {
    expect(tickTexts([0.1234561, 0.1234562, 0.1234563])).toEqual(['0.1234561', '0.1234562', '0.1234563']);
    expect(tickTexts([1000.5, 1000.75])).toEqual(['1000.5', '1000.75']);
    expect(tickTexts([0, 0.5])).toEqual(['0', '0.5']);
    expect(tickTexts([3])).toEqual(['3']);
  });
});
