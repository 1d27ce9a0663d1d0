// A lane that is paused, resumed and retried while watch runs, and while none does.
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { eventually } from '../crash/watch-kill.ts';
import * as w from '../support/event-writer.ts';
import { MlflowStub } from '../support/mlflow-stub/index.ts';
import { endAll, freshDirectory, mustRun, type Running, remove, start } from './command.ts';

interface Lane {
  readonly name: string;
  readonly state: string;
  readonly points: number;
  readonly lag_bytes: number;
  readonly lag_seconds: number;
  readonly paused: readonly unknown[] | null;
}

let folder: string;
let stub: MlflowStub;
beforeEach(async () => {
  folder = freshDirectory();
  stub = await MlflowStub.start();
  mkdirSync(join(folder, 'logs', 'run'), { recursive: true });
  writeFileSync(join(folder, 'mirrorboard.yaml'), `lanes:\n  local: {}\n  mlflow: { tracking_uri: "${stub.url}" }\n`);
});
afterEach(async () => {
  await endAll();
  expect(stub.violations).toEqual([]);
  await stub.close();
  remove(folder);
});

const file = (): string => join(folder, 'logs', 'run', 'events.out.tfevents.1');
const scalar = (step: number): Uint8Array => w.event({ wallTime: Date.now() / 1000, step, summary: [w.simpleValue('loss', step)] });
const append = (step: number): void => appendFileSync(file(), w.frame(scalar(step)));
const run = async (code: number, ...args: string[]): Promise<string> => (await mustRun(args, { cwd: folder }, code)).stdout;
const sent = (): number => stub.runs().reduce((sum, one) => sum + stub.points(one).length, 0);

async function lane(name: string, ...args: string[]): Promise<Lane> {
  const { lanes } = JSON.parse(await run(0, 'status', '--json', ...args)) as { readonly lanes: readonly Lane[] };
  return lanes.find((one) => one.name === name) as Lane;
}

function watch(): Running {
  return start(['watch', 'logs', '--scan-interval', '0.3', '--log-format', 'json', '--log-level', 'info'], { cwd: folder });
}

async function stop(watching: Running): Promise<void> {
  watching.child.kill('SIGTERM');
  await watching.ended;
}

it('a paused lane gets nothing, even after a restart, while another one gets all; then everything arrives once', async () => {
  writeFileSync(file(), w.eventFile(scalar(0)));
  const watching = watch();
  await eventually(async () => expect(sent()).toBe(1));
  expect(await run(0, 'lane', 'pause', 'mlflow')).toMatch(/^mlflow is paused\..*\nA running watch does this within 2 seconds\./);
  await watching.said(/lane paused/);
  append(1);
  await eventually(async () => expect(await lane('local')).toMatchObject({ points: 2, paused: null }));
  await eventually(async () => expect((await lane('mlflow')).lag_bytes).toBeGreaterThan(0));
  expect(await lane('mlflow', '--max-lag', '0.001s')).toMatchObject({ state: 'paused', lag_seconds: 0, points: 1 });
  await stop(watching);

  expect(await run(0, 'status')).toMatch(/mlflow is paused, for .*: .* pending\n.*mirrorboard lane resume mlflow/);
  const again = watch();
  await again.said(/lane paused/);
  append(2);
  await eventually(async () => expect(await lane('local')).toMatchObject({ points: 3 }));
  expect(await lane('mlflow')).toMatchObject({ state: 'paused', points: 1 });
  expect(sent()).toBe(1);
  expect(await run(0, 'lane', 'resume', 'mlflow')).toMatch(/^mlflow resumes, and gets what is pending\./);
  await again.said(/lane resumed/);
  await eventually(async () => expect(await lane('mlflow')).toMatchObject({ state: 'active', points: 3, lag_bytes: 0, paused: null }));
  expect(sent()).toBe(3);
  await stop(again);
});

it('backfill skips a paused lane, and reports it', async () => {
  writeFileSync(file(), w.eventFile(scalar(0)));
  await mustRun(['backfill', 'logs'], { cwd: folder });
  append(1);
  await run(0, 'lane', 'pause', 'mlflow', '--root', 'logs');
  const { stderr } = await mustRun(['backfill', 'logs'], { cwd: folder }, 1);
  expect(stderr).toMatch(/Lane mlflow .*: paused, 0 new points, .* pending\n.*paused for logs.*\n.*mirrorboard lane resume mlflow/);
  const listed = await run(0, 'run', 'list');
  expect(listed).toMatch(/^run .* behind .* paused$/m);
  expect(listed).toMatch(/^mlflow is paused for logs, for .*\n.*mirrorboard lane resume mlflow --root logs$/m);
  const { paused, runs } = JSON.parse(await run(0, 'runs', '--json'));
  expect(paused).toEqual([{ lane: 'mlflow', paused: [{ root: 'logs', since: expect.stringMatching(/Z$/) }] }]);
  expect(runs[0].lanes).toEqual([expect.objectContaining({ lane: 'mlflow', state: 'behind', paused: true })]);
  const verified = await mustRun(['verify', '--lane', 'mlflow'], { cwd: folder });
  expect(verified.stderr).toMatch(/mlflow: it is paused/);
  await run(0, 'lane', 'resume', 'mlflow');
  expect(JSON.parse(await run(0, 'runs', '--json'))).toMatchObject({ paused: [], runs: [{ lanes: [{ paused: false }] }] });
  await run(0, 'lane', 'pause', 'local');
  expect(await run(0, 'runs')).toMatch(/^local is paused, for /m);
  append(2);
  expect((await mustRun(['backfill', 'logs'], { cwd: folder }, 1)).stderr).toMatch(/Lane local .*: paused/);
  // mirrorboard checked nothing, so nothing is gone.
  const filesGone = async (): Promise<number> =>
    JSON.parse((await mustRun(['backfill', 'logs', '--json'], { cwd: folder }, 1)).stdout).totals.files_gone;
  expect(await filesGone()).toBe(0);
  await run(0, 'lane', 'resume', 'local');
  await run(0, 'lane', 'pause', 'local', '--root', 'logs');
  expect(await filesGone()).toBe(0);
  expect([sent(), (await lane('local')).points]).toEqual([3, 2]);
  await run(0, 'lane', 'resume', 'local');
  await mustRun(['backfill', 'logs'], { cwd: folder });
  expect((await lane('local')).points).toBe(3);
});

it('a retry immediately resumes a lane that was parked for its credentials', async () => {
  stub.fail({ kind: 'denied' });
  writeFileSync(file(), w.eventFile(scalar(0)));
  const watching = watch();
  await watching.said(/lane parked/);
  stub.heal();
  expect(await run(0, 'lane', 'retry', 'mlflow')).toMatch(/^mlflow retries now\./);
  await watching.said(/retrying now/);
  await watching.said(/lane active/);
  await eventually(async () => expect(sent()).toBe(1));
  await stop(watching);
});

it('lane pause refuses an unknown lane, and a lane without a state', async () => {
  expect((await mustRun(['lane', 'pause', 'mlfow'], { cwd: folder }, 2)).stderr).toMatch(/MB4010[\s\S]*Did you mean mlflow\?/);
  expect((await mustRun(['lane', 'pause', 'mlflow'], { cwd: folder }, 2)).stderr).toMatch(/MB3105/);
});
