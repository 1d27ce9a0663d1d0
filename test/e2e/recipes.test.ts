// The recipes of docs/routing.md, as they stand there, over what the frameworks themselves write: test/recipes says
// with which versions.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { MirroredLogs } from '../support/mirrored-logs.ts';
import type { MlflowStub } from '../support/mlflow-stub/index.ts';
import { RECIPE_LOGS, writeRecipeLogs } from '../support/recipe-logs.ts';
import { mustRun, repository } from './command.ts';

/** What becomes of a run: some of its metrics, params and tags, all of its files, and the run above it. */
interface Made {
  readonly has: readonly string[];
  readonly files?: readonly string[];
  readonly below?: string;
}

type StubRun = ReturnType<MlflowStub['runs']>[number];

interface Recipe {
  /** Folders of test/recipes that it is for. */
  readonly logs: Readonly<Record<string, Readonly<Record<string, Made>>>>;
}

const RLLIB_FILES = [
  ...['algorithm_state.pkl', 'class_and_ctor_args.pkl', 'rllib_checkpoint.json'].map((name) => `checkpoint_000000/${name}`),
  'progress.csv',
  'result.json',
];
const HF_ARGS = ['train/loss', 'learning_rate=0.001', 'per_device_train_batch_size=4', 'model.hidden_size=4', 'model.model_type=bert'];

