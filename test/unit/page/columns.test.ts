// The columns and groups of the table of runs.
import { describe, expect, it } from '@jest/globals';
import { columnOf, columnsOf, nextOrder, paramText } from '../../../src/page/model/columns.ts';
import { grouped, groupRule, regexOf } from '../../../src/page/model/grouping.ts';

describe('a column', () => {
  it('is known by its key', () => {
    expect(columnOf('points')).toMatchObject({ title: 'Points', kind: 'count', canSort: true });
    expect(columnOf('last:val/loss')).toMatchObject({ title: 'val/loss', kind: 'metric', name: 'val/loss', of: 'last' });
    expect(columnOf('min:a:b')).toMatchObject({ title: 'min a:b', name: 'a:b', of: 'min' });
    expect(columnOf('param:lr')).toMatchObject({ title: 'lr', kind: 'param', name: 'lr' });
  });

  it.each(['', 'nonsense', 'last:', 'mean:loss', '__proto__'])('is nothing for the key %j', (key) => {
    expect(columnOf(key)).toBeUndefined();
  });

  it('comes once, whatever a link says', () => {
    expect(columnsOf(['points', 'nonsense', 'points', 'param:a\nb']).map(({ key }) => key)).toEqual(['points', 'param:a\nb']);
  });

  it('sorts by the largest first, except metrics and params, and the other way round next', () => {
    const points = { key: 'points', kind: 'count' } as const;
    const loss = { key: 'last:loss', kind: 'metric' } as const;
    expect([nextOrder('run', points), nextOrder('-points', points), nextOrder('points', points)]).toEqual(['-points', 'points', '-points']);
    expect([nextOrder('run', loss), nextOrder('last:loss', loss)]).toEqual(['last:loss', '-last:loss']);
  });

  it('writes params as they are, and everything else as JSON', () => {
    expect([paramText('adam'), paramText(0.1), paramText(true), paramText([1, 'a']), paramText(null), paramText(undefined)]).toEqual([
      'adam',
      '0.1',
      'true',
      '[1,"a"]',
      'null',
      '',
    ]);
  });
});

describe('a group', () => {
  const run = (id: string, params: Record<string, unknown> = {}) => ({ id, params });
  const runs = [run('logs/a/seed_1', { lr: 0.1 }), run('logs/b/seed_1', { lr: 0.2 }), run('logs/a/seed_2', { lr: 0.1 }), run('x')];

  function groups(rule: string): Readonly<Record<string, readonly string[]>> {
    const nameOf = groupRule(rule);
    if (typeof nameOf !== 'function') throw new Error('no rule');
    return Object.fromEntries([...grouped(runs, nameOf)].map(([name, members]) => [name, members.map(({ id }) => id)]));
  }

  it('has the runs with the same match', () => {
    expect(groups('seed_\\d')).toEqual({ seed_1: ['logs/a/seed_1', 'logs/b/seed_1'], seed_2: ['logs/a/seed_2'], others: ['x'] });
    expect(groups('^logs/(\\w+)/')).toEqual({ a: ['logs/a/seed_1', 'logs/a/seed_2'], b: ['logs/b/seed_1'], others: ['x'] });
    expect(groups('(a|b)/(seed_1)')).toEqual({
      'a · seed_1': ['logs/a/seed_1'],
      'b · seed_1': ['logs/b/seed_1'],
      others: ['logs/a/seed_2', 'x'],
    });
  });

  it('has the runs with the same param', () => {
    expect(groups('param:lr')).toEqual({
      'lr = 0.1': ['logs/a/seed_1', 'logs/a/seed_2'],
      'lr = 0.2': ['logs/b/seed_1'],
      'without lr': ['x'],
    });
    expect(groups('param:constructor')).toEqual({ 'without constructor': runs.map(({ id }) => id) });
  });

  it('is none without a rule, and says what is wrong with one', () => {
    expect(groupRule('')).toBeUndefined();
    expect(groupRule('(')).toEqual({ why: expect.stringContaining('Invalid regular expression') });
    expect(regexOf('a+')).toEqual(/a+/u);
  });
});
