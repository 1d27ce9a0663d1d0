// File systems that do not answer: calls hang in the kernel until the test lets them go.
import { execFileSync } from 'node:child_process';
import { appendFileSync, closeSync, constants, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { freePort, until } from '../crash/watch-kill.ts';
import * as w from '../support/event-writer.ts';
import { endAll, freshDirectory, type Running, remove, repository, start } from './command.ts';

const ONE = 'events.out.tfevents.1';
const MOST_MS = 60_000;

let folder: string;
let isLetGo = false;

beforeEach(() => {
  folder = freshDirectory();
  isLetGo = false;
  execFileSync('mkfifo', [join(folder, 'fifo')]);
  hang('');
});
afterEach(async () => {
  letGo();
  await endAll();
  remove(folder);
});

/** What hangs from now on: lines of a call and a part of a path. */
function hang(lines: string): void {
  writeFileSync(join(folder, 'hang'), lines);
}

/** Nothing hangs any more, and what does comes back. */
function letGo(): void {
  if (isLetGo) return;
  isLetGo = true;
  hang('');
  // As long as both ends are open nobody waits.
  closeSync(openSync(join(folder, 'fifo'), constants.O_RDWR));
}

function append(path: string, from: number, to: number): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  const events = Array.from({ length: to - from }, (_, i) =>
    w.event({ wallTime: 1000 + from + i, step: from + i, summary: [w.simpleValue('loss', i)] }),
  );
  appendFileSync(join(folder, path), w.concat(...events.map(w.frame)));
}

const env = (): Record<string, string> => ({
  HANG_CONTROL: join(folder, 'hang'),
  HANG_FIFO: join(folder, 'fifo'),
  NODE_OPTIONS: `--import=${join(repository, 'test/support/hanging-fs.mjs')}`,
});

function watch(port: number): Running {
  const args = ['watch', 'share', 'loc', '--poll', '--scan-interval', '0.3', '--listen', `127.0.0.1:${port}`];
  return start(args, { cwd: folder, timeoutMs: MOST_MS, env: env() });
}

function points(run: string): number {
  if (!existsSync(join(folder, 'mirrorboard.db'))) return 0;
  const db = new DatabaseSync(join(folder, 'mirrorboard.db'), { readOnly: true });
  try {
    const row = db.prepare('SELECT coalesce(sum(count), 0) AS n FROM tags WHERE run = ?').get(run);
    return Number(row?.['n']);
  } catch {
    return 0; // not made yet
  } finally {
    db.close();
  }
}

async function document(port: number): Promise<Record<string, unknown>> {
  return (await (await fetch(`http://127.0.0.1:${port}/status`)).json()) as Record<string, unknown>;
}

