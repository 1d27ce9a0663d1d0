import { describe, expect, it } from '@jest/globals';
import { KeptDifferences } from '../../../src/cli/kept-differences.ts';
import type { Difference } from '../../../src/verify/compare/index.ts';

const missing = (path: string, mine: string | number = 1, tag = 'loss'): Difference => ({
  kind: 'missing',
  run: { root: 'logs', path },
  tag,
  step: 1,
  wallTime: 2,
  position: { file: 'events', offset: 24, index: 0 },
  mine,
  theirs: undefined,
});

describe('the differences that the state keeps', () => {
  it('are the first thousand, with the number of all others, and of each run', () => {
    const kept = new KeptDifferences();
    for (let i = 0; i < 1500; i++) kept.add(missing(i % 3 === 0 ? 'a' : 'b'), 'local');
    const { differences, leftOut, runs, totals } = kept.report({ points: 1500 });
    expect([differences.length, leftOut, totals]).toEqual([1000, 500, { points: 1500 }]);
    expect(differences[0]).toMatchObject({ kind: 'missing', lane: 'local', root: 'logs', run: 'a', file: 'events', offset: 24, mine: 1 });
    expect(runs).toEqual([
      { root: 'logs', run: 'b', differences: 1000 },
      { root: 'logs', run: 'a', differences: 500 },
    ]);
  });

  it('cut long texts, and say which', () => {
    const kept = new KeptDifferences();
    kept.add(missing('a', 'x'.repeat(10_000_000), 't'.repeat(501)), 'local');
    const [line] = kept.report(null).differences;
    expect(line).toMatchObject({ mine: `${'x'.repeat(500)}…`, tag: `${'t'.repeat(500)}…`, cut: expect.arrayContaining(['mine', 'tag']) });
  });

  it('take at most a megabyte or so, and ten thousand runs', () => {
    const kept = new KeptDifferences();
    for (let i = 0; i < 12_000; i++) kept.add(missing(`${'p'.repeat(3000)}${i}`), 'local');
    const { differences, leftOut, runs } = kept.report(null);
    expect(differences.length).toBeLessThan(400);
    expect(differences.length + leftOut).toBe(12_000);
    expect(runs.length).toBeLessThan(400);
    const short = new KeptDifferences();
    for (let i = 0; i < 12_000; i++) short.add(missing(`${i}`), 'local');
    expect(short.report(null).runs).toHaveLength(10_000);
  });
});
