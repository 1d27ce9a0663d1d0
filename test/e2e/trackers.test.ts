import { appendFileSync, cpSync, existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually, freePort, until } from '../crash/watch-kill.ts';
import * as w from '../support/event-writer.ts';
import { MlflowStub } from '../support/mlflow-stub/index.ts';
import { corpus, type Ended, endAll, freshDirectory, mirrorboard, mustRun, type Running, remove, start } from './command.ts';

const ONE = 'events.out.tfevents.1';

let folder: string;
let logs: string;
let run: string;
let file: string;
let stub: MlflowStub;

beforeEach(async () => {
  folder = freshDirectory();
  logs = join(folder, 'logs');
  run = join(logs, 'run');
  file = join(run, ONE);
  mkdirSync(run, { recursive: true });
  stub = await MlflowStub.start();
  configure();
});

afterEach(async () => {
  await endAll();
  await stub.close();
  remove(folder);
});

/** Two lanes; more of them where a test wants them. */
function configure(uri = stub.url, more = ''): void {
  writeFileSync(
    join(folder, 'mirrorboard.yaml'),
    `lanes:\n  local: {}\n  mlflow: { tracking_uri: "${uri}", experiment_name: tests }\n${more}`,
  );
}

const scalar = (step: number, value = step): Uint8Array =>
  w.event({ wallTime: 1000 + step, step, summary: [w.simpleValue('loss', value)] });
const scalars = (from: number, to: number): Uint8Array[] => Array.from({ length: to - from }, (_, i) => scalar(from + i));
const append = (path: string, ...events: readonly Uint8Array[]): void => appendFileSync(path, w.concat(...events.map(w.frame)));

const backfill = (...args: readonly string[]): Promise<Ended> => mirrorboard(['backfill', logs, ...args], { cwd: folder });
const watch = (...args: readonly string[]): Running => start(['watch', logs, '--scan-interval', '0.3', ...args], { cwd: folder });

/** Steps of a metric in the tracker, in order; every run of that name together. */
function mirrored(name = 'run', key = 'loss'): number[] {
  const points = stub
    .runs()
    .filter((each) => each.name === name)
    .flatMap((each) => stub.points(each));
  return points
    .filter((point) => point.key === key)
    .map(({ step }) => Number(step))
    .sort((a, b) => a - b);
}

function stored(): number {
  if (!existsSync(join(folder, 'mirrorboard.db'))) return 0;
  const db = new DatabaseSync(join(folder, 'mirrorboard.db'), { readOnly: true });
  try {
    return Number(db.prepare('SELECT coalesce(sum(points), 0) AS n FROM run').get()?.['n']);
  } catch {
    return 0;
  } finally {
    db.close();
  }
}

const counted = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);
const has = async (count: number): Promise<void> => {
  if (!(await until(() => mirrored().length === count))) expect(mirrored()).toEqual(counted(0, count));
};

async function end({ child, ended }: Running): Promise<Ended> {
  child.kill('SIGTERM');
  const result = await ended;
  expect([result.code, result.stderr]).toEqual([0, expect.anything()]);
  return result;
}

