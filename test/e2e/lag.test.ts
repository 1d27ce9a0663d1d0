import { appendFileSync, mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually, freePort } from '../crash/watch-kill.ts';
import * as w from '../support/event-writer.ts';
import { MlflowStub } from '../support/mlflow-stub/index.ts';
import { endAll, freshDirectory, mustRun, type Running, remove, start } from './command.ts';

interface Lane {
  readonly name: string;
  readonly state: string;
  readonly code: string | null;
  readonly reason: string | null;
  readonly remedy: string | null;
  readonly lag_bytes: number;
  readonly lag_points_estimate: number | null;
  readonly lag_seconds: number;
  readonly lag_since: string | null;
  readonly next_try_at: string | null;
  readonly last: Readonly<Record<string, unknown>> | null;
}

let folder: string;
let logs: string;
let file: string;
let stub: MlflowStub | undefined;

beforeEach(() => {
  folder = freshDirectory();
  logs = join(folder, 'logs');
  file = join(logs, 'run', 'events.out.tfevents.1');
  mkdirSync(join(logs, 'run'), { recursive: true });
});

afterEach(async () => {
  await endAll();
  expect(stub?.violations ?? []).toEqual([]);
  await stub?.close();
  stub = undefined;
  remove(folder);
});

function configure(uri: string): void {
  writeFileSync(join(folder, 'mirrorboard.yaml'), `lanes:\n  local: {}\n  mlflow: { tracking_uri: "${uri}" }\n`);
}

const now = (): number => Date.now() / 1000;
const scalar = (step: number, wallTime = now()): Uint8Array => w.event({ wallTime, step, summary: [w.simpleValue('loss', step)] });
const append = (...events: readonly Uint8Array[]): void => appendFileSync(file, w.concat(...events.map(w.frame)));

async function status(
  code = 0,
  ...args: readonly string[]
): Promise<{ readonly lane: Lane; readonly next: string; readonly text: string }> {
  const { stdout } = await mustRun(['status', '--json', ...args], { cwd: folder }, code);
  const document = JSON.parse(stdout) as { readonly lanes: readonly Lane[]; readonly next: string };
  const { stdout: text } = await mustRun(['status', ...args], { cwd: folder }, code);
  return { lane: document.lanes.find(({ name }) => name === 'mlflow') as Lane, next: document.next, text };
}

async function servedLag(port: number): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${port}/status`);
  const { lanes } = (await answer.json()) as { readonly lanes: readonly { readonly name: string; readonly lag_seconds: number }[] };
  return lanes.find(({ name }) => name === 'mlflow')?.lag_seconds ?? -1;
}

/** The same moment: the wall clock knows milliseconds, and the other one more. */
function expectSame(lane: Lane, other: Lane): void {
  expect(Math.abs(Date.parse(lane.lag_since ?? '') - Date.parse(other.lag_since ?? ''))).toBeLessThanOrEqual(5);
}

function watch(...args: readonly string[]): Running {
  return start(['watch', logs, '--scan-interval', '0.3', '--log-format', 'json', '--log-level', 'info', ...args], { cwd: folder });
}

describe('the lag of a tracker that is down', () => {
  it('is the same everywhere, grows without a reader, survives the process, and ends when the point arrives', async () => {
    const [dead, listen] = [await freePort(), await freePort()];
    configure(`http://127.0.0.1:${dead}`);
    writeFileSync(file, w.eventFile(scalar(0)));
    const watching = watch('--listen', `127.0.0.1:${listen}`);
    await watching.said(/lane waiting/);
    await eventually(async () => expect((await status()).lane).toMatchObject({ state: 'waiting', code: 'MB4001' }));
    const first = await status();
    append(scalar(1));
    await eventually(async () => expect((await status()).lane.lag_bytes).toBeGreaterThan(first.lane.lag_bytes));
    const second = await status();
    // What comes later changes nothing of it.
    expectSame(second.lane, first.lane);
    expect(second.lane.lag_seconds).toBeGreaterThan(first.lane.lag_seconds);
    expect(second.lane.lag_points_estimate).toBe(2);
    expect(Date.parse(second.lane.next_try_at ?? '')).toBeGreaterThan(Date.parse(second.lane.lag_since ?? ''));
    const [before, served, after] = [await status(), await servedLag(listen), await status()];
    expect(served).toBeGreaterThanOrEqual(before.lane.lag_seconds);
    expect(served).toBeLessThanOrEqual(after.lane.lag_seconds);
    expect([after.next, after.text]).toEqual([
      `mirrorboard doctor ${logs}`,
      expect.stringMatching(/mlflow is waiting: .*ECONNREFUSED.*\[MB4001\]/),
    ]);
    await status(1, '--max-lag', '0.01s');
    await status(0, '--max-lag', '1h');

    watching.child.kill('SIGKILL');
    await watching.ended;
    append(scalar(2));
    await eventually(async () => expect((await status()).lane.state).toBe('idle'));
    const gone = await status();
    expectSame(gone.lane, first.lane);
    expect(gone.lane).toMatchObject({ code: 'MB4001', reason: expect.stringMatching(/ECONNREFUSED/) });
    expect(gone.lane.last).toMatchObject({ by: 'watch', state: 'waiting', error: { code: 'MB4001' } });
    expect(gone.text).toMatch(/mlflow was waiting: .*ECONNREFUSED.*watch ended .* ago/);
    expect(gone.lane.lag_seconds).toBeGreaterThan(after.lane.lag_seconds);

    const again = watch();
    await again.said(/lane waiting/);
    await eventually(async () => expect((await status()).lane.state).toBe('waiting'));
    expectSame((await status()).lane, first.lane);
    again.child.kill('SIGTERM');
    await again.ended;

    stub = await MlflowStub.start();
    configure(stub.url);
    // Another target is another lane; back to the first one, all is as it was.
    configure(`http://127.0.0.1:${dead}`);
    expectSame((await status()).lane, first.lane);
  });

  it('is 0 once the lane has everything, and the status shows no former error', async () => {
    stub = await MlflowStub.start();
    const port = await freePort();
    configure(`http://127.0.0.1:${port}`);
    writeFileSync(file, w.eventFile(scalar(0)));
    await mustRun(['backfill', logs, '--patience', '5'], { cwd: folder }, 1);
    expect((await status()).lane).toMatchObject({ state: 'idle', code: 'MB4001', last: { by: 'backfill', ended: true } });
    expect((await status()).lane.lag_seconds).toBeGreaterThan(0);
    const close = await stub.alsoOn(port);
    await mustRun(['backfill', logs], { cwd: folder });
    await close();
    const { lane, text, next } = await status();
    expect(lane).toMatchObject({ lag_seconds: 0, lag_bytes: 0, lag_since: null, code: null, reason: null });
    expect([text.includes('was waiting'), next]).toEqual([false, 'mirrorboard verify']);
  });
});

