import { appendFileSync, cpSync, existsSync, mkdirSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { until } from '../crash/watch-kill.ts';
import * as w from '../support/event-writer.ts';
import { MlflowStub } from '../support/mlflow-stub/index.ts';
import { type Ended, endAll, freshDirectory, mirrorboard, mustRun, type Running, remove, start } from './command.ts';

const MOST_MS = 20_000;
const ONE = 'events.out.tfevents.1';

let folder: string;
let logs: string;
let stub: MlflowStub;

beforeEach(async () => {
  folder = freshDirectory();
  logs = join(folder, 'logs');
  stub = await MlflowStub.start();
  configure();
});

afterEach(async () => {
  await endAll();
  await stub.close();
  remove(folder);
});

function configure(more = ''): void {
  writeFileSync(
    join(folder, 'mirrorboard.yaml'),
    `lanes:\n  local: {}\n  mlflow: { tracking_uri: "${stub.url}", experiment_name: tests }\n${more}`,
  );
}

/** Gives a file another name, and its own to a new one, as a log rotation does; the last of several first. */
function rotate(run: string, ...names: readonly string[]): void {
  for (const [i, name] of names.entries()) if (i < names.length - 1) move(`${run}/${names[i + 1]}`, `${run}/${name}`);
}

const scalar = (step: number, value = step): Uint8Array =>
  w.event({ wallTime: 1000 + step, step, summary: [w.simpleValue('loss', value)] });
const scalars = (from: number, to: number): Uint8Array[] => Array.from({ length: to - from }, (_, i) => scalar(from + i));
const append = (path: string, ...events: readonly Uint8Array[]): void => appendFileSync(join(logs, path), w.concat(...events.map(w.frame)));
const backfill = (): Promise<Ended> => mirrorboard(['backfill', logs, '--json'], { cwd: folder, timeoutMs: 60_000 });

function put(path: string, ...events: readonly Uint8Array[]): void {
  mkdirSync(dirname(join(logs, path)), { recursive: true });
  writeFileSync(join(logs, path), w.eventFile(...events));
}

function move(from: string, to: string): void {
  mkdirSync(dirname(join(logs, to)), { recursive: true });
  renameSync(join(logs, from), join(logs, to));
}

async function incidents(): Promise<object[]> {
  const { stdout, code, stderr } = await backfill();
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout).incidents;
}

/** Steps of all tracker runs, by their names. */
function tracked(): Record<string, number[]> {
  return Object.fromEntries(
    stub
      .runs()
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .map((run) => [
        run.name,
        stub
          .points(run)
          .map(({ step }) => Number(step))
          .sort((a, b) => a - b),
      ]),
  );
}

function stored(sql = 'SELECT run, points AS n FROM runs ORDER BY run'): unknown[][] {
  if (!existsSync(join(folder, 'mirrorboard.db'))) return [];
  const db = new DatabaseSync(join(folder, 'mirrorboard.db'), { readOnly: true });
  try {
    return db
      .prepare(sql)
      .all()
      .map((row) => Object.values(row));
  } catch {
    return [];
  } finally {
    db.close();
  }
}

const range = (to: number): number[] => Array.from({ length: to }, (_, i) => i);

/** The store holds the points of the files once, and so does the tracker if it can be read back. */
async function expectMirrored(): Promise<void> {
  const exported = (await mustRun(['export'], { cwd: folder })).stdout;
  const wanted = (await mustRun(['inspect', '--format', 'json', logs], { cwd: folder })).stdout;
  expect(exported).toBe(wanted);
  await mustRun(['verify', '--strict'], { cwd: folder });
  await mustRun(['verify', '--repair'], { cwd: folder });
  await mustRun(['state', 'check'], { cwd: folder });
}

