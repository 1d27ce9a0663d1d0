import { describe, expect, test } from '@jest/globals';
import { ALL_RUNS, filterOf, globsOf, type RunRules } from '../../../src/discover/index.ts';

const RULES: RunRules = {
  include: ['exp*'],
  exclude: ['**/debug'],
  roots: [
    { path: '/logs/a', exclude: ['tmp'] },
    { path: '/logs/b', name: 'bee', include: ['best*'] },
  ],
};

describe('which runs of a root are mirrored', () => {
  test('all, where nothing is said', () => {
    expect(filterOf(ALL_RUNS, { name: 'a', path: '/logs/a' })).toBeUndefined();
  });

  test("a root's own include takes the place of the one for all, its exclude is added", () => {
    expect(globsOf(RULES, { name: 'a', path: '/logs/a' })).toEqual({ include: ['exp*'], exclude: ['**/debug', 'tmp'], ignore: [] });
    expect(globsOf(RULES, { name: 'bee', path: '/mnt/elsewhere' })).toEqual({ include: ['best*'], exclude: ['**/debug'], ignore: [] });
    expect(globsOf(RULES, { name: 'c', path: '/logs/c' })).toEqual({ include: ['exp*'], exclude: ['**/debug'], ignore: [] });
  });

  test('a root is known by its path under another name, too', () => {
    expect(globsOf(RULES, { name: 'other', path: '/logs/b' }).include).toEqual(['best*']);
  });
});
