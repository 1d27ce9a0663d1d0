import { describe, expect, it } from '@jest/globals';
import { replacedOf } from '../../../src/config/index.ts';

describe('what becomes of a run whose file was replaced', () => {
  const roots = [{ path: '/nowhere/a', replaced: 'same_run' }, { path: '/nowhere/b' }] as const;

  it('is what its root says, else what is said of all', () => {
    const of = replacedOf({ roots, replaced: 'new_run', sources: new Map([['replaced', 'file']]) });
    expect(['/nowhere/a', '/nowhere/a/below', '/nowhere/b', '/nowhere/c'].map(of)).toEqual(['same_run', 'same_run', 'new_run', 'new_run']);
  });

  it('is what a flag or a variable says, for every root', () => {
    for (const source of ['flag', 'environment'] as const) {
      const of = replacedOf({ roots, replaced: 'new_run', sources: new Map([['replaced', source]]) });
      expect(of('/nowhere/a')).toBe('new_run');
    }
  });
});
