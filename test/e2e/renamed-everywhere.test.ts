import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { AimStub } from '../support/aim-stub/index.ts';
import { ClearmlStub } from '../support/clearml-stub/index.ts';
import { MirroredLogs, ONE, scalars } from '../support/mirrored-logs.ts';
import { WandbStub } from '../support/wandb-stub/index.ts';

let logs: MirroredLogs;
let wandb: WandbStub;
let clearml: ClearmlStub;
let aim: AimStub;

beforeEach(async () => {
  logs = await MirroredLogs.make();
  wandb = await WandbStub.start();
  clearml = await ClearmlStub.start({ accessKey: 'ACCESSKEY00', secretKey: 'secret-of-the-renamed' });
  aim = await AimStub.start();
  logs.env = {
    WANDB_API_KEY: wandb.key,
    CLEARML_API_ACCESS_KEY: 'ACCESSKEY00',
    CLEARML_API_SECRET_KEY: 'secret-of-the-renamed',
    CLEARML_CONFIG_FILE: '/dev/null',
  };
  writeFileSync(
    logs.path('mirrorboard.yaml'),
    `lanes:
  local: {}
  mlflow: { tracking_uri: "${logs.stub.url}", experiment_name: tests }
  wandb: { base_url: "${wandb.url}", project: tests, log_interval: 0.2 }
  clearml: { api_server: "${clearml.url}", files_server: "${clearml.url}", web_server: "${clearml.url}", project: tests }
  aim: { server: "${aim.url}" }
`,
  );
});

afterEach(async () => {
  await logs.close();
  await wandb.close();
  await clearml.close();
  await aim.close();
});

const counts = (): number[] => [logs.stub.runs().length, wandb.runs().length, clearml.tasks().length, aim.runs.size];

it('a renamed root, and a run that moves to another root, continue in every tracker, and can be removed there', async () => {
  logs.put(`one/a/${ONE}`, ...scalars(0, 10));
  logs.put(`one/b/events.out.tfevents.2`, ...scalars(0, 5));
  logs.put(`two/c/events.out.tfevents.3`, ...scalars(20, 25));
  await logs.mustRun(['backfill', 'one', 'two']);
  expect(counts()).toEqual([3, 3, 3, 3]);
  await logs.mustRun(['root', 'rename', 'one', 'new']);
  logs.move('one/a', 'two/deep/a');
  logs.append(`two/deep/a/${ONE}`, ...scalars(10, 15));
  logs.append(`one/b/events.out.tfevents.2`, ...scalars(5, 8));
  await logs.mustRun(['backfill', 'one', 'two']);
  expect(counts()).toEqual([3, 3, 3, 3]);
  await logs.expectMirrored();
  const lanes = ['mlflow', 'wandb', 'clearml', 'aim'];
  const forgotten = await logs.json('run', 'forget', 'two/deep/a', '--yes', ...lanes.flatMap((lane) => ['--remove-from', lane]));
  expect(forgotten).toMatchObject({ removed: 4, left: 0, staying: [] });
  expect(counts()).toEqual([2, 2, 2, 2]);
  await logs.mustRun(['verify', '--exclude', 'deep/a']);
});