describe('a run that was moved between two backfills', () => {
  it('continues, in the store and in its tracker run', async () => {
    put(`exp/${ONE}`, ...scalars(0, 10));
    put(`other/${ONE}`, ...scalars(0, 3));
    await backfill();
    move('exp', 'archive/2026/exp');
    append(`archive/2026/exp/${ONE}`, ...scalars(10, 15));
    expect(await incidents()).toEqual([
      {
        kind: 'moved',
        root: 'logs',
        path: 'archive/2026/exp',
        reason: 'logs/exp: it continues as the same run, under its current names in trackers',
      },
    ]);
    expect(stored()).toEqual([
      ['archive/2026/exp', 15],
      ['other', 3],
    ]);
    expect(tracked()).toEqual({ exp: range(15), other: range(3) });
    await expectMirrored();
    expect(await incidents()).toEqual([]);
  });

  it('is recognized by its records if it was copied and removed', async () => {
    put(`exp/${ONE}`, ...scalars(0, 10));
    await backfill();
    cpSync(join(logs, 'exp'), join(logs, 'copy'), { recursive: true });
    rmSync(join(logs, 'exp'), { recursive: true });
    await incidents();
    expect(stored()).toEqual([['copy', 10]]);
    expect(tracked()).toEqual({ exp: range(10) });
    await expectMirrored();
  });

  it('is two runs if both exist, and if only the head is the same', async () => {
    put(`exp/${ONE}`, ...scalars(0, 10));
    put(`gone/${ONE}`, ...scalars(50, 55));
    await backfill();
    cpSync(join(logs, 'exp'), join(logs, 'copy'), { recursive: true });
    rmSync(join(logs, 'gone'), { recursive: true });
    put(`fresh/${ONE}`, ...scalars(70, 80));
    expect(await incidents()).toEqual([]);
    expect(stored()).toEqual([
      ['copy', 10],
      ['exp', 10],
      ['fresh', 10],
      ['gone', 5],
    ]);
  });

  it('with renamed files follows them', async () => {
    put(`exp/${ONE}`, ...scalars(0, 10));
    put(`exp/events.out.tfevents.2`, ...scalars(10, 12));
    await backfill();
    move(`exp/${ONE}`, 'exp/old.tfevents');
    append(`exp/events.out.tfevents.2`, scalar(12));
    await incidents();
    expect(stored('SELECT file, count(*) FROM scalars GROUP BY file ORDER BY file')).toEqual([
      ['events.out.tfevents.2', 3],
      ['old.tfevents', 10],
    ]);
    expect(tracked()).toEqual({ exp: range(13) });
    await expectMirrored();
  });

  it('with rotated files, whose names other files have now, has each point once', async () => {
    put(`exp/${ONE}`, ...scalars(20, 30));
    put(`exp/${ONE}.1`, ...scalars(10, 20));
    await backfill();
    rotate('exp', `${ONE}.2`, `${ONE}.1`, ONE);
    put(`exp/${ONE}`, ...scalars(30, 33));
    await incidents();
    expect(stored('SELECT file, count(*) FROM scalars GROUP BY file ORDER BY file')).toEqual([
      [ONE, 3],
      [`${ONE}.1`, 10],
      [`${ONE}.2`, 10],
    ]);
    expect(tracked()).toEqual({ exp: range(33).slice(10) });
    rotate('exp', `${ONE}.3`, `${ONE}.2`, `${ONE}.1`, ONE);
    put(`exp/${ONE}`, ...scalars(33, 34));
    await incidents();
    expect(stored()).toEqual([['exp', 24]]);
    expect(tracked()).toEqual({ exp: range(34).slice(10) });
    await expectMirrored();
  });

  it('is mirrored as a new run, with a message, if that is configured', async () => {
    configure('moved: new\n');
    put(`exp/${ONE}`, ...scalars(0, 10));
    await backfill();
    move('exp', 'archive/exp');
    expect(await incidents()).toMatchObject([{ kind: 'moved', path: 'archive/exp', reason: expect.stringContaining('as a new run') }]);
    expect(stored()).toEqual([
      ['archive/exp', 10],
      ['exp', 10],
    ]);
    expect(await incidents()).toEqual([]);
  });

  it('with folded runs takes its tracker run along', async () => {
    configure('runs: { fold: [train, validation] }\n');
    for (const part of ['train', 'validation']) put(`exp/${part}/${ONE}`, ...scalars(0, 5));
    await backfill();
    move('exp', 'archive/exp');
    for (const part of ['train', 'validation']) append(`archive/exp/${part}/${ONE}`, scalar(5));
    await incidents();
    expect(tracked()).toEqual({ exp: [...range(6), ...range(6)].sort((a, b) => a - b) });
    await expectMirrored();
  });
});

