// The recipes of docs/routing.md, as they stand there, over the layouts they are for.
import { mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import * as w from '../support/event-writer.ts';
import { MlflowStub } from '../support/mlflow-stub/index.ts';
import { endAll, freshDirectory, mustRun, remove, repository } from './command.ts';

interface Recipe {
  /** Runs with their tags, by their directories. */
  readonly logs: Readonly<Record<string, readonly string[]>>;
  readonly files?: Readonly<Record<string, string>>;
  /** What becomes of it: names of metrics, params and files, by tracker run. */
  readonly runs: Readonly<Record<string, readonly string[]>>;
  readonly above?: string;
}

const RECIPES: Readonly<Record<string, Recipe>> = {
  Keras: {
    logs: { 'logs/fit/20240101-120000/train': ['epoch_loss'], 'logs/fit/20240101-120000/validation': ['epoch_loss'] },
    files: { 'logs/fit/20240101-120000/ckpt/01.keras': 'x' },
    runs: { '20240101-120000': ['train/epoch_loss', 'validation/epoch_loss', 'ckpt/01.keras'] },
  },
  'Keras Tuner': {
    logs: { 'tb_logs/07/execution0/train': ['epoch_loss'], 'tb_logs/07/execution0/validation': ['epoch_loss'] },
    runs: { 'trial 07': ['train/epoch_loss', 'validation/epoch_loss', 'trial_number=07'] },
    above: 'study',
  },
  PyTorch: {
    logs: { 'runs/Nov28_07-00-00_host': ['Loss/train'], 'runs/Nov28_07-00-00_host/1795849769.0121078': ['hparam/accuracy'] },
    runs: { 'Nov28_07-00-00_host': ['Loss/train', 'hparam/accuracy'] },
  },
  Lightning: {
    logs: { 'lightning_logs/version_0': ['train_loss'] },
    files: {
      'lightning_logs/version_0/hparams.yaml': "lr: 0.001\nact: !!python/name:torch.nn.ReLU ''\n",
      'lightning_logs/version_0/checkpoints/epoch=1-step=20.ckpt': 'x',
      'lightning_logs/version_0/checkpoints/last.ckpt': 'y',
    },
    runs: { version_0: ['train_loss', 'lr=0.001', 'act=', 'checkpoints/epoch=1-step=20.ckpt'] },
  },
  Hydra: {
    logs: { 'multirun/2024-01-01/12-00-00/0': ['loss'], 'multirun/2024-01-01/12-00-00/1/tensorboard/version_0': ['loss'] },
    files: {
      'multirun/2024-01-01/12-00-00/0/.hydra/config.yaml': 'model: { lr: 0.1, layers: [1, 2] }\n',
      'multirun/2024-01-01/12-00-00/1/.hydra/config.yaml': 'model: { lr: 0.00005 }\n',
      'multirun/2024-01-01/12-00-00/1/.hydra/overrides.yaml': '- model.lr=0.00005\n',
      'multirun/2024-01-01/12-00-00/1/checkpoints/last.ckpt': 'x',
    },
    runs: {
      '2024-01-01/12-00-00/0': ['loss', 'job=0', 'model.lr=0.1', 'model.layers=[1, 2]'],
      '2024-01-01/12-00-00/1': ['loss', 'job=1', 'model.lr=5e-05', '.hydra/overrides.yaml', 'checkpoints/last.ckpt'],
    },
    above: '2024-01-01/12-00-00',
  },
  'Hugging Face Trainer': {
    logs: { 'outputs/bert-out/runs/Nov28_07-00-00_host': ['train/loss'], 'outputs/bert-out/runs/Nov28_07-00-00_host/1795849769.03': ['x'] },
    files: { 'outputs/bert-out/config.json': '{"model_type": "bert"}', 'outputs/bert-out/checkpoint-500/model.safetensors': 'x' },
    runs: { 'bert-out Nov28_07-00-00_host': ['train/loss', 'x', 'model_type=bert', 'checkpoint-500/model.safetensors'] },
  },
  'Optuna, and other studies': {
    logs: { 'studies/optuna_study/optuna_trial_7': ['final_accuracy'] },
    files: { 'studies/optuna_study/optuna_trial_7/params.json': '{"lr": 0.00005, "batch_size": 64}' },
    runs: { optuna_trial_7: ['final_accuracy', 'lr=5e-05', 'batch_size=64', 'trial_number=7', 'optimization=optuna'] },
    above: 'optuna_study',
  },
  RLlib: {
    logs: { 'ray_results/PPO_exp/PPO_CartPole-v1_a1_lr=0.001,seed=0': ['ray/tune/episode_reward_mean'] },
    files: {
      'ray_results/PPO_exp/PPO_CartPole-v1_a1_lr=0.001,seed=0/params.json': '{"lr": 0.001, "callbacks": null}',
      'ray_results/PPO_exp/PPO_CartPole-v1_a1_lr=0.001,seed=0/progress.csv': 'a\n',
      'ray_results/PPO_exp/PPO_CartPole-v1_a1_lr=0.001,seed=0/checkpoint_000010/policies/state.pkl': 'x',
    },
    runs: {
      'PPO_CartPole-v1_a1_lr=0.001,seed=0': [
        'ray/tune/episode_reward_mean',
        'lr=0.001',
        'callbacks=None',
        'progress.csv',
        'checkpoint_000010/policies/state.pkl',
      ],
    },
    above: 'PPO_exp',
  },
  'Detectron2, MMDetection, Ultralytics': {
    logs: {
      output: ['total_loss'],
      'work_dirs/rcnn/20240101_120000/vis_data': ['loss'],
      'runs/detect/train': ['metrics/mAP50(B)'],
    },
    files: {
      'output/config.yaml': 'SOLVER: { BASE_LR: 0.001 }\n',
      'output/model_0000099.pth': 'x',
      'runs/detect/train/args.yaml': 'imgsz: 640\nfreeze: null\n',
      'runs/detect/train/weights/best.pt': 'y',
    },
    runs: {
      output: ['total_loss', 'SOLVER.BASE_LR=0.001', 'models/model_0000099.pth'],
      'rcnn/20240101_120000': ['loss'],
      'detect/train': ['metrics/mAP50.x28.B.x29.', 'imgsz=640', 'freeze=None', 'models/best.pt'],
    },
  },
};

/** Headings below "Recipes" with the configuration that stands there. */
function recipesOf(page: string): ReadonlyMap<string, string> {
  const [, recipes = ''] = readFileSync(join(repository, page), 'utf8').split(/^## Recipes$/m);
  const found = recipes
    .split(/^### /m)
    .slice(1)
    .flatMap((section) => {
      const yaml = /```yaml\n([\s\S]*?)```/.exec(section)?.[1];
      return yaml === undefined ? [] : [[section.split('\n', 1)[0] ?? '', yaml] as const];
    });
  return new Map(found);
}

const PAGE = recipesOf('docs/routing.md');
let folder: string;
let stub: MlflowStub;

beforeEach(async () => {
  folder = freshDirectory();
  stub = await MlflowStub.start();
});
afterEach(async () => {
  await endAll();
  expect(stub.violations).toEqual([]);
  await stub.close();
  remove(folder);
});

it('are all tried here', () => {
  expect([...PAGE.keys()].sort()).toEqual(Object.keys(RECIPES).sort());
});

it.each(Object.entries(RECIPES))('%s', async (name, { logs, files = {}, runs, above }) => {
  const lane = `lanes: { local: {}, mlflow: { tracking_uri: "${stub.url}", experiment_name: recipes } }\n`;
  writeFileSync(join(folder, 'mirrorboard.yaml'), `${PAGE.get(name)}${lane}`);
  const write = (path: string, content: string | Buffer): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
    utimesSync(join(folder, path), 1_700_000_000, 1_700_000_000);
  };
  for (const [run, tags] of Object.entries(logs)) {
    const summary = tags.map((tag) => w.simpleValue(tag, 0.5));
    write(`${run}/events.out.tfevents.1`, Buffer.from(w.eventFile(w.event({ wallTime: 1000, step: 1, summary }))));
  }
  for (const [path, content] of Object.entries(files)) write(path, content);

  await mustRun(['backfill'], { cwd: folder });
  await mustRun(['verify'], { cwd: folder });
  const made = stub.runs().filter((run) => stub.points(run).length > 0);
  expect(made.map((run) => run.name).sort()).toEqual(Object.keys(runs).sort());
  for (const run of made) {
    const there = [
      ...stub.points(run).map(({ key }) => key),
      ...[...run.params, ...run.tags].map(([key, value]) => `${key}=${value}`),
      ...stub.artifactsOf(run).keys(),
    ];
    expect(there).toEqual(expect.arrayContaining([...(runs[run.name] ?? [])]));
    const parent = stub.runs().find(({ id }) => id === run.tags.get('mlflow.parentRunId'));
    expect(parent?.name).toBe(above);
  }
});
