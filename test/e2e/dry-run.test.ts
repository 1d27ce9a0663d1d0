import { appendFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import * as w from '../support/event-writer.ts';
import { MlflowStub } from '../support/mlflow-stub/index.ts';
import { endAll, freshDirectory, mustRun, remove } from './command.ts';

let folder: string;
let logs: string;
let file: string;
let stub: MlflowStub;

beforeEach(async () => {
  folder = freshDirectory();
  logs = join(folder, 'logs');
  file = join(logs, 'a', 'events.out.tfevents.1');
  stub = await MlflowStub.start();
  for (const run of ['a', 'b', 'debug']) {
    mkdirSync(join(logs, run), { recursive: true });
    writeFileSync(join(logs, run, 'events.out.tfevents.1'), w.eventFile(...events(0, 10), note()));
  }
  writeFileSync(
    join(folder, 'mirrorboard.yaml'),
    `lanes:\n  local: {}\n  mlflow: { tracking_uri: "${stub.url}" }\nroutes:\n  - { runs: debug, lanes: [local] }\n  - { tags: "secret*", except: [mlflow] }\n`,
  );
});

afterEach(async () => {
  await endAll();
  expect(stub.violations).toEqual([]);
  await stub.close();
  remove(folder);
});

/** Two scalars a step, one of which has a time that no millisecond is, and one that only the store gets. */
function events(from: number, to: number): Uint8Array[] {
  const steps = Array.from({ length: to - from }, (_, i) => from + i);
  return steps.map((step) =>
    w.event({ wallTime: 1_700_000_000 + step / 7, step, summary: [w.simpleValue('loss', step), w.simpleValue('secret', step)] }),
  );
}

const note = (): Uint8Array => w.event({ wallTime: 1_700_000_000, step: 1, summary: [w.text('note', ['hello'])] });

interface Lane {
  readonly name: string;
  readonly runs: number;
  readonly runs_to_open: number;
  readonly points: number;
  readonly points_left_out: number;
  readonly sends: number;
  readonly losses: readonly { readonly reason: string; readonly kind: string; readonly points: number }[];
  readonly last_points_per_second: number | null;
  readonly takes_seconds: number | null;
}

async function plan(): Promise<readonly Lane[]> {
  const { stdout } = await mustRun(['backfill', '--dry-run', '--json', logs], { cwd: folder });
  return (JSON.parse(stdout) as { readonly lanes: readonly Lane[] }).lanes;
}

describe('a dry run', () => {
  it('shows what each lane would get and lose and how many sends that takes, and contacts no tracker', async () => {
    const [local, mlflow] = await plan();
    expect(local).toMatchObject({ name: 'local', runs: 3, points: 63, points_left_out: 0, losses: [] });
    expect(mlflow).toMatchObject({
      name: 'mlflow',
      runs: 2,
      runs_to_open: 2,
      points: 22,
      points_left_out: 20,
      last_points_per_second: null,
    });
    expect(mlflow?.sends).toBeGreaterThan(0);
    expect(mlflow?.losses).toEqual([
      { reason: 'time', kind: 'scalars', points: 16 },
      { reason: 'artifact', kind: 'text', points: 2 },
    ]);
    const { stdout } = await mustRun(['backfill', '--dry-run', logs], { cwd: folder });
    expect(stdout).toMatch(/mlflow \(.*\) +2 +2 +22 .*no rate measured yet/);
    expect(stdout).toMatch(/mlflow: 2 points of text stored as artifacts/);
    expect(stdout).toMatch(/mlflow: 20 points excluded by routes/);
    expect([[...stub.counts], existsSync(join(folder, 'mirrorboard.db'))]).toEqual([[], false]);
  });

  it('shows after a pass what is mirrored and what the lane accepted', async () => {
    await mustRun(['backfill', logs], { cwd: folder });
    const asked = new Map(stub.counts);
    expect((await plan()).map(({ runs, points, sends }) => [runs, points, sends])).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ]);
    appendFileSync(file, w.concat(...events(10, 15).map(w.frame)));
    const [local, mlflow] = await plan();
    expect([local?.points, mlflow?.points, mlflow?.runs_to_open, mlflow?.points_left_out]).toEqual([10, 5, 0, 5]);
    expect(stub.counts).toEqual(asked);
    if (mlflow?.last_points_per_second !== null) expect(mlflow?.takes_seconds).toBeGreaterThan(0);
  });
});
