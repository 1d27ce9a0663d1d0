import { once } from 'node:events';
import {
  appendFileSync,
  closeSync,
  existsSync,
  fdatasyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually, freePort, until } from '../crash/watch-kill.ts';
import { bigLog } from '../support/big-log.ts';
import * as w from '../support/event-writer.ts';
import { MlflowStub } from '../support/mlflow-stub/index.ts';
import { writeTrialBackend } from '../support/trial-backend.ts';
import { type Ended, endAll, freshDirectory, mustRun, type Running, remove, start } from './command.ts';
import { mountMemory, remount, unmount, whyNoMounts } from './mounts.ts';

const reason = whyNoMounts();
if (reason !== undefined) process.stderr.write(`watch.test: tests that need a file system of their own are skipped: ${reason}\n`);
const itMounts = reason === undefined ? it : it.skip;
const ONE = 'events.out.tfevents.1';

let folder: string;
let logs: string;
let run: string;
let file: string;
let small: string;

beforeEach(() => {
  folder = freshDirectory();
  logs = join(folder, 'logs');
  run = join(logs, 'run');
  file = join(run, ONE);
  small = join(folder, 'small');
  mkdirSync(run, { recursive: true });
});

afterEach(async () => {
  await endAll();
  unmount(small);
  remove(folder);
});

function watch(...args: readonly string[]): Running {
  return start(['watch', logs, '--scan-interval', '0.3', ...args], { cwd: folder });
}

const scalar = (step: number, value = step): Uint8Array =>
  w.event({ wallTime: 1000 + step, step, summary: [w.simpleValue('loss', value)] });
const scalars = (from: number, to: number): Uint8Array[] => Array.from({ length: to - from }, (_, i) => scalar(from + i));
const append = (path: string, ...events: readonly Uint8Array[]): void => appendFileSync(path, w.concat(...events.map(w.frame)));

/** One number out of the store; 0 while there is none. */
function stored(sql = 'SELECT coalesce(sum(points), 0) FROM runs', store = join(folder, 'mirrorboard.db')): number {
  if (!existsSync(store)) return 0;
  const db = new DatabaseSync(store, { readOnly: true });
  try {
    return Number(Object.values(db.prepare(sql).get() ?? {})[0]);
  } catch {
    return 0; // not made yet
  } finally {
    db.close();
  }
}

async function has(points: number, store?: string): Promise<void> {
  await until(() => stored(undefined, store) === points);
  expect(stored(undefined, store)).toBe(points);
}

async function end({ child, ended }: Running, signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
  child.kill(signal);
  const result = await ended;
  expect({ code: result.code, signal: result.signal, stderr: result.code === 0 ? '' : result.stderr }).toEqual({
    code: 0,
    signal: null,
    stderr: '',
  });
  return result;
}

/** Every point of the files, as they are now, once. */
async function expectMirrored(store = join(folder, 'mirrorboard.db')): Promise<void> {
  const exported = (await mustRun(['export', '--store', store], { cwd: folder })).stdout;
  const wanted = (await mustRun(['inspect', '--format', 'json', logs], { cwd: folder })).stdout;
  expect(exported === wanted ? '' : `wanted ${wanted.slice(0, 2000)}\ngot ${exported.slice(0, 2000)}`).toBe('');
}

function number(pattern: RegExp, path: string): number {
  return Number(pattern.exec(readFileSync(path, 'utf8'))?.[1]);
}

/** Bytes in memory of a process. */
const residentBytes = (pid: number | undefined): number => number(/VmRSS:\s+(\d+)/, `/proc/${pid}/status`) * 1024;
/** Bytes that a process has read so far, from wherever. */
const readBytes = (pid: number | undefined): number => number(/rchar:\s+(\d+)/, `/proc/${pid}/io`);
const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);

/** The files of which the state knows how far a tracker's lane is. */
function recorded(state: string): number {
  const db = new DatabaseSync(state, { readOnly: true, timeout: 5000 });
  try {
    return Number(db.prepare('SELECT count(*) AS n FROM position').get()?.['n']);
  } finally {
    db.close();
  }
}

