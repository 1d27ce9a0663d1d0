import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { resolveRoots } from '../../../src/discover/index.ts';
import { MirrorError } from '../../../src/errors.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

let base = '';
const at = (...path: string[]): string => join(base, ...path);
beforeAll(() => {
  base = temporaryFolder();
  for (const path of ['runs/a/b', 'runs2', 'other/runs', 'empty']) mkdirSync(at(path), { recursive: true });
  writeFileSync(at('file'), 'x');
  symlinkSync('runs', at('alias'));
  symlinkSync('ring', at('ring'));
});
function failure(...args: Parameters<typeof resolveRoots>): MirrorError {
  try {
    resolveRoots(...args);
  } catch (error) {
    if (error instanceof MirrorError) return error;
    throw error;
  }
  throw new Error('it is accepted');
}

describe('resolveRoots', () => {
  test('compares no root with every other one, among the given ones and among the known ones', () => {
    const many = at('many');
    for (let i = 0; i < 1000; i++) mkdirSync(join(many, `u${i}`), { recursive: true });
    let reads = 0;
    const known = Array.from({ length: 1000 }, (_, i) => ({
      name: `u${i}`,
      get path() {
        reads++;
        return join(many, `u${i}`);
      },
    }));
    const requests = known.map(({ path }) => ({ path }));
    reads = 0;
    expect(resolveRoots(requests, known)).toHaveLength(1000);
    expect(reads).toBeLessThanOrEqual(10 * 1000);
  });

  test('names a root by the last part of its path, unless a name is given', () => {
    expect(resolveRoots([{ path: at('runs') }, { path: at('runs2'), name: 'second' }], [])).toEqual([
      { name: 'runs', path: at('runs'), below: '', links: 'owner', isNamed: false },
      { name: 'second', path: at('runs2'), below: '', links: 'owner', isNamed: true },
    ]);
  });

  test('names a linked root by the given path, and knows it by its real path', () => {
    expect(resolveRoots([{ path: at('alias') }], [])).toEqual([
      { name: 'alias', path: at('runs'), below: '', links: 'owner', isNamed: false },
    ]);
  });

  test('normalizes a path before it takes the name from it', () => {
    expect(resolveRoots([{ path: `${at('runs')}/a/../` }], [])).toMatchObject([{ name: 'runs', path: at('runs') }]);
    expect(resolveRoots([{ path: '/' }], [])).toMatchObject([{ name: 'root', path: '/' }]);
  });

  test('gives the same name as before to a directory that has moved', () => {
    expect(resolveRoots([{ path: at('other/runs') }], [{ name: 'runs', path: '/was/elsewhere/runs' }])).toMatchObject([
      { name: 'runs', path: at('other/runs'), below: '' },
    ]);
  });

  test('treats a directory below a known root as that root, narrowed', () => {
    const known = [{ name: 'mine', path: at('runs') }];
    expect(resolveRoots([{ path: at('runs/a/b') }], known)).toEqual([
      { name: 'mine', path: at('runs'), below: 'a/b', links: 'owner', isNamed: true },
    ]);
    expect(resolveRoots([{ path: at('runs/a'), name: 'mine' }], known)).toMatchObject([{ name: 'mine', below: 'a' }]);
    expect(resolveRoots([{ path: at('alias') }], known)).toMatchObject([{ name: 'mine', path: at('runs'), below: '' }]);
    expect(resolveRoots([{ path: at('runs2') }], known)).toMatchObject([{ name: 'runs2', below: '' }]);
  });

  test('MB2001: the directory does not exist', () => {
    for (const path of [at('nothing'), at('file/inside')])
      expect(failure([{ path }], [])).toMatchObject({
        code: 'MB2001',
        exitCode: 2,
        context: { path },
        hint: expect.stringMatching(/Check the path/),
      });
  });

  test('MB2002: it is a file', () => {
    expect(failure([{ path: at('file') }], [])).toMatchObject({ code: 'MB2002', hint: expect.stringMatching(/mirrorboard inspect/) });
  });

  test('MB2003: it cannot be read', () => {
    expect(failure([{ path: at('ring') }], [])).toMatchObject({
      code: 'MB2003',
      message: expect.stringMatching(/ELOOP/),
      hint: expect.any(String),
    });
  });

  test('MB2004: two directories have the same name', () => {
    const error = failure([{ path: at('runs') }, { path: at('other/runs') }], []);
    expect(error).toMatchObject({ code: 'MB2004', hint: `Name one of them: runs-2=${at('other/runs')}` });
    expect(error.message).toContain(at('runs'));
    expect(resolveRoots([{ path: at('runs') }, { path: at('other/runs'), name: 'runs-2' }], [])).toHaveLength(2);
  });

  test('MB2005: a directory is given twice, or is inside another given one', () => {
    expect(failure([{ path: at('runs') }, { path: at('alias') }], [])).toMatchObject({
      code: 'MB2005',
      message: `${at('runs')} is given twice`,
    });
    for (const paths of [
      ['runs', 'runs/a'],
      ['runs/a', 'runs'],
    ]) {
      expect(
        failure(
          paths.map((path) => ({ path: at(path) })),
          [],
        ),
      ).toMatchObject({
        code: 'MB2005',
        message: `${at('runs/a')} is inside ${at('runs')}, which is given too`,
        hint: expect.stringMatching(/only the outer directory/),
      });
    }
    const known = [{ name: 'all', path: base }];
    expect(failure([{ path: at('runs') }, { path: at('runs/a') }], known).code).toBe('MB2005');
    expect(resolveRoots([{ path: at('runs') }, { path: at('runs2') }], known).map(({ below }) => below)).toEqual(['runs', 'runs2']);
  });

  test('MB2005: a directory of a known root is given another name', () => {
    expect(failure([{ path: at('runs/a'), name: 'new' }], [{ name: 'mine', path: at('runs') }])).toMatchObject({
      code: 'MB2005',
      hint: `Omit the name, or give mine=${at('runs')}`,
    });
  });

  test('MB2006: a directory contains a known root', () => {
    expect(failure([{ path: base }], [{ name: 'mine', path: at('runs') }])).toMatchObject({
      code: 'MB2006',
      message: `${base} contains ${at('runs')}, which is already mirrored as mine`,
      hint: expect.stringMatching(/--store other\.db/),
    });
  });
});
