import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { until } from '../crash/watch-kill.ts';
import { bigLog } from '../support/big-log.ts';
import {
  corpus,
  type Ended,
  endAll,
  freshDirectory,
  mirrorboard,
  mustRun,
  type Running,
  remove,
  repository,
  start,
  startNode,
  stateOf,
} from './command.ts';

let folder: string;

beforeEach(() => {
  folder = freshDirectory();
});

afterEach(async () => {
  await endAll();
  remove(folder);
});

describe('the exit code', () => {
  it('is 0 if everything was mirrored', async () => {
    const { stderr } = await mustRun(['backfill', corpus('tf2_scalars')], { cwd: folder });
    expect(stderr).toMatch(/\d new points/);
    expect((await mustRun(['backfill', corpus('tf2_scalars')], { cwd: folder })).stderr).toMatch(/^0 new points/m);
  });

  it('is 1 if something is damaged, and the output shows where', async () => {
    const damaged = join(repository, 'test/damaged/flip_in_data');
    const { stderr } = await mustRun(['backfill', damaged], { cwd: folder }, 1);
    expect(stderr).toMatch('offset 416');
    await mustRun(['backfill', damaged], { cwd: folder }, 1);
    await mustRun(['inspect', damaged], { cwd: folder }, 1);
    await mustRun(['inspect', '--format', 'json', damaged], { cwd: folder }, 1);
  });

  it('is 0 for an incomplete last record, and 1 with --strict', async () => {
    const torn = join(repository, 'test/damaged/torn_data');
    await mustRun(['backfill', torn], { cwd: folder });
    await mustRun(['backfill', '--strict', torn], { cwd: folder }, 1);
  });

  it('is 1 if one of several roots is missing; the others are mirrored', async () => {
    const { stderr } = await mustRun(['backfill', corpus('tf2_scalars'), 'nowhere'], { cwd: folder }, 1);
    expect(stderr).toMatch(/302 new points[\s\S]*nowhere: cannot be read \(it does not exist \(ENOENT\)\)/);
  });

  const file = join(repository, 'package.json');
  const wrong: readonly (readonly [what: string, args: readonly string[], says: RegExp])[] = [
    ['no root', ['backfill'], /no log directory/],
    ['a missing root', ['backfill', 'nowhere'], /no such directory: nowhere/],
    ['a root that is a file', ['backfill', file], /is not a directory/],
    ['missing roots alone', ['backfill', 'nothing', 'nowhere'], /no such directory: nothing/],
    ['a root given twice', ['backfill', corpus('tf2_scalars'), corpus('tf2_scalars')], /given twice/],
    ['a root in another', ['backfill', join(repository, 'test/logs'), corpus('tf2_scalars')], /is inside/],
    ['two roots of one name', ['backfill', `a=${corpus('tf2_scalars')}`, `a=${corpus('tf2_media')}`], /both be called a/],
    ['an unknown option', ['backfill', '--frobnicate', corpus('tf2_scalars')], /unknown option '--frobnicate'/],
    ['an unknown command', ['frobnicate'], /unknown command 'frobnicate'/],
    ['an unknown action', ['state', 'frobnicate'], /unknown command 'frobnicate'\nhint: See mirrorboard state --help\n$/],
    [
      'no action',
      ['state'],
      /^Usage: mirrorboard state .*\nerror\[MB1001\]: mirrorboard state needs a command: show, check, export, split, merge\n$/s,
    ],
    ['nothing but an end of options', ['--'], /^Usage: .*\nerror\[MB1001\]: mirrorboard needs a command: backfill, .*, export.*\n$/s],
    [
      'help for an unknown command',
      ['help', 'frobnicate'],
      /^error\[MB1001\]: unknown command 'frobnicate'\nhint: See mirrorboard --help\n$/,
    ],
    ['an option of no command', ['--color', 'always'], /missing command after --color always\n.*See mirrorboard --help/],
    ['a word of an option', ['watch', '--interval', '3'], /hint: Did you mean --scan-interval\?/],
    ['an unknown option of an action', ['state', 'show', '--frobnicate'], /hint: See mirrorboard state show --help/],
    ['a lane that is not there', ['backfill', corpus('tf2_scalars'), '--to', 'mlflow'], /mlflow/],
    ['a dry run of a missing root', ['backfill', '--dry-run', 'nowhere'], /no such directory: nowhere/],
    ['a missing file to inspect', ['inspect', 'nowhere'], /nowhere/],
    ['a store that is not there', ['export'], /no store at /],
    ['an unknown format', ['export', '--format', 'xml'], /xml/],
    ['a missing configuration', ['backfill', '--config', 'none.yaml', corpus('tf2_scalars')], /none\.yaml/],
  ];

  it.each(wrong)('is 2 for %s, and no file is created', async (_, args, says) => {
    const { stderr, stdout } = await mustRun(args, { cwd: folder }, 2);
    expect(stderr).toMatch(says);
    expect(stdout).toBe('');
    expect(readdirSync(folder)).toEqual([]);
  });

  it.each([
    ['no YAML', 'roots: [\n', /mirrorboard\.yaml/],
    ['an unknown field', 'rooots: []\n', /rooots/],
    ['a field of another type', 'roots: 7\n', /roots/],
    ['a variable that is not set', `roots: ['\${NOT_SET_ANYWHERE}']\n`, /NOT_SET_ANYWHERE/],
  ])('is 2 for a configuration with %s', async (_, text, says) => {
    writeFileSync(join(folder, 'mirrorboard.yaml'), text);
    const { stderr } = await mustRun(['backfill', corpus('tf2_scalars')], { cwd: folder }, 2);
    expect(stderr).toMatch(says);
    expect(readdirSync(folder)).toEqual(['mirrorboard.yaml']);
  });

  it('is 2 for a root or a kind that is not in the store', async () => {
    await mustRun(['backfill', corpus('tf2_scalars')], { cwd: folder });
    expect((await mustRun(['export', '--root', 'other'], { cwd: folder }, 2)).stderr).toMatch('no root other; it has: tf2_scalars');
    expect((await mustRun(['export', '--format', 'csv', '--kind', 'songs'], { cwd: folder }, 2)).stderr).toMatch('no such kind: songs');
  });

  it('is 0 for a root without event files, and the output reports it', async () => {
    mkdirSync(join(folder, 'empty'));
    expect((await mustRun(['backfill', 'empty'], { cwd: folder })).stderr).toMatch(/no event files/i);
  });
});

