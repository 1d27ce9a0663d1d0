import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { until } from '../crash/watch-kill.ts';
import * as w from '../support/event-writer.ts';
import { type Ended, endAll, freshDirectory, mustRun, remove, repository, start } from './command.ts';

const ONE = 'events.out.tfevents.1';
const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;

let folder: string;
let logs: string;

beforeEach(() => {
  folder = freshDirectory();
  logs = join(folder, 'logs');
  // A user who may not read everything writes here, too.
  for (const path of [folder, logs]) {
    mkdirSync(path, { recursive: true });
    chmodSync(path, 0o777);
  }
  for (const run of ['exp', 'secret']) put(run, 0, 10);
});

afterEach(async () => {
  await endAll();
  remove(folder);
});

function put(run: string, from: number, to: number): void {
  mkdirSync(join(logs, run), { recursive: true });
  writeFileSync(join(logs, run, ONE), file(from, to));
}

function file(from: number, to: number, ...more: Uint8Array[]): Uint8Array {
  const steps = Array.from({ length: to - from }, (_, i) => from + i);
  return w.concat(w.eventFile(...steps.map(scalar)), ...more);
}

function scalar(step: number): Uint8Array {
  return w.event({ wallTime: 1000 + step, step, summary: [w.simpleValue('loss', step)] });
}

/** As a user who does not own the files. */
async function run(args: readonly string[], code: number): Promise<Ended> {
  return mustRun(args, { cwd: folder, ...(isRoot ? { uid: NOBODY } : {}) }, code);
}

async function points(): Promise<number> {
  const { stdout } = await mustRun(['export', '--format', 'csv'], { cwd: folder });
  return stdout.trim().split('\n').length - 1;
}

describe('a root of which nothing is mirrored yet', () => {
  it('is named by all commands if it is unreadable, and the other roots are mirrored', async () => {
    symlinkSync('ring', join(folder, 'ring'));
    for (const root of ['ring', 'none']) {
      const backfill = await run(['backfill', join(folder, root), logs], 1);
      expect(backfill.stderr).toMatch(new RegExp(`${root}: .*(ELOOP|ENOENT)`));
      expect(await points()).toBe(20);
      expect((await run(['status'], 1)).stdout).toMatch(new RegExp(`${root}(: its links lead in a circle| is missing; nothing of it)`));
      expect((await run(['verify'], 3)).stderr).toContain(join(folder, root));
      expect((await run(['doctor'], 1)).stdout).toContain(root);
      rmSync(join(folder, root), { force: true });
      mkdirSync(join(folder, root));
      await run(['backfill', join(folder, root), logs], 0);
      for (const command of ['status', 'verify', 'doctor']) await run([command], 0);
    }
    // One that has nothing is not missed any more.
    rmSync(join(folder, 'none'), { recursive: true });
    await run(['status'], 0);
  });
});

describe('a file server that fails', () => {
  /** As the system says it of the entry of that name. */
  const fails = async (name: string, calls: readonly string[], code: string, args: readonly string[], exit: number): Promise<Ended> => {
    writeFileSync(join(folder, 'world.json'), JSON.stringify({ faults: { [name]: { calls, code } }, clockMs: 0 }));
    const env = {
      NODE_OPTIONS: `--import=${join(repository, 'test/support/faulty-world.mjs')}`,
      WORLD_CONTROL: join(folder, 'world.json'),
    };
    return mustRun(args, { cwd: folder, env }, exit);
  };

  it.each([
    ['a file without a readable status', 'events.out.tfevents.odd', ['lstat'], 'EIO'],
    ['a file that its directory lists, and nobody finds there', 'events.out.tfevents.odd', ['lstat'], 'ENOENT'],
    ['a file that is there, and gone when it is opened', 'events.out.tfevents.odd', ['open'], 'ENOENT'],
    ['a directory that its own one lists, and nobody finds there', 'secret', ['readdir'], 'ENOENT'],
  ])('has all commands name %s', async (_, name, calls, code) => {
    renameSync(join(logs, 'secret', ONE), join(logs, 'secret', 'events.out.tfevents.odd'));
    expect((await fails(name, calls, code, ['backfill', logs], 1)).stderr).toMatch(new RegExp(`${name}.*${code}`));
    expect(await points()).toBe(10);
    expect((await fails(name, calls, code, ['status'], 1)).stdout).toMatch(new RegExp(`${name}.*${code}`));
    expect((await fails(name, calls, code, ['verify'], 3)).stderr).toContain(name);
    expect((await fails(name, calls, code, ['doctor'], 1)).stdout).toMatch(new RegExp(`${name}.*${code}`));
    await mustRun(['backfill', logs], { cwd: folder });
    expect(await points()).toBe(20);
    for (const command of ['status', 'verify', 'doctor']) await mustRun([command], { cwd: folder });
  });
});