/**
 * Waits until a watch has read all that was written so far: its store has what was written to another file after that.
 */
function wakeUps(points: number): (more: number) => Promise<void> {
  const bell = join(run, 'events.out.tfevents.0');
  let rung = 0;
  return async (more) => {
    if (rung++ === 0) writeFileSync(bell, w.eventFile(scalar(0)));
    else append(bell, scalar(rung));
    await has(points + more + rung);
  };
}

describe('a watch that gets a signal to end', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('stores what it read after %s, and ends without an error', async (signal) => {
    writeFileSync(file, w.eventFile(...scalars(0, 100)));
    const watching = watch();
    await has(100);
    append(file, scalar(100));
    await has(101);
    await end(watching, signal);
    await expectMirrored();
  });

  it('continues while another process locks the state, and writes to it afterwards', async () => {
    writeFileSync(file, w.eventFile(scalar(0)));
    const watching = watch('--log-format', 'json');
    await has(1);
    const db = new DatabaseSync(join(folder, 'mirrorboard.state'), { timeout: 5000 });
    db.exec('BEGIN IMMEDIATE');
    await watching.said(/state not written, retrying[\s\S]*state not written, retrying/);
    append(file, scalar(1));
    await has(2);
    db.exec('ROLLBACK');
    db.close();
    await end(watching);
    await mustRun(['state', 'check'], { cwd: folder });
  });

  it('continues with its trackers while another process locks the state, and mirrors each point once', async () => {
    const tracker = await MlflowStub.start();
    try {
      writeFileSync(join(folder, 'mirrorboard.yaml'), `lanes: { local: {}, mlflow: { tracking_uri: "${tracker.url}" } }\n`);
      writeFileSync(file, w.eventFile(scalar(0)));
      const watching = watch('--log-format', 'json');
      await has(1);
      const db = new DatabaseSync(join(folder, 'mirrorboard.state'), { timeout: 5000 });
      db.exec('BEGIN IMMEDIATE');
      await watching.said(/state not written, retrying/);
      // A file that is new to the trackers' lanes: how far they are in it must be read.
      append(file, scalar(1));
      mkdirSync(join(logs, 'other'), { recursive: true });
      writeFileSync(join(logs, 'other', 'events.out.tfevents.1'), w.eventFile(scalar(0)));
      // Longer than a change waits: reading has to wait longer, and nothing tells of it from outside.
      await until(() => false, 12_000);
      db.exec('ROLLBACK');
      db.close();
      await has(3);
      await until(() => tracker.runs().reduce((sum, run) => sum + tracker.points(run).length, 0) === 3);
      // A signal now would break off the answer, and the next start would send again.
      await until(() => recorded(join(folder, 'mirrorboard.state')) === 2);
      await end(watching);
      await mustRun(['verify', '--strict'], { cwd: folder });
      expect(tracker.violations).toEqual([]);
    } finally {
      await tracker.close();
    }
  });

  it('reports its end as JSON if its other lines are JSON', async () => {
    const watching = watch();
    await watching.said(/root scanned/);
    const { stderr } = await end(watching);
    const lines = stderr
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toContainEqual(expect.objectContaining({ level: 'info', msg: 'stopping: storing what was read', signal: 'SIGTERM' }));
    const forPeople = watch('--log-format', 'pretty');
    await forPeople.said(/root scanned/);
    expect((await end(forPeople)).stderr).toMatch(/^Stopping: storing what was read; interrupt again to stop immediately\.$/m);
  });

  it('in the middle of its first pass leaves a store that the next one continues', async () => {
    bigLog({ dir: logs, runs: 20, tags: 5, steps: 1000, files: 2 });
    const watching = watch();
    await until(() => stored() > 0);
    await end(watching);
    expect(stored("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'")).toBe(0);
    const again = watch();
    // The first one may have stored everything: a signal before the program begins ends its process.
    await again.said(/root scanned/);
    await has(100_000);
    await end(again);
    rmSync(run, { recursive: true });
    await expectMirrored();
  });

  it.each([
    ['when the time of grace is over', '1s', 1],
    ['with the second signal', '10m', 2],
  ])('ends %s, even if a tracker never closes', async (_, grace, signals) => {
    const module = writeTrialBackend(folder);
    writeFileSync(
      module,
      readFileSync(module, 'utf8').replace('async close() {}', "close() { console.error('closing'); return new Promise(() => {}); }"),
    );
    writeFileSync(
      join(folder, 'mirrorboard.yaml'),
      `shutdown_grace: ${grace}\nlanes: { local: {}, t: { type: ./trial-backend.mjs, url: u } }\n`,
    );
    const watching = watch();
    await watching.said(/root scanned/);
    watching.child.kill('SIGTERM');
    await watching.said(/^closing$/m);
    if (signals > 1) watching.child.kill('SIGTERM');
    expect((await watching.ended).code).toBe(130);
  });

  it('ends at once if it has no work', async () => {
    const watching = watch();
    await watching.said(/root scanned/);
    await end(watching);
  });
});

