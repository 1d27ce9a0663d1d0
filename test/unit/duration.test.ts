import { describe, expect, it } from '@jest/globals';
import { parseDuration, parseWait, writtenDuration } from '../../src/duration.ts';

describe('a time', () => {
  it.each([
    ['90s', 90_000],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['2d', 172_800_000],
    ['0.3', 300],
    ['45', 45_000],
  ])('can be read in common spellings: %s', (text, ms) => expect(parseDuration(text)).toBe(ms));

  it.each(['', 'soon', '5 m', '5x', '-1s', '1h30'])('cannot be read from %j', (text) => expect(parseDuration(text)).toBeUndefined());

  it('to wait is above 0, and at most the limit of a timer', () => {
    expect(['0', '1ms', '21d', '20d'].map(parseWait)).toEqual([undefined, undefined, undefined, 20 * 86_400_000]);
  });

  it.each([
    [1_800_000, '30m'],
    [25_000, '25s'],
    [5_401_500, '1h30m1.5s'],
    [0, '0s'],
  ])('is written in a form that can be read: %s', (ms, text) => expect(writtenDuration(ms)).toBe(text));
});
