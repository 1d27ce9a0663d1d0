import { existsSync, readdirSync, rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { until } from '../crash/watch-kill.ts';
import * as w from '../support/event-writer.ts';
import { MirroredLogs, ONE, range, scalars } from '../support/mirrored-logs.ts';

let logs: MirroredLogs;

beforeEach(async () => {
  logs = await MirroredLogs.make();
});

afterEach(() => logs.close());

const activeRuns = (): string[] =>
  logs.stub
    .runs()
    .map(({ name }) => name)
    .sort();

/** What begins as a PNG does. */
const png = (text: string): Uint8Array => Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.from(text)]);

/** Three runs; of one all is gone, of another one a file. */
async function mirrorSome(): Promise<void> {
  logs.put(`runs/exp/${ONE}`, ...scalars(0, 10));
  logs.put(`runs/exp/events.out.tfevents.2`, ...scalars(10, 15));
  logs.put(`runs/failed/${ONE}`, ...scalars(0, 3));
  logs.put(`runs/other/${ONE}`, ...scalars(0, 4));
  await logs.mustRun(['backfill', 'runs']);
}

async function filesGone(): Promise<unknown> {
  const { roots } = (await logs.json('status')) as { roots: { files_gone: number }[] };
  return roots.map(({ files_gone: gone }) => gone);
}