describe('a second watch', () => {
  it.each([
    ['on the same store', 'mirrorboard.db'],
    ['on the same store by another name', 'link.db'],
  ])('is refused and names the process of the first one: %s', async (_, name) => {
    writeFileSync(file, w.eventFile(scalar(0)));
    symlinkSync(join(folder, 'mirrorboard.db'), join(folder, 'link.db'));
    const first = watch();
    await has(1);
    const second = start(['watch', logs, '--store', join(folder, name)], { cwd: folder });
    const { code, stderr } = await second.ended;
    expect({ code, stderr }).toMatchObject({ code: 4, stderr: expect.stringContaining(`process ${first.child.pid}`) });
    await end(first);
  });

  it('of another directory with the name of a mirrored one is refused, with a hint to name it', async () => {
    writeFileSync(file, w.eventFile(scalar(0)));
    const first = watch();
    await has(1);
    await end(first);
    const other = join(folder, 'other/logs');
    mkdirSync(join(other, 'run'), { recursive: true });
    writeFileSync(join(other, 'run', ONE), w.eventFile(w.event({ wallTime: 5, step: 1, summary: [w.simpleValue('acc', 1)] })));
    const { code, stderr } = await start(['watch', other], { cwd: folder }).ended;
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringMatching(/MB2007/) });
    expect(stored()).toBe(1);
  });
});

