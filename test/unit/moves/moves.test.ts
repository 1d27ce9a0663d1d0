// Files that have other names since they were mirrored, whichever lanes there are.
import { appendFileSync, cpSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { MirrorError } from '../../../src/errors.ts';
import { wholeRouting } from '../../../src/lanes/index.ts';
import { Fold, type Replaced } from '../../../src/route/index.ts';
import type { WatchStatus } from '../../../src/status/index.ts';
import { backfill } from '../../../src/sync/backfill.ts';
import { watch } from '../../../src/sync/watch.ts';
import { until } from '../../crash/watch-kill.ts';
import { event, eventFile, frame, simpleValue } from '../../support/event-writer.ts';
import { MemoryBackend, MemoryTracker } from '../../support/memory-backend.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

let folder: string;
let run: string;
beforeEach(() => {
  folder = temporaryFolder();
  run = join(folder, 'logs', 'run');
  mkdirSync(run, { recursive: true });
});
function write(name: string, ...steps: readonly number[]): void {
  writeFileSync(join(run, name), eventFile(...steps.map((step) => event({ wallTime: step, step, summary: [simpleValue('loss', step)] }))));
}

/** How many points each lane got. */
async function pass(...trackers: readonly MemoryTracker[]): Promise<number[]> {
  const { lanes } = await backfill({
    roots: [{ path: join(folder, 'logs') }],
    store: undefined,
    trackers: trackers.map((tracker) => ({
      name: tracker.name,
      type: 'memory',
      target: tracker.name,
      backend: new MemoryBackend(tracker),
      namesOf: ({ path }) => ({ name: path, group: '', tags: {} }),
    })),
    statePath: join(folder, 'state'),
    signal: new AbortController().signal,
  });
  return lanes.map(({ points }) => points);
}

describe('files that were rotated', () => {
  it.each(['first', 'last'])('are known to every lane if any lane read them, also to a lane that joins as the %s', async (place) => {
    const name = 'events.out.tfevents.1';
    write(name, 1, 2, 3);
    write(`${name}.1`, 4, 5);
    const [old, joining] = [new MemoryTracker('old'), new MemoryTracker('joining')];
    expect(await pass(old)).toEqual([5]);
    renameSync(join(run, `${name}.1`), join(run, `${name}.2`));
    renameSync(join(run, name), join(run, `${name}.1`));
    write(name, 6);
    expect(await pass(...(place === 'first' ? [joining, old] : [old, joining]))).toEqual(place === 'first' ? [6, 1] : [1, 6]);
  });
});

/** Roots with runs, a store and a tracker that holds each point once. */
describe('runs that changed places', () => {
  const ONE = 'events.out.tfevents.1';
  const TWO = 'events.out.tfevents.2';
  const scalar = (step: number): Uint8Array => event({ wallTime: step, step, summary: [simpleValue('loss', step)] });
  let tracker: MemoryTracker;
  beforeEach(() => {
    tracker = new MemoryTracker('tracker', { replacesByKey: false });
  });

  const path = (name: string): string => join(folder, name);
  function put(name: string, from: number): void {
    mkdirSync(dirname(path(name)), { recursive: true });
    writeFileSync(path(name), eventFile(...[0, 1, 2].map((i) => scalar(from + i))));
  }
  const grow = (name: string, step: number): void => appendFileSync(path(name), frame(scalar(step)));
  function go(...names: readonly string[]): void {
    for (const [i, name] of names.entries()) if (i > 0) renameSync(path(name), path(names[i - 1]!));
  }
  /** Each takes the place of the one before it, and the first one that of the last. */
  function goRound(...names: readonly string[]): void {
    renameSync(path(names[0]!), path('aside'));
    go(...names);
    renameSync(path('aside'), path(names.at(-1)!));
  }

  function options(roots: readonly string[], { store = true, replaced = 'new_run' as Replaced, folded = [] as readonly string[] } = {}) {
    const fold = new Fold({ names: folded, flat: [], hparams: false });
    return {
      roots: roots.map((root) => ({ path: path(root) })),
      store: store ? { path: path('store.db'), mediaPath: path('store.media') } : undefined,
      trackers: [
        {
          name: 'tracker',
          type: 'memory',
          target: 'tracker',
          backend: new MemoryBackend(tracker),
          namesOf: ({ root, path }: { readonly root: string; readonly path: string }) => ({ name: `${root}/${path}`, group: '', tags: {} }),
          routing: { ...wholeRouting('tracker'), fold, replacedOf: () => replaced },
        },
      ],
      statePath: path('state'),
    };
  }
  async function mirror(roots: readonly string[], how = {}): Promise<string[]> {
    const { incidents, lanes } = await backfill({ ...options(roots, how), signal: new AbortController().signal });
    expect(lanes.map(({ state: stand }) => stand)).toEqual(['done']);
    return incidents.map(({ root, path, reason }) => `${root}/${path} < ${(reason ?? '').split(',')[0]}`).sort();
  }
  /** The steps of each tracker run. */
  const tracked = (): Record<string, number[]> =>
    Object.fromEntries(
      [...tracker.runs.values()]
        .map(({ source, points }) => [source.name, [...points.values()].map(({ step }) => Number(step)).sort((a, b) => a - b)] as const)
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    );
  /** The steps of each tracker run, in the order in which they were made. */
  const steps = (): number[][] =>
    [...tracker.runs.values()].map(({ points }) => [...points.values()].map(({ step }) => Number(step)).sort((a, b) => a - b));
  function stored(): Record<string, number[]> {
    const db = new DatabaseSync(path('store.db'), { readOnly: true });
    try {
      const rows = db
        .prepare("SELECT root || '/' || run AS run, json_group_array(step ORDER BY step) AS steps FROM scalars GROUP BY 1 ORDER BY 1")
        .all();
      return Object.fromEntries(rows.map(({ run, steps }) => [String(run), JSON.parse(String(steps))]));
    } finally {
      db.close();
    }
  }

  it.each([
    ['names of their own', ONE, TWO],
    ['the same names', ONE, ONE],
  ])('continue in one root, with files of %s', async (_, one, two) => {
    put(`x/a/${one}`, 0);
    put(`x/b/${two}`, 10);
    await mirror(['x']);
    goRound('x/a', 'x/b');
    grow(`x/a/${two}`, 13);
    expect(await mirror(['x'])).toEqual(['x/a < x/b: it continues as the same run', 'x/b < x/a: it continues as the same run']);
    expect(stored()).toEqual({ 'x/a': [10, 11, 12, 13], 'x/b': [0, 1, 2] });
    expect(tracked()).toEqual({ 'x/a': [0, 1, 2], 'x/b': [10, 11, 12, 13] });
    grow(`x/b/${one}`, 3);
    expect(await mirror(['x'])).toEqual([]);
    expect(tracked()).toEqual({ 'x/a': [0, 1, 2, 3], 'x/b': [10, 11, 12, 13] });
  });

  it.each([
    ['all roots', ['x', 'y'], true],
    ['one of them', ['x'], true],
    ['the state alone', ['y', 'x'], false],
  ])('continue if whole roots changed places, with %s', async (_, roots, store) => {
    for (const [i, run] of ['a', 'b/c'].entries()) {
      put(`x/${run}/${ONE}`, 10 * i);
      put(`y/${run}/${TWO}`, 100 + 10 * i);
    }
    put(`x/only/${ONE}`, 50);
    await mirror(['x', 'y'], { store });
    goRound('x', 'y');
    await mirror(roots, { store });
    const now = { 'x/a': [0, 1, 2], 'x/b/c': [10, 11, 12], 'x/only': [50, 51, 52], 'y/a': [100, 101, 102], 'y/b/c': [110, 111, 112] };
    expect(tracked()).toEqual(now);
    const swapped = Object.entries(now).map(([run, steps]) => [run.replace(/^./, (root) => (root === 'x' ? 'y' : 'x')), steps]);
    if (store && roots.length > 1) expect(stored()).toEqual(Object.fromEntries(swapped));
    expect(await mirror(['x', 'y'], { store })).toEqual(roots.length > 1 ? [] : ['y/only < x/only: it continues as the same run']);
    expect(tracked()).toEqual(now);
    if (store) expect(stored()).toEqual(Object.fromEntries(swapped));
  });

  it('change places in a circle, also runs with folded runs, and with copied files', async () => {
    const folded = ['train', 'test'];
    for (const [i, run] of ['a', 'b', 'c'].entries())
      for (const [k, part] of folded.entries()) put(`x/${run}/${part}/${ONE}.${run}`, 100 * i + 10 * k);
    await mirror(['x'], { folded });
    const before = tracked();
    cpSync(path('x'), path('copy'), { recursive: true });
    rmSync(path('x'), { recursive: true });
    renameSync(path('copy'), path('x'));
    goRound('x/a', 'x/b', 'x/c');
    grow(`x/a/train/${ONE}.b`, 103);
    expect(await mirror(['x'], { folded })).toHaveLength(6);
    expect(tracked()).toEqual({ ...before, 'x/b': [...before['x/b']!, 103].sort((a, b) => a - b) });
    expect(Object.keys(stored())).toHaveLength(6);
  });

  it('are mirrored again, each into its own tracker run, if one took the place of a deleted one', async () => {
    put(`x/a/${ONE}`, 0);
    put(`y/a/${TWO}`, 10);
    await mirror(['x', 'y']);
    rmSync(path('x'), { recursive: true });
    renameSync(path('y'), path('x'));
    expect(await mirror(['x'])).toEqual(['x/a < y/a: it replaces another run and is mirrored again']);
    const made = [...tracker.runs.values()].map(({ source, points }) => [source.name, points.size]);
    // Which of the first two was opened first is open.
    expect(made.slice(0, 2).sort()).toEqual([
      ['x/a', 3],
      ['y/a', 3],
    ]);
    expect(made.slice(2)).toEqual([['x/a', 3]]);
    expect(await mirror(['x'])).toEqual([]);
  });

  it('keep their tracker run if a copy of them takes their former place, and the copy gets its own', async () => {
    put(`x/a/${ONE}`, 0);
    await mirror(['x']);
    renameSync(path('x/a'), path('x/b'));
    await mirror(['x']);
    cpSync(path('x/b'), path('x/a'), { recursive: true });
    grow(`x/a/${ONE}`, 10);
    grow(`x/b/${ONE}`, 20);
    await mirror(['x']);
    expect(steps()).toEqual([
      [0, 1, 2, 20],
      [0, 1, 2, 10],
    ]);
    // Again and again, also if the second one moves away.
    renameSync(path('x/a'), path('x/c'));
    await mirror(['x']);
    cpSync(path('x/c'), path('x/a'), { recursive: true });
    await mirror(['x']);
    expect(steps()).toEqual([
      [0, 1, 2, 20],
      [0, 1, 2, 10],
      [0, 1, 2, 10],
    ]);
  });

  it('do not find the tracker run of another run if theirs is deleted', async () => {
    put(`x/b/${ONE}`, 0);
    await mirror(['x']);
    cpSync(path('x/b'), path('x/a'), { recursive: true });
    grow(`x/a/${ONE}`, 3);
    await mirror(['x']);
    for (const [from, to] of [
      ['x/b', 'x/c'],
      ['x/a', 'x/b'],
    ] as const) {
      renameSync(path(from), path(to));
      await mirror(['x']);
    }
    const [, second] = [...tracker.runs.keys()];
    tracker.runs.delete(second!);
    grow(`x/b/${ONE}`, 20);
    grow(`x/c/${ONE}`, 30);
    await mirror(['x']);
    expect(steps()).toEqual([
      [0, 1, 2, 30],
      [0, 1, 2, 3, 20],
    ]);
  });

  it('count as deleted files, with trackers only, too', async () => {
    put(`x/a/${ONE}`, 0);
    put(`x/a/${TWO}`, 10);
    put(`x/b/${ONE}`, 20);
    const gone = async (): Promise<number> =>
      (await backfill({ ...options(['x'], { store: false }), signal: new AbortController().signal })).totals.filesGone;
    expect(await gone()).toBe(0);
    rmSync(path(`x/a/${ONE}`));
    rmSync(path('x/b'), { recursive: true });
    put(`x/c/${TWO}`, 30);
    expect([await gone(), await gone()]).toEqual([2, 2]);
  });

  it('are named, with their former path, if a root does not exist', async () => {
    put(`x/a/${ONE}`, 0);
    await mirror(['x']);
    renameSync(path('x'), path('y'));
    const refused = async (...roots: readonly string[]): Promise<string> => {
      const { code, hint } = await mirror(roots).then(
        () => ({ code: 'none', hint: '' }),
        (error: MirrorError) => error,
      );
      return `${code}: ${hint}`;
    };
    expect(await refused('x')).toMatch(/^MB2001: It was mirrored from there as x\. .*give its new path as x=PATH.*root forget x$/);
    await backfill({ ...options([]), roots: [{ name: 'x', path: path('y') }], signal: new AbortController().signal });
    expect(await refused('x')).toContain(`The last known path of x is ${path('y')}: give x=${path('y')}`);
    expect(await refused('z')).toContain('Check the path');
  });

  it('share a tracker run if that is configured for replaced files', async () => {
    put(`x/a/${ONE}`, 0);
    put(`y/a/${TWO}`, 10);
    await mirror(['x', 'y'], { replaced: 'same_run' });
    rmSync(path('x'), { recursive: true });
    renameSync(path('y'), path('x'));
    await mirror(['x'], { replaced: 'same_run' });
    expect(tracked()).toEqual({ 'x/a': [0, 1, 2, 10, 11, 12], 'y/a': [10, 11, 12] });
  });

  const HEAD_BYTES = 24 + 16;
  const cuts: readonly (readonly [string, number])[] = [
    ['nothing', 0],
    ['half of the first record', HEAD_BYTES / 2],
    ['the first record', HEAD_BYTES],
    ['two records', -1],
    ['two records and a half', -1.5],
  ];
  const places: readonly (readonly [place: string, from: string, to: string])[] = [
    ['under another name', `x/p/a/${ONE}`, `x/p/a/${ONE}.9`],
    ['in a run that was moved', 'x/p', 'x/old/p'],
    ['in a run that was moved to another root', 'x/p', 'y/p'],
  ];
  describe.each(places)('whose file was cut, or is copied over itself, %s', (_, from, to) => {
    it.each(cuts)('continue once it is complete, if %s of it exists', async (__, bytes) => {
      const folded = ['a'];
      put(`x/p/a/${ONE}`, 0);
      put(`y/b/${TWO}`, 10);
      await mirror(['x', 'y'], { folded });
      const whole = readFileSync(path(`x/p/a/${ONE}`));
      const record = (whole.length - HEAD_BYTES) / 3;
      mkdirSync(dirname(path(to)), { recursive: true });
      renameSync(path(from), path(to));
      const file = `x/p/a/${ONE}`.replace(from, to);
      truncateSync(path(file), Math.floor(bytes < 0 ? HEAD_BYTES + record * -bytes : bytes));
      await mirror(['x', 'y'], { folded });
      writeFileSync(path(file), whole);
      grow(file, 3);
      await mirror(['x', 'y'], { folded });
      expect(stored()).toEqual({ [dirname(file)]: [0, 1, 2, 3], 'y/b': [10, 11, 12] });
      expect(tracked()).toEqual({ 'x/p': [0, 1, 2, 3], 'y/b': [10, 11, 12] });
    });
  });

  it('stay the same if a new file got the inode of a removed one', async () => {
    put(`x/a/${ONE}`, 0);
    await mirror(['x']);
    // As if removed and created: the very inode, with nothing in it at first.
    mkdirSync(path('x/b'));
    renameSync(path(`x/a/${ONE}`), path(`x/b/${TWO}`));
    truncateSync(path(`x/b/${TWO}`), 0);
    await mirror(['x']);
    expect(stored()).toEqual({ 'x/a': [0, 1, 2] });
    const inode = statSync(path(`x/b/${TWO}`)).ino;
    put(`x/b/${TWO}`, 50);
    expect(statSync(path(`x/b/${TWO}`)).ino).toBe(inode);
    await mirror(['x']);
    expect(stored()).toEqual({ 'x/a': [0, 1, 2], 'x/b': [50, 51, 52] });
    expect(tracked()).toEqual({ 'x/a': [0, 1, 2], 'x/b': [50, 51, 52] });
  });

  it('continue if an empty file had their inode before', async () => {
    put(`x/e/${TWO}`, 10);
    writeFileSync(path(`x/e/${ONE}`), '');
    await mirror(['x']);
    mkdirSync(path('x/a'));
    renameSync(path(`x/e/${ONE}`), path(`x/a/${ONE}`));
    put(`x/a/${ONE}`, 0);
    await mirror(['x']);
    const end = new AbortController();
    const watching = watch({ ...options(['x']), scanIntervalMs: 200, signal: end.signal });
    try {
      mkdirSync(path('x/old'));
      renameSync(path('x/a'), path('x/old/a'));
      expect(await until(() => stored()['x/old/a']?.length === 3, 20_000)).toBe(true);
    } finally {
      end.abort();
      await watching;
    }
    expect(stored()).toEqual({ 'x/e': [10, 11, 12], 'x/old/a': [0, 1, 2] });
    expect(tracked()).toEqual({ 'x/a': [0, 1, 2], 'x/e': [10, 11, 12] });
  });

  it('are distinguished from files that replace them under watch', async () => {
    const allTracked = (): number[][] =>
      [...tracker.runs.values()].map(({ points }) => [...points.values()].map(({ step }) => Number(step)).sort((a, b) => a - b));
    put(`x/a/${ONE}`, 0);
    put(`y/z/${ONE}.z`, 10);
    const end = new AbortController();
    await mirror(['x', 'y']);
    const watching = watch({ ...options(['x', 'y']), scanIntervalMs: 1000, signal: end.signal });
    try {
      for (const [i, to] of ['y/a', 'x/old/a', 'y/b'].entries()) {
        const [left, came] = [i, i + 1].map((n) => [0, 1, 2].map((k) => 100 * n + k));
        mkdirSync(dirname(path(to)), { recursive: true });
        renameSync(path('x/a'), path(to));
        put(`x/a/${i === 1 ? ONE : TWO}${i}`, 100 * (i + 1));
        await until(() => `${stored()[to]}` === `${left}` && `${stored()['x/a']}` === `${came}`, 20_000);
        expect(stored()).toMatchObject({ [to]: left, 'x/a': came });
        expect(await until(() => allTracked().some((steps) => `${steps}` === `${came}`), 20_000)).toBe(true);
      }
    } finally {
      end.abort();
      await watching;
    }
    // All of them were opened as `x/a`.
    expect(allTracked().sort(([a = 0], [b = 0]) => a - b)).toEqual([0, 10, 100, 200, 300].map((first) => [first, first + 1, first + 2]));
  });

  it('continue under watch if one command after the other moves them', async () => {
    for (const [i, run] of ['a', 'b'].entries()) {
      put(`x/${run}/${ONE}`, 10 * i);
      put(`y/${run}/${ONE}`, 100 + 10 * i);
    }
    await mirror(['x', 'y']);
    const before = tracked();
    const end = new AbortController();
    let status: WatchStatus | undefined;
    const watching = watch({
      ...options(['x', 'y']),
      scanIntervalMs: 200,
      signal: end.signal,
      onStart: async (started) => {
        status = started;
      },
    });
    try {
      // What moves before both roots were seen is another scene.
      expect(await until(() => status?.isReady === true, 20_000)).toBe(true);
      goRound('x', 'y');
      grow(`x/a/${ONE}`, 103);
      // The store may not have read it yet: then another file has its name.
      expect(await until(() => tracked()['y/a']!.length === 4, 20_000)).toBe(true);
      goRound('x/a', 'x/b');
      grow(`x/b/${ONE}`, 104);
      expect(await until(() => tracked()['y/a']!.length === 5 && stored()['x/b']?.length === 5, 20_000)).toBe(true);
    } finally {
      end.abort();
      await watching;
    }
    expect(tracked()).toEqual({ ...before, 'y/a': [...before['y/a']!, 103, 104] });
    expect(stored()).toEqual({ 'x/a': [110, 111, 112], 'x/b': [100, 101, 102, 103, 104], 'y/a': [0, 1, 2], 'y/b': [10, 11, 12] });
  });

  it('continue if they left a root that was missing when the watch began', async () => {
    put(`x/b/${ONE}`, 10);
    const end = new AbortController();
    let status: WatchStatus | undefined;
    const watching = watch({
      ...options(['x', 'y']),
      scanIntervalMs: 200,
      signal: end.signal,
      onStart: async (started) => {
        status = started;
      },
    });
    try {
      expect(await until(() => tracked()['x/b']?.length === 3, 20_000)).toBe(true);
      put(`y/a/${ONE}`, 0);
      expect(await until(() => tracked()['y/a']?.length === 3, 20_000)).toBe(true);
      expect(await until(() => status?.roots.get('y')?.isMissing === false && stored()['y/a']?.length === 3, 20_000)).toBe(true);
      renameSync(path('y/a'), path('x/a'));
      grow(`x/a/${ONE}`, 3);
      expect(await until(() => stored()['x/a']?.length === 4 && tracked()['y/a']?.length === 4, 20_000)).toBe(true);
    } finally {
      end.abort();
      await watching;
    }
    expect(tracked()).toEqual({ 'x/b': [10, 11, 12], 'y/a': [0, 1, 2, 3] });
  });

  it('are new ones if they are copied under watch and then removed, and a message names the original', async () => {
    put(`x/a/${ONE}`, 0);
    put(`x/a/${TWO}`, 5);
    put(`x/b/${ONE}`, 10);
    const end = new AbortController();
    let status: WatchStatus | undefined;
    const watching = watch({
      ...options(['x']),
      scanIntervalMs: 200,
      signal: end.signal,
      onStart: async (started) => {
        status = started;
      },
    });
    const moved = (): readonly unknown[] => (status?.incidents ?? []).map(({ path, reason }) => [path, reason]);
    try {
      expect(await until(() => Object.keys(tracked()).length === 2, 20_000)).toBe(true);
      cpSync(path('x/a'), path('x/old/a'), { recursive: true });
      // One file of it only: it is no copy of the run.
      mkdirSync(path('x/part'));
      cpSync(path(`x/a/${TWO}`), path(`x/part/${TWO}`));
      expect(await until(() => tracked()['x/old/a']?.length === 6 && tracked()['x/part']?.length === 3, 20_000)).toBe(true);
      // A file that is removed while a lane reads it is an incident of its own.
      const inStore = (): boolean => stored()['x/a']?.length === 6 && stored()['x/b']?.length === 3 && stored()['x/old/a']?.length === 6;
      expect(await until(inStore, 20_000)).toBe(true);
      rmSync(path('x/a'), { recursive: true });
      rmSync(path('x/b'), { recursive: true });
      expect(await until(() => moved().length > 0, 20_000)).toBe(true);
      grow(`x/old/a/${ONE}`, 3);
      expect(await until(() => tracked()['x/old/a']?.length === 7, 20_000)).toBe(true);
      expect(moved()).toEqual([['old/a', 'x/a: it is mirrored as a new run; the data mirrored from the old path stays']]);
    } finally {
      end.abort();
      await watching;
    }
  });
});
