// Params in texts of event files, and files next to several runs, in logs that the Hugging Face Trainer wrote.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { until } from '../crash/watch-kill.ts';
import * as w from '../support/event-writer.ts';
import { MirroredLogs } from '../support/mirrored-logs.ts';
import type { MlflowStub } from '../support/mlflow-stub/index.ts';
import { recipeTimes, writeRecipeLogs } from '../support/recipe-logs.ts';
import { mirrorboard, mustRun, start } from './command.ts';

const TIMES = recipeTimes('huggingface');
const PARAMS = 'params: [{ tag: args/text_summary }, { tag: "model_*/text_summary", prefix: "model." }]\n';
const CHECKPOINTS = 'artifacts: [{ files: "../../checkpoint-{step}/*.safetensors", once: true }]\n';
/** The two trainings of bert-out, in their order. */
const [FIRST = '', SECOND = ''] = Object.keys(TIMES)
  .filter((path) => path.startsWith('outputs/bert-out/runs/'))
  .sort((a, b) => (TIMES[a] ?? 0) - (TIMES[b] ?? 0));
const nameOf = (path: string): string => path.split('/')[3] ?? '';

let logs: MirroredLogs;
let folder: string;
let stub: MlflowStub;

beforeEach(async () => {
  logs = await MirroredLogs.make();
  ({ folder, stub } = logs);
});
afterEach(() => logs.close());

function configure(more: string): void {
  logs.configure(`roots: [outputs]\nruns: { name: "{name}" }\n${more}`);
}

function write(isWanted: (path: string) => boolean): void {
  writeRecipeLogs(folder, 'huggingface', (path) => path.startsWith('outputs/bert-out/') && isWanted(path));
}

function checkpoints(run: string): readonly string[] {
  return [...stub.artifactsOf(stub.run(run)).keys()].filter((path) => path.startsWith('checkpoint-')).sort();
}

it('watch sets params in texts when they arrive, and stores each checkpoint in the run that wrote it, as backfill does', async () => {
  configure(PARAMS + CHECKPOINTS);
  write((path) => path === FIRST || /checkpoint-[24]\//.test(path));
  const watching = async (run: string): Promise<void> => {
    const watch = start(['watch', '--scan-interval', '0.3'], { cwd: folder });
    expect(await until(() => stub.runs().some(({ name, params }) => name === run && params.get('num_train_epochs') !== undefined))).toBe(
      true,
    );
    expect(await until(() => checkpoints(run).length > 0)).toBe(true);
    watch.child.kill('SIGTERM');
    expect((await watch.ended).code).toBe(0);
  };
  await watching(nameOf(FIRST));
  write((path) => path === SECOND || path.includes('checkpoint-6/'));
  await watching(nameOf(SECOND));
  const live = [FIRST, SECOND].map((path) => [stub.run(nameOf(path)).params, checkpoints(nameOf(path))]);
  expect(live.map(([, files]) => files)).toEqual([
    ['checkpoint-2/model.safetensors', 'checkpoint-4/model.safetensors'],
    ['checkpoint-6/model.safetensors'],
  ]);
  await mustRun(['verify'], { cwd: folder });

  logs.startOver();
  await mustRun(['backfill'], { cwd: folder });
  expect([FIRST, SECOND].map((path) => [stub.run(nameOf(path)).params, checkpoints(nameOf(path))])).toEqual(live);
});

it('params are found in earlier texts when they are configured later, even if a route leaves the texts out', async () => {
  write((path) => path === FIRST);
  configure('');
  await mustRun(['backfill'], { cwd: folder });
  const points = stub.points(stub.run(nameOf(FIRST))).length;
  expect(stub.run(nameOf(FIRST)).params.size).toBe(0);
  configure(PARAMS);
  await mustRun(['backfill'], { cwd: folder });
  const { params } = stub.run(nameOf(FIRST));
  expect([params.get('learning_rate'), params.get('per_device_train_batch_size'), params.get('model.hidden_size')]).toEqual([
    '0.001',
    '4',
    '4',
  ]);
  expect(stub.points(stub.run(nameOf(FIRST)))).toHaveLength(points);
  // Once: the state knows.
  const asked = stub.count('runs/log-batch');
  await mustRun(['backfill'], { cwd: folder });
  expect(stub.count('runs/log-batch')).toBe(asked);

  write((path) => path === SECOND);
  configure(`routes: [{ kinds: [texts], except: [mlflow] }]\n${PARAMS}`);
  await mustRun(['backfill'], { cwd: folder });
  expect(stub.run(nameOf(SECOND)).params.get('num_train_epochs')).toBe('3');
});

it('params in texts are compared by verify, and sent again if they are missing', async () => {
  write((path) => path === FIRST);
  configure(PARAMS);
  await mustRun(['backfill'], { cwd: folder });
  const { params } = stub.run(nameOf(FIRST));
  params.delete('learning_rate');
  const found = await mirrorboard(['verify'], { cwd: folder });
  expect([found.code, found.stdout + found.stderr]).toEqual([1, expect.stringContaining('learning_rate')]);
  await mirrorboard(['verify', '--repair'], { cwd: folder });
  await mustRun(['backfill'], { cwd: folder });
  expect(params.get('learning_rate')).toBe('0.001');
  await mustRun(['verify'], { cwd: folder });
});

it('texts that are invalid or too large are named once, and delay nothing', async () => {
  configure('params: [{ tag: "*" }]\n');
  const path = join(folder, 'outputs/run/events.out.tfevents.1700000000.host.1.0');
  mkdirSync(dirname(path), { recursive: true });
  const texts = {
    prose: 'no data at all',
    code: 'import os\nx = os.getcwd()',
    deep: '['.repeat(5000),
    list: '[1, 2]',
    large: `{"a": "${'x'.repeat(5_000_000)}"}`,
  };
  const events = Object.entries(texts).map(([tag, text], step) => w.event({ wallTime: 1000, step, summary: [w.text(tag, [text])] }));
  const good = w.event({ wallTime: 1000, step: 9, summary: [w.simpleValue('loss', 1), w.text('good', ['```json\n{"lr": 0.1}\n```'])] });
  writeFileSync(path, Buffer.concat([w.eventFile(...events, good)]));
  const first = await mustRun(['backfill', '--log-format', 'json'], { cwd: folder });
  expect([...stub.run('run').params]).toEqual([['lr', '0.1']]);
  expect(stub.points(stub.run('run')).map(({ key }) => key)).toContain('loss');
  for (const tag of Object.keys(texts)) expect(first.stderr).toContain(`"${tag}"`);
  const again = await mustRun(['backfill', '--log-format', 'json'], { cwd: folder });
  for (const tag of Object.keys(texts)) expect(again.stderr).not.toContain(`"${tag}"`);
});