describe('the roots of a watch', () => {
  it('have only the runs that --include and --exclude select', async () => {
    for (const name of ['a', 'a/debug', 'b']) {
      mkdirSync(join(logs, name));
      writeFileSync(join(logs, name, ONE), w.eventFile(scalar(0)));
    }
    const watching = watch('--include', 'a', '--include', 'late*', '--exclude', '**/debug');
    await watching.said(/root scanned/);
    for (const name of ['late1', 'late2/debug', 'other']) {
      mkdirSync(join(logs, name), { recursive: true });
      writeFileSync(join(logs, name, ONE), w.eventFile(scalar(0)));
    }
    const isThere = (name: string): boolean => stored(`SELECT count(*) FROM runs WHERE run = '${name}' AND points = 1`) === 1;
    expect(await until(() => isThere('late1'))).toBe(true);
    // A watch that knows about this one knows about all others.
    mkdirSync(join(logs, 'late3'));
    writeFileSync(join(logs, 'late3', ONE), w.eventFile(scalar(0)));
    expect(await until(() => isThere('late3'))).toBe(true);
    await end(watching);
    const db = new DatabaseSync(join(folder, 'mirrorboard.db'), { readOnly: true });
    expect(db.prepare('SELECT run FROM runs WHERE points > 0 ORDER BY run').all()).toMatchObject([
      { run: 'a' },
      { run: 'late1' },
      { run: 'late3' },
    ]);
    db.close();
  });

  it('may vanish and return with more runs', async () => {
    writeFileSync(file, w.eventFile(...scalars(0, 10)));
    const watching = watch();
    await has(10);
    renameSync(logs, `${logs}.away`);
    await watching.said(/root missing, waiting for it/);
    append(join(`${logs}.away`, 'run', ONE), scalar(10));
    renameSync(`${logs}.away`, logs);
    await watching.said(/root is back/);
    await has(11);
    append(file, scalar(11));
    await has(12);
    const { stderr } = await end(watching);
    expect(stderr).not.toMatch(/"kind":"(lost|replaced|shortened)"/);
    await expectMirrored();
  });

  it('are retried while they are unreadable, from the start on, and status remembers them', async () => {
    writeFileSync(file, w.eventFile(...scalars(0, 10)));
    const share = join(folder, 'share');
    symlinkSync('share', share);
    const first = watch(share);
    await has(10);
    expect((await end(first)).stderr).toMatch(/its links lead in a circle/);
    expect((await mustRun(['status'], { cwd: folder }, 1)).stdout).toMatch(/share: its links lead in a circle/);
    const watching = watch(share);
    await watching.said(/its links lead in a circle/);
    rmSync(share);
    mkdirSync(join(share, 'run'), { recursive: true });
    writeFileSync(join(share, 'run', ONE), w.eventFile(...scalars(0, 5)));
    await has(15);
    await end(watching);
    await mustRun(['status'], { cwd: folder });
  });

  it('are retried if none exists at the start, and are named until they exist', async () => {
    const port = await freePort();
    const late = join(folder, 'late');
    expect((await mustRun(['backfill', late], { cwd: folder }, 2)).stderr).toMatch(/MB2001/);
    const watching = start(['watch', late, '--listen', String(port), '--scan-interval', '0.3'], { cwd: folder });
    await watching.said(/"root":"late","path":"[^"]*\/late","msg":"root does not exist yet, waiting for it"/);
    const ready = await fetch(`http://127.0.0.1:${port}/readyz`);
    expect([ready.status, await ready.text()]).toEqual([503, `no log directory exists yet: ${late}\nlate: ${late} does not exist yet\n`]);
    const status = await (await fetch(`http://127.0.0.1:${port}/status`)).json();
    expect(status).toMatchObject({ ready: false, roots: [{ name: 'late', missing: true, never_seen: true }] });
    mkdirSync(join(late, 'run'), { recursive: true });
    writeFileSync(join(late, 'run', ONE), w.eventFile(...scalars(0, 5)));
    await watching.said(/root exists now/);
    await has(5);
    expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(200);
    renameSync(late, `${late}.away`);
    await watching.said(/root missing, waiting for it/);
    await end(watching);
  });

  it('are directories: a file is refused, and so is an empty list', async () => {
    writeFileSync(file, w.eventFile(scalar(0)));
    expect((await mustRun(['watch', file], { cwd: folder }, 2)).stderr).toMatch(/MB2002/);
    expect((await mustRun(['watch'], { cwd: folder }, 2)).stderr).toMatch(/MB1001/);
    expect(existsSync(join(folder, 'mirrorboard.db'))).toBe(false);
  });
});

