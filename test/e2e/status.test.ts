import { appendFileSync, cpSync, mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually, until } from '../crash/watch-kill.ts';
import * as w from '../support/event-writer.ts';
import { endAll, freshDirectory, mustRun, remove, repository, start } from './command.ts';

/** The part of the document that these tests read. */
interface Status {
  readonly type: string;
  readonly lanes: readonly {
    readonly state: string;
    readonly remedy: string | null;
    readonly points: number;
    readonly lag_bytes: number;
    readonly lag_points_estimate: number | null;
    readonly lag_seconds: number;
    readonly runs_behind: number;
  }[];
  readonly watch: { readonly running: boolean; readonly status: Record<string, unknown> } | null;
  readonly roots: readonly object[];
  readonly damage: readonly object[];
}

const ONE = 'events.out.tfevents.1';

let folder: string;
let logs: string;
let file: string;

beforeEach(() => {
  folder = freshDirectory();
  logs = join(folder, 'logs');
  file = join(logs, 'run', ONE);
  mkdirSync(join(logs, 'run'), { recursive: true });
  writeFileSync(file, w.eventFile(...scalars(0, 10)));
});

afterEach(async () => {
  await endAll();
  remove(folder);
});

function scalars(from: number, to: number): Uint8Array[] {
  const steps = Array.from({ length: to - from }, (_, i) => from + i);
  return steps.map((step) => w.event({ wallTime: 1000 + step, step, summary: [w.simpleValue('loss', step)] }));
}

function append(...events: readonly Uint8Array[]): number {
  const bytes = w.concat(...events.map(w.frame));
  appendFileSync(file, bytes);
  return bytes.length;
}

async function backfill(code = 0): Promise<void> {
  await mustRun(['backfill', logs], { cwd: folder }, code);
}

async function text(code = 0): Promise<string> {
  return (await mustRun(['status'], { cwd: folder }, code)).stdout;
}

/** The document, which is all that is on standard output, on one line. */
async function status(code = 0): Promise<Status> {
  const { stdout, stderr } = await mustRun(['status', '--json'], { cwd: folder }, code);
  expect([stdout.split('\n').length, stderr]).toEqual([2, '']);
  return JSON.parse(stdout);
}

