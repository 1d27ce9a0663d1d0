import { lstatSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { type DirectoryFs, nodeFs } from '../../../src/discover/read-entries.ts';
import { visit } from '../../../src/discover/walk.ts';
import { openFile } from '../../../src/tail/index.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { walk } from '../../support/walk.ts';

const EVENTS = 'events.out.tfevents.1';

const LISTED = 'its directory lists it, but the system cannot find it (ENOENT)';

let root = '';
beforeEach(() => {
  root = temporaryFolder();
});
function make(...runs: readonly string[]): void {
  for (const run of runs) {
    mkdirSync(join(root, run), { recursive: true });
    writeFileSync(join(root, run, EVENTS), 'x');
  }
}

function failed(code: string, errno = -5): Error {
  return Object.assign(new Error(`${code}: lstat`), { code, errno });
}

/**
 * A file system that does not say what its entries are: Node looks at each, and fails for all when it can't. `ghost`:
 * listed in every directory.
 */
function untyped(faults: Readonly<Record<string, string>>, ghost?: string): DirectoryFs {
  const lstat: DirectoryFs['lstat'] = (path) => {
    const name = path.toString().slice(path.lastIndexOf('/') + 1);
    const code = name === ghost ? 'ENOENT' : faults[name];
    if (code !== undefined) throw failed(code);
    return lstatSync(path);
  };
  const names: DirectoryFs['names'] = (path) => [...nodeFs.names(path), ...(ghost === undefined ? [] : [Buffer.from(ghost)])];
  return {
    names,
    lstat,
    list: (path) => {
      for (const name of names(path)) lstat(Buffer.concat([Buffer.from(path), Buffer.from('/'), name]));
      return nodeFs.list(path);
    },
  };
}

describe('a directory whose entries have no types', () => {
  test('is read except for an entry that is listed and cannot be checked, which is named once', () => {
    make('a', 'b');
    const { runs, obstacles } = walk(root, '', { fs: untyped({ a: 'EACCES' }) });
    expect(runs.map(({ path }) => path)).toEqual(['b']);
    expect(obstacles).toEqual([{ path: 'a', reason: 'no permission (EACCES)' }]);
  });

  test('gets a message about an entry that is still listed after a check did not find it', () => {
    make('a', 'b');
    const { runs, obstacles } = walk(root, 'a', { fs: untyped({}, 'gone_dir') });
    expect(runs.map(({ path }) => path)).toEqual(['a']);
    expect(obstacles).toEqual([{ path: 'a/gone_dir', reason: LISTED }]);
  });

  test('does not report an entry that was removed while the directory was read', () => {
    make('a', 'b');
    let listed = 0;
    const fs = untyped({ b: 'ENOENT' });
    const names: DirectoryFs['names'] = (path) => {
      const found = fs.names(path);
      return path === root && ++listed > 1 ? found.filter((name) => name.toString() !== 'b') : found;
    };
    const { runs, obstacles } = walk(root, '', { fs: { ...fs, names } });
    expect(runs.map(({ path }) => path)).toEqual(['a']);
    expect(obstacles).toEqual([]);
  });

  test('gets a message in words for an error number that Node does not know', () => {
    make('a', 'b');
    const fs = untyped({ a: 'Unknown system error -116' });
    expect(walk(root, '', { fs }).obstacles).toEqual([{ path: 'a', reason: 'the file server no longer knows this file (ESTALE)' }]);
  });

  test('is reported as unreadable if its names cannot be read', () => {
    make('a', 'b');
    const failing = (): never => {
      throw failed('EIO');
    };
    const fs = { ...nodeFs, names: failing, list: failing };
    expect(walk(root, 'a', { fs }).obstacles).toEqual([
      { path: 'a', reason: 'the system cannot read these bytes: the disk or the file server has an error (EIO)' },
    ]);
  });
});

describe('a directory whose entries have types', () => {
  /** Lists a directory and a file that nobody finds there, as long as `isListed` says so. */
  const withGhosts = (isListed: () => boolean = () => true): DirectoryFs => {
    const ghosts = join(root, '..', `${basename(root)}-ghosts`);
    mkdirSync(join(ghosts, 'ghost'), { recursive: true });
    writeFileSync(join(ghosts, `${EVENTS}.ghost`), '');
    const found = { list: nodeFs.list(ghosts), names: nodeFs.names(ghosts) };
    rmSync(ghosts, { recursive: true });
    const isIn = (path: string | Buffer): boolean => path.toString().endsWith('/a');
    return {
      ...nodeFs,
      list: (path) => [...nodeFs.list(path), ...(isIn(path) ? found.list : [])],
      names: (path) => [...nodeFs.names(path), ...(isIn(path) && isListed() ? found.names : [])],
    };
  };

  test('is read except for entries that are listed, not found, and still listed, which are named', () => {
    make('a', 'b');
    const { runs, obstacles } = walk(root, '', { fs: withGhosts() });
    expect(runs.map(({ path, files }) => [path, files.length])).toEqual([
      ['a', 1],
      ['b', 1],
    ]);
    expect(obstacles.toSorted((one, other) => (one.path < other.path ? -1 : 1))).toEqual([
      { path: `a/${EVENTS}.ghost`, reason: LISTED },
      { path: 'a/ghost', reason: LISTED },
    ]);
  });

  test('does not report entries that were removed while it was read', () => {
    make('a');
    const { runs, obstacles } = walk(root, '', { fs: withGhosts(() => false) });
    expect([runs.map(({ path, files }) => [path, files.length]), obstacles]).toEqual([[['a', 1]], []]);
  });
});

describe('a root', () => {
  const GONE = 'it does not exist (ENOENT)';

  test('is an obstacle if it does not exist, and not an empty root', () => {
    const visited = visit(join(root, 'none'), '', {}, () => undefined);
    expect(visited).toEqual({ directories: 0, obstacles: [{ path: '.', reason: GONE }], missing: 'gone' });
  });

  test('is an obstacle if it is gone when it is read, and not an empty root', () => {
    const gone = (): never => {
      throw failed('ENOENT', -2);
    };
    expect(walk(root, '', { fs: { ...nodeFs, names: gone, list: gone } }).obstacles).toEqual([{ path: '.', reason: GONE }]);
  });

  test('is an obstacle if its links form a circle', () => {
    symlinkSync('circle', join(root, 'circle'));
    const { obstacles, missing } = visit(join(root, 'circle'), '', {}, () => undefined);
    expect([obstacles, missing]).toEqual([[{ path: '.', reason: 'its links lead in a circle (ELOOP)' }], 'shut']);
  });
});

describe('names', () => {
  test('are read as bytes if they are not UTF-8: directories, files, links', () => {
    const latin = (text: string): Buffer => Buffer.concat([Buffer.from(`${root}/`), Buffer.from(text, 'latin1')]);
    mkdirSync(latin('exp_\xfc/sub'), { recursive: true });
    writeFileSync(latin(`exp_\xfc/sub/${EVENTS}`), 'x');
    mkdirSync(join(root, 'x'));
    writeFileSync(latin(`x/${EVENTS}.b\xfcro`), 'xyz');
    symlinkSync(latin('exp_\xfc/sub'), latin('link_\xe9'));
    mkdirSync(join(root, 'exp_\\xfc'));
    writeFileSync(join(root, 'exp_\\xfc', EVENTS), 'xx');
    const { runs, obstacles } = walk(root);
    expect(obstacles).toEqual([]);
    expect(runs.map(({ path, files }) => [path, files[0]?.name, files[0]?.size])).toEqual([
      ['exp_\\x5cxfc', EVENTS, 2],
      ['exp_\\xfc/sub', EVENTS, 1],
      ['x', `${EVENTS}.b\\xfcro`, 3],
    ]);
    for (const { path, files } of runs) expect(openFile({ root, path, links: 'owner' }, files[0]?.name ?? '').size).toBe(files[0]?.size);
  });

  test('with a real U+FFFD are ordinary names', () => {
    mkdirSync(join(root, 'h\ufffd'));
    writeFileSync(join(root, 'h\ufffd', `${EVENTS}.h\ufffdst`), 'x');
    const { runs, obstacles } = walk(root);
    expect([runs[0]?.path, runs[0]?.files[0]?.name, obstacles]).toEqual(['h\ufffd', `${EVENTS}.h\ufffdst`, []]);
  });
});

test('directories of file systems and servers are skipped at every depth', () => {
  for (const name of ['lost+found', '.snapshot', '.Trash-1000', '.Trash', 'System Volume Information', '@eaDir', '.zfs', '#snapshot'])
    make(`run/${name}/exp`, name);
  make('run', '.Trash-1000x', 'snapshot');
  expect(walk(root).runs.map(({ path }) => path)).toEqual(['.Trash-1000x', 'run', 'snapshot']);
});
