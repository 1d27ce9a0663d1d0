// Runs whose places were taken: what is new there waits for the scans that may find them elsewhere.
import { mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { ChangedFile } from '../../../src/discover/index.ts';
import { fileStamp } from '../../../src/model/index.ts';
import { type Knower, TakenPaths } from '../../../src/moves/index.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

let folder: string;
let known: Pick<ChangedFile, 'name' | 'stamp' | 'size'>[];
let roots: string[];
let asked: number;
let answers: boolean;
let nowMs: number;
let places: TakenPaths;
beforeEach(() => {
  folder = temporaryFolder();
  mkdirSync(join(folder, 'run'));
  mkdirSync(join(folder, 'old'));
  known = [];
  roots = ['x', 'y'];
  asked = 0;
  answers = true;
  nowMs = 1_000_000;
  const held = {
    roots: () => [{ name: 'x', path: folder }],
    positions: ({ path }: { path: string }) => ({ files: path === 'run' ? known : [] }),
  } as Partial<Knower> as Knower;
  const pathOf = (root: string): string | undefined => (root === 'x' && answers ? folder : undefined);
  places = new TakenPaths({ helds: [held], pathOf, roots: () => roots, scanSoon: () => asked++, now: () => nowMs });
});
/** Replaces a file by a new one. */
function put(name: string, bytes: number, before = 0): ChangedFile {
  const path = join(folder, 'run', name);
  writeFileSync(`${path}.new`, 'x'.repeat(bytes));
  renameSync(`${path}.new`, path);
  const stat = statSync(path, { bigint: true });
  return { name, size: bytes, stamp: fileStamp(stat), before, ...(before === 0 ? {} : { isOther: true }) };
}
function keep(...files: readonly ChangedFile[]): void {
  known = files.map(({ name, stamp, size }) => ({ name, stamp, size }));
}
const away = (name: string): void => renameSync(join(folder, 'run', name), join(folder, 'old', name));
const isTold = (...files: readonly ChangedFile[]): boolean => places.sift('x', [{ run: 'run', files }]).length > 0;

describe('a new file in a run', () => {
  it('is reported if the run is unknown, or one of its files exists', () => {
    expect(isTold(put('one', 10))).toBe(true);
    const two = put('two', 10);
    keep(put('one', 10), two);
    away('one');
    expect(isTold(put('three', 5))).toBe(true);
    expect(asked).toBe(0);
  });

  it('is reported without a look at the files if its root does not answer', () => {
    keep(put('one', 10));
    away('one');
    answers = false;
    expect([isTold(put('two', 5)), asked]).toEqual([true, 0]);
  });

  it('waits no more if it is gone meanwhile', () => {
    keep(put('one', 10));
    away('one');
    const [two, three] = [put('two', 5), put('three', 5)];
    expect([isTold(two, three), isTold({ ...two, size: 7, before: 5 })]).toEqual([false, false]);
    places.filesGone('x', [
      { run: 'run', name: 'two' },
      { run: 'other', name: 'three' },
    ]);
    for (const root of ['x', 'y']) places.scanned(root, ++nowMs);
    expect(places.due()).toEqual([{ root: 'x', changes: [{ run: 'run', files: [three] }] }]);
    // Nothing is left of the next one.
    away('three');
    expect(isTold(put('four', 5))).toBe(false);
    places.filesGone('x', [{ run: 'run', name: 'four' }]);
    for (const root of ['x', 'y']) places.scanned(root, ++nowMs);
    expect(places.due()).toEqual([]);
  });

  it('waits if all known files of the run are gone, until scans of all roots that began later are over', () => {
    keep(put('one', 10));
    away('one');
    places.scanned('x', nowMs++);
    places.scanned('y', nowMs++);
    const two = put('two', 5);
    expect([isTold(two), isTold({ ...two, size: 7, before: 5 }), asked]).toEqual([false, false, 1]);
    expect(places.due()).toEqual([]);
    places.scanned('x', nowMs++);
    expect(places.due()).toEqual([]);
    places.scanned('y', nowMs++);
    const changes = [two, { ...two, size: 7, before: 5 }].map((file) => ({ run: 'run', files: [file] }));
    expect(places.due()).toEqual([{ root: 'x', changes }]);
    expect(places.due()).toEqual([]);
    // From now on it is what is there.
    expect([isTold({ ...two, size: 9, before: 7 }), isTold(put('three', 5)), asked]).toEqual([true, true, 1]);
  });

  it('does not wait for a root that does not answer', () => {
    keep(put('one', 10));
    away('one');
    expect(isTold(put('two', 5))).toBe(false);
    places.scanned('x', nowMs++);
    expect(places.due()).toEqual([]);
    roots = ['x'];
    expect(places.due()).toHaveLength(1);
  });

  it('waits for a minute at most for a long scan of a root', () => {
    keep(put('one', 10));
    away('one');
    places.scanned('x', nowMs);
    expect(isTold(put('two', 5))).toBe(false);
    nowMs += 59_000;
    places.scanned('x', nowMs);
    expect(places.due()).toEqual([]);
    nowMs += 1000;
    expect(places.due()).toHaveLength(1);
    expect(isTold(put('three', 5))).toBe(true);
  });

  it('waits if the reported file is gone, even if it was not read yet', () => {
    const one = put('one', 10);
    expect(isTold(one)).toBe(true);
    away('one');
    expect(isTold(put('two', 5))).toBe(false);
  });

  it('waits if it has the name of a deleted one and is shorter, and is reported if it has the same length: it may be a copy', () => {
    const one = put('one', 10);
    keep(one);
    away('one');
    const copied = put('one', 10, 10);
    expect(isTold(copied)).toBe(true);
    keep(copied);
    renameSync(join(folder, 'run', 'one'), join(folder, 'old', 'two'));
    expect(isTold(put('one', 5, 10))).toBe(false);
  });

  it('waits if it is longer than the former file of its name, and another one is gone', () => {
    keep(put('one', 10), put('two', 10));
    away('one');
    away('two');
    expect(isTold(put('two', 20, 10))).toBe(false);
  });

  it('is reported if its files are replaced one after the other, even if this change names only one', () => {
    keep(put('one', 10), put('two', 10));
    const one = put('one', 12, 10);
    put('two', 11);
    expect(isTold(one)).toBe(true);
    expect(asked).toBe(0);
  });

  it('waits if another file has the name of the former one', () => {
    keep(put('one', 10));
    away('one');
    put('one', 5);
    expect(isTold(put('two', 5))).toBe(false);
  });
});
