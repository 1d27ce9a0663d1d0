// Runs that were copied and then removed: where their copies lie.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, it } from '@jest/globals';
import type { FileState } from '../../../src/model/index.ts';
import { CopiedRuns } from '../../../src/moves/copied-runs.ts';
import type { Knower, KnownState } from '../../../src/moves/moved-files.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const NAME = 'events.out.tfevents.1';

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
  mkdirSync(join(folder, 'nas', 'run'), { recursive: true });
  writeFileSync(join(folder, 'nas', 'run', NAME), 'x');
});
function knownIn(root: string, inode: number): KnownState {
  const mark = { offset: 0, length: 24, checksum: 7 };
  const state: Partial<FileState> = { name: NAME, stamp: `1.${inode}`, records: 3, guard: { first: mark, last: { ...mark, offset: 90 } } };
  return { run: { root, path: 'run' }, state: state as FileState };
}

it.each([
  ['found in a root that answers', true],
  ['not looked for in a root that does not answer', false],
])('copied runs are %s', (_, answers) => {
  const all = [knownIn('fast', 1), knownIn('nas', 2)];
  const held: Partial<Knower> = {
    roots: () => ['fast', 'nas'].map((name) => ({ name, path: join(folder, name) })),
    positions: ({ root }) => ({ files: all.filter(({ run }) => run.root === root).map(({ state }) => state) }),
    filesLike: (roots) => all.filter(({ run }) => roots.includes(run.root)),
  };
  const copies = new CopiedRuns(held as Knower, (root) => (root === 'nas' && !answers ? undefined : join(folder, root)));
  const found = answers ? [{ root: 'fast', from: 'run', toRoot: 'nas', to: 'run', becomes: 'new' }] : [];
  expect(copies.filesGone('fast', [{ run: 'run', name: NAME }])).toEqual(found);
});

it('searches for copied runs pause in proportion to the duration of a check of all known files', () => {
  let now = 0;
  let looks = 0;
  const all = [knownIn('fast', 1)];
  const held: Partial<Knower> = {
    roots: () => [{ name: 'fast', path: join(folder, 'fast') }],
    positions: () => ({ files: all.map(({ state }) => state) }),
    filesLike: (_, inodes) => {
      if (inodes.length === 0) {
        looks++;
        now += 1000;
      }
      return all;
    },
  };
  const copies = new CopiedRuns(
    held as Knower,
    () => undefined,
    () => now,
  );
  copies.filesGone('fast', [{ run: 'run', name: NAME }]);
  copies.copiesFound();
  expect(looks).toBe(1);
  now += 20_000;
  copies.copiesFound();
  expect(looks).toBe(2);
});
