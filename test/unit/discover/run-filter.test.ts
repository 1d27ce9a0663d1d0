import { describe, expect, it } from '@jest/globals';
import { runFilter } from '../../../src/discover/index.ts';

describe('runFilter', () => {
  it('is undefined if there is nothing to filter', () => {
    expect(runFilter([], [])).toBeUndefined();
  });

  it('includes the runs that match one of the globs, and everything below a directory that matches', () => {
    const filter = runFilter(['exp*', 'team/*/final'], []);
    const accepted = ['exp1', 'exp1/train', 'exp2/a/b', 'team/x/final', 'team/x/final/eval'];
    const refused = ['.', 'team', 'team/x', 'other', 'other/exp1'];
    expect(accepted.filter((run) => !filter?.accepts(run))).toEqual([]);
    expect(refused.filter((run) => filter?.accepts(run))).toEqual([]);
  });

  it('excludes matching runs, and skips the directories below them', () => {
    const filter = runFilter([], ['debug', '**/tmp']);
    for (const run of ['debug', 'debug/a', 'tmp', 'a/tmp', 'a/tmp/b']) {
      expect(filter?.accepts(run)).toBe(false);
      expect(filter?.prunes(run)).toBe(true);
    }
    for (const run of ['.', 'debugger', 'a/debug']) {
      expect(filter?.accepts(run)).toBe(true);
      expect(filter?.prunes(run)).toBe(false);
    }
  });

  it('excludes runs that are both included and excluded', () => {
    const filter = runFilter(['exp1'], ['exp1/debug']);
    expect(filter?.accepts('exp1/train')).toBe(true);
    expect(filter?.accepts('exp1/debug')).toBe(false);
  });

  it('enters directories that lead to an included run', () => {
    const filter = runFilter(['team/*/final'], []);
    expect(['team', 'team/x', 'team/x/final'].filter((directory) => filter?.prunes(directory))).toEqual([]);
  });

  it.each(['exp1/', 'exp1/**'])('reads %s as the directory and everything below it', (glob) => {
    const filter = runFilter([glob], []);
    expect(['exp1', 'exp1/a'].map((run) => filter?.accepts(run))).toEqual([true, true]);
    expect(['exp11', '.'].map((run) => filter?.accepts(run))).toEqual([false, false]);
  });

  it('matches hidden directories and names with blanks', () => {
    const filter = runFilter(['*'], ['with blank']);
    expect(filter?.accepts('.hidden/run')).toBe(true);
    expect(filter?.accepts('with blank/run')).toBe(false);
  });
});