/** Points of the large log. */
const POINTS = 400_000;

/** All points of a store in a few numbers: sums of doubles, added in the order of the files. */
function sums(store: string): unknown {
  const db = new DatabaseSync(store, { readOnly: true });
  try {
    return db
      .prepare(
        'SELECT run, tag, count(*) AS points, sum(step) AS steps, sum(wall_time) AS times, sum(step * value) AS products FROM scalars GROUP BY run, tag',
      )
      .all()
      .map((row) => ({ ...row }));
  } finally {
    db.close();
  }
}

/** Holds the lock of a store until it is killed. */
async function holdLock(store: string): Promise<Running> {
  const script = `
    import { DatabaseSync } from 'node:sqlite';
    const db = new DatabaseSync(process.argv[1]);
    db.exec('BEGIN EXCLUSIVE');
    console.error('held');
    setInterval(() => db.isOpen, 1000);`;
  const holder = startNode(['--input-type=module', '-e', script, `${store}.lock`], { cwd: folder });
  await holder.said(/held/);
  return holder;
}

describe('a store that another process writes to', () => {
  it('causes exit code 4, can be read meanwhile, and is free once that process is dead', async () => {
    await mustRun(['backfill', corpus('tf2_scalars')], { cwd: folder });
    const holder = await holdLock(join(folder, 'mirrorboard.db'));
    const { stderr } = await mustRun(['backfill', corpus('tf2_media')], { cwd: folder }, 4);
    expect(stderr).toMatch(/writes to .*mirrorboard\.db/);
    await mustRun(['export'], { cwd: folder });
    await mustRun(['backfill', '--dry-run', corpus('tf2_scalars')], { cwd: folder });
    holder.child.kill('SIGKILL');
    await holder.ended;
    await mustRun(['backfill', corpus('tf2_media')], { cwd: folder });
  });

  it('is recognised under another name', async () => {
    await mustRun(['backfill', corpus('tf2_scalars')], { cwd: folder });
    symlinkSync('mirrorboard.db', join(folder, 'alias.db'));
    const holder = await holdLock(join(folder, 'mirrorboard.db'));
    await mustRun(['backfill', '--store', 'alias.db', corpus('tf2_media')], { cwd: folder }, 4);
    holder.child.kill('SIGKILL');
    await holder.ended;
  });
});

