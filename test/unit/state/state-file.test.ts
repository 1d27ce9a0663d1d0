import { existsSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Handle, Intent, JournalEntry } from '../../../src/contract/index.ts';
import type { Damage, FileState, RunRef, Series } from '../../../src/model/index.ts';
import { StateFile } from '../../../src/state/index.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const run: RunRef = { root: 'logs', path: 'exp1/train' };
const other: RunRef = { root: 'logs', path: '.' };

let folder = '';
let path = '';
const open: StateFile[] = [];
let nowMs = 1_700_000_000_000;
beforeEach(() => {
  folder = temporaryFolder();
  path = join(folder, 'mirrorboard.state');
});
afterEach(() => {
  for (const state of open.splice(0)) state.close();
});

function openState(at = path): StateFile {
  const state = StateFile.open(at, { now: () => nowMs });
  open.push(state);
  return state;
}

function reopened(): StateFile {
  for (const state of open.splice(0)) expect(state.close()).toBe(true);
  return openState();
}

function fileState(name: string, watermark: number, more: Partial<FileState> = {}): FileState {
  return {
    name,
    generation: 0,
    position: { watermark, gaps: [] },
    guard: {
      first: { offset: 0, length: 24, checksum: 7 },
      last: { offset: Math.max(0, watermark - 40), length: 24, checksum: 0xffff_fffe },
    },
    damage: [],
    size: watermark,
    stamp: `stamp of ${watermark}`,
    records: Math.floor(watermark / 10),
    fileVersion: 'brain.Event:2',
    writer: 'tensorboardX',
    ...more,
  };
}

function series(id: number, tag: string, more: Partial<Series> = {}): Series {
  return {
    id,
    tag,
    plugin: 'scalars',
    dataClass: 'scalar',
    metadata: new Uint8Array([0, 255, 10, 0]),
    displayName: 'ein Name\0 mit Null',
    description: '',
    form: 'simple_value',
    firstFile: 'a',
    firstOffset: 2 ** 50,
    ...more,
  };
}

const damage: Damage = { start: 100, end: 140, reason: 'data_checksum', detail: 'two words' };

