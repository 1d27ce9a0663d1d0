// What goes where, as the official client reads it back from a real server.
import { cpSync, mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startMlflow } from '../support/mlflow-server.ts';
import { realTracker } from '../support/real-tracker.ts';
import { corpus, endAll, freshDirectory, mirrorboard, remove } from './command.ts';

const server = await realTracker('MLflow server', startMlflow);

if (server !== undefined) {
  let folder: string;
  beforeEach(() => {
    folder = freshDirectory();
  });
  afterEach(async () => {
    await endAll();
    remove(folder);
  });
  afterAll(() => server.stop());

  /** A file that has stood still for long. */
  const old = (path: string, content: string | Buffer): void => {
    const full = join(folder, 'logs', path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, content);
    utimesSync(full, 1_700_000_000, 1_700_000_000);
  };

  describe('real event files in a real MLflow server', () => {
    it('are folded, renamed and grouped at random, with params, files, versions and datasets, each once', async () => {
      for (const name of ['tf2_keras', 'torch_hparams', 'pytorch_lightning'])
        cpSync(corpus(name), join(folder, 'logs', name), { recursive: true });
      old('tf2_keras/hparams.yaml', 'optimizer: { name: adam, betas: [0.9, 0.999] }\nbatch_size: 64\nwarmup: 3.0\n');
      old('tf2_keras/checkpoint_epoch_2.pth', Buffer.alloc(3_000_000, 5));
      old('tf2_keras/ckpt/epoch=1-step=2.ckpt', 'odd name');
      old('tf2_keras/train_data.csv', 'a,b\n1,2\n');
      writeFileSync(
        join(folder, 'mirrorboard.yaml'),
        `roots: [logs]
runs: { fold: [train, validation], parent: "{parent}" }
tags: { optimization: grid, trial: "{number}" }
routes:
  - { tags: ["epoch_{what}"], rename: "per_epoch/{what}" }
  - { assign: { groups: { a: [mlflow], b: [mlflow] } } }
params: [hparams.yaml]
artifacts:
  - { files: "checkpoint_epoch_{n}.pth", to: "checkpoints/epoch_{n}.pth", register_model: RoutedNet, alias: newest }
  - { files: "**/*.ckpt" }
  - { files: train_data.csv, to: datasets/train.csv, dataset: train }
lanes: { local: {}, mlflow: { tracking_uri: "${server.url}", experiment_name: routed } }
`,
      );
      const options = { cwd: folder };
      const run = async (...args: readonly string[]): Promise<void> => {
        const { code, stderr } = await mirrorboard(args, options);
        expect([code, stderr]).toEqual([0, expect.anything()]);
      };
      await run('backfill');
      // A state that was lost sends everything once more.
      rmSync(join(folder, 'mirrorboard.state'));
      await run('backfill');
      await run('verify');
      await run('verify', '--between', 'local', 'mlflow');

      const runs = await server.readBack('routed', true);
      const named = new Map(runs.map((each) => [each.name, each]));
      expect(named.size).toBe(runs.length);
      const keras = named.get('tf2_keras');
      expect(Object.keys(keras?.metrics ?? {})).toEqual(expect.arrayContaining(['train/per_epoch/loss', 'validation/per_epoch/accuracy']));
      expect(keras?.params).toMatchObject({ 'optimizer.name': 'adam', 'optimizer.betas': '[0.9, 0.999]', batch_size: '64', warmup: '3.0' });
      expect(keras?.artifacts).toEqual(
        expect.arrayContaining(['checkpoints/epoch_2.pth', 'ckpt/epoch=1-step=2.ckpt', 'datasets/train.csv']),
      );
      expect(keras?.files?.find(([path]) => path === 'checkpoints/epoch_2.pth')?.[1]).toBe(3_000_000);
      expect(keras?.versions).toEqual([
        ['RoutedNet', '1', `runs:/${keras?.id}/checkpoints/epoch_2.pth`, ['mirrorboard.content', 'mirrorboard.written']],
      ]);
      expect(keras?.datasets).toEqual([['train.csv', expect.any(String), ['train']]]);
      const trials = [...named.values()].filter(({ name }) => name.startsWith('torch_hparams/trial'));
      expect(trials.map(({ tags }) => tags['trial']).sort()).toEqual(['000', '001', '002']);
      const study = runs.find(({ id }) => id === trials[0]?.tags['mlflow.parentRunId']);
      // It is the run of that directory, and as young as the others: their files were copied a moment ago.
      expect([study?.name, study?.status]).toEqual(['torch_hparams', 'RUNNING']);
      expect(new Set(trials.map(({ status }) => status))).toEqual(new Set(['RUNNING']));
      for (const { tags, params } of trials) {
        expect([tags['mlflow.parentRunId'], tags['optimization'], Object.keys(params).length > 0]).toEqual([study?.id, 'grid', true]);
        expect(['a', 'b']).toContain(tags['ab_group']);
      }
    });
  });
}