describe('a run that is moved while it is watched', () => {
  const watch = (): Running => start(['watch', logs, '--scan-interval', '0.3'], { cwd: folder, timeoutMs: 60_000 });
  const has = async (run: string, points: number): Promise<void> => {
    const isThere = (): boolean => stored().some(([path, n]) => path === run && n === points);
    if (!(await until(isThere, MOST_MS))) expect(stored()).toEqual([[run, points]]);
  };
  const isTracked = async (name: string, points: number): Promise<void> => {
    if (!(await until(() => tracked()[name]?.length === points, MOST_MS))) expect(tracked()[name]).toHaveLength(points);
  };

  it('continues, even if watch is killed meanwhile', async () => {
    put(`exp/${ONE}`, ...scalars(0, 10));
    const watching = watch();
    await has('exp', 10);
    await isTracked('exp', 10);
    move('exp', 'archive/exp');
    append(`archive/exp/${ONE}`, ...scalars(10, 12));
    await has('archive/exp', 12);
    await isTracked('exp', 12);
    watching.child.kill('SIGKILL');
    await watching.ended;
    move('archive/exp', 'renamed');
    const again = watch();
    await has('renamed', 12);
    append(`renamed/${ONE}`, scalar(12));
    await has('renamed', 13);
    await isTracked('exp', 13);
    again.child.kill('SIGTERM');
    await again.ended;
    expect(tracked()).toEqual({ exp: range(13) });
    expect(stored('SELECT count(*) FROM point')).toEqual([[13]]);
    await expectMirrored();
  });

  it('has the points of a new file that replaced an emptied and renamed one', async () => {
    put(`exp/${ONE}`, ...scalars(0, 10));
    const watching = watch();
    await has('exp', 10);
    await isTracked('exp', 10);
    truncateSync(join(logs, 'exp', ONE));
    move(`exp/${ONE}`, `exp/${ONE}.renamed`);
    // The watch has seen the empty file, which may be the known one, once it has this.
    put(`bell/${ONE}`, scalar(0));
    await has('bell', 1);
    put(`exp/.${ONE}.renamed.Ab3dE6`, ...scalars(20, 22));
    move(`exp/.${ONE}.renamed.Ab3dE6`, `exp/${ONE}.renamed`);
    await has('exp', 12);
    await isTracked('exp (2)', 2);
    watching.child.kill('SIGTERM');
    await watching.ended;
  });

  it('has each point once if its files are rotated', async () => {
    put(`exp/${ONE}`, ...scalars(0, 10));
    const watching = watch();
    await has('exp', 10);
    await isTracked('exp', 10);
    for (let i = 1; i <= 3; i++) {
      rotate('exp', ...Array.from({ length: i }, (_, k) => `${ONE}.${i - k}`), ONE);
      put(`exp/${ONE}`, ...scalars(10 * i, 10 * i + 10));
      await has('exp', 10 * i + 10);
      await isTracked('exp', 10 * i + 10);
    }
    watching.child.kill('SIGTERM');
    await watching.ended;
    expect(tracked()).toEqual({ exp: range(40) });
    expect(stored('SELECT count(*) FROM point')).toEqual([[40]]);
    await expectMirrored();
  });
});