describe('StateFile', () => {
  test('is created with its own instance id, which it keeps', () => {
    const state = openState();
    expect(state.isNew).toBe(true);
    expect(state.instanceId).toMatch(/^[0-9a-f-]{36}$/);
    const again = reopened();
    expect(again.isNew).toBe(false);
    expect(again.instanceId).toBe(state.instanceId);
    expect(openState(join(folder, 'folder', 'b.state')).instanceId).not.toBe(state.instanceId);
  });

  test('has one writer, under any name', () => {
    openState();
    expect(() => StateFile.open(path, { now: () => nowMs })).toThrow(expect.objectContaining({ code: 'MB3106', exitCode: 4 }));
    symlinkSync(path, join(folder, 'link'));
    expect(() => StateFile.open(join(folder, 'link'), { now: () => nowMs })).toThrow(
      expect.objectContaining({ code: 'MB3106', hint: expect.stringMatching(/--state/) }),
    );
  });

  test('returns exactly the data that a lane accepted, before and after a commit and a restart', () => {
    const files = [
      fileState('a', 1000, {
        position: {
          watermark: 1000,
          gaps: [
            { start: 100, end: 140, reason: 'damage' },
            { start: 200, end: 300, reason: 'route', tags: ['loss', 'ä'] },
          ],
        },
        damage: [damage, { start: 1000, end: 1010, reason: 'torn' }],
        size: 1010,
      }),
      fileState('b', 2 ** 52, { guard: { first: undefined, last: undefined } }),
    ];
    const { fileVersion: _, writer: __, ...bare } = fileState('ä.tfevents', 0);
    const lane = openState().lane('mlflow', 'http://one');
    for (const state of [...files, bare]) lane.accepted(run, state, []);
    expect(lane.known(run).files).toEqual([...files, bare]);
    expect(reopened().lane('mlflow', 'http://one').known(run).files).toEqual([...files, bare]);
  });

  test('sorts the files of a run by their bytes', () => {
    const lane = openState().lane('mlflow', 't');
    for (const name of ['a.10', 'a.9', 'ä', 'B', '\u{1f600}', '\uffee']) lane.accepted(run, fileState(name, 10), []);
    expect(lane.known(run).files.map(({ name }) => name)).toEqual(['B', 'a.10', 'a.9', 'ä', '\uffee', '\u{1f600}']);
  });

  test('keeps the catalogue of a run for all its lanes, byte for byte', () => {
    const state = openState();
    const all = [series(0, 'loss'), series(1, 'a\0b', { plugin: '', dataClass: 'unknown' }), series(2, '')];
    state.lane('mlflow', 't').accepted(run, fileState('a', 10), all.slice(0, 2));
    state.lane('aim', 't').accepted(run, fileState('a', 10), all);
    expect(state.lane('wandb', 't').catalogue(run)).toEqual(all);
    expect(state.lane('wandb', 't').catalogue(other)).toEqual([]);
    expect(reopened().lane('mlflow', 't').catalogue(run)).toEqual(all);
  });

  test('numbers the series of a run itself, independent of the numbers of lanes, and keeps the first value of a tag', () => {
    const state = openState();
    const lane = state.lane('mlflow', 't');
    state.addSeries(run, [series(0, 'loss', { plugin: '', firstFile: 'b' }), series(1, 'acc', { firstFile: 'b' })]);
    // Another lane read another file first.
    lane.accepted(run, fileState('a', 10), [
      series(0, 'acc', { firstFile: 'c', plugin: 'text' }),
      series(1, 'new'),
      series(2, 'loss', { firstFile: 'a', plugin: 'text' }),
    ]);
    expect(lane.catalogue(run)).toEqual([
      series(0, 'loss', { plugin: 'text', firstFile: 'a' }),
      series(1, 'acc', { firstFile: 'b' }),
      series(2, 'new'),
    ]);
  });

  describe('lanes', () => {
    test('begin at 0 with another target, and resume at their positions with the former one', () => {
      const first = openState().lane('mlflow', 'http://one');
      first.accepted(run, fileState('a', 1000), [], { points: 5, lastStep: 7 });
      first.keepHandle(run, 'run-1' as Handle);
      const state = reopened();
      const second = state.lane('mlflow', 'http://two');
      expect(second.known(run)).toMatchObject({ points: 0, lastStep: null, files: [{ name: 'a', position: { watermark: 0 }, stamp: '' }] });
      expect(second.handle(run)).toBeUndefined();
      second.accepted(run, fileState('a', 300), []);
      const back = reopened().lane('mlflow', 'http://one');
      expect(back.known(run)).toMatchObject({ points: 5, lastStep: 7, files: [{ position: { watermark: 1000 } }] });
      expect(back.handle(run)).toBe('run-1');
      expect(open[0]?.targets('mlflow')).toEqual(['http://one', 'http://two']);
      expect(open[0]?.targets('aim')).toEqual([]);
    });

    test('that lag do not count as up to date for a file that another lane has read', () => {
      const state = openState();
      const [ahead, behind] = [state.lane('mlflow', 't'), state.lane('aim', 't')];
      behind.accepted(run, fileState('a', 120, { size: 0, stamp: '', damage: [damage] }), []);
      ahead.accepted(run, fileState('a', 1000, { damage: [damage, { start: 500, end: 540, reason: 'bad_message' }] }), []);
      expect(behind.known(run).files).toEqual([fileState('a', 120, { size: 0, stamp: '', damage: [damage] })]);
      behind.accepted(run, fileState('a', 400, { size: 0, stamp: '', damage: [] }), []);
      expect(ahead.known(run).files[0]?.damage).toHaveLength(2);
    });

    test('that accepted an older generation of a file begin at 0 in the current one', () => {
      const state = openState();
      const [first, second] = [state.lane('mlflow', 't'), state.lane('aim', 't')];
      for (const lane of [first, second]) lane.accepted(run, fileState('a', 1000, { damage: [damage] }), []);
      const guard = { first: { offset: 0, length: 9, checksum: 1 }, last: { offset: 40, length: 9, checksum: 2 } };
      first.accepted(run, fileState('a', 50, { generation: 1, guard }), []);
      const restart = {
        generation: 1,
        position: { watermark: 0, gaps: [] },
        guard: { first: guard.first },
        damage: [],
        size: 0,
        stamp: '',
        records: 0,
      };
      expect(second.known(run).files).toMatchObject([restart]);
      // Still on its way when the file was replaced: the file does not go back.
      second.accepted(run, fileState('a', 2000), []);
      expect(second.known(run).files).toMatchObject([restart]);
      expect(first.known(run).files[0]).toEqual(fileState('a', 50, { generation: 1, guard }));
    });

    test('of backends that own their positions have none here, and keep the facts of the files', () => {
      const state = openState();
      state.lane('local', 'x.db', { ownsPositions: true }).accepted(run, fileState('a', 1000, { generation: 2 }), [series(0, 'loss')]);
      expect(state.lane('mlflow', 't').known(run)).toMatchObject({
        tags: 1,
        files: [{ name: 'a', generation: 2, position: { watermark: 0 } }],
      });
      expect(state.lane('mlflow', 't').catalogue(run)).toHaveLength(1);
      state.flush();
      const reader = StateFile.openForReading(path);
      expect(reader.summary().lanes[0]).toMatchObject({ ownsPositions: true, positions: 0, bytesAhead: 0 });
      reader.close();
    });

    test('return the same for all runs at once as for each, also beyond the first five hundred', () => {
      const state = openState();
      const [lane, newer] = [state.lane('mlflow', 't'), state.lane('aim', 't')];
      const runs = Array.from({ length: 1203 }, (_, i): RunRef => ({ root: i % 2 ? 'logs' : 'more', path: `run ${i}` }));
      for (const [i, each] of runs.entries()) {
        if (i % 7 === 0) state.noteGrowth(each, i);
        else for (const name of ['b', 'a']) lane.accepted(each, fileState(name, i), [series(0, 'loss')], { points: 1, lastStep: i });
      }
      const all = [...lane.knownRuns()];
      expect(all.map(([each]) => each)).toEqual(runs);
      expect(all.map(([, known]) => known)).toEqual(runs.map((each) => lane.known(each)));
      expect(all[1202]?.[1]).toMatchObject({ points: 2, tags: 1, lastStep: 1202, files: [{ name: 'a' }, { name: 'b' }] });
      for (const root of new Set(all.map(([run]) => run.root))) {
        expect([...lane.knownRunsOf(root)]).toEqual(all.filter(([run]) => run.root === root));
      }
      expect([...lane.knownRunsOf('nowhere')]).toEqual([]);
      expect([...newer.knownRuns()].map(([, known]) => known)).toEqual(runs.map((each) => newer.known(each)));
      expect([...reopened().lane('mlflow', 't').knownRuns()]).toEqual(all);
    });

    test('count all delivered points, with steps that no double can hold', () => {
      const lane = openState().lane('mlflow', 't');
      const wide = 2n ** 63n - 1n;
      lane.accepted(run, fileState('a', 10), [], { points: 3, lastStep: -5 });
      lane.accepted(run, fileState('a', 20), [], { points: 4, lastStep: wide });
      lane.accepted(run, fileState('a', 30), [], { points: 0, lastStep: null });
      lane.accepted(other, fileState('a', 30), [], { points: 1, lastStep: 0 });
      expect(lane.known(run)).toMatchObject({ points: 7, lastStep: wide });
      const again = reopened().lane('mlflow', 't');
      again.accepted(run, fileState('a', 40), [], { points: 1, lastStep: 12 });
      expect(again.known(run)).toMatchObject({ points: 8, lastStep: wide });
      expect(again.known(other)).toMatchObject({ points: 1, lastStep: 0 });
    });

    test('do not count what a run had delivered that is at another path now', () => {
      const state = openState();
      const lane = state.lane('mlflow', 't');
      lane.accepted(run, fileState('a', 10), [], { points: 3, lastStep: 1 });
      const move = { root: 'logs', from: run.path, toRoot: 'logs', to: 'moved', renamed: [] };
      expect(state.move([move])).toEqual([move]);
      // Another change is not committed yet.
      state.noteGrowth(other, nowMs);
      lane.accepted(run, fileState('b', 10), [], { points: 0, lastStep: null });
      expect([lane.known(run).points, lane.known({ root: 'logs', path: 'moved' }).points]).toEqual([0, 3]);
    });

    test('keep refusals once, journals in order, and an intent until it is cleared', () => {
      const state = openState();
      const lane = state.lane('wandb', 't');
      const entry = {
        firstLine: 10,
        count: 5,
        file: 'a',
        generation: 0,
        start: 0,
        end: 100,
        hash: 'h',
        mapping: 'm',
      } satisfies JournalEntry;
      state.together(() => {
        lane.accepted(run, fileState('a', 100), []);
        for (let i = 0; i < 2; i++) lane.refused(run, 'a', 0, [{ offset: 40, index: 1, kind: 'refused', reason: `try ${i}` }]);
        lane.keepJournal(run, entry);
        lane.keepJournal(run, { ...entry, firstLine: 0, count: 10 });
        lane.keepJournal(run, { ...entry, count: 9, end: 200 });
        lane.keepIntent(run, 'lines 19 to 21' as Intent);
      });
      expect(lane.intent(other)).toBeUndefined();
      const again = reopened();
      const after = again.lane('wandb', 't');
      expect(after.journal(run)).toEqual([
        { ...entry, firstLine: 0, count: 10 },
        { ...entry, count: 9, end: 200 },
      ]);
      expect(after.intent(run)).toBe('lines 19 to 21');
      after.clearIntent(run);
      expect(after.intent(run)).toBeUndefined();
      again.flush();
      const reader = StateFile.openForReading(path);
      expect(reader.summary().lanes).toMatchObject([{ refused: 1, unsupported: 0, intents: 0 }]);
      reader.close();
    });
  });

  test('store roots by their name, and the last path of each', () => {
    const state = openState();
    state.root('logs', '/old');
    state.root('a', '/a');
    state.root('logs', '/new');
    expect(state.roots()).toEqual([
      { name: 'a', path: '/a' },
      { name: 'logs', path: '/new' },
    ]);
    state.lane('mlflow', 't').accepted({ root: 'unsaid', path: '.' }, fileState('a', 1), []);
    expect(reopened().roots()).toContainEqual({ name: 'unsaid', path: '' });
  });

  test('store the time when a run last grew', () => {
    const state = openState();
    expect(state.lastGrowth(run)).toBeUndefined();
    state.noteGrowth(run, 1_700_000_000_000.25);
    expect(state.lastGrowth(run)).toBe(1_700_000_000_000);
    state.noteGrowth(run, 1_700_000_060_000);
    expect(reopened().lastGrowth(run)).toBe(1_700_000_060_000);
    expect(open[0]?.lastGrowth(other)).toBeUndefined();
  });

  test('return the files that are due for a retry, until no retry is needed', () => {
    const state = openState();
    const [early, late] = [
      { run, name: 'early' },
      { run: other, name: 'late' },
    ];
    state.keepRetry(late, { attempts: 0, nextMs: 2000 });
    state.keepRetry(early, { attempts: 3, nextMs: 1000 });
    expect(state.retries(999)).toEqual([]);
    expect(state.retries(1000)).toEqual([{ file: early, attempts: 3, nextMs: 1000 }]);
    expect(state.retries().map(({ file }) => file.name)).toEqual(['early', 'late']);
    state.keepRetry(early, undefined);
    state.keepRetry({ run, name: 'never heard of' }, undefined);
    expect(reopened().retries()).toEqual([{ file: late, attempts: 0, nextMs: 2000 }]);
  });

  test('keep the last status document, also for readers', () => {
    const state = openState();
    expect(state.readStatus()).toBeUndefined();
    state.writeStatus({ lanes: 1 });
    nowMs += 500;
    state.writeStatus({ lanes: [{ name: 'ä', behind: null }] });
    const stored = { writtenMs: nowMs, document: { lanes: [{ name: 'ä', behind: null }] } };
    expect(state.readStatus()).toEqual(stored);
    const early = StateFile.openForReading(path);
    expect(early.readStatus()).toBeUndefined();
    state.flush();
    expect(early.readStatus()).toBeUndefined(); // of one moment
    early.close();
    const reader = StateFile.openForReading(path);
    expect(reader.readStatus()).toEqual(stored);
    expect(reader.instanceId).toBe(state.instanceId);
    expect(reader.createdAt).toMatch(/^20\d\d-.*Z$/);
    reader.close();
  });

  test('leave only the lock when the state is closed', () => {
    openState().noteGrowth(run, 1);
    open.splice(0)[0]?.close();
    expect(['-wal', '-shm', '-journal', `.${process.pid}.tmp`].filter((end) => existsSync(path + end))).toEqual([]);
    expect(existsSync(`${path}.lock`)).toBe(true);
  });
});
