import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Handle } from '../../../src/contract/index.ts';
import type { FileState, Forgetting, RunRef } from '../../../src/model/index.ts';
import { plainMapping } from '../../../src/route/index.ts';
import { StateFile } from '../../../src/state/index.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

let folder = '';
let path = '';
let state: StateFile;

beforeEach(() => {
  folder = temporaryFolder();
  path = join(folder, 'mirrorboard.state');
  state = StateFile.open(path, { now: () => 0 });
});

afterEach(() => {
  state.close();
});

const at = (run: string, root = 'logs'): RunRef => ({ root, path: run });

function fileState(name: string): FileState {
  return {
    name,
    generation: 0,
    position: { watermark: 100, gaps: [] },
    guard: { first: { offset: 0, length: 24, checksum: 7 }, last: undefined },
    damage: [{ start: 10, end: 20, reason: 'data_checksum' }],
    size: 100,
    stamp: '1.1.5',
    records: 2,
  };
}

/** A run with a file, and what a lane keeps of it; `target`: the tracker run it is folded into. */
function mirror(run: RunRef, target = run.path): void {
  const lane = state.lane('mlflow', 'there');
  lane.accepted(run, fileState('f'), [], { points: 3, lastStep: 2 });
  lane.refused(run, 'f', 0, [{ offset: 1, index: 0, kind: 'refused', reason: 'no' }]);
  state.keepRetry({ run, name: 'f' }, { attempts: 1, nextMs: 5 });
  if (target !== run.path) lane.keepMapping(run, { ...plainMapping(run.path), target });
  lane.keepHandle({ root: run.root, path: target }, `handle of ${target}` as Handle);
}

const forgetting = (more: Partial<Forgetting>): Forgetting => ({
  kind: 'forget',
  root: 'logs',
  isRoot: false,
  runs: [],
  files: [],
  keepsPoints: false,
  ...more,
});

function handles(): string[] {
  return state
    .lane('mlflow', 'there')
    .handles()
    .map(([run]) => `${run.root}/${run.path}`);
}

function expectSound(): void {
  state.flush();
  const reader = StateFile.openForReading(path);
  expect(reader.check()).toEqual([]);
  reader.close();
}