describe('a file that cannot be read', () => {
  it('is named by backfill, status, verify and doctor alike, until it is readable again', async () => {
    chmodSync(join(logs, 'secret', ONE), 0);
    const name = new RegExp(`logs/secret/${ONE}.*no permission`);
    for (let pass = 0; pass < 2; pass++) {
      const { stderr } = await run(['backfill', logs], 1);
      expect(stderr).toMatch(name);
      expect(stderr).toMatch(/Next: mirrorboard doctor/);
    }
    const status = await run(['status'], 1);
    expect(status.stdout).toMatch(name);
    expect(status.stdout).toMatch(/remedy: give the user/);
    expect(status.stdout).not.toMatch(/Next:.* backfill/);
    expect((await run(['verify'], 3)).stderr).toMatch(name);
    expect((await run(['doctor', logs], 1)).stdout).toMatch(name);
    // A user who may read it sees the same: only what was mirrored counts.
    await mustRun(['status'], { cwd: folder }, 1);
    await mustRun(['verify'], { cwd: folder }, 3);
    chmodSync(join(logs, 'secret', ONE), 0o644);
    await run(['backfill', logs], 0);
    await run(['status'], 0);
    await run(['verify'], 0);
    await run(['doctor', logs], 0);
    expect(await points()).toBe(20);
  });

  it('that is removed is no longer a problem', async () => {
    chmodSync(join(logs, 'secret', ONE), 0);
    await run(['backfill', logs], 1);
    rmSync(join(logs, 'secret'), { recursive: true });
    await run(['status'], 0);
    await run(['doctor', logs], 0);
    await run(['verify'], 0);
  });
});

describe('a file with a damaged record', () => {
  it('is named by all commands, with a remedy; only verify and doctor, which check something else, end with 0', async () => {
    const bytes = file(0, 10);
    bytes[bytes.length - 6]! ^= 0x40;
    writeFileSync(join(logs, 'exp', ONE), bytes);
    const inspect = new RegExp(`mirrorboard inspect \\S*logs/exp/${ONE}`);
    for (const [args, code] of [
      [['backfill', logs], 1],
      [['status'], 1],
      [['verify'], 0],
      [['doctor', logs], 0],
    ] as const) {
      const { stdout, stderr } = await run(args, code);
      expect(`${args[0]}: ${stdout}${stderr}`).toMatch(inspect);
    }
    expect((await run(['doctor', logs], 0)).stdout).not.toContain('All checks passed');
    put('exp', 0, 10);
    await run(['backfill', logs], 0);
    expect((await run(['doctor', logs], 0)).stdout).not.toMatch(inspect);
    expect(await points()).toBe(20);
  });
});

describe('a root whose file system is not mounted', () => {
  it('is reported as empty by all commands, and resumes when it is mounted again', async () => {
    await run(['backfill', logs], 0);
    renameSync(logs, join(folder, 'away'));
    mkdirSync(logs);
    chmodSync(logs, 0o777);
    const { stderr } = await run(['backfill', logs], 1);
    expect(stderr).toMatch(/logs: all of its mirrored files are missing: is it mounted\?.*2 files/);
    const { stdout } = await run(['status'], 1);
    expect(stdout).toMatch(/EMPTY +2 +2 +2 +20/);
    expect((await run(['verify'], 3)).stderr).toMatch(/is it mounted/);
    expect((await run(['doctor', logs], 1)).stdout).toMatch(/None of the 2 files of logs is in/);
    rmSync(logs, { recursive: true });
    renameSync(join(folder, 'away'), logs);
    await run(['backfill', logs], 0);
    await run(['status'], 0);
    expect(await points()).toBe(20);
  });
});