describe('a backfill that takes a while', () => {
  let logs: string;
  let wanted: unknown;

  beforeAll(async () => {
    logs = freshDirectory();
    bigLog({ dir: join(logs, 'logs'), runs: 20, tags: 10, steps: 2000, files: 2, form: 'mixed' });
    await mustRun(['backfill', 'logs'], { cwd: logs });
    wanted = sums(join(logs, 'mirrorboard.db'));
  });

  afterAll(() => remove(logs));

  /** Starts a backfill, and waits until it has written points. */
  async function atWork(args: readonly string[] = []): Promise<Running> {
    const running = start(['backfill', join(logs, 'logs'), ...args], { cwd: folder });
    const log = join(folder, 'mirrorboard.db-wal');
    while (running.child.exitCode === null && !(existsSync(log) && statSync(log).size > 2_000_000)) await sleep(1);
    return running;
  }

  /** Does something to a backfill at work. One that came to its end before that is none: another store is begun. */
  async function whileAtWork<T>(args: readonly string[], act: (running: Running) => Promise<T | undefined>): Promise<T> {
    for (let tries = 0; tries < 30; tries++) {
      const running = await atWork(args);
      const result = await act(running);
      if (result !== undefined) return result;
      await running.ended;
      for (const name of readdirSync(folder)) remove(join(folder, name));
    }
    throw new Error('every backfill came to its end before anything could be done to it');
  }

  /** Ends a backfill by a signal; undefined where it was too late for it. */
  async function interrupted({ child, ended }: Running, signal: NodeJS.Signals): Promise<Ended | undefined> {
    child.kill(signal);
    const result = await ended;
    return result.code === 0 || pointsInStore() === POINTS ? undefined : result;
  }

  const isOver = ({ child }: Running): boolean => child.exitCode !== null;

  async function expectCompletion(): Promise<void> {
    await mustRun(['backfill', join(logs, 'logs')], { cwd: folder });
    expect(sums(join(folder, 'mirrorboard.db'))).toEqual(wanted);
  }

  function pointsInStore(): number {
    const db = new DatabaseSync(join(folder, 'mirrorboard.db'), { readOnly: true });
    try {
      expect(db.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
      return Number(db.prepare('SELECT count(*) AS n FROM scalars').get()?.['n']);
    } finally {
      db.close();
    }
  }

  it.each(['SIGINT', 'SIGTERM'] as const)('%s ends it cleanly with 130; accepted points are kept', async (signal) => {
    const { code, stdout, stderr } = await whileAtWork(['--json'], (running) => interrupted(running, signal));
    expect(code).toBe(130);
    expect(stderr).toMatch(/interrupt again to stop immediately/);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ type: 'summary', interrupted: true });
    expect(pointsInStore()).toBe(report.totals.new_points);
    expect(report.totals.new_points).toBeGreaterThan(0);
    expect(report.totals.new_points).toBeLessThan(POINTS);
    await expectCompletion();
  });

  it.each([
    ['watch', 'SIGTERM', 1, 0],
    ['watch', 'SIGINT', 2, 0],
    ['backfill', 'SIGTERM', 1, 130],
    ['backfill', 'SIGINT', 2, 130],
  ] as const)('of %s, %s that comes right after handler %i is installed ends it cleanly', async (command, signal, which, wanted) => {
    const early = `let seen = 0;
      process.on('newListener', (event) => {
        if (event === '${signal}' && ++seen === ${which}) setImmediate(() => process.kill(process.pid, '${signal}'));
      });`;
    const node = ['--import', `data:text/javascript,${encodeURIComponent(early)}`];
    const { code, signal: by } = await start([command, join(logs, 'logs'), '--log-format', 'json'], { cwd: folder, node }).ended;
    expect([code, by]).toEqual([wanted, null]);
  });

  it('SIGHUP without a terminal does not end a watch, and does not interrupt its end', async () => {
    const running = start(['watch', join(logs, 'logs'), '--log-format', 'json'], { cwd: folder });
    await running.said(/root scanned/);
    running.child.kill('SIGHUP');
    await running.said(/configuration reloaded/);
    running.child.kill('SIGTERM');
    running.child.kill('SIGHUP');
    await running.said(/stopping: storing/);
    running.child.kill('SIGHUP');
    const { code, signal, stderr } = await running.ended;
    expect([code, signal]).toEqual([0, null]);
    expect(stderr).toContain('watch ended');
    await expectCompletion();
  });

  it('a signal is logged as JSON if log lines are JSON', async () => {
    const { code, stderr } = await whileAtWork(['--log-format', 'json', '-qq'], (running) => interrupted(running, 'SIGTERM'));
    expect(code).toBe(130);
    expect(JSON.parse(stderr)).toMatchObject({ level: 'warn', msg: 'stopping: storing what was read', signal: 'SIGTERM' });
  });

  it('a second SIGINT ends it at once', async () => {
    const { code } = await whileAtWork([], async (running) => {
      running.child.kill('SIGINT');
      const isSaid = running.said(/interrupt again to stop immediately/).then(
        () => true,
        () => false,
      );
      return (await isSaid) ? interrupted(running, 'SIGINT') : undefined;
    });
    expect(code).toBe(130);
    expect(pointsInStore()).toBeLessThan(POINTS);
    await expectCompletion();
  });

  it('of two backfills at once, one mirrors and the other ends with 4', async () => {
    // However slowly the second one starts, the first one is still at it.
    const first = await whileAtWork([], async (running) => {
      running.child.kill('SIGSTOP');
      await until(() => isOver(running) || stateOf(running.child.pid) === 'T');
      return isOver(running) ? undefined : running;
    });
    const second = await mirrorboard(['backfill', join(logs, 'logs')], { cwd: folder });
    first.child.kill('SIGCONT');
    expect(second.code).toBe(4);
    expect(second.stderr).toMatch(`process ${first.child.pid}`);
    expect((await first.ended).code).toBe(0);
    expect(sums(join(folder, 'mirrorboard.db'))).toEqual(wanted);
  });

  it('a store can be read during a write', async () => {
    const { child, ended } = await atWork();
    const exported = mirrorboard(['export', '--format', 'csv', '--out', 'meanwhile.csv'], { cwd: folder });
    const counts: number[] = [];
    const db = new DatabaseSync(join(folder, 'mirrorboard.db'), { readOnly: true });
    try {
      do {
        const row = db.prepare('SELECT (SELECT count(*) FROM scalars) AS points, (SELECT sum(count) FROM tags) AS listed').get();
        expect(Number(row?.['points'])).toBe(Number(row?.['listed']));
        counts.push(Number(row?.['points']));
        await sleep(20);
      } while (child.exitCode === null);
    } finally {
      db.close();
    }
    expect((await ended).code).toBe(0);
    expect(counts).toEqual(counts.toSorted((a, b) => a - b));
    expect((await exported).code).toBe(0);
    const meanwhile = readFileSync(join(folder, 'meanwhile.csv'), 'utf8').trimEnd().split('\n');
    expect(meanwhile.length).toBeGreaterThan(1);
    for (const line of meanwhile.slice(1)) if (!/^run_\d{4}\/train,[^,]+,\d+,1700\d+(\.\d+)?,[-\d.e]+$/.test(line)) throw new Error(line);
    expect(sums(join(folder, 'mirrorboard.db'))).toEqual(wanted);
  });
});