describe('the state', () => {
  test('knows which tracker runs were opened under a name that their runs no longer have', () => {
    const lane = state.lane('mlflow', 'there');
    const opened = { name: 'a', group: '', epoch: 2 };
    lane.keepHandle(at('a'), 'one' as Handle, opened);
    lane.keepHandle(at('b'), 'theirs' as Handle, { ...opened, joins: 'x' });
    state.tidy({ kind: 'rename', from: 'logs', to: 'old' }, undefined);
    expect(lane.epochsMovedFrom(at('a'))).toEqual([2]);
    expect(lane.epochsMovedFrom(at('b'))).toEqual([]);
    expect(lane.opened(at('a', 'old'))).toEqual({ ...opened, openedAt: '["logs","a"]' });
    // The first name is the one that the tracker has.
    state.tidy({ kind: 'rename', from: 'old', to: 'older' }, undefined);
    expect(lane.epochsMovedFrom(at('a', 'old'))).toEqual([]);
    expect(lane.epochsMovedFrom(at('a'))).toEqual([2]);
    expect(state.lane('mlflow', 'elsewhere').epochsMovedFrom(at('a'))).toEqual([]);
  });

  test('names files that a tracker refused, and no files that were never requested', () => {
    mirror(at('a'));
    const lane = state.lane('mlflow', 'there');
    const file = { rule: '{}', stamp: 's', bytes: 1 };
    lane.keepArtifact(at('a'), { ...file, path: 'x.pt', hash: 'ab', outcome: { kind: 'refused', reason: '413' } });
    lane.keepArtifact(at('a'), { ...file, path: 'huge.pt', hash: '', outcome: { kind: 'refused', reason: 'it is sparse' } });
    lane.keepArtifact(at('a'), { ...file, path: 'y.pt', hash: 'cd', outcome: { kind: 'done' } });
    lane.keepArtifact(at('a'), { ...file, path: 'z.pt', hash: 'ef', outcome: { kind: 'unsupported', reason: 'no files', isStored: true } });
    state.flush();
    const reader = StateFile.openForReading(path);
    expect(reader.lane('mlflow', 'there').refusedFiles()).toEqual([{ run: at('a'), path: 'x.pt', reason: '413' }]);
    expect(reader.lane('mlflow', 'there').unsupportedFiles()).toEqual([{ run: at('a'), path: 'z.pt', reason: 'no files' }]);
    expect(reader.lane('mlflow', 'elsewhere').refusedFiles()).toEqual([]);
    expect(reader.listed('mlflow', 'there')).toMatchObject([{ run: at('a'), refusedFiles: 1 }]);
    reader.close();
  });

  test('knows each file once, from the lane with the latest position, until it is forgotten as deleted', () => {
    mirror(at('a'));
    state.lane('mlflow', 'there').accepted(at('a'), fileState('g'), []);
    state.lane('aim', 'there').accepted(at('a'), { ...fileState('f'), size: 130, position: { watermark: 130, gaps: [] } }, []);
    const known = (): unknown => [...state.knownFiles('logs')].map(({ run, name, size }) => [run, name, size]);
    expect(known()).toEqual([
      ['a', 'f', 130],
      ['a', 'g', 100],
    ]);
    state.tidy(forgetting({ files: [{ run: 'a', name: 'g' }] }), undefined);
    expect([known(), state.fileCount('logs')]).toEqual([[['a', 'f', 130]], 1]);
  });

  test('forgets a run with everything that lanes store about it, and no other', () => {
    mirror(at('a'));
    mirror(at('b'));
    state.tidy(forgetting({ runs: ['a', 'not there'] }), undefined);
    expect(handles()).toEqual(['logs/b']);
    expect([...state.knownFiles('logs')].map(({ run }) => run)).toEqual(['b']);
    expect(state.retries().map(({ file }) => file.run.path)).toEqual(['b']);
    expectSound();
    // As if it had never been there.
    mirror(at('a'));
    expect(state.lane('mlflow', 'there').known(at('a')).points).toBe(3);
  });

  test('keeps a tracker run with folded runs, and forgets it with the last of them', () => {
    mirror(at('exp/train'), 'exp');
    mirror(at('exp/val'), 'exp');
    state.tidy(forgetting({ runs: ['exp/train'] }), undefined);
    expect(handles()).toEqual(['logs/exp']);
    state.tidy(forgetting({ runs: ['exp'] }), undefined);
    expect(handles()).toEqual(['logs/exp']);
    state.tidy(forgetting({ runs: ['exp/val'] }), undefined);
    expect(handles()).toEqual([]);
    expect(state.fileCount('logs')).toBe(0);
    expectSound();
  });

  test('keeps the positions of lanes in a file that is forgotten as deleted, and no longer reports it as missing', () => {
    mirror(at('a'));
    state.tidy(forgetting({ files: [{ run: 'a', name: 'f' }] }), undefined);
    expect([...state.knownFiles('logs')]).toEqual([]);
    const [file] = state.lane('mlflow', 'there').known(at('a')).files;
    expect(file).toMatchObject({ stamp: 'kept', position: { watermark: 100 }, damage: [] });
    expect(state.retries()).toEqual([]);
    expectSound();
  });

  test('forgets a whole root', () => {
    state.root('logs', '/logs');
    mirror(at('exp/train'), 'exp');
    mirror(at('x', 'more'));
    state.tidy(forgetting({ isRoot: true }), undefined);
    expect(state.roots().map(({ name }) => name)).toEqual(['more']);
    expect(handles()).toEqual(['more/x']);
    expectSound();
  });

  test('renames a root, but not to a taken name, and returns its path', () => {
    state.root('logs', '/logs');
    state.root('more', '/more');
    mirror(at('a'));
    state.tidy({ kind: 'rename', from: 'logs', to: 'more' }, undefined);
    expect(handles()).toEqual(['logs/a']);
    state.tidy({ kind: 'rename', from: 'logs', to: 'new' }, undefined);
    state.tidy({ kind: 'place', root: 'new', path: '/elsewhere' }, undefined);
    expect(handles()).toEqual(['new/a']);
    expect(state.roots()).toEqual([
      { name: 'more', path: '/more' },
      { name: 'new', path: '/elsewhere' },
    ]);
  });

  test('records a change, and the task to inform the lanes, until that is done', () => {
    const removal = { lane: 'mlflow', target: 'there', handle: 'h', label: 'logs/a' };
    state.tidy({ kind: 'rename', from: 'logs', to: 'new' }, '/store.db', [removal]);
    state.close();
    state = StateFile.open(path, { now: () => 0 });
    const [task] = state.tasks();
    expect(task).toMatchObject({ store: '/store.db', tidying: { kind: 'rename' }, removals: [removal] });
    if (task === undefined) throw new Error('there is no task');
    state.taskDone(task, [removal]);
    expect(state.tasks()).toMatchObject([{ store: undefined, removals: [removal] }]);
    state.taskDone(task);
    expect(state.tasks()).toEqual([]);
  });

  test('moves a tracker run to another root with all its folded runs, or does not move it', () => {
    mirror(at('exp/train'), 'exp');
    mirror(at('exp/val'), 'exp');
    const move = (run: string, toRoot: string, to: string) => ({ root: 'logs', from: run, toRoot, to, renamed: [] });
    expect(state.move([move('exp/train', 'more', 'old/exp/train')])).toEqual([]);
    expect(state.move([move('exp/train', 'more', 'exp/train'), move('exp/val', 'even', 'exp/val')])).toEqual([]);
    expect(handles()).toEqual(['logs/exp']);
    expect(state.move([move('exp/train', 'more', 'old/exp/train'), move('exp/val', 'more', 'old/exp/val')])).toHaveLength(2);
    expect(handles()).toEqual(['more/old/exp']);
    expect(
      state
        .lane('mlflow', 'there')
        .mappings()
        .map(([run, { target }]) => [run.root, run.path, target]),
    ).toEqual([
      ['more', 'old/exp/train', 'old/exp'],
      ['more', 'old/exp/val', 'old/exp'],
    ]);
    expectSound();
  });

  test('lists the positions of a lane', () => {
    mirror(at('a'));
    state.close();
    const reader = StateFile.openForReading(path);
    expect(reader.listed('mlflow', 'there')).toMatchObject([{ run: at('a'), delivered: 100, points: 3, refused: 1, isDamaged: true }]);
    expect(reader.listed('mlflow', 'elsewhere')).toMatchObject([{ run: at('a'), delivered: 0, points: 0, refused: 0 }]);
    reader.close();
    state = StateFile.open(path, { now: () => 0 });
  });
});