describe('the selection of runs', () => {
  it('comes from --include and --exclude, or from the configuration for all roots and for one', async () => {
    put('exp/debug', 0, 5);
    mkdirSync(join(logs, 'lost+found'));
    chmodSync(join(logs, 'lost+found'), 0o700);
    await run(['backfill', logs, '--exclude', '**/debug', '--include', 'exp'], 0);
    expect(await points()).toBe(10);
    await run(['verify', '--include', 'exp', '--exclude', '**/debug'], 0);
    expect((await run(['verify', '--include', 'no-such-run'], 3)).stderr).toMatch(/Nothing was compared/);
    expect((await run(['inspect', logs, '--exclude', 'secret'], 0)).stdout).not.toMatch(/secret/);
    expect((await run(['status'], 0)).stdout).toMatch(/Next: .*backfill/);
    expect((await run(['status', '--include', 'exp', '--exclude', '**/debug'], 0)).stdout).toMatch(/Next: .*verify/);
    const roots = `roots:\n  - { path: ${logs}, exclude: [secret] }\n`;
    writeFileSync(join(folder, 'mirrorboard.yaml'), `exclude: ["**/debug"]\n${roots}`);
    await run(['backfill'], 0);
    expect(await points()).toBe(10);
    expect((await run(['status'], 0)).stdout).toMatch(/Next: .*verify/);
    writeFileSync(join(folder, 'mirrorboard.yaml'), roots);
    // A root that is given holds to what the file says of it.
    await run(['backfill', logs], 0);
    expect(await points()).toBe(15);
    expect((await run(['config', 'show'], 0)).stdout).toMatch(/roots\[0\].exclude +secret/);
  });
});

describe('under watch', () => {
  const torn = (): Uint8Array => w.frame(w.event({ wallTime: 1, step: 1, summary: [w.text('t', 'x'.repeat(20_000))] })).subarray(0, 301);

  it('records after one that a dead writer left incomplete appear soon', async () => {
    const more = Array.from({ length: 50 }, (_, i) => w.frame(scalar(100 + i)));
    writeFileSync(join(logs, 'exp', ONE), file(0, 10, torn(), ...more));
    const watch = start(['watch', logs, '--json'], { cwd: folder });
    expect(await until(async () => (await points().catch(() => 0)) === 70, 60_000)).toBe(true);
    watch.child.kill('SIGTERM');
    await watch.ended;
  });

  it('a link to an event file that does not exist has its own remedy', async () => {
    symlinkSync('nothing', join(logs, 'exp', 'latest.tfevents'));
    await mustRun(['backfill', logs], { cwd: folder }, 1);
    const { stdout } = await mustRun(['status'], { cwd: folder }, 1);
    expect(stdout).toMatch(/latest.tfevents: a broken link/);
    expect(stdout).toMatch(/remedy: remove a broken link, or point it at a file/);
    expect(stdout).not.toMatch(/let the user/);
  });

  it('a link that is moved is noticed', async () => {
    for (const run of ['one', 'two']) {
      mkdirSync(join(folder, run));
      writeFileSync(join(folder, run, `${ONE}.${run}`), file(0, run === 'one' ? 1 : 3));
    }
    symlinkSync(join(folder, 'one'), join(logs, 'current'));
    const watch = start(['watch', logs, '--poll', '--json'], { cwd: folder });
    expect(await until(async () => (await points().catch(() => 0)) === 21, 60_000)).toBe(true);
    symlinkSync(join(folder, 'two'), join(logs, 'next'));
    renameSync(join(logs, 'next'), join(logs, 'current'));
    expect(await until(async () => (await points().catch(() => 0)) === 24, 60_000)).toBe(true);
    watch.child.kill('SIGTERM');
    await watch.ended;
  });
});