describe('the lag of files without a watch', () => {
  const DAY = 86_400;

  it('is the age of the oldest point after the position, no matter when the file last changed', async () => {
    writeFileSync(join(folder, 'mirrorboard.yaml'), 'lanes: { local: {} }\n');
    writeFileSync(file, w.eventFile(scalar(0, now() - 10 * DAY)));
    utimesSync(file, now() - 10 * DAY, now() - 10 * DAY);
    await mustRun(['backfill', logs], { cwd: folder });
    append(scalar(1), scalar(2));
    const lagOf = async (): Promise<number> => {
      const { stdout } = await mustRun(['status', '--json'], { cwd: folder });
      return JSON.parse(stdout).lanes[0].lag_seconds;
    };
    // It was written to just now, after ten days.
    const fresh = await lagOf();
    expect(fresh).toBeGreaterThan(0);
    expect(fresh).toBeLessThan(DAY / 24);
    // A copy brings old times; it was not there before it was made.
    rmSync(file);
    writeFileSync(file, w.eventFile(scalar(0, now() - 20 * DAY), scalar(1, now() - 20 * DAY)));
    utimesSync(file, now() - 20 * DAY, now() - 20 * DAY);
    expect(await lagOf()).toBeLessThan(DAY / 24);
  });

  it('is the value that an older version recorded, if an older version wrote last', async () => {
    stub = await MlflowStub.start();
    configure(stub.url);
    writeFileSync(file, w.eventFile(scalar(0)));
    await mustRun(['backfill', logs], { cwd: folder });
    append(scalar(1));
    // As 0.1.0 left it: no stand of a lane, a document with fewer fields.
    const state = new DatabaseSync(join(folder, 'mirrorboard.state'));
    state.exec("DELETE FROM meta WHERE key LIKE '[%'");
    const lane = {
      name: 'mlflow',
      type: 'mlflow',
      where: `${stub.url}#Default`,
      state: 'parked',
      reason: 'nobody is let in',
      remedy: 'renew the key',
    };
    const target = state.prepare("SELECT target FROM lane WHERE name = 'mlflow'").get()?.['target'];
    const document = { type: 'status', pid: 1, cwd: folder, ended: true, lanes: [{ ...lane, where: target }] };
    state
      .prepare('INSERT OR REPLACE INTO status (id, written_ms, document) VALUES (1, ?, ?)')
      .run(Date.now() - 60_000, JSON.stringify(document));
    state.close();
    const { lane: said, text } = await status(1);
    expect(said).toMatchObject({
      state: 'idle',
      reason: 'nobody is let in',
      remedy: 'renew the key',
      code: null,
      last: { by: 'watch', ended: true },
    });
    expect([said.lag_seconds > 0, text]).toEqual([true, expect.stringMatching(/mlflow was parked: nobody is let in/)]);
    await mustRun(['backfill', logs], { cwd: folder });
    expect((await status()).lane).toMatchObject({ lag_bytes: 0, reason: null, last: { by: 'backfill' } });
  });
});

it.each(['5 minutes', '-1s', 'm', '', '5m3'])('status exits 2 for a limit of %j', async (limit) => {
  const { stdout } = await mustRun(['status', '--json', '--max-lag', limit], { cwd: folder }, 2);
  expect(JSON.parse(stdout)).toMatchObject({ code: 'MB1001', message: expect.stringContaining('--max-lag') });
});
