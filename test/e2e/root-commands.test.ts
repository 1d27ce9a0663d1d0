import { cpSync, mkdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { MirroredLogs, ONE, range, scalars } from '../support/mirrored-logs.ts';

let logs: MirroredLogs;

beforeEach(async () => {
  logs = await MirroredLogs.make();
  logs.put(`runs/a/${ONE}`, ...scalars(0, 10));
});

afterEach(() => logs.close());

describe('root rename', () => {
  it('renames a root, and all its runs continue', async () => {
    await logs.mustRun(['backfill', 'runs']);
    await logs.mustRun(['root', 'rename', 'runs', 'new', '--dry-run']);
    expect(logs.stored()).toEqual([['runs/a', 10]]);
    const { stderr } = await logs.mustRun(['root', 'rename', 'runs', 'new']);
    expect(stderr).toContain('runs is now called new');
    expect(logs.stored()).toEqual([['new/a', 10]]);
    logs.append(`runs/a/${ONE}`, ...scalars(10, 12));
    for (const root of ['runs', 'new=runs']) {
      expect(await logs.incidents(root)).toEqual([]);
      expect(logs.stored()).toEqual([['new/a', 12]]);
      expect(logs.tracked()).toEqual({ a: range(12) });
    }
    await logs.expectMirrored();
    expect(await logs.json('root', 'list')).toMatchObject({
      roots: [{ name: 'new', path: logs.path('runs'), missing: false, runs: 1, points: 12 }],
    });
  });

  it('reports a configuration with the former name', async () => {
    logs.configure('roots: [{ path: runs, name: old }]\n');
    await logs.mustRun(['backfill']);
    expect((await logs.mustRun(['root', 'rename', 'old', 'new'])).stderr).toContain('change it to name: new');
    logs.configure('roots: [{ path: runs, name: new }]\n');
    await logs.mustRun(['backfill']);
    expect(logs.stored()).toEqual([['new/a', 10]]);
    expect(logs.tracked()).toEqual({ a: range(10) });
  });

  it('refuses a taken or invalid name, and an unknown root', async () => {
    logs.put(`more/a/${ONE}`, ...scalars(0, 10));
    await logs.mustRun(['backfill', 'runs', 'more']);
    await logs.expectCode('MB3022', 'root', 'rename', 'runs', 'more');
    await logs.expectCode('MB3022', 'root', 'rename', 'runs', 'a/b');
    expect(await logs.expectCode('MB3021', 'root', 'rename', 'rusn', 'b')).toContain('Did you mean runs?');
    const watching = logs.start('watch', 'runs');
    await watching.said(/scanned/);
    expect(await logs.expectCode('MB3004', 'root', 'rename', 'runs', 'b')).toContain('Stop that watch first');
    watching.child.kill('SIGTERM');
    await watching.ended;
  });
});

describe('root move', () => {
  it('sets the path of a root, and it continues there without its name', async () => {
    await logs.mustRun(['backfill', 'runs']);
    logs.move('runs', 'runs2');
    logs.append(`runs2/a/${ONE}`, ...scalars(10, 12));
    await logs.mustRun(['root', 'move', 'runs', 'runs2']);
    expect(await logs.incidents('runs2')).toEqual([]);
    expect(logs.stored()).toEqual([['runs/a', 12]]);
    expect(logs.tracked()).toEqual({ a: range(12) });
    await logs.expectMirrored();
  });

  it('shows what to change in a configuration that has the former path', async () => {
    logs.configure('roots: [runs]\n');
    await logs.mustRun(['backfill']);
    logs.move('runs', 'runs2');
    const { stderr } = await logs.mustRun(['root', 'move', 'runs', 'runs2']);
    expect(stderr.replace(/\s+/g, ' ')).toContain(
      `mirrorboard.yaml its path is runs: change it to path: ${logs.path('runs2')} and name: runs.`,
    );
  });

  it('suggests a free name if a directory is another one', async () => {
    logs.put(`runs-2/x/${ONE}`, ...scalars(0, 10));
    await logs.mustRun(['backfill', 'runs', 'runs-2']);
    mkdirSync(logs.path('empty'));
    expect(await logs.expectCode('MB2007', 'root', 'move', 'runs', 'empty')).toContain(
      `Give it another name: runs-3=${logs.path('empty')}`,
    );
  });

  it('refuses a directory that is another one, does not exist, or is inside a root', async () => {
    logs.put(`more/x/${ONE}`, ...scalars(0, 10));
    await logs.mustRun(['backfill', 'runs', 'more']);
    mkdirSync(logs.path('empty'));
    await logs.expectCode('MB2007', 'root', 'move', 'runs', 'empty');
    await logs.expectCode('MB2001', 'root', 'move', 'runs', 'nowhere');
    await logs.expectCode('MB2005', 'root', 'move', 'runs', 'more');
    cpSync(logs.path('runs'), logs.path('copy'), { recursive: true });
    await logs.mustRun(['root', 'move', 'runs', 'copy']);
    expect(await logs.json('root', 'list')).toMatchObject({ roots: [{ name: 'more' }, { name: 'runs', path: logs.path('copy') }] });
  });
});