describe('backfill with a tracker and the store', () => {
  it('mirrors both to the end, and sends nothing the second time', async () => {
    writeFileSync(file, w.eventFile(...scalars(0, 2500)));
    const first = await backfill('--json');
    expect([first.code, first.stderr]).toEqual([0, '']);
    expect(JSON.parse(first.stdout)).toMatchObject({
      totals: { new_points: 2500 },
      lanes: [{ name: 'mlflow', state: 'done', new_points: 2500, refused: 0, pending_bytes: 0, links: [{ run: 'run' }] }],
    });
    expect(mirrored()).toEqual(counted(0, 2500));
    expect(stored()).toBe(2500);
    const before = new Map(stub.counts);
    const again = await backfill('--json');
    expect(again.code).toBe(0);
    expect(JSON.parse(again.stdout)).toMatchObject({ lanes: [{ state: 'done', new_points: 0 }] });
    // Not even a look: nothing has changed.
    expect(stub.counts).toEqual(before);
    append(file, ...scalars(2500, 2510));
    expect((await backfill()).code).toBe(0);
    expect(mirrored()).toEqual(counted(0, 2510));
    expect(stub.violations).toEqual([]);
  });

  it('suggests verify instead of export if there is no store', async () => {
    writeFileSync(file, w.eventFile(...scalars(0, 5)));
    writeFileSync(join(folder, 'mirrorboard.yaml'), `lanes: { mlflow: { tracking_uri: "${stub.url}" } }\n`);
    expect((await backfill()).stderr).toMatch(/\nNext: mirrorboard verify\n$/);
  });

  it('starts a new lane at 0', async () => {
    writeFileSync(file, w.eventFile(...scalars(0, 50)));
    writeFileSync(join(folder, 'mirrorboard.yaml'), 'lanes: { local: {} }\n');
    await mustRun(['backfill', logs], { cwd: folder });
    configure();
    await mustRun(['backfill', logs], { cwd: folder });
    expect(mirrored()).toEqual(counted(0, 50));
  });

  it('mirrors every kind of the sample logs, into separate runs that are ended', async () => {
    // As old as they are, wherever they were checked out: a run whose files are young may go on.
    for (const name of ['torch_everything', 'tf2_hparams']) {
      cpSync(corpus(name), join(logs, name), { recursive: true });
      for (const path of readdirSync(join(logs, name), { recursive: true, encoding: 'utf8' })) utimesSync(join(logs, name, path), 1e9, 1e9);
    }
    const { code } = await backfill();
    expect(code).toBe(0);
    expect(stub.violations).toEqual([]);
    const runs = stub.runs();
    expect(runs.length).toBeGreaterThan(3);
    expect(new Set(runs.map(({ status }) => status))).toEqual(new Set(['FINISHED']));
    const all = runs.flatMap((each) => [...stub.artifactsOf(each).keys()]);
    expect(all.filter((path) => path.startsWith('images/')).length).toBeGreaterThan(0);
    expect(runs.some(({ params }) => params.size > 0)).toBe(true);
  });

  it('without a local lane mirrors into the tracker alone', async () => {
    writeFileSync(file, w.eventFile(...scalars(0, 20)));
    writeFileSync(join(folder, 'mirrorboard.yaml'), `lanes: { mlflow: { tracking_uri: "${stub.url}" } }\n`);
    const { stdout } = await mustRun(['backfill', logs, '--json'], { cwd: folder });
    expect(JSON.parse(stdout)).toMatchObject({ totals: { new_points: 20, runs: 1 }, stores: [] });
    expect(mirrored()).toEqual(counted(0, 20));
    const status = JSON.parse((await mustRun(['status', '--json'], { cwd: folder })).stdout);
    expect(status.lanes).toMatchObject([{ name: 'mlflow', points: 20, lag_bytes: 0 }]);
  });

  it('that is down has everything in the store, shows what is pending, and delivers it once it is up', async () => {
    writeFileSync(file, w.eventFile(...scalars(0, 50)));
    configure(`http://127.0.0.1:${await freePort()}`);
    const { code, stdout } = await backfill('--json', '--patience', '5');
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      totals: { new_points: 50 },
      lanes: [{ state: 'stuck', new_points: 0, reason: expect.stringMatching(/ECONNREFUSED/) }],
    });
    expect(JSON.parse(stdout).lanes[0].pending_bytes).toBeGreaterThan(50);
    expect(stored()).toBe(50);
    const status = JSON.parse((await mirrorboard(['status', '--json'], { cwd: folder })).stdout);
    expect(status.lanes).toMatchObject([
      { name: 'local', lag_bytes: 0 },
      { name: 'mlflow', points: 0 },
    ]);
    expect(status.lanes[1].lag_bytes).toBeGreaterThan(50);
    configure();
    expect((await backfill()).code).toBe(0);
    expect(mirrored()).toEqual(counted(0, 50));
  });

  it('that rejects our credentials is immediately parked with a remedy, and delays no other lane', async () => {
    writeFileSync(file, w.eventFile(...scalars(0, 50)));
    stub.fail({ kind: 'denied' }, { times: 1000 });
    const { code, stderr } = await backfill();
    expect(code).toBe(1);
    expect(stderr).toMatch(/Lane mlflow .*: parked/);
    expect(stored()).toBe(50);
    stub.heal();
    expect((await backfill()).code).toBe(0);
    expect(mirrored()).toEqual(counted(0, 50));
  });

  it('that refuses one series gets all others, and the refusals are counted', async () => {
    const both = (step: number): Uint8Array =>
      w.event({ wallTime: 1000 + step, step, summary: [w.simpleValue('loss', step), w.simpleValue('bad', step)] });
    writeFileSync(file, w.eventFile(...Array.from({ length: 20 }, (_, step) => both(step))));
    stub.refuse('bad');
    const { code, stdout } = await backfill('--json');
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ lanes: [{ state: 'done', new_points: 20, refused: 20, pending_bytes: 0 }] });
    expect(mirrored()).toEqual(counted(0, 20));
    // Nothing new was refused, and what was is still not there.
    const again = await backfill('--json');
    expect(again.code).toBe(1);
    expect(JSON.parse(again.stdout)).toMatchObject({ lanes: [{ state: 'done', new_points: 0, refused: 0, refused_in_all: 20 }] });
    expect((await backfill()).stderr).toMatch(/20 refused earlier[\s\S]*\nNext: .* verify --lane mlflow --repair/);
    const status = JSON.parse((await mustRun(['status', '--json'], { cwd: folder }, 1)).stdout);
    expect(status.lanes[1]).toMatchObject({ refused: 20, lag_bytes: 0 });
    expect((await mustRun(['status'], { cwd: folder }, 1)).stdout).toMatch(/mlflow refused 20 points/);
    const verified = JSON.parse((await mustRun(['verify', '--lane', 'mlflow', '--json'], { cwd: folder }, 1)).stdout);
    expect(verified).toMatchObject({ differences: 0, totals: { refused: 20, missing: 0 }, next: expect.stringMatching(/verify --repair/) });

    // Another content has none of them.
    writeFileSync(
      file,
      w.eventFile(
        ...Array.from({ length: 4 }, (_, step) => w.event({ wallTime: 9 + step, step, summary: [w.simpleValue('loss', -step)] })),
      ),
    );
    await backfill();
    expect(JSON.parse((await mustRun(['status', '--json'], { cwd: folder })).stdout).lanes[1]).toMatchObject({ refused: 0 });
  });

  it('skips a run that was deleted in the tracker, and mirrors the others', async () => {
    mkdirSync(join(logs, 'other'));
    writeFileSync(file, w.eventFile(...scalars(0, 5)));
    writeFileSync(join(logs, 'other', ONE), w.eventFile(...scalars(0, 5)));
    expect((await backfill()).code).toBe(0);
    stub.deleteRun(stub.run('run').id);
    append(file, ...scalars(5, 10));
    append(join(logs, 'other', ONE), ...scalars(5, 10));
    const { code, stdout } = await backfill('--json');
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ lanes: [{ state: 'incomplete', stopped_runs: [{ run: 'run' }] }] });
    expect(mirrored('other')).toEqual(counted(0, 10));
  });

  it('has no duplicates if an answer was lost after the tracker stored the points', async () => {
    writeFileSync(file, w.eventFile(...scalars(0, 3000)));
    stub.fail({ kind: 'close', stored: true }, { on: ['runs/log-batch'], times: 2 });
    stub.fail({ kind: 'part' }, { on: ['runs/log-batch'], times: 1 });
    stub.fail({ kind: 'tooMany', afterSec: 1 }, { on: ['runs/log-batch'], times: 1 });
    expect((await backfill()).code).toBe(0);
    expect(mirrored()).toEqual(counted(0, 3000));
    expect(stub.runs().length).toBe(1);
  });

  it('is an error if the name of the lane is unknown', async () => {
    writeFileSync(file, w.eventFile(...scalars(0, 5)));
    expect(await mirrorboard(['backfill', logs, '--to', 'nobody'], { cwd: folder })).toMatchObject({ code: 2 });
    expect((await backfill('--to', 'mlflow')).code).toBe(0);
    expect(mirrored()).toEqual(counted(0, 5));
  });
});

