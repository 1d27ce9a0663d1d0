import { expect, test } from '@jest/globals';
import { rangesAt } from '../../../../src/verify/compare/ranges-at.ts';

test('finds each range that holds a byte, in any order, even if they overlap', () => {
  const list = Array.from({ length: 300 }, (_, i) => ({ start: (i * 37) % 211, end: ((i * 37) % 211) + 1 + ((i * 13) % 29) }));
  for (let offset = -1; offset < 250; offset++) {
    const wanted = list.filter(({ start, end }) => start <= offset && offset < end);
    expect(new Set(rangesAt(list, offset))).toEqual(new Set(wanted));
    expect([...rangesAt(list, offset)]).toHaveLength(wanted.length);
  }
});

test('includes ranges that a list got after the first request', () => {
  const list = [{ start: 0, end: 2 }];
  expect([...rangesAt(list, 5)]).toEqual([]);
  list.push({ start: 4, end: 6 });
  expect([...rangesAt(list, 5)]).toEqual([{ start: 4, end: 6 }]);
});