describe('a file under watch', () => {
  it('that is replaced is mirrored with its current content; its former points stay', async () => {
    writeFileSync(file, w.eventFile(...scalars(0, 10)));
    const watching = watch();
    await has(10);
    writeFileSync(join(folder, 'new'), w.eventFile(...scalars(50, 64)));
    renameSync(join(folder, 'new'), file);
    await has(14);
    append(file, scalar(64));
    await has(15);
    expect((await end(watching)).stderr).toMatch(/"kind":"replaced"/);
    expect(stored('SELECT count(*) FROM point')).toBe(25);
    await expectMirrored();
  });

  it('that is replaced by a large one is reported as replaced', async () => {
    writeFileSync(file, w.eventFile(scalar(0)));
    const watching = watch();
    await has(1);
    const encoded = new Uint8Array(1 << 20).fill(7);
    const images = Array.from({ length: 20 }, (_, step) =>
      w.event({ wallTime: 1, step, summary: [w.image('x', { width: 1, height: 1, encoded })] }),
    );
    writeFileSync(join(folder, 'new'), w.eventFile(...images));
    renameSync(join(folder, 'new'), file);
    await has(20);
    expect((await end(watching)).stderr).toMatch(/"kind":"replaced"/);
  });

  it('that is truncated keeps its points until other points replace them', async () => {
    writeFileSync(file, w.eventFile(...scalars(0, 10)));
    const watching = watch();
    await has(10);
    truncateSync(file, w.eventFile(...scalars(0, 3)).length);
    await until(() => stored(`SELECT count(*) FROM damage WHERE reason = 'cut'`) === 1);
    await has(10);
    append(file, ...scalars(70, 80));
    await has(13);
    expect((await end(watching)).stderr).toMatch(/"kind":"replaced"/);
    await expectMirrored();
  });

  it('that is cut between two marks is read again when other records follow the cut, also for trackers', async () => {
    const stub = await MlflowStub.start();
    try {
      const config = `lanes:\n  local: {}\n  mlflow: { tracking_uri: "${stub.url}", experiment_name: tests }\n`;
      writeFileSync(join(folder, 'mirrorboard.yaml'), config);
      const tracked = (): number =>
        stub.runs().reduce((sum, each) => sum + stub.points(each).filter(({ value }) => value === -1).length, 0);
      const many = scalars(0, 1000);
      writeFileSync(file, w.eventFile(...many));
      const watching = watch();
      await has(1000);
      writeFileSync(file, w.eventFile(...many.slice(0, 513), scalar(513, -1), scalar(514, -1)));
      await has(515);
      await eventually(() => expect(tracked()).toBe(2));
      append(file, scalar(515, -1));
      await has(516);
      await eventually(() => expect(tracked()).toBe(3));
      expect((await end(watching)).stderr).toMatch(/"kind":"replaced"/);
    } finally {
      await stub.close();
    }
  });

  it('that is deleted with pending bytes is reported as lost, and one that was completely read is not', async () => {
    const other = join(run, 'events.out.tfevents.2');
    writeFileSync(file, w.eventFile(...scalars(0, 10)));
    appendFileSync(file, w.frame(scalar(10)).subarray(0, 15));
    writeFileSync(other, w.eventFile(...scalars(0, 5)));
    const watching = watch();
    await has(15);
    rmSync(other);
    await watching.said(/file deleted after it was mirrored/);
    rmSync(file);
    await watching.said(/"kind":"lost".*15 bytes/);
    await end(watching);
    expect(stored()).toBe(15);
  });

  it('that is deleted continues when it returns under its name', async () => {
    writeFileSync(file, w.eventFile(...scalars(0, 10)));
    const watching = watch();
    await has(10);
    rmSync(file);
    await watching.said(/file deleted/);
    writeFileSync(file, w.eventFile(...scalars(90, 93)));
    await has(3);
    await end(watching);
    await expectMirrored();
  });

  it('that becomes a directory counts as deleted, and the files in the directory are found', async () => {
    writeFileSync(file, w.eventFile(...scalars(0, 10)));
    const watching = watch();
    await has(10);
    rmSync(file);
    mkdirSync(file);
    // Not a beginning of what was there: with its inode, which may be used again, that would be the same file.
    writeFileSync(join(file, ONE), w.eventFile(...scalars(20, 23)));
    await has(13);
    append(join(file, ONE), scalar(23));
    await has(14);
    await end(watching);
  });

  it('that is unreachable for a while resumes when it is back', async () => {
    writeFileSync(file, w.eventFile(...scalars(0, 10)));
    const watching = watch();
    await has(10);
    // Permissions mean nothing to root; a broken link is unreadable for every user.
    renameSync(file, join(folder, 'kept'));
    symlinkSync(join(folder, 'aim'), file);
    await watching.said(/a broken link/);
    append(join(folder, 'kept'), scalar(10));
    renameSync(join(folder, 'kept'), join(folder, 'aim'));
    await has(11);
    await end(watching);
    await expectMirrored();
  });

  it('that is filled with zeros ahead of its records delivers the records when they arrive', async () => {
    const head = w.eventFile(scalar(0));
    writeFileSync(file, w.concat(head, new Uint8Array(100_000)));
    const watching = watch();
    await has(1);
    const wakeUp = wakeUps(1);
    const fd = openSync(file, 'r+');
    let at = head.length;
    for (let step = 1; step <= 20; step++) {
      const record = w.frame(scalar(step));
      // In two pieces: the length is there before the rest is.
      writeSync(fd, record, 0, 14, at);
      fdatasyncSync(fd);
      await wakeUp(step - 1);
      writeSync(fd, record, 14, record.length - 14, at + 14);
      at += record.length;
    }
    closeSync(fd);
    await has(41);
    const { stderr } = await end(watching);
    expect(stderr).not.toMatch(/"kind":"replaced"/);
    await expectMirrored();
  });

  it('that grows by one record of 72 MiB is not read into memory again and again', async () => {
    writeFileSync(file, w.eventFile(scalar(0)));
    const watching = watch();
    await has(1);
    const encoded = new Uint8Array(72 << 20).fill(9);
    const record = w.frame(w.event({ wallTime: 1, step: 1, summary: [w.image('large', { width: 1, height: 1, encoded })] }));
    const wakeUp = wakeUps(1);
    const { pid } = watching.child;
    const [bytesBefore, readBefore] = [residentBytes(pid), readBytes(pid)];
    let most = 0;
    const piece = 2 << 20;
    let at = 0;
    let pieces = 0;
    for (; at + piece < record.length; at += piece) {
      appendFileSync(file, record.subarray(at, at + piece));
      await wakeUp(0);
      pieces++;
      most = Math.max(most, residentBytes(pid));
    }
    const read = readBytes(pid) - readBefore;
    process.stderr.write(
      `watch.test: 72 MiB in ${pieces} pieces: ${mebibytes(most - bytesBefore)} MiB more memory, ${mebibytes(read)} MiB were read\n`,
    );
    expect(most - bytesBefore).toBeLessThan(48 << 20);
    // About as much as there is; reading it again at each wake-up would be eighteen times that.
    expect(read).toBeLessThan(2 * record.length);
    appendFileSync(file, record.subarray(at));
    await has(2 + pieces);
    append(file, scalar(2));
    await has(3 + pieces);
    await end(watching);
    await expectMirrored();
  });
});

