// Which of the files that are known one is that turned up.
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, it } from '@jest/globals';
import { type FileState, fileStamp } from '../../../src/model/index.ts';
import { findPairs, type Knower, type KnownState } from '../../../src/moves/moved-files.ts';
import { FileWindow } from '../../../src/tail/index.ts';
import { directoryAt } from '../../support/directory.ts';
import { event, eventFile, simpleValue } from '../../support/event-writer.ts';
import { readRun } from '../../support/read-run.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const NAME = 'events.out.tfevents.1';
const steps = [0, 1, 2].map((step) => event({ wallTime: step, step, summary: [simpleValue('loss', step)] }));

let folder: string;
let file: string;
beforeEach(() => {
  folder = temporaryFolder();
  mkdirSync(join(folder, 'new'));
  file = join(folder, 'new', NAME);
});
/** The state of the file as it is now, known as one of another run. */
function known(run: string): KnownState {
  const job = {
    run: { root: 'logs', path: run },
    directory: directoryAt(join(folder, 'new')),
    files: [{ name: NAME }],
    series: [],
    settled: true,
  };
  const states = [...readRun(job, new FileWindow())].flatMap((found): FileState[] => (found.kind === 'batch' ? [found.state] : []));
  return { run: job.run, state: states.at(-1)! };
}

it.each([
  ['was cut to its beginning, is that one', eventFile(...steps.slice(0, 2)), ['was']],
  ['is empty now, is unclear', new Uint8Array(0), []],
])('a file that %s, even if an unread file had its inode, too', (_, bytes, from) => {
  writeFileSync(file, '');
  const empty = known('empty');
  writeFileSync(file, eventFile(...steps));
  const was = known('was');
  writeFileSync(file, bytes);
  const stat = statSync(file, { bigint: true });
  const held: Partial<Knower> = { fileCount: () => 2, positions: () => ({ files: [] }), filesLike: () => [empty, was] };
  const found = [{ path: 'new', files: [{ name: NAME, size: bytes.length, stamp: fileStamp(stat) }] }];
  const { pairs, unclear } = findPairs({ name: 'logs', path: folder, links: 'owner' }, found, held as Knower);
  expect([pairs.map(({ from }) => from.run.path), unclear.length]).toEqual([from, 1 - from.length]);
});

it.each([
  ['all that its first name had', eventFile(...steps.slice(0, 2)), ['last']],
  ['only what both names had', eventFile(...steps.slice(0, 1)), ['last']],
  ['its version alone', eventFile(), []],
])('a file that had two names is the last one, whose content it has: %s', (_, bytes, from) => {
  writeFileSync(file, eventFile(...steps.slice(0, bytes.length === eventFile().length ? 0 : 2)));
  const first = known('first');
  writeFileSync(file, eventFile(...steps));
  const last = known('last');
  writeFileSync(file, bytes);
  const stat = statSync(file, { bigint: true });
  const held: Partial<Knower> = { fileCount: () => 2, positions: () => ({ files: [] }), filesLike: () => [first, last] };
  const found = [{ path: 'new', files: [{ name: NAME, size: bytes.length, stamp: fileStamp(stat) }] }];
  const { pairs, unclear } = findPairs({ name: 'logs', path: folder, links: 'owner' }, found, held as Knower);
  expect([pairs.map(({ from }) => from.run.path), unclear.length]).toEqual([from, 1 - from.length]);
});

it('a file is unclear while the known file with its inode does not answer', () => {
  writeFileSync(file, eventFile(...steps));
  const was = known('was');
  const stat = statSync(file, { bigint: true });
  const held: Partial<Knower> = { fileCount: () => 1, positions: () => ({ files: [] }), filesLike: () => [was] };
  const found = [{ path: 'new', files: [{ name: NAME, size: Number(stat.size), stamp: fileStamp(stat) }] }];
  const result = (isSilent: (path: string) => boolean) => {
    const { pairs, unclear } = findPairs({ name: 'logs', path: folder, links: 'owner' }, found, held as Knower, {
      byInode: true,
      isSilent,
    });
    return [pairs.map(({ from }) => from.run.path), unclear.map(({ name }) => name)];
  };
  expect(result((path) => path === join(folder, 'was', NAME))).toEqual([[], [NAME]]);
  expect(result(() => false)).toEqual([['was'], []]);
});
