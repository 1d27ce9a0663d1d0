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

describe('thousands of roots', () => {
  test('are each looked up, not compared with all others', () => {
    let reads = 0;
    const roots = Array.from({ length: 2000 }, (_, i) => ({
      get path() {
        reads++;
        return `/logs/u${i}`;
      },
      include: [`only-${i}`],
    }));
    const rules = { include: [], exclude: [], roots };
    for (let i = 0; i < 2000; i++) expect(globsOf(rules, { name: `u${i}`, path: `/logs/u${i}` }).include).toEqual([`only-${i}`]);
    expect(reads).toBeLessThanOrEqual(4 * 2000);
  });

  test('keep their order: the first match by name or path applies', () => {
    const roots = [
      { path: '/a', name: 'x', include: ['1'] },
      { path: '/b', include: ['2'] },
      { path: '/a', include: ['3'] },
    ];
    const rules = { include: [], exclude: [], roots };
    expect(globsOf(rules, { name: 'b', path: '/a' }).include).toEqual(['1']);
    expect(globsOf(rules, { name: 'b', path: '/c' }).include).toEqual(['2']);
    expect(globsOf(rules, { name: 'c', path: '/c' }).include).toEqual([]);
  });
});

describe('the mirrored runs of a root', () => {
  test('are all if no filter is given', () => {
    expect(filterOf(ALL_RUNS, { name: 'a', path: '/logs/a' })).toBeUndefined();
  });

  test("follow the root's own include instead of the common one, and its exclude in addition", () => {
    expect(globsOf(RULES, { name: 'a', path: '/logs/a' })).toEqual({ include: ['exp*'], exclude: ['**/debug', 'tmp'], ignore: [] });
    expect(globsOf(RULES, { name: 'bee', path: '/mnt/elsewhere' })).toEqual({ include: ['best*'], exclude: ['**/debug'], ignore: [] });
    expect(globsOf(RULES, { name: 'c', path: '/logs/c' })).toEqual({ include: ['exp*'], exclude: ['**/debug'], ignore: [] });
  });

  test('follow the same rules if a root has another name, by its path', () => {
    expect(globsOf(RULES, { name: 'other', path: '/logs/b' }).include).toEqual(['best*']);
  });
});