describe('run forget', () => {
  it('forgets deleted data, of whole runs and of single files, and shows it first', async () => {
    await mirrorSome();
    rmSync(logs.path('runs/failed'), { recursive: true });
    rmSync(logs.path('runs/exp/events.out.tfevents.2'));
    expect(await filesGone()).toEqual([2]);
    expect((await logs.run('status')).stdout).toContain('run forget --gone');
    const plan = {
      runs: [{ root: 'runs', run: 'failed' }],
      files: [{ root: 'runs', run: 'exp', file: 'events.out.tfevents.2' }],
      still_there: [],
    };
    expect(await logs.json('run', 'forget', '--gone', '--dry-run')).toMatchObject({ ...plan, dry_run: true, done: false });
    expect(logs.stored()).toHaveLength(3);
    expect(await logs.json('run', 'forget', '--gone', '--yes')).toMatchObject({ ...plan, done: true, points: 3 });
    expect(logs.stored()).toEqual([
      ['runs/exp', 10],
      ['runs/other', 4],
    ]);
    expect(logs.stored('SELECT count(*) FROM point')).toEqual([[14]]);
    expect(await filesGone()).toEqual([0]);
    // Trackers keep theirs.
    expect(logs.tracked()).toEqual({ exp: range(15), failed: range(3), other: range(4) });
    await logs.expectSound();
    logs.append(`runs/exp/${ONE}`, ...scalars(15, 17));
    expect(await logs.incidents('runs')).toEqual([]);
    expect(logs.tracked()).toMatchObject({ exp: range(17) });
    await logs.mustRun(['verify']);
    expect(await logs.json('run', 'forget', '--gone', '--yes')).toMatchObject({ runs: [], files: [], done: false });
  });

  it('stops the reports of damage in deleted files', async () => {
    logs.put(`runs/exp/${ONE}`, ...scalars(0, 10));
    logs.put(`runs/torn/${ONE}`, w.event({ wallTime: 1, step: 0, summary: [w.simpleValue('loss', 1)] }));
    logs.appendBytes(
      `runs/torn/${ONE}`,
      w.frame(w.event({ wallTime: 2, step: 1 })).with(13, 0xff),
      w.frame(w.event({ wallTime: 3, step: 2 })),
    );
    await logs.mustRun(['backfill', 'runs'], 1);
    await logs.mustRun(['status'], 1);
    rmSync(logs.path('runs/torn'), { recursive: true });
    await logs.mustRun(['run', 'forget', 'torn', '--yes']);
    await logs.mustRun(['status']);
    await logs.mustRun(['backfill', 'runs']);
    await logs.expectMirrored();
  });

  it('shows what still exists, and warns that the next pass mirrors it again, which happens once', async () => {
    await mirrorSome();
    const { stderr } = await logs.mustRun(['run', 'forget', 'runs/o*', '--yes']);
    expect(stderr).toContain('1 run, 4 points');
    expect(stderr).toContain('--exclude other');
    expect(logs.stored()).toHaveLength(2);
    await logs.mustRun(['backfill', 'runs', '--exclude', 'other']);
    expect(logs.stored()).toHaveLength(2);
    await logs.mustRun(['backfill', 'runs']);
    expect(logs.stored()).toHaveLength(3);
    expect(logs.tracked()).toEqual({ exp: range(15), failed: range(3), other: range(4) });
    await logs.expectMirrored();
  });

  it('keeps the points with --keep-points, and no command reports their files as missing', async () => {
    await mirrorSome();
    rmSync(logs.path('runs/failed'), { recursive: true });
    expect(await logs.json('run', 'forget', '--gone', '--keep-points', '--yes')).toMatchObject({
      runs: [{ run: 'failed' }],
      keep_points: true,
    });
    expect(logs.stored()).toContainEqual(['runs/failed', 3]);
    expect(await filesGone()).toEqual([0]);
    expect(JSON.parse((await logs.mustRun(['backfill', 'runs', '--json'])).stdout)).toMatchObject({
      incidents: [],
      totals: { files_gone: 0 },
    });
    expect(await logs.json('runs', '--in-state', 'kept')).toMatchObject({ runs: [{ run: 'failed', kept: true }] });
    await logs.expectMirrored();
    // Files that come back are gone on with.
    logs.put(`runs/failed/${ONE}`, ...scalars(0, 5));
    await logs.mustRun(['backfill', 'runs']);
    expect(logs.stored()).toContainEqual(['runs/failed', 5]);
    expect(logs.tracked()).toMatchObject({ failed: range(5) });
    await logs.expectMirrored();
  });

  it('removes tracker runs from the lanes that are named, unless they also hold other runs', async () => {
    logs.configure('runs: { fold: [train, validation] }\n');
    for (const part of ['train', 'validation']) logs.put(`runs/exp/${part}/${ONE}`, ...scalars(0, 5));
    await mirrorSome();
    expect(activeRuns()).toEqual(['exp', 'failed', 'other']);
    const first = await logs.json('run', 'forget', 'exp/train', 'failed', '--remove-from', 'mlflow', '--yes');
    expect(first).toMatchObject({ removals: [{ lane: 'mlflow', run: 'runs/failed' }], removed: 1, left: 0 });
    expect(first).toMatchObject({ staying: [{ lane: 'mlflow', run: 'runs/exp', reason: expect.stringContaining('is in it, too') }] });
    expect(activeRuns()).toEqual(['exp', 'other']);
    await logs.expectSound();
    await logs.json('run', 'forget', 'exp', '--remove-from', 'mlflow', '--yes');
    expect(activeRuns()).toEqual(['other']);
    expect(logs.stored()).toEqual([['runs/other', 4]]);
    await logs.expectSound();
  });

  it('removes the tracker runs of all log directories whose runs it forgets', async () => {
    await mirrorSome();
    logs.put(`more/exp/${ONE}`, ...scalars(0, 5));
    await logs.mustRun(['backfill', 'more']);
    const both = await logs.json('run', 'forget', '*', '--remove-from', 'mlflow', '--yes');
    expect(both).toMatchObject({ runs: [{ root: 'more' }, { root: 'runs' }, { root: 'runs' }, { root: 'runs' }], removed: 4, left: 0 });
    expect(activeRuns()).toEqual([]);
  });

  it('changes nothing if a tracker does not answer a removal, and refuses a lane that is not a tracker', async () => {
    await mirrorSome();
    await logs.stub.close();
    await logs.expectCode('MB4001', 'run', 'forget', 'failed', '--remove-from', 'mlflow', '--yes');
    expect(logs.stored()).toHaveLength(3);
    expect(await logs.expectCode('MB1001', 'run', 'forget', 'failed', '--remove-from', 'local', '--yes')).toContain(
      'the local store always forgets',
    );
    await logs.expectCode('MB4010', 'run', 'forget', 'failed', '--remove-from', 'mlfow', '--yes');
  });

  it('asks first, and does nothing without a terminal, without a match, or while another process mirrors', async () => {
    await mirrorSome();
    expect(await logs.expectCode('MB3023', 'run', 'forget', 'failed')).toContain('--yes');
    expect(await logs.expectCode('MB3021', 'run', 'forget', 'faild', '--yes')).toContain('Did you mean failed?');
    expect(await logs.expectCode('MB3021', 'run', 'forget', 'failed', '--root', 'run', '--yes')).toContain('Did you mean runs?');
    await logs.expectCode('MB1001', 'run', 'forget', '--yes');
    const watching = logs.start('watch', 'runs');
    await watching.said(/scanned/);
    expect(await logs.expectCode('MB3004', 'run', 'forget', 'failed', '--yes')).toContain('Stop that watch first');
    watching.child.kill('SIGTERM');
    await watching.ended;
    expect(logs.stored()).toHaveLength(3);
  });

  it('does not treat files as gone if their directory does not exist at all', async () => {
    await mirrorSome();
    logs.move('runs', 'elsewhere');
    const { stdout } = await logs.mustRun(['run', 'forget', '--gone', '--yes', '--json'], 3);
    expect(JSON.parse(stdout)).toMatchObject({ runs: [], done: false, away: [{ root: 'runs' }] });
    expect(logs.stored()).toHaveLength(3);
  });

  it('removes media that no other run has', async () => {
    const image = (text: string): Uint8Array =>
      w.event({ wallTime: 1, step: 0, summary: [w.image('i', { width: 1, height: 1, encoded: png(text) })] });
    logs.put(`runs/a/${ONE}`, image('one'), image('both'));
    logs.put(`runs/b/${ONE}`, image('both'));
    await logs.mustRun(['backfill', 'runs']);
    const media = (): number =>
      readdirSync(logs.path('mirrorboard.media'), { recursive: true, encoding: 'utf8' }).filter((name) => /\.png$/.test(name)).length;
    expect(media()).toBe(2);
    await logs.mustRun(['run', 'forget', 'a', '--yes']);
    expect(media()).toBe(1);
    expect(logs.stored('SELECT count(*) FROM blob')).toEqual([[1]]);
    await logs.expectSound();
  });
});