const RECIPES: Readonly<Record<string, Recipe>> = {
  Keras: {
    logs: {
      keras: {
        '20240101-120000': {
          has: ['train/epoch_loss', 'validation/epoch_mae', 'units=4', 'lr=0.01'],
          files: ['ckpt/01.keras', 'ckpt/02.keras'],
        },
      },
    },
  },
  'Keras Tuner': {
    logs: {
      keras_tuner: {
        'trial 0': { has: ['train/epoch_loss', 'validation/epoch_loss', 'trial_number=0', 'units='], below: 'study' },
        'trial 1': { has: ['train/epoch_loss', 'validation/epoch_loss', 'trial_number=1', 'units='], below: 'study' },
        study: { has: [] },
      },
    },
  },
  PyTorch: {
    logs: {
      pytorch: {
        'Nov28_07-00-00_host': { has: ['Loss/train', 'hparam/accuracy', 'lr=0.1'] },
        'Nov28_08-00-00_host': { has: ['Loss/train', 'hparam/accuracy', 'lr=0.01'] },
      },
    },
  },
  Lightning: {
    logs: {
      lightning: {
        version_0: { has: ['train/loss', 'lr=0.1', 'act='], files: ['checkpoints/epoch=1-step=8.ckpt'] },
        version_1: { has: ['val/loss', 'lr=0.01', 'act='], files: ['checkpoints/epoch=1-step=8.ckpt'] },
      },
    },
  },
  NeMo: {
    logs: {
      nemo: {
        'asr/2024-01-01_12-00-00': {
          has: ['train/loss', 'val/loss', 'lr=0.1', 'act=None'],
          files: ['epoch=1', 'epoch=2-last', 'epoch=0'].map(
            (end, i) => `checkpoints/asr--val/loss=0.${i === 2 ? '0784' : '0231'}-${end}.ckpt`,
          ),
        },
      },
    },
  },
  Hydra: {
    logs: {
      hydra: {
        '2024-01-01/12-00-00/0': {
          has: ['loss', 'job=0', 'model.lr=0.1', 'model.layers=[1, 2]', 'seed=3'],
          files: ['.hydra/overrides.yaml', 'checkpoints/last.ckpt'],
          below: '2024-01-01/12-00-00',
        },
        '2024-01-01/12-00-00/1': {
          has: ['loss', 'job=1', 'model.lr=5e-05'],
          files: ['.hydra/overrides.yaml', 'checkpoints/last.ckpt'],
          below: '2024-01-01/12-00-00',
        },
        '2024-01-01/12-00-00': { has: [] },
      },
    },
  },
  'Hugging Face Trainer': {
    logs: {
      huggingface: {
        'bert-out FIRST': {
          has: [...HF_ARGS, 'num_train_epochs=2'],
          files: ['checkpoint-2/model.safetensors', 'checkpoint-4/model.safetensors'],
        },
        'bert-out SECOND': { has: [...HF_ARGS, 'num_train_epochs=3'], files: ['checkpoint-6/model.safetensors'] },
        'bert-b THIRD': { has: ['train/loss', 'learning_rate=0.0005'], files: ['checkpoint-2/model.safetensors'] },
      },
    },
  },
  'Optuna, and other studies': {
    logs: {
      optuna: {
        ...Object.fromEntries(
          [0, 1, 2].map((i) => [
            `optuna_trial_${i}`,
            { has: ['loss', 'hparam/accuracy', 'lr=', 'batch_size=', `trial_number=${i}`, 'optimization=optuna'], below: 'optuna_study' },
          ]),
        ),
        optuna_study: { has: [] },
      },
      optuna_callback: {
        ...Object.fromEntries(
          [0, 1, 2].map((i) => [`trial-${i}`, { has: ['accuracy', 'lr=', 'depth=', `trial_number=${i}`], below: 'my_study' }]),
        ),
        my_study: { has: [] },
      },
    },
  },
  RLlib: {
    logs: {
      rllib: {
        'PPO_CartPole-v1 1': {
          has: ['ray/tune/done', 'lr=0.001', 'num_epochs=1'],
          files: RLLIB_FILES,
          below: 'PPO_exp',
        },
        'PPO_CartPole-v1 2': {
          has: ['ray/tune/done', 'lr=0.0005', 'num_epochs=1'],
          files: RLLIB_FILES,
          below: 'PPO_exp',
        },
        PPO_exp: { has: [] },
      },
    },
  },
  CleanRL: {
    logs: {
      cleanrl: {
        'CartPole-v1__ppo__1__1700000000': {
          has: ['charts/episodic_return', 'env_id=CartPole-v1', 'seed=1', 'learning_rate=0.00025', 'anneal_lr=True'],
        },
        'CartPole-v1__ppo__2__1700000000': { has: ['charts/episodic_return', 'seed=2', 'target_kl=None'] },
      },
    },
  },
  Detectron2: {
    logs: {
      detectron2: {
        output: {
          has: ['total_loss', 'SOLVER.BASE_LR=0.001', 'SOLVER.MAX_ITER=4'],
          files: ['metrics.json', 'models/model_0000001.pth', 'models/model_0000003.pth', 'models/model_final.pth'],
        },
      },
    },
  },
  'MMEngine: MMDetection, MMSegmentation, …': {
    logs: {
      mmengine: {
        'exp1/FIRST': {
          has: ['loss', 'mae', 'model.type=Model', 'optim_wrapper.optimizer.lr=0.01', 'train_cfg.max_epochs=2', 'seed=0'],
          files: ['models/epoch_1.pth', 'models/epoch_2.pth', 'scalars.json'],
        },
      },
    },
  },
  Ultralytics: {
    logs: {
      ultralytics: {
        'detect/train': {
          has: ['metrics/mAP50.x28.B.x29.', 'imgsz=32', 'freeze=None'],
          files: ['models/best.pt', 'models/last.pt', 'results.csv'],
        },
      },
    },
  },
  CatBoost: {
    logs: {
      catboost: {
        depth_2: { has: ['learn/Logloss', 'test/Logloss', 'test/AUC'], files: ['catboost_training.json'] },
        depth_3: { has: ['learn/Logloss', 'test/AUC'], files: ['catboost_training.json'] },
      },
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
let scene: MirroredLogs;
let folder: string;
let stub: MlflowStub;

beforeEach(async () => {
  scene = await MirroredLogs.make();
  ({ folder, stub } = scene);
});
afterEach(() => scene.close());

function write(name: string, isWanted?: (path: string) => boolean): void {
  writeRecipeLogs(folder, name, isWanted);
}

function configure(recipe: string, lane = ''): void {
  scene.configure(recipe, `local: {}, mlflow: { tracking_uri: "$URL", experiment_name: recipes${lane} }`);
}

/** Names that hold the time of the training are numbered. */
function plainNames(names: readonly string[]): ReadonlyMap<string, string> {
  const plain = new Map<string, string>();
  const ordered = names.toSorted((a, b) => timeIn(a).localeCompare(timeIn(b)));
  for (const [i, name] of ordered.filter((each) => timeIn(each) !== '').entries()) {
    const word = ['FIRST', 'SECOND', 'THIRD'][i] ?? '';
    plain.set(name, name.startsWith('PPO_') ? `PPO_CartPole-v1 ${i + 1}` : name.replace(timeIn(name), word));
  }
  return plain;
}

function timeIn(name: string): string {
  if (name.startsWith('Nov28_')) return '';
  return /\w{3}\d\d_\d\d-\d\d-\d\d_\w+|\d{8}_\d{6}|(?<=PPO_CartPole-v1_).*/.exec(name)?.[0] ?? '';
}

/** All tracker runs there are, with what of each is expected. */
function made(expected: Readonly<Record<string, Made>>): Readonly<Record<string, Made>> {
  const runs = stub.runs();
  const plain = plainNames(runs.map(({ name }) => name));
  const nameOf = (name: string): string => plain.get(name) ?? name;
  return Object.fromEntries(
    runs.map((run) => {
      const all = factsOf(run);
      const has = expected[nameOf(run.name)]?.has.filter((want) =>
        all.some((fact) => fact === want || (want.endsWith('=') && fact.startsWith(want))),
      );
      const files = [...stub.artifactsOf(run).keys()].filter((path) => !/^(?:mirrorboard|text)\//.test(path)).sort();
      const above = runs.find(({ id }) => id === run.tags.get('mlflow.parentRunId'));
      return [
        nameOf(run.name),
        { has: has ?? [], ...(files.length === 0 ? {} : { files }), ...(above === undefined ? {} : { below: nameOf(above.name) }) },
      ];
    }),
  );
}

function factsOf(run: StubRun): readonly string[] {
  return [...stub.points(run).map(({ key }) => key), ...[...run.params, ...run.tags].map(([key, value]) => `${key}=${value}`)];
}

it('every recipe is tested here, and every sample log of the recipes is used', () => {
  expect([...PAGE.keys()].sort()).toEqual([...Object.keys(RECIPES), 'Stable-Baselines3'].filter((name) => PAGE.has(name)).sort());
  const used = Object.values(RECIPES).flatMap(({ logs }) => Object.keys(logs));
  const others = ['README.md', 'make', 'autolog', 'stable_baselines3'];
  expect(readdirSync(RECIPE_LOGS).sort()).toEqual([...used, ...others].sort());
});

describe.each(Object.entries(RECIPES))('%s', (name, { logs }) => {
  it.each(Object.entries(logs))('creates the runs of %s, each once, with its params and its files', async (log, runs) => {
    configure(PAGE.get(name) ?? '');
    write(log);
    await mustRun(['backfill'], { cwd: folder });
    await mustRun(['verify'], { cwd: folder });
    expect(made(runs)).toEqual(runs);
    // Again, with no new data: no run is created, and no warning is repeated.
    const before = stub.runs().length;
    await mustRun(['backfill'], { cwd: folder });
    expect(stub.runs()).toHaveLength(before);
    expect(made(runs)).toEqual(runs);
  });
});

it('Stable-Baselines3 needs no recipe', async () => {
  configure('roots: [tb]\n');
  write('stable_baselines3');
  await mustRun(['backfill'], { cwd: folder });
  const runs = { PPO_1: { has: ['time/fps', 'rollout/ep_rew_mean'] }, PPO_2: { has: ['time/fps', 'rollout/ep_rew_mean'] } };
  expect(made(runs)).toEqual(runs);
});

describe('autologging', () => {
  const { run, metrics } = JSON.parse(readFileSync(join(RECIPE_LOGS, 'autolog/autolog.json'), 'utf8')) as {
    readonly run: string;
    readonly metrics: Readonly<Record<string, readonly (readonly [step: number, value: number])[]>>;
  };

  /** The tracker as autologging left it: a run with metrics of its own. */
  function autologged(): StubRun {
    const experiment = stub.store.createExperiment('autolog', []);
    const theirs = stub.store.createRun(experiment.id, { name: 'theirs', user: 'someone', startTime: 5n, tags: [] });
    for (const [key, points] of Object.entries(metrics))
      for (const [step, value] of points) theirs.metrics.set(`${key}.${step}`, { key, value, timestamp: 1n, step: BigInt(step) });
    write('autolog');
    writeFileSync(join(folder, 'runs/exp/mlflow_run_id.txt'), theirs.id);
    return theirs;
  }
  const counted = (theirs: StubRun): Readonly<Record<string, number>> =>
    Object.fromEntries(
      Object.entries(Object.groupBy(stub.points(theirs), ({ key }) => key)).map(([key, points]) => [key, points?.length ?? 0]),
    );

  it('logs the names that the event files have, so that a prefix keeps the two apart', async () => {
    expect(run).toMatch(/^\w{32}$/);
    const theirs = autologged();
    configure('roots: [runs]\n', ', join: { file: mlflow_run_id.txt, prefix: "tb/" }');
    await mustRun(['backfill'], { cwd: folder });
    expect(counted(theirs)).toEqual({
      'train/loss': 2,
      'val/loss': 2,
      'tb/train/loss': 4,
      'tb/val/loss': 2,
      'tb/epoch': 6,
      'tb/hp_metric': 1,
    });
    await mustRun(['verify'], { cwd: folder });
    const { stdout } = await mustRun(['route', 'exp', 'train/loss'], { cwd: folder });
    expect(stdout).toContain('name: tb/train/loss');
    // It keeps its first names, even if the configuration changes later.
    configure('roots: [runs]\n', ', join: { file: mlflow_run_id.txt, prefix: "other/" }');
    await mustRun(['backfill', '--remap'], { cwd: folder });
    expect(Object.keys(counted(theirs)).some((key) => key.startsWith('other/'))).toBe(false);
    await mustRun(['verify'], { cwd: folder });
  });
});
