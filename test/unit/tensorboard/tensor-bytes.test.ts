// The bytes of an answer: which steps are omitted, from sizes alone.
import { describe, expect, it } from '@jest/globals';
import type { Json } from '../../../src/model/index.ts';
import type { StoredValue } from '../../../src/query/index.ts';
import { largestShare, tensorBytes, withinBytes } from '../../../src/tensorboard/tensor-bytes.ts';

function stored(kind: string, value: Json, fileBytes: readonly number[] = [], step = 0): StoredValue {
  const media = fileBytes.map((bytes) => ({ sha256: '', bytes, path: '', format: '', label: '' }));
  return { id: 1, step, wallTime: 0, form: 'tensor', kind, value, media, position: { file: '', offset: 0, index: 0 } };
}

describe('the bytes of a tensor', () => {
  it.each([
    [
      'histogram',
      {
        buckets: [
          [0, 1, 2],
          ['-Infinity', 1, 2],
        ],
      },
      [],
      48,
    ],
    ['pr_curve', { shape: [6, 2], rows: Array.from({ length: 6 }, () => [1, 2]) }, [], 48],
    ['text', { shape: [2], strings: ['äb', { base64: '/wD+' }] }, [], 6],
    ['tensor', { dtype: 'double', shape: [2], bytes: 16, sha256_le: '', values: [1, 2] }, [], 16],
    ['tensor', { dtype: 'float', shape: [100], bytes: 400, sha256_le: '' }, [400], 400],
    ['tensor', { dtype: 'string', shape: [2], strings: ['abc', { sha256: '' }] }, [5000], 5003],
    ['malformed', { tensor: {}, raw: {} }, [70], 70],
  ])('of a %s are counted: %j', (kind, value, files, bytes) => {
    expect(tensorBytes(stored(kind, value as Json, files))).toBe(bytes);
  });
});

describe('the share of a series', () => {
  it.each([
    [[10, 20, 30], 100, Number.POSITIVE_INFINITY],
    [[10, 100, 100], 110, 50],
    [[100, 1, 100, 1], 52, 25],
    [[], 10, Number.POSITIVE_INFINITY],
  ])('of sizes %j with room for %d is %d', (sizes, most, share) => {
    expect(largestShare(sizes, most)).toBe(share);
  });

  it('keeps steps at equal distances, and the last one', () => {
    const values = Array.from({ length: 10 }, (_, step) => stored('text', { strings: ['x'.repeat(10)] }, [], step));
    expect(withinBytes(values, 100)).toBe(values);
    expect(withinBytes(values, 50).map(({ step }) => step)).toEqual([1, 3, 5, 7, 9]);
    expect(withinBytes(values, 35).map(({ step }) => step)).toEqual([0, 3, 6, 9]);
    expect(withinBytes(values, 1).map(({ step }) => step)).toEqual([9]);
  });
});
