import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import type { FileState, Gap, Series } from '../../../src/model/index.ts';
import { checkGaps } from '../../../src/state/check-gaps.ts';
import { StateFile } from '../../../src/state/index.ts';
import { WatchStatus } from '../../../src/status/index.ts';
import { PendingTags } from '../../../src/sync/pending-tags.ts';
import { growth } from '../../support/growth.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const folder = temporaryFolder();
/** Eight times the work may cost so much more: linear is 8, quadratic 64. */
const MOST = 32;
const run = { root: 'logs', path: 'a' };
const range = (size: number): number[] => Array.from({ length: size }, (_, i) => i);

const seriesOf = (id: number): Series => ({
  id,
  tag: `tag ${id}`,
  plugin: 'scalars',
  dataClass: 'scalar',
  metadata: new Uint8Array(),
  displayName: '',
  description: '',
  form: 'simple_value',
  firstFile: 'f',
  firstOffset: id,
});

function fileOf(i: number, gaps: readonly Gap[] = []): FileState {
  const guard = { first: undefined, last: undefined };
  return { name: `f${i}`, generation: 0, position: { watermark: 100, gaps }, guard, damage: [], size: 100, stamp: 's', records: 1 };
}

let made = 0;
function inState(work: (state: StateFile) => void): void {
  const state = StateFile.open(join(folder, `${made++}.state`), { now: () => 0 });
  work(state);
  state.close();
}

test('a state records series at the same cost for any number of series of a run, and numbers them in a row', () => {
  const note = (size: number): void =>
    inState((state) => {
      const lane = state.lane('mlflow', 't');
      lane.accepted(run, fileOf(0), range(size).map(seriesOf));
      expect(lane.catalogue(run).at(-1)?.id).toBe(size - 1);
    });
  expect(growth(note, 2500)).toBeLessThan(MOST);
});

test('a state adds a pending range of one file at the same cost for any number of files of a run', () => {
  const owe = (size: number): void =>
    inState((state) => {
      const lane = state.lane('mlflow', 't');
      for (const i of range(size)) lane.accepted(run, fileOf(i), [], { points: 1, lastStep: i });
      for (const i of range(size)) lane.addGaps(run, `f${i}`, [{ start: 0, end: 10, reason: 'route' }]);
      expect(lane.knownFile(run, `f${size - 1}`)?.position.gaps).toHaveLength(1);
      expect(lane.knownFile(run, 'none')).toBeUndefined();
    });
  expect(growth(owe, 400)).toBeLessThan(MOST);
});

test('gaps are checked, and series get pending ranges, at the same cost for any number of gaps and series', () => {
  const gaps = (size: number): Gap[] => range(size).map((i) => ({ start: 2 * i, end: 2 * i + 1, reason: 'damage' }));
  expect(growth((size) => void checkGaps(gaps(size), 2 * size), 5000)).toBeLessThan(MOST);
  const owe = (size: number): void => {
    const pending = new PendingTags(gaps(10));
    for (const i of range(size)) pending.add(0, 100, `tag ${i}`);
    for (const i of range(size / 2)) pending.forgo(`tag ${i}`);
    expect(pending.gaps().at(-1)?.tags).toHaveLength(size / 2);
  };
  expect(growth(owe, 5000)).toBeLessThan(MOST);
});

test('a gap that only one series needs is removed with the series, and a gap that others need stays', () => {
  const pending = new PendingTags([
    { start: 0, end: 5, reason: 'damage' },
    { start: 5, end: 9, reason: 'route', tags: ['a', 'b'] },
    { start: 9, end: 12, reason: 'route', tags: ['a'] },
  ]);
  pending.forgo('a');
  pending.add(5, 9, 'c');
  pending.add(20, 30, 'c');
  pending.add(20, 30, 'd');
  pending.add(20, 30, 'd');
  expect(pending.gaps()).toEqual([
    { start: 0, end: 5, reason: 'damage' },
    { start: 5, end: 9, reason: 'route', tags: ['b', 'c'] },
    { start: 20, end: 30, reason: 'route', tags: ['c', 'd'] },
  ]);
});

test('unreadable folders are compared with those of the last scan at the same cost for each', () => {
  const scan = (size: number): void => {
    const status = new WatchStatus({ lanes: [] });
    const obstacles = range(size).map((i) => ({ path: `folder ${i}`, reason: 'no' }));
    const fact = { root: 'logs', directories: size, files: 0, tookMs: 1, isMissing: false, obstacles };
    for (let i = 0; i < 2; i++) status.rootScanned(fact);
  };
  expect(growth(scan, 4000)).toBeLessThan(MOST);
});