describe('a watch with a tracker', () => {
  it('mirrors new data, ends runs, and resumes after a kill', async () => {
    writeFileSync(file, w.eventFile(...scalars(0, 10)));
    const first = watch();
    await has(10);
    append(file, ...scalars(10, 20));
    await has(20);
    first.child.kill('SIGKILL');
    await first.ended;
    append(file, ...scalars(20, 30));
    const second = watch();
    await has(30);
    expect(stored()).toBe(30);
    await end(second);
    expect(stub.runs().map(({ status }) => status)).toEqual(['RUNNING']);
    expect(stub.violations).toEqual([]);
  });

  it('that is down is reported, does not delay the store, and catches up later', async () => {
    const port = await freePort();
    configure(`http://127.0.0.1:${port}`);
    writeFileSync(file, w.eventFile(...scalars(0, 10)));
    const listen = await freePort();
    const watching = watch('--listen', `127.0.0.1:${listen}`);
    await watching.said(/"lane":"mlflow".*"msg":"lane waiting"/);
    expect(await until(() => stored() === 10)).toBe(true);
    append(file, scalar(10));
    expect(await until(() => stored() === 11)).toBe(true);
    await eventually(async () => {
      const status = (await (await fetch(`http://127.0.0.1:${listen}/status`)).json()) as { lanes: { lag_bytes: number }[] };
      expect(status.lanes).toMatchObject([
        { name: 'local', state: 'active', lag_bytes: 0 },
        { name: 'mlflow', state: 'waiting', reason: expect.stringMatching(/ECONNREFUSED/) },
      ]);
      expect(status.lanes[1]?.lag_bytes).toBeGreaterThan(0);
    });
    const proxy = await stub.alsoOn(port);
    try {
      await has(11);
      await watching.said(/"lane":"mlflow".*"msg":"lane active"/);
    } finally {
      await end(watching);
      await proxy();
    }
  });

  it('ends even if its tracker hangs, and loses nothing', async () => {
    // A request that nobody ends would last an hour.
    writeFileSync(
      join(folder, 'mirrorboard.yaml'),
      `lanes: { local: {}, mlflow: { tracking_uri: "${stub.url}", request_timeout: 3600 } }\n`,
    );
    stub.fail({ kind: 'hang', stored: false }, { times: 1000 });
    writeFileSync(file, w.eventFile(...scalars(0, 10)));
    const watching = watch();
    expect(await until(() => stored() === 10 && stub.faultsLeft < 1000)).toBe(true);
    await end(watching);
    stub.heal();
    expect((await backfill()).code).toBe(0);
    expect(mirrored()).toEqual(counted(0, 10));
  });
});