describe('a file system that does not answer', () => {
  it.each([
    ['the reading of a file', `readSync share/a/${ONE}`],
    ['a look at a directory', 'readdirSync share/a'],
  ])(
    'delays nothing else, is reported, and is mirrored later: %s',
    async (_, hanging) => {
      append(`share/a/${ONE}`, 0, 3);
      append(`loc/b/${ONE}`, 0, 3);
      const port = await freePort();
      const { child, ended } = watch(port);
      expect(await until(() => points('a') === 3 && points('b') === 3, MOST_MS)).toBe(true);
      hang(`${hanging}\n`);
      append(`share/a/${ONE}`, 3, 6);
      if (hanging.startsWith('readdir')) append(`share/a/new/${ONE}`, 0, 2);
      append(`loc/b/${ONE}`, 3, 6);
      append(`loc/c/${ONE}`, 0, 3);
      expect(await until(() => points('b') === 6 && points('c') === 3, MOST_MS)).toBe(true);
      let silent: unknown[] = [];
      while (silent.length === 0) {
        await sleep(100);
        silent = (await document(port))['not_answering'] as unknown[];
      }
      expect(silent).toEqual([{ root: 'share', path: expect.stringContaining('share/a'), since: expect.any(String) }]);
      const ready = await fetch(`http://127.0.0.1:${port}/readyz`);
      expect([ready.status, await ready.text()]).toEqual([200, expect.stringContaining('share/a')]);
      letGo();
      expect(await until(() => points('a') === 6, MOST_MS)).toBe(true);
      child.kill('SIGTERM');
      expect((await ended).code).toBe(0);
    },
    120_000,
  );

  it('is reported for its own root, even if more than eight roots share threads', async () => {
    const roots = Array.from({ length: 9 }, (_, i) => `root${i + 1}`);
    for (const root of roots) append(`${root}/${root}/${ONE}`, 0, 3);
    const port = await freePort();
    const args = ['watch', ...roots, '--poll', '--scan-interval', '0.3', '--listen', `127.0.0.1:${port}`];
    start(args, { cwd: folder, timeoutMs: MOST_MS, env: env() });
    expect(await until(() => roots.every((root) => points(root) === 3), MOST_MS)).toBe(true);
    hang(`readSync root1/root1/${ONE}\n`);
    append(`root1/root1/${ONE}`, 3, 6);
    let silent: unknown[] = [];
    while (silent.length === 0) {
      await sleep(100);
      silent = (await document(port))['not_answering'] as unknown[];
    }
    expect(silent).toEqual([{ root: 'root1', path: expect.stringContaining('root1/root1'), since: expect.any(String) }]);
    letGo();
    expect(await until(() => points('root1') === 6, MOST_MS)).toBe(true);
  }, 120_000);

  it('does not prevent the end of a watch', async () => {
    append(`share/a/${ONE}`, 0, 3);
    append(`loc/b/${ONE}`, 0, 3);
    const { child, ended, said } = watch(await freePort());
    hang(`readSync share/a/${ONE}\nstatSync share/a/${ONE}\n`);
    append(`share/a/${ONE}`, 3, 6);
    await said(/does not answer|has not answered since/);
    child.kill('SIGTERM');
    expect((await ended).code).toBe(0);
    expect(points('b')).toBe(3);
  }, 120_000);

  it('is named by a backfill, which ends after its patience with 1 and has mirrored the rest', async () => {
    append(`share/a/${ONE}`, 0, 3);
    append(`share/b/${ONE}`, 0, 3);
    append(`loc/c/${ONE}`, 0, 3);
    hang(`readSync share/a/${ONE}\n`);
    const { ended } = start(['backfill', 'share', 'loc', '--patience', '1', '--json'], { cwd: folder, timeoutMs: MOST_MS, env: env() });
    const { code, stdout } = await ended;
    expect(code).toBe(1);
    expect(JSON.parse(stdout).incidents).toEqual([
      { kind: 'silent', root: 'share', path: `a/${ONE}`, reason: expect.stringMatching(/^has not answered since /) },
    ]);
    expect([points('a'), points('b'), points('c')]).toEqual([0, 3, 3]);
  }, 120_000);

  it('gets the patience that --patience sets for a backfill', async () => {
    append(`share/a/${ONE}`, 0, 3);
    append(`share/b/${ONE}`, 0, 3);
    hang(`readSync share/a/${ONE}\n`);
    const { ended } = start(['backfill', 'share', '--json'], { cwd: folder, timeoutMs: MOST_MS, env: env() });
    // Left behind by then: the other run is done.
    expect(await until(() => points('b') === 3, MOST_MS)).toBe(true);
    letGo();
    const { code, stdout } = await ended;
    expect([code, JSON.parse(stdout).totals.new_points]).toEqual([0, 6]);
  }, 120_000);

  it('is reported by status with exit code 3, without waiting', async () => {
    append(`share/a/${ONE}`, 0, 3);
    expect((await start(['backfill', 'share'], { cwd: folder, env: env() }).ended).code).toBe(0);
    hang('readdirSync share/a\n');
    const { code, stdout } = await start(['status', '--json'], { cwd: folder, timeoutMs: MOST_MS, env: env() }).ended;
    expect(code).toBe(3);
    expect(JSON.parse(stdout).not_answering).toEqual([expect.objectContaining({ root: 'share' })]);
    expect(readFileSync(join(folder, 'hang'), 'utf8')).not.toBe('');
  }, 120_000);

  it('is named by every command that reads files; the command reads the rest and ends', async () => {
    append(`share/a/${ONE}`, 0, 3);
    append(`share/b/${ONE}`, 0, 3);
    append(`share/z/${ONE}`, 0, 3);
    expect((await start(['backfill', 'share'], { cwd: folder, env: env() }).ended).code).toBe(0);
    hang(`readSync share/a/${ONE}\nreaddirSync share/z\n`);
    const run = async (...args: string[]): Promise<{ code: number | null; json: Record<string, unknown>; text: string }> => {
      const { code, stdout, stderr } = await start(args, { cwd: folder, timeoutMs: MOST_MS, env: env() }).ended;
      return { code, json: JSON.parse(stdout.split('\n')[0] ?? '') as Record<string, unknown>, text: stdout + stderr };
    };
    const [verify, inspect, plan, doctor] = await Promise.all([
      run('verify', '--json'),
      run('inspect', 'share', '--json'),
      run('backfill', 'share', '--dry-run', '--json'),
      run('doctor', 'share', '--json'),
    ]);
    expect([verify.code, inspect.code, plan.code, doctor.code]).toEqual([3, 1, 1, 1]);
    for (const { text } of [verify, inspect, plan, doctor]) expect(text).toContain('has not answered since');
    // Of the directory that can't be listed the file is known.
    expect(verify.json).toMatchObject({ totals: { equal: 6, points_not_judged: { unreadable: 3 } } });
    expect(inspect.json).toMatchObject({ totals: { runs: 2, points: 3 } });
  }, 120_000);

  it('does not prevent the end of a verify', async () => {
    append(`share/a/${ONE}`, 0, 3);
    expect((await start(['backfill', 'share'], { cwd: folder, env: env() }).ended).code).toBe(0);
    hang(`readSync share/a/${ONE}\n`);
    const { child, ended, said } = start(['verify', '--json'], { cwd: folder, timeoutMs: MOST_MS, env: env() });
    await said(/has not answered since/);
    child.kill('SIGTERM');
    expect((await ended).code).toBe(130);
  }, 120_000);
});
