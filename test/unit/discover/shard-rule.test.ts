import { describe, expect, it } from '@jest/globals';
import type { UnitRule } from '../../../src/config/index.ts';
import { filterOf, unitNames } from '../../../src/discover/index.ts';

const PLAIN: UnitRule = { fold: { names: [], flat: [], hparams: false } };

describe('the unit of a run', () => {
  it('is the run itself if folding is off', () => {
    expect(unitNames(PLAIN)('logs', 'a/b/train')).toBe('a/b/train');
    expect(unitNames(PLAIN)('logs', '.')).toBe('.');
  });

  it('is the run that it may be folded into, no matter which runs exist', () => {
    const unitOf = unitNames({ fold: { names: ['train', 'eval_*'], flat: ['events', 'seed_*'], hparams: true } });
    for (const path of ['a', 'a/train', 'a/eval_1/events', 'a/seed_3', 'a/1700000000.5', 'a/train/1700000001']) {
      expect([path, unitOf('logs', path)]).toEqual([path, 'a']);
    }
    expect(unitOf('logs', 'train')).toBe('.');
    expect(unitOf('logs', 'a/other')).toBe('a/other');
  });

  it('is the top of the study if runs are nested', () => {
    const unitOf = unitNames({ ...PLAIN, parent: '{parent}' });
    expect(['study', 'study/trial_1', 'study/trial_1/fold_2'].map((path) => unitOf('logs', path))).toEqual(['study', 'study', 'study']);
    expect(unitNames({ ...PLAIN, parent: '{root}' })('logs', 'a/b')).toBe('.');
  });
});

describe('the filter of a shard', () => {
  const filter = (index: number, count: number, rule: UnitRule = PLAIN) =>
    filterOf({ include: [], exclude: ['skip'], roots: [], shard: { index, count, ...rule } }, { name: 'logs', path: '/logs' });

  it('accepts each run in one shard only, and skips no directory', () => {
    const filters = [0, 1, 2].map((index) => filter(index, 3));
    for (let i = 0; i < 200; i++) {
      expect(filters.filter((one) => one?.accepts(`run_${i}`) === true)).toHaveLength(1);
      expect(filters.every((one) => one?.prunes(`run_${i}`) === false)).toBe(true);
    }
    expect(filters.every((one) => one?.accepts('skip') === false)).toBe(true);
  });

  it('keeps folded runs together in one shard', () => {
    const rule = { fold: { names: ['train', 'validation'], flat: [], hparams: true } };
    const one = filter(1, 5, rule);
    for (let i = 0; i < 100; i++) {
      const accepted = ['', '/train', '/validation', '/1700000000'].map((below) => one?.accepts(`run_${i}${below}`));
      expect(new Set(accepted).size).toBe(1);
    }
  });

  it('distinguishes roots by their names', () => {
    const shard = { index: 0, count: 2, ...PLAIN };
    const [a, b] = ['a', 'b'].map((name) => filterOf({ include: [], exclude: [], roots: [], shard }, { name, path: `/${name}` }));
    const runs = Array.from({ length: 50 }, (_, i) => `run_${i}`);
    expect(runs.some((run) => a?.accepts(run) !== b?.accepts(run))).toBe(true);
  });
});