describe('the status of a store', () => {
  it('that has everything shows this, and offers to verify it', async () => {
    await backfill();
    const { type, lanes, watch, roots, damage } = await status();
    expect([type, watch, damage]).toEqual(['status', null, []]);
    expect(lanes).toMatchObject([{ name: 'local', state: 'idle', points: 10, lag_bytes: 0, lag_seconds: 0, runs_behind: 0 }]);
    expect(roots).toEqual([
      { name: 'logs', path: logs, missing: false, emptied: false, runs: 1, files: 1, files_gone: 0, files_passed_over: 0, points: 10 },
    ]);
    expect(await text()).toMatch(/no watch running +10 +- +- +-\n.*\nNext: mirrorboard verify\n$/s);
  });

  it('prints nothing with -qq: its exit code has the result', async () => {
    await backfill();
    append(...scalars(10, 15));
    expect((await mustRun(['status', '-qq'], { cwd: folder }, 0)).stdout).toBe('');
    expect((await mustRun(['status', '-qq', '--max-lag', '0.001s'], { cwd: folder }, 1)).stdout).toBe('');
  }, 60_000);

  it('fits a narrow terminal, with the targets of lanes below them', async () => {
    await backfill();
    append(...scalars(10, 15));
    const { stdout } = await mustRun(['status'], { cwd: folder, env: { COLUMNS: '50' } }, 0);
    // A path is a word of its own, however long.
    const tooLong = stdout.split('\n').filter((line) => line.length > 50 && !line.includes('/'));
    expect(tooLong).toEqual([]);
    expect(stdout).toMatch(/^local +no watch running +10 .*\n {2}local: \.\/mirrorboard\.db$/m);
  }, 60_000);

  it('is as wide as COLUMNS when a backfill prints it', async () => {
    const { stderr } = await mustRun(['backfill', `a-long-name-of-a-root=${logs}`], { cwd: folder, env: { COLUMNS: '50' } });
    const table = stderr.split('\n\n')[0]?.split('\n') ?? [];
    expect(table).toHaveLength(2);
    expect(table.filter((line) => line.length > 50)).toEqual([]);
    expect(table[1]).toContain('…');
  }, 60_000);

  it('that is behind its files shows the number of missing points, and the command to catch up', async () => {
    await backfill();
    const bytes = append(...scalars(10, 30));
    const [lane] = (await status()).lanes;
    expect(lane).toMatchObject({ points: 10, lag_bytes: bytes, runs_behind: 1, remedy: `mirrorboard backfill ${logs}` });
    expect(lane?.lag_points_estimate).toBeGreaterThan(10);
    expect(lane?.lag_seconds).toBeGreaterThan(0);
    expect(await text()).toMatch(new RegExp(`no watch running.*\\nNext: mirrorboard backfill ${logs}\\n$`, 's'));
    await backfill();
    expect((await status()).lanes).toMatchObject([{ points: 30, lag_bytes: 0, runs_behind: 0 }]);
  });

  it('counts a file that was never read, but no incomplete end that waits for its writer', async () => {
    truncateSync(file, w.eventFile(...scalars(0, 10)).length - 5);
    await backfill();
    expect((await status()).lanes).toMatchObject([{ points: 9, lag_bytes: 0 }]);
    expect(await text()).toMatch(/in an incomplete record: normal while a writer is running/);
    mkdirSync(join(logs, 'new'));
    writeFileSync(join(logs, 'new', ONE), w.eventFile(...scalars(0, 3)));
    expect((await status()).lanes[0]).toMatchObject({ runs_behind: 1 });
  });

  it('does not subtract an incomplete end of one file from the unread bytes of another file', async () => {
    const whole = w.eventFile(...scalars(0, 200));
    mkdirSync(join(logs, 'torn'));
    writeFileSync(join(logs, 'torn', ONE), whole.subarray(0, whole.length - 5));
    truncateSync(file, w.eventFile(...scalars(0, 10)).length - 5);
    await backfill();
    appendFileSync(file, w.eventFile(...scalars(0, 10)).subarray(-5));
    const bytes = append(...scalars(10, 12)) + 5;
    expect((await status()).lanes).toMatchObject([{ lag_bytes: bytes, runs_behind: 1 }]);
  });

  it('reports that the state in --state does not exist', async () => {
    await mustRun(['backfill', 'logs'], { cwd: folder });
    const note = (place: string): string => `note: ${place}: no state file nowhere/x, so the content of trackers is unknown\n`;
    const said = async (args: readonly string[], env: Record<string, string> = {}): Promise<string> =>
      (await mustRun(args, { cwd: folder, env })).stderr;
    expect(await said(['status', '--state', 'nowhere/x'])).toBe(note('--state'));
    expect(await said(['run', 'list', '--state', 'nowhere/x'])).toBe(note('--state'));
    expect(await said(['status'])).toBe('');
    expect(await said(['status'], { MIRRORBOARD_STATE: 'nowhere/x' })).toBe('');
    writeFileSync(join(folder, 'mirrorboard.yaml'), 'lanes: { local: {}, mlflow: { tracking_uri: "http://127.0.0.1:9" } }\n');
    expect(await said(['status'], { MIRRORBOARD_STATE: 'nowhere/x' })).toBe(note('MIRRORBOARD_STATE'));
  });

  it('ignores a watch that mirrors into another store', async () => {
    await backfill();
    const other = start(['watch', logs, '--store', 'other.db'], { cwd: folder });
    const shows = async (args: readonly string[]): Promise<boolean> => {
      const { stdout } = await mustRun(['status', '--json', ...args], { cwd: folder });
      return (JSON.parse(stdout) as Status).watch?.running === true;
    };
    await other.said(/root scanned/);
    expect(await until(() => shows(['--store', 'other.db']))).toBe(true);
    symlinkSync('other.db', join(folder, 'link.db'));
    expect(await shows(['--store', join(folder, 'link.db')])).toBe(true);
    expect((await status()).watch).toBeNull();
    expect(await text()).toMatch(/no watch running/);
    mkdirSync(join(folder, 'below'));
    const from = ['status', '--json', '--store', '../other.db', '--state', '../mirrorboard.state'];
    expect(JSON.parse((await mustRun(from, { cwd: join(folder, 'below') })).stdout)).toMatchObject({ watch: { running: true } });
    other.child.kill('SIGTERM');
    await other.ended;
  });

  it('shows the final status of a watch, even during the next watch', async () => {
    const watching = start(['watch', logs], { cwd: folder });
    await watching.said(/root scanned/);
    await eventually(async () => {
      const { watch, lanes } = await status();
      expect(watch).toMatchObject({ running: true });
      expect(lanes).toMatchObject([{ state: 'active', reason: null, points: 10, lag_bytes: 0 }]);
    });
    expect(await text()).toMatch(/ active +10 /);
    watching.child.kill('SIGTERM');
    expect((await watching.ended).code).toBe(0);
    const { lanes, watch } = await status();
    expect(watch).toMatchObject({ running: false, status: { type: 'status', pid: watching.child.pid, ready: true, ended: true } });
    expect(lanes).toMatchObject([{ state: 'idle', points: 10, lag_bytes: 0 }]);
    expect(await text()).toMatch(/no watch running +10 /);
  });

  it('names what is damaged, with a remedy, and exits 1', async () => {
    cpSync(join(repository, 'test/damaged/flip_in_data'), join(logs, 'flipped'), { recursive: true });
    await backfill(1);
    const { damage } = await status(1);
    expect(damage).toMatchObject([
      {
        root: 'logs',
        run: 'flipped',
        start: 416,
        end: 458,
        reason: 'data_checksum',
        pending: false,
        remedy: expect.stringMatching(/copy the file again/),
      },
    ]);
    expect(await text(1)).toMatch(/logs\/flipped\/events\S+, offset 416: .*\n +remedy: copy the file again/);
  });

  it('whose root does not exist reports this and exits 1; mirrored points still count', async () => {
    await backfill();
    renameSync(logs, `${logs}.away`);
    expect((await status(1)).roots).toMatchObject([{ name: 'logs', missing: true, points: 10 }]);
    expect(await text(1)).toMatch(/MISSING/);
    renameSync(`${logs}.away`, logs);
    await status();
  });

  it('does not guess what happened to a file that mirrorboard cannot check', async () => {
    await backfill();
    rmSync(file);
    symlinkSync(ONE, file);
    expect((await status(1)).roots).toMatchObject([{ files: 1, files_gone: 0, files_passed_over: 0 }]);
  });

  it('that does not exist exits 2', async () => {
    const { stdout, stderr } = await mustRun(['status', '--json'], { cwd: folder }, 2);
    expect(JSON.parse(stdout)).toMatchObject({ type: 'error', code: 'MB3007', exit_code: 2 });
    expect(stderr).toMatch(/MB3007/);
  });

  it('that exists in another folder is shown with the flag that names it', async () => {
    await backfill();
    const elsewhere = join(folder, 'elsewhere');
    mkdirSync(elsewhere);
    const { stdout } = await mustRun(['status', '--store', '../mirrorboard.db'], { cwd: elsewhere });
    expect(stdout).toMatch(/Next: mirrorboard verify --store \.\.\/mirrorboard\.db\n$/);
    rmSync(elsewhere, { recursive: true });
  });
});
