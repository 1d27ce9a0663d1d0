// The runs that a log directory shows, and their names there.
import { describe, expect, it } from '@jest/globals';
import { nameIn, runNamed, viewsOfDirectory, wholeRoots } from '../../../src/tensorboard/root-views.ts';

const root = (name: string, path: string) => ({ name, path, runs: 1, points: 1 });

describe('a log directory', () => {
  it.each([
    ['is a root', '/logs', [root('a', '/logs')], [{ root: 'a', prefix: '', below: '' }]],
    ['is inside a root', '/logs/x/y', [root('a', '/logs')], [{ root: 'a', prefix: '', below: 'x/y' }]],
    [
      'holds roots',
      '/',
      [root('a', '/logs/one'), root('b', '/two')],
      [
        { root: 'b', prefix: 'two', below: '' },
        { root: 'a', prefix: 'logs/one', below: '' },
      ],
    ],
    ['shows nothing of a root twice', '/logs', [root('in', '/logs/x'), root('out', '/logs')], [{ root: 'out', prefix: '', below: '' }]],
    ['shows no root with a similar name', '/logs', [root('a', '/logs2'), root('b', '/..logs'), root('c', '')], []],
    ['shows a root whose name begins with dots', '/logs', [root('a', '/logs/..a')], [{ root: 'a', prefix: '..a', below: '' }]],
  ])('%s', (_, directory, roots, views) => {
    expect(viewsOfDirectory(roots, [directory])).toEqual(views);
  });

  it('may be named by a link', () => {
    expect(viewsOfDirectory([root('a', '/real')], ['/link', '/real'])).toEqual([{ root: 'a', prefix: '', below: '' }]);
  });
});

describe('the name of a run', () => {
  it.each([
    [{ prefix: '', below: '' }, 'x/y', 'x/y'],
    [{ prefix: '', below: '' }, '.', '.'],
    [{ prefix: 'a/b', below: '' }, 'x', 'a/b/x'],
    [{ prefix: 'a/b', below: '' }, '.', 'a/b'],
    [{ prefix: '', below: 'x' }, 'x/y', 'y'],
    [{ prefix: '', below: 'x' }, 'x', '.'],
  ])('in %j of %s is %s', (view, path, name) => {
    expect(nameIn({ root: 'r', ...view }, path)).toBe(name);
    expect(runNamed({ root: 'r', ...view }, name)).toEqual({ root: 'r', path });
  });

  it('is none outside of the view', () => {
    expect(nameIn({ root: 'r', prefix: '', below: 'x' }, 'xy')).toBeUndefined();
    expect(runNamed({ root: 'r', prefix: 'x', below: '' }, 'xy')).toBeUndefined();
  });

  it('begins with that of its root if there are several roots', () => {
    expect(wholeRoots([root('a', '/a'), root('b', '/b')]).map(({ prefix }) => prefix)).toEqual(['a', 'b']);
    expect(wholeRoots([root('a', '/a')]).map(({ prefix }) => prefix)).toEqual(['']);
  });
});
