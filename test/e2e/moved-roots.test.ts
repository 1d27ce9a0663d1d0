import { cpSync, mkdirSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { until } from '../crash/watch-kill.ts';
import { MirroredLogs, ONE, range, scalars } from '../support/mirrored-logs.ts';

const MOST_MS = 20_000;

let logs: MirroredLogs;

beforeEach(async () => {
  logs = await MirroredLogs.make();
});

afterEach(() => logs.close());

const isWatched = async (is: () => boolean, what: () => unknown): Promise<void> => {
  if (!(await until(is, MOST_MS))) expect(what()).toBeUndefined();
};

/** Steps of two runs of a root, mirrored. */
async function mirrorTwo(): Promise<void> {
  logs.put(`runs/a/${ONE}`, ...scalars(0, 10));
  logs.put(`runs/b/c/${ONE}`, ...scalars(0, 5));
  await logs.mustRun(['backfill', 'runs']);
}

describe('a log directory that was moved', () => {
  it('is refused under its new name before the first write, and continues under the suggested name', async () => {
    await mirrorTwo();
    logs.move('runs', 'runs2');
    const before = [statSync(logs.path('mirrorboard.db')).mtimeMs, logs.stored('SELECT name, path FROM root')];
    await logs.expectCode('MB3020', 'backfill', 'runs2', '--dry-run');
    const said = await logs.expectCode('MB3020', 'backfill', 'runs2');
    expect(said).toContain('contains all 2 files that were mirrored from');
    expect(said).toContain(`give runs=${logs.path('runs2')}`);
    expect([statSync(logs.path('mirrorboard.db')).mtimeMs, logs.stored('SELECT name, path FROM root')]).toEqual(before);
    expect(logs.stored()).toEqual([
      ['runs/a', 10],
      ['runs/b/c', 5],
    ]);
    logs.append(`runs2/a/${ONE}`, ...scalars(10, 12));
    expect(await logs.incidents('runs=runs2')).toEqual([]);
    expect(logs.stored()).toEqual([
      ['runs/a', 12],
      ['runs/b/c', 5],
    ]);
    expect(logs.tracked()).toEqual({ a: range(12), 'b/c': range(5) });
    await logs.expectMirrored();
    // From now on it is known by its path.
    expect(await logs.incidents('runs2')).toEqual([]);
    expect(logs.stored()).toHaveLength(2);
  });

  it('is also recognized if it was copied and removed, if most of it remains, and if it is deeper now', async () => {
    await mirrorTwo();
    cpSync(logs.path('runs'), logs.path('data/old'), { recursive: true });
    rmSync(logs.path('runs'), { recursive: true });
    logs.put(`data/other/${ONE}`, ...scalars(50, 60));
    const said = await logs.expectCode('MB3020', 'backfill', 'data');
    expect(said).toContain(`give runs=${logs.path('data/old')}`);
    expect(said).toContain(`${logs.path('data')}, which contains it, cannot be mirrored as a whole`);
    rmSync(logs.path('data/old/a'), { recursive: true });
    expect(await logs.expectCode('MB3020', 'backfill', 'data')).toContain('1 of the 2 files');
    expect(logs.stored()).toHaveLength(2);
    expect(await logs.expectCode('MB3020', 'watch', 'data')).toContain(`give runs=${logs.path('data/old')}`);
  });

  it('is refused from a configuration, and continues once that has its name', async () => {
    logs.configure('roots: [{ path: runs }]\n');
    await mirrorTwo();
    logs.move('runs', 'runs2');
    logs.configure('roots: [{ path: runs2 }]\n');
    await logs.expectCode('MB3020', 'backfill');
    await logs.expectCode('MB3020', 'watch');
    logs.configure('roots: [{ path: runs2, name: runs }]\n');
    logs.append(`runs2/a/${ONE}`, ...scalars(10, 12));
    const watching = logs.start('watch', '--scan-interval', '0.3');
    await isWatched(
      () => logs.tracked()['a']?.length === 12 && String(logs.stored()[0]?.[1]) === '12',
      () => [logs.tracked(), logs.stored()],
    );
    watching.child.kill('SIGTERM');
    await watching.ended;
    expect(logs.tracked()).toEqual({ a: range(12), 'b/c': range(5) });
    expect(logs.stored()).toHaveLength(2);
    await logs.expectMirrored();
  });

  it('is recognized by the state alone, if there is no store', async () => {
    logs.configure('', 'mlflow: { tracking_uri: "$URL", experiment_name: tests }');
    await mirrorTwo();
    logs.move('runs', 'runs2');
    await logs.expectCode('MB3020', 'backfill', 'runs2', '--dry-run');
    await logs.expectCode('MB3020', 'backfill', 'runs2');
    await logs.mustRun(['backfill', 'runs=runs2']);
    expect(logs.tracked()).toEqual({ a: range(10), 'b/c': range(5) });
  });

  it('counts neither as moved nor as a failure if mirrorboard cannot check its files', async () => {
    await mirrorTwo();
    rmSync(logs.path('runs/a'), { recursive: true });
    symlinkSync('a', logs.path('runs/a'));
    logs.put(`more/x/${ONE}`, ...scalars(20, 30));
    expect(await logs.incidents('more')).toEqual([]);
    expect(logs.stored()).toContainEqual(['more/x', 10]);
  });

  it('is mirrored again if that is configured, or if both exist', async () => {
    await mirrorTwo();
    cpSync(logs.path('runs'), logs.path('copy'), { recursive: true });
    expect(await logs.incidents('copy')).toEqual([]);
    logs.move('runs', 'runs2');
    logs.configure('moved: new\n');
    expect(await logs.incidents('runs2')).toMatchObject([{ kind: 'moved' }, { kind: 'moved' }]);
    expect(logs.stored()).toHaveLength(6);
  });
});

describe('a run that was moved from one log directory into another one', () => {
  async function mirrorBoth(): Promise<void> {
    logs.put(`one/a/${ONE}`, ...scalars(0, 10));
    logs.put(`one/b/${ONE}`, ...scalars(0, 5));
    logs.put(`two/c/events.out.tfevents.2`, ...scalars(20, 25));
    await logs.mustRun(['backfill', 'one', 'two']);
  }

  async function expectFollowed(run = 'two/moved/a'): Promise<void> {
    expect(logs.stored()).toEqual([
      ['one/b', 5],
      ['two/c', 5],
      [run, 12],
    ]);
    expect(logs.tracked()).toMatchObject({ a: range(12), b: range(5) });
    expect(Object.keys(logs.tracked())).toEqual(['a', 'b', 'c']);
    await logs.expectMirrored();
  }

  it.each([['one', 'two'], ['two', 'one'], ['two']])('continues: backfill %s %s', async (...roots) => {
    await mirrorBoth();
    logs.move('one/a', 'two/moved/a');
    logs.append(`two/moved/a/${ONE}`, ...scalars(10, 12));
    expect(await logs.incidents(...roots.filter(Boolean))).toEqual([
      expect.objectContaining({ kind: 'moved', root: 'two', path: 'moved/a', reason: expect.stringContaining('one/a: it continues') }),
    ]);
    await expectFollowed();
    expect(await logs.incidents('one', 'two')).toEqual([]);
  });

  it('continues in a new log directory', async () => {
    await mirrorBoth();
    logs.put(`three/d/events.out.tfevents.3`, ...scalars(20, 25));
    logs.move('one/a', 'three/a');
    logs.append(`three/a/${ONE}`, ...scalars(10, 12));
    expect(await logs.incidents('three')).toMatchObject([{ kind: 'moved', root: 'three', path: 'a' }]);
    expect(logs.stored()).toEqual([
      ['one/b', 5],
      ['three/a', 12],
      ['three/d', 5],
      ['two/c', 5],
    ]);
    expect(logs.tracked()).toMatchObject({ a: range(12), b: range(5) });
    await logs.expectMirrored();
  });

  it('continues while both are watched', async () => {
    await mirrorBoth();
    const watching = logs.start('watch', 'one', 'two', '--scan-interval', '0.3');
    await watching.said(/two.*scanned|scanned.*two/);
    logs.move('one/a', 'two/moved/a');
    logs.append(`two/moved/a/${ONE}`, ...scalars(10, 12));
    await isWatched(
      () => logs.tracked()['a']?.length === 12 && logs.stored().some(([run, points]) => run === 'two/moved/a' && points === 12),
      () => [logs.tracked(), logs.stored()],
    );
    watching.child.kill('SIGTERM');
    await watching.ended;
    await expectFollowed();
  });

  it('is a new one if its former directory is missing and only its records are the same', async () => {
    await mirrorBoth();
    cpSync(logs.path('one/a'), logs.path('two/a'), { recursive: true });
    rmSync(logs.path('one'), { recursive: true });
    // What a share that is not mounted looks like.
    mkdirSync(logs.path('one'));
    expect(await logs.incidents('two')).toMatchObject([{ kind: 'moved', reason: expect.stringContaining('as a new run') }]);
    expect(logs.stored().map(([run]) => run)).toEqual(['one/a', 'one/b', 'two/a', 'two/c']);
  });
});
