import { appendFileSync, existsSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { LocalBackend, openStore } from '../../../src/backends/local/index.ts';
import type { Batch, FileState, Forgetting } from '../../../src/model/index.ts';
import { StateFile } from '../../../src/state/index.ts';
import type { Report } from '../../../src/status/index.ts';
import { backfill } from '../../../src/sync/backfill.ts';
import { FileWindow } from '../../../src/tail/index.ts';
import { directoryAt } from '../../support/directory.ts';
import { concat, event, eventFile, frame, image, simpleValue } from '../../support/event-writer.ts';
import { MEMORY_CAPABILITIES, MemoryBackend, MemoryTracker } from '../../support/memory-backend.ts';
import { readRun } from '../../support/read-run.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { walk } from '../../support/walk.ts';

const RUN = { root: 'logs', path: 'run' };
const NAME = 'events.out.tfevents.1';

let folder = '';
let logs = '';
let path = '';
beforeEach(() => {
  folder = temporaryFolder();
  logs = join(folder, 'logs');
  path = join(logs, 'run', NAME);
  mkdirSync(join(logs, 'run'), { recursive: true });
});
function scalar(step: number): Uint8Array {
  return event({ wallTime: step, step, summary: [simpleValue('loss', step)] });
}

/** Roots of which something could not be read, with the reason, as the store has them. */
function unread(): Record<string, string> {
  const reader = openStore(store().path);
  try {
    return Object.fromEntries(reader.unreadRoots());
  } finally {
    reader.close();
  }
}

const steps = (from: number, to: number): Uint8Array[] => Array.from({ length: to - from }, (_, i) => scalar(from + i));

/** The points of a root's runs. */
function runsIn(root = 'logs'): Record<string, number> {
  const reader = openStore(store().path);
  try {
    return Object.fromEntries(reader.runs(root).map(({ run, points }) => [run.path, points]));
  } finally {
    reader.close();
  }
}

const store = (): { readonly path: string; readonly mediaPath: string } => ({
  path: join(folder, 'store.db'),
  mediaPath: join(folder, 'store.media'),
});

function pass(signal = new AbortController().signal): Promise<Report> {
  return backfill({ roots: [{ path: logs }], store: store(), signal });
}

function stored(): { readonly steps: readonly (number | bigint)[]; readonly files: readonly FileState[] } {
  const reader = openStore(store().path);
  try {
    const steps = reader.catalogue(RUN).flatMap(({ row }) => [...reader.points(row)].map(({ step }) => step));
    return { steps, files: reader.positions(RUN).files };
  } finally {
    reader.close();
  }
}

/**
 * Stores the one batch of the run's one file as a pass during which it was being written would, with `change` made to
 * its state.
 */
async function storeLive(change: (state: FileState, batch: Batch) => { readonly state: FileState; readonly batch: Batch }): Promise<void> {
  const job = { run: RUN, directory: directoryAt(join(logs, 'run')), files: [{ name: NAME }], series: [], settled: false };
  const [one] = readRun(job, new FileWindow());
  if (one?.kind !== 'batch') throw new Error('a batch was expected');
  const backend = new LocalBackend(store());
  try {
    const handle = await backend.open({ run: RUN, rootPath: logs });
    const outcomes = await backend.send([{ handle, ...change(one.state, one.batch) }]);
    expect(outcomes.map(({ kind }) => kind)).toEqual(['accepted']);
  } finally {
    await backend.close();
  }
}

describe('backfill', () => {
  test('counts as new, by kind as well, only points that a tracker stored', async () => {
    const picture = image('picture', { width: 1, height: 1, encoded: Uint8Array.of(1) });
    const all = [0, 1].map((step) =>
      event({ wallTime: step, step, summary: [simpleValue('loss', step), picture, simpleValue('bad', step)] }),
    );
    writeFileSync(path, eventFile(...all));
    const tracker = new MemoryTracker('one', { holds: { ...MEMORY_CAPABILITIES.holds, images: 'none' } });
    tracker.refuses = ({ tag }) => (tag === 'bad' ? 'refused' : undefined);
    const report = await backfill({
      roots: [{ path: logs }],
      store: undefined,
      trackers: [
        {
          name: 'one',
          type: 'memory',
          target: 'memory:one',
          backend: new MemoryBackend(tracker),
          namesOf: (run) => ({ name: run.path, group: '', tags: {} }),
        },
      ],
      statePath: join(folder, 'a.state'),
      signal: new AbortController().signal,
    });
    expect(report.totals).toMatchObject({ newPoints: 2, newPointsByKind: { scalars: 2 } });
    expect(report.runs.map(({ newPoints }) => newPoints)).toEqual([{ scalars: 2 }]);
    expect(report.lanes).toMatchObject([{ points: 2, unsupported: 2, refused: 2 }]);
  });

  test('reads nothing in a second pass without changes', async () => {
    writeFileSync(path, eventFile(scalar(1), scalar(2)));
    writeFileSync(join(logs, NAME), eventFile(scalar(1)));
    expect((await pass()).totals).toMatchObject({ files: 2, filesUnchanged: 0, newPoints: 3, filesGone: 0 });
    const before = stored();
    const { totals, runs } = await pass();
    expect(totals).toMatchObject({ files: 2, filesUnchanged: 2, bytesRead: 0, records: 0, newPoints: 0, pointsBefore: 3, filesGone: 0 });
    expect(runs.map(({ run, tags, pointsBefore, lastStep }) => [run.path, tags, pointsBefore, lastStep])).toEqual([
      ['.', 1, 1, 1],
      ['run', 1, 2, 2],
    ]);
    expect(stored()).toEqual(before);
  });

  test('does not open a file whose size and stamp did not change', async () => {
    writeFileSync(path, eventFile(scalar(1)));
    // As if nothing had been read of it: a reader that opens it finds points.
    await storeLive((state, { run, file, generation, marks }) => ({
      state: { ...state, position: { watermark: 0, gaps: [] }, guard: { first: undefined, last: undefined }, records: 0 },
      batch: { run, file, generation, marks, start: 0, end: 0, records: 0, newSeries: [], objects: [], scalars: NO_SCALARS },
    }));
    expect((await pass()).totals).toMatchObject({ filesUnchanged: 1, newPoints: 0 });
    appendFileSync(path, frame(scalar(2)));
    expect((await pass()).totals).toMatchObject({ filesUnchanged: 0, newPoints: 2 });
    expect(stored().steps).toEqual([1, 2]);
  });

  test('searches an incomplete end once if a pass left it while a writer may have been active', async () => {
    writeFileSync(path, concat(eventFile(scalar(1)), frame(scalar(2)).subarray(0, 30)));
    await storeLive((state, batch) => ({ state, batch }));
    const [live] = stored().files;
    expect(live?.damage).toMatchObject([{ reason: 'torn' }]);
    expect(live?.damage[0]).not.toHaveProperty('detail');
    expect(walk(logs).runs[0]?.files[0]?.stamp).toBe(live?.stamp);

    expect((await pass()).totals).toMatchObject({ filesUnchanged: 0, newPoints: 0 });
    expect(stored().files[0]?.damage).toMatchObject([{ reason: 'torn', detail: 'no valid record inside' }]);
    const { totals, damage } = await pass();
    expect(totals).toMatchObject({ filesUnchanged: 1, bytesRead: 0 });
    expect(damage).toMatchObject([{ reason: 'torn', file: NAME }]);
  });

  test('reads an incomplete record when it is complete, and continues after it', async () => {
    const record = frame(scalar(2));
    writeFileSync(path, concat(eventFile(scalar(1)), record.subarray(0, 30)));
    await pass();
    appendFileSync(path, concat(record.subarray(30), frame(scalar(3))));
    expect((await pass()).totals).toMatchObject({ newPoints: 2, filesUnchanged: 0 });
    expect(stored().steps).toEqual([1, 2, 3]);
    expect(stored().files[0]?.damage).toEqual([]);
  });

  test('counts deleted files and keeps their points; files below another root do not count as missing', async () => {
    mkdirSync(join(logs, 'other'));
    writeFileSync(path, eventFile(scalar(1)));
    writeFileSync(join(logs, 'other', NAME), eventFile(scalar(1)));
    await pass();
    rmSync(path);
    expect((await pass()).totals).toMatchObject({ files: 1, filesGone: 1 });
    expect(stored().steps).toEqual([1]);
    const other = await backfill({ roots: [{ path: join(logs, 'other') }], store: store(), signal: new AbortController().signal });
    expect(other.totals).toMatchObject({ files: 1, filesGone: 0, filesUnchanged: 1 });
    rmSync(join(logs, 'other'), { recursive: true });
    expect((await pass()).totals).toMatchObject({ files: 0, filesGone: 2 });
  });

  test('counts the points of a run with a replaced file again', async () => {
    writeFileSync(path, eventFile(scalar(1), scalar(2), scalar(3)));
    await pass();
    writeFileSync(`${path}.new`, eventFile(scalar(7), scalar(8)));
    renameSync(`${path}.new`, path);
    const { totals, incidents } = await pass();
    expect(totals).toMatchObject({ newPoints: 2, pointsBefore: 0 });
    expect(incidents).toMatchObject([{ kind: expect.stringMatching(/replaced|shortened/), path: `run/${NAME}` }]);
    expect(stored().steps).toEqual([7, 8]);
  });

  test('notices data that was appended after a cut between two marks of a long file, and waits without such data', async () => {
    const many = Array.from({ length: 1000 }, (_, i) => scalar(i));
    const whole = eventFile(...many);
    const cut = eventFile(...many.slice(0, 513));
    writeFileSync(path, whole);
    await pass();
    writeFileSync(path, cut);
    expect((await pass()).totals).toMatchObject({ newPoints: 0 });
    expect(stored().steps).toHaveLength(1000);
    // As long as the records that stood there, at the same time: only their values differ.
    const others = [513, 514].map((step) => frame(event({ wallTime: step, step, summary: [simpleValue('loss', -1)] })));
    appendFileSync(path, concat(...others));
    await pass();
    expect(stored().steps).toEqual([...Array(515).keys()]);
    expect(stored().files).toMatchObject([{ generation: 1, damage: [] }]);
    writeFileSync(path, whole);
    await pass();
    writeFileSync(path, concat(cut, ...[513, 514].map((step) => frame(scalar(step)))));
    await pass();
    expect(stored().steps).toEqual([...Array(1000).keys()]);
  });

  test('keeps the points of a file once, no matter how often it returned under its name, and the points in between', async () => {
    const rows = (): unknown => {
      using db = new DatabaseSync(store().path, { readOnly: true });
      return db.prepare('SELECT generation, sum(last_point - first_point + 1) AS points FROM segment GROUP BY 1 ORDER BY 1').all();
    };
    const [first, other] = [eventFile(scalar(1), scalar(2), scalar(3)), eventFile(scalar(7), scalar(8))];
    for (const content of [first, other, first, other, concat(first, frame(scalar(4)))]) {
      writeFileSync(`${path}.new`, content);
      renameSync(`${path}.new`, path);
      await pass();
    }
    expect(stored().steps).toEqual([1, 2, 3, 4]);
    expect(rows()).toMatchObject([
      { generation: 3, points: 2 },
      { generation: 4, points: 4 },
    ]);
    writeFileSync(path, concat(first, frame(scalar(4)), other));
    await pass();
    expect(rows()).toMatchObject([{ generation: 4, points: 6 }]);
  });

  test.each(['run', 'file'])('follows a %s that was moved to another directory when a new one has taken its place', async (what) => {
    writeFileSync(path, eventFile(...steps(0, 100)));
    await pass();
    mkdirSync(join(logs, 'archive'));
    if (what === 'run') renameSync(join(logs, 'run'), join(logs, 'archive', 'run'));
    else renameSync(path, join(logs, 'archive', NAME));
    mkdirSync(join(logs, 'run'), { recursive: true });
    writeFileSync(path, eventFile(...steps(500, 530)));
    expect((await pass()).incidents).toMatchObject([{ kind: 'moved' }]);
    expect(runsIn()).toEqual({ [what === 'run' ? 'archive/run' : 'archive']: 100, run: 30 });
    expect(stored().steps).toEqual(Array.from({ length: 30 }, (_, i) => 500 + i));
  });

  test('follows a run that was moved to a root that is walked later when a new one has taken its place', async () => {
    const roots = [{ path: logs }, { path: join(folder, 'old') }];
    mkdirSync(join(folder, 'old', 'other'), { recursive: true });
    writeFileSync(path, eventFile(...steps(0, 100)));
    writeFileSync(join(folder, 'old', 'other', NAME), eventFile(...steps(0, 3)));
    const both = (): Promise<Report> => backfill({ roots, store: store(), signal: new AbortController().signal });
    await both();
    renameSync(join(logs, 'run'), join(folder, 'old', 'run'));
    mkdirSync(join(logs, 'run'));
    writeFileSync(path, eventFile(...steps(500, 530)));
    expect((await both()).incidents).toMatchObject([{ kind: 'moved', root: 'old' }]);
    expect(runsIn()).toEqual({ run: 30 });
    expect(runsIn('old')).toEqual({ other: 3, run: 100 });
  });

  test('mirrors the other roots if one cannot be read, and records that one in the store', async () => {
    writeFileSync(path, eventFile(...steps(0, 3)));
    symlinkSync('ring', join(folder, 'ring'));
    const roots = [{ path: join(folder, 'none') }, { path: join(folder, 'ring') }, { path: logs }];
    const several = (): Promise<Report> => backfill({ roots, store: store(), signal: new AbortController().signal });
    const { totals, incidents } = await several();
    expect(totals).toMatchObject({ newPoints: 3, filesGone: 0 });
    expect(incidents).toMatchObject([
      { kind: 'folder', root: 'none', path: '.', reason: 'it does not exist (ENOENT)' },
      { kind: 'folder', root: 'ring', path: '.', reason: 'its links lead in a circle (ELOOP)' },
    ]);
    expect(unread()).toEqual({ none: 'it does not exist (ENOENT)', ring: 'its links lead in a circle (ELOOP)' });
    mkdirSync(join(folder, 'none'));
    rmSync(join(folder, 'ring'));
    mkdirSync(join(folder, 'ring', 'run'), { recursive: true });
    writeFileSync(join(folder, 'ring', 'run', NAME), eventFile(...steps(0, 5)));
    expect((await several()).incidents).toEqual([]);
    expect([unread(), runsIn('ring')]).toEqual([{}, { run: 5 }]);
  });

  test('accepts a directory around a root that was never readable', async () => {
    writeFileSync(path, eventFile(...steps(0, 3)));
    const outer = { path: join(folder, 'outer') };
    await backfill({
      roots: [{ path: join(folder, 'outer', 'none') }, { path: logs }],
      store: store(),
      signal: new AbortController().signal,
    });
    mkdirSync(join(folder, 'outer', 'none'), { recursive: true });
    writeFileSync(join(folder, 'outer', 'none', NAME), eventFile(...steps(0, 2)));
    await backfill({ roots: [outer, { path: logs }], store: store(), signal: new AbortController().signal });
    expect(runsIn('outer')).toEqual({ none: 2 });
    await expect(backfill({ roots: [{ path: folder }], store: store(), signal: new AbortController().signal })).rejects.toMatchObject({
      code: 'MB2006',
    });
  });

  test.each(['a store', 'trackers alone'])(
    'distinguishes runs in an archive from a directory with the same name, with %s',
    async (where) => {
      writeFileSync(path, eventFile(...steps(0, 3)));
      const statePath = join(folder, 'state');
      const tracker = new MemoryTracker('tracker');
      const mirror = (path: string): Promise<Report> =>
        backfill({
          roots: [{ path }],
          store: where === 'a store' ? store() : undefined,
          statePath,
          trackers: [
            {
              name: 'tracker',
              type: 'memory',
              target: 'tracker',
              backend: new MemoryBackend(tracker),
              namesOf: ({ path }) => ({ name: path, group: '', tags: {} }),
            },
          ],
          signal: new AbortController().signal,
        });
      await mirror(logs);
      const forgetting: Forgetting = {
        kind: 'forget',
        root: 'logs',
        isRoot: false,
        runs: [],
        files: [{ run: 'run', name: NAME }],
        keepsPoints: true,
      };
      const state = StateFile.open(statePath, { now: Date.now });
      state.tidy(forgetting, undefined, []);
      state.close();
      if (where === 'a store') {
        const local = new LocalBackend(store());
        local.tidy(forgetting);
        await local.close();
      }
      const other = join(folder, 'other', 'logs');
      mkdirSync(join(other, 'run'), { recursive: true });
      writeFileSync(join(other, 'run', NAME), eventFile(...steps(5, 9)));
      await expect(mirror(other)).rejects.toMatchObject({ code: 'MB2007' });
      await expect(mirror(folder)).rejects.toMatchObject({ code: 'MB2006' });
      expect([...tracker.runs.values()].map(({ points }) => points.size)).toEqual([3]);
      if (where === 'a store') expect(runsIn()).toEqual({ run: 3 });
    },
  );

  test('refuses a missing root if it is the only one', async () => {
    const only = (...names: string[]): Promise<Report> =>
      backfill({ roots: names.map((name) => ({ path: join(folder, name) })), store: store(), signal: new AbortController().signal });
    await expect(only('none')).rejects.toMatchObject({ code: 'MB2001' });
    await expect(only('none', 'nothing')).rejects.toMatchObject({ code: 'MB2001' });
    writeFileSync(join(folder, 'file'), '');
    await expect(only('logs', 'file')).rejects.toMatchObject({ code: 'MB2002' });
    expect(existsSync(store().path)).toBe(false);
  });

  test('does not report files as deleted if it could not check them', async () => {
    writeFileSync(path, eventFile(...steps(0, 3)));
    mkdirSync(join(logs, 'other'));
    writeFileSync(join(logs, 'other', NAME), eventFile(...steps(0, 2)));
    await pass();
    renameSync(logs, join(folder, 'away'));
    symlinkSync('logs', logs);
    const both = await backfill({
      roots: [{ path: logs }, { path: join(folder, 'away'), name: 'away' }],
      store: store(),
      signal: new AbortController().signal,
    });
    expect(both.totals.filesGone).toBe(0);
    expect(both.incidents).toMatchObject([{ kind: 'folder', root: 'logs' }]);
  });

  test('stores nothing if it was interrupted before its start', async () => {
    writeFileSync(path, eventFile(scalar(1)));
    const { interrupted, totals } = await pass(AbortSignal.abort());
    expect([interrupted, totals.newPoints, totals.filesGone]).toEqual([true, 0, 0]);
    expect((await pass()).totals).toMatchObject({ newPoints: 1 });
  });
});

const NO_SCALARS: Batch['scalars'] = {
  count: 0,
  series: new Uint32Array(0),
  step: new Float64Array(0),
  wallTime: new Float64Array(0),
  value: new Float64Array(0),
  offset: new Float64Array(0),
  checksum: new Uint32Array(0),
  index: new Uint32Array(0),
  wideSteps: new Map(),
  wideValues: new Map(),
};
