import { describe, expect, it } from '@jest/globals';
import { keyOf, RowKeys, tagOf } from '../../../../src/backends/wandb/keys.ts';
import { numberText, readNumber } from '../../../../src/backends/wandb/numbers.ts';
import { membersOf } from '../../../../src/backends/wandb/row-reader.ts';
import { HOSTILE_NAMES } from '../../../../src/testing/hostile-names.ts';

describe('keys of tags', () => {
  it.each(HOSTILE_NAMES)('are reversible: %j', (tag) => expect(tagOf(keyOf(tag))).toBe(tag));

  it.each([
    ['train/loss', 'train/loss'],
    ['f1@0.5', 'f1@0.5'],
    ['_step', '~5f~step'],
    ['global_step', '~67~lobal_step'],
    ['a/global_step', 'a/~67~lobal_step'],
    ['mirrorboard/exact', '~6d~irrorboard/exact'],
    ['a~b', 'a~7e~b'],
    ['', '~~'],
  ])('are as simple as possible: %j is %j', (tag, key) => expect(keyOf(tag)).toBe(key));

  it('differ by more than case, and are the same again in a listing', () => {
    const table = new RowKeys();
    const tags = ['loss', 'Loss', 'LOSS', 'loss'];
    const keys = tags.map((tag) => table.keyOf(tag));
    expect(keys).toEqual(['loss', 'Loss~~', 'LOSS~~~~', 'loss']);
    expect(keys.map(tagOf)).toEqual(tags);
    const later = new RowKeys(table.renamed);
    expect(['LOSS', 'Loss', 'loss'].map((tag) => later.keyOf(tag))).toEqual(['LOSS~~~~', 'Loss~~', 'loss']);
    expect(later.hasNews).toBe(false);
  });
});

describe('numbers of rows', () => {
  it.each([
    0,
    -0,
    1,
    0.1,
    1 / 3,
    5e-324,
    1.7976931348623157e308,
    2 ** 53,
    2 ** 60,
    1e21,
    NaN,
    Infinity,
    -Infinity,
    2n ** 60n,
    -(2n ** 63n),
  ])('are read back as they were: %s', (x) => expect(readNumber(numberText(x))).toBe(x));

  it('come from texts if a service has no JSON literals for them', () => {
    expect(['"NaN"', '"-Infinity"', '"1"', '"x"', 'null'].map(readNumber)).toEqual([NaN, -Infinity, undefined, undefined, undefined]);
  });
});

describe('rows', () => {
  it('are split without parsing their values', () => {
    expect(membersOf('{ "a": NaN, "b\\"":{"x":["}",1]} ,"c":"\\\\","d":-0.0}')).toEqual([
      ['a', 'NaN'],
      ['b"', '{"x":["}",1]}'],
      ['c', '"\\\\"'],
      ['d', '-0.0'],
    ]);
    expect(membersOf('{}')).toEqual([]);
  });

  it.each(['', '[]', '{"a":}', '{"a":1', '{"a" 1}', '{"a":"x}'])('are refused: %j', (text) => expect(membersOf(text)).toBeUndefined());
});