describe('a full disk', () => {
  const store = (): string => join(small, 'mirrorboard.db');

  itMounts('makes the lane wait with a remedy, and resumes when there is space, without lost or doubled points', async () => {
    bigLog({ dir: logs, runs: 4, tags: 5, steps: 10_000, files: 2 });
    writeFileSync(file, w.eventFile(scalar(0)));
    mountMemory(small, 'size=4m');
    const watching = watch('--store', store());
    await watching.said(/"remedy":"Make room.*lane waiting/);
    append(file, scalar(1));
    remount(small, 'size=64m');
    await has(200_002, store());
    append(file, scalar(2));
    await has(200_003, store());
    const { stderr } = await end(watching);
    expect(stderr).toMatch(/MB3005/);
    expect(stderr).toMatch(/lane active/);
    await expectMirrored(store());
  });

  itMounts('is noticed even if nothing more is written to the logs', async () => {
    mountMemory(small, 'size=16m');
    const watching = watch('--store', store());
    await watching.said(/root scanned/);
    expect(() => {
      for (;;) appendFileSync(join(small, 'filler'), new Uint8Array(4096));
    }).toThrow(/ENOSPC/);
    const image = (step: number): Uint8Array =>
      w.event({ wallTime: 1, step, summary: [w.image('x', { width: 1, height: 1, encoded: new Uint8Array(20_000).fill(step) })] });
    writeFileSync(file, w.eventFile(...Array.from({ length: 100 }, (_, step) => image(step))));
    // Read at once, and refused when the watch has nothing else to do.
    await watching.said(/lane waiting/);
    rmSync(join(small, 'filler'));
    await has(100, store());
    await end(watching);
    await expectMirrored(store());
  });

  itMounts('makes a file that is deleted meanwhile a loss, which watch reports', async () => {
    bigLog({ dir: logs, runs: 2, tags: 5, steps: 20_000 });
    mountMemory(small, 'size=3m');
    const port = await freePort();
    const watching = watch('--store', store(), '--listen', `127.0.0.1:${port}`);
    const files = async (): Promise<unknown> =>
      ((await (await fetch(`http://127.0.0.1:${port}/status`)).json()) as { roots: { files: number }[] }).roots[0]?.files;
    await watching.said(/lane waiting/);
    writeFileSync(file, w.eventFile(...scalars(0, 1000)));
    expect(await until(async () => (await files()) === 3)).toBe(true);
    rmSync(file);
    expect(await until(async () => (await files()) === 2)).toBe(true);
    remount(small, 'size=64m');
    await has(200_000, store());
    const { stderr } = await end(watching);
    expect(stderr).toMatch(/"kind":"(lost|vanished)"/);
    expect(stderr).not.toMatch(/after it was mirrored/);
  });
});

describe('new data under watch', () => {
  it.each([
    ['with notifications', ['--scan-interval', '3600'], 50],
    ['by polling alone', ['--poll', '--scan-interval', '3600'], 5],
  ] as const)('%s is in the store long before the next scan', async (_, args, count) => {
    writeFileSync(file, w.eventFile(scalar(0)));
    const watching = watch(...args);
    await has(1);
    for (let step = 1; step <= count; step++) {
      append(file, scalar(step));
      await has(step + 1);
    }
    await end(watching);
    await expectMirrored();
  });

  it('in new directories, also deep ones, is in the store long before the next scan', async () => {
    const watching = watch('--scan-interval', '3600');
    await watching.said(/root scanned/);
    const wakeUp = wakeUps(0);
    const deep = join(logs, 'a/b/c');
    mkdirSync(deep, { recursive: true });
    // As writers do: the directory first, the file when there is something to write.
    await wakeUp(0);
    writeFileSync(join(deep, ONE), w.eventFile(scalar(0)));
    await has(2);
    append(join(deep, ONE), scalar(1));
    await has(3);
    await end(watching);
  });

  it('is in the answers over HTTP', async () => {
    const port = await freePort();
    writeFileSync(file, w.eventFile(...scalars(0, 10)));
    appendFileSync(file, w.frame(scalar(10)).subarray(0, 15));
    const watching = watch('--listen', `127.0.0.1:${port}`);
    await has(10);
    const get = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${port}${path}`);
    await eventually(async () => {
      expect((await get('/readyz')).status).toBe(200);
      const status = (await (await get('/status')).json()) as { lanes: object[]; damage: object[] };
      expect(status.lanes).toMatchObject([{ name: 'local', state: 'active', points: 10, lag_bytes: 0, lag_seconds: 0 }]);
      expect(status.damage).toMatchObject([{ file: ONE, reason: 'torn', pending: true }]);
    });
    // A probe that stops in the middle of its request does not hold up the end: it hears nothing, not even that it
    // took too long.
    const probe = connect(port, '127.0.0.1');
    let heard = '';
    probe.setEncoding('utf8').on('data', (text: string) => {
      heard += text;
    });
    probe.on('error', () => undefined);
    await once(probe, 'connect');
    probe.write('GET /readyz HTTP/1.1\r\nHost: me\r\n');
    expect((await get('/livez')).status).toBe(200);
    await end(watching);
    expect(heard).toBe('');
    probe.destroy();
  });
});