describe('root forget', () => {
  it('forgets a root with all of its runs, and leaves the others', async () => {
    await mirrorSome();
    logs.put(`more/x/${ONE}`, ...scalars(0, 2));
    await logs.mustRun(['backfill', 'more']);
    await logs.expectCode('MB3021', 'root', 'forget', 'rnus', '--yes');
    expect((await logs.mustRun(['root', 'forget', 'runs', '--dry-run'])).stderr).toContain('the root runs, 3 runs');
    expect(logs.stored()).toHaveLength(4);
    const { stderr } = await logs.mustRun(['root', 'forget', 'runs', '--yes']);
    expect(stderr).toContain('stop giving runs to backfill');
    expect(logs.stored()).toEqual([['more/x', 2]]);
    expect(await logs.json('root', 'list')).toMatchObject({ roots: [{ name: 'more', runs: 1 }] });
    expect(logs.tracked()).toMatchObject({ exp: range(15), x: range(2) });
    await logs.expectMirrored();
  });

  it('keeps the points of a root that was removed permanently', async () => {
    await mirrorSome();
    rmSync(logs.path('runs'), { recursive: true });
    await logs.mustRun(['status'], 1);
    await logs.mustRun(['root', 'forget', 'runs', '--keep-points', '--yes']);
    expect(logs.stored()).toHaveLength(3);
    await logs.mustRun(['status']);
    await logs.mustRun(['export', '--format', 'csv']);
  });
});

describe('runs', () => {
  it('lists mirrored runs, by pattern, root, lane and state', async () => {
    await mirrorSome();
    logs.put(`more/exp/${ONE}`, ...scalars(0, 2));
    await logs.mustRun(['backfill', 'more', '--to', 'local']);
    const listed = async (...args: readonly string[]): Promise<string[]> => {
      const { runs } = (await logs.json('runs', ...args)) as { runs: { root: string; run: string }[] };
      return runs.map(({ root, run }) => `${root}/${run}`);
    };
    expect(await listed()).toEqual(['more/exp', 'runs/exp', 'runs/failed', 'runs/other']);
    expect(await listed('exp')).toEqual(['more/exp', 'runs/exp']);
    expect(await listed('runs/*e*')).toEqual(['runs/exp', 'runs/failed', 'runs/other']);
    expect(await listed('--root', 'more')).toEqual(['more/exp']);
    expect(await listed('--lane', 'mlflow')).toEqual(['runs/exp', 'runs/failed', 'runs/other']);
    expect(await listed('--lane', 'mlflow', '--in-state', 'not-begun')).toEqual(['more/exp']);
    expect(await listed('--in-state', 'done')).toHaveLength(3);
    rmSync(logs.path('runs/failed'), { recursive: true });
    expect(await listed('--in-state', 'gone')).toEqual(['runs/failed']);
    await logs.expectCode('MB1001', 'runs', '--in-state', 'odd');
    expect((await logs.run('runs', '--in-state', 'dnoe')).stderr).toContain('did you mean done?');
    await logs.expectCode('MB3021', 'runs', 'nothing');
    const { stdout } = await logs.mustRun(['run', 'list', 'runs/exp']);
    expect(stdout).toMatch(/exp +15 +1 +2 .* 14 .*done/);
    expect(existsSync(logs.path('mirrorboard.state'))).toBe(true);
  });

  it('works with the state alone, if there is no store', async () => {
    logs.configure('', 'mlflow: { tracking_uri: "$URL", experiment_name: tests }');
    await mirrorSome();
    expect(await logs.json('runs', 'exp')).toMatchObject({ runs: [{ run: 'exp', points: 15, files: 2, lanes: [{ state: 'done' }] }] });
    await logs.mustRun(['run', 'forget', 'exp', '--remove-from', 'mlflow', '--yes']);
    expect(activeRuns()).toEqual(['failed', 'other']);
    await logs.mustRun(['state', 'check']);
  });

  it('reports nothing that was forgotten as missing, if there is no store', async () => {
    logs.configure('', 'mlflow: { tracking_uri: "$URL", experiment_name: tests }');
    await mirrorSome();
    rmSync(logs.path('runs/exp/events.out.tfevents.2'));
    rmSync(logs.path('runs/failed'), { recursive: true });
    expect(await logs.json('run', 'forget', '--gone', '--yes')).toMatchObject({ done: true });
    expect((await logs.json('status')).roots).toMatchObject([{ files: 2, files_gone: 0 }]);
    const watching = logs.start('watch', 'runs', '--log-level', 'info', '--log-format', 'json', '--scan-interval', '0.3');
    logs.put(`runs/late/${ONE}`, ...scalars(0, 2));
    await until(() => logs.tracked()['late']?.length === 2, 20_000);
    watching.child.kill('SIGTERM');
    const { stdout, stderr } = await watching.ended;
    expect(logs.tracked()).toMatchObject({ late: range(2) });
    expect(stdout + stderr).not.toContain('file deleted');
  });
});
