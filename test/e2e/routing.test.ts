// What goes where, through the command: event files on one side, a tracker on the other.
import { appendFileSync, cpSync, mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { freePort, until } from '../crash/watch-kill.ts';
import * as w from '../support/event-writer.ts';
import { MlflowStub } from '../support/mlflow-stub/index.ts';
import type { Run } from '../support/mlflow-stub/store.ts';
import { corpus, type Ended, endAll, freshDirectory, mirrorboard, remove, start } from './command.ts';

let folder: string;
let logs: string;
let stub: MlflowStub;

beforeEach(async () => {
  folder = freshDirectory();
  logs = join(folder, 'logs');
  stub = await MlflowStub.start();
});

afterEach(async () => {
  await endAll();
  expect(stub.violations).toEqual([]);
  await stub.close();
  remove(folder);
});

function configure(more: string, lane = ''): void {
  const text = `lanes:\n  local: {}\n  mlflow: { tracking_uri: "${stub.url}", experiment_name: tests${lane} }\n${more}`;
  writeFileSync(join(folder, 'mirrorboard.yaml'), text);
}

/** An event file of scalars: steps from 0, of each tag. */
function log(run: string, tags: readonly string[], steps = 20, name = 'events.out.tfevents.1'): void {
  const events = Array.from({ length: steps }, (_, step) =>
    w.event({ wallTime: 1000 + step, step, summary: tags.map((tag) => w.simpleValue(tag, step / 4)) }),
  );
  const path = join(logs, run, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, w.eventFile(...events));
}

/** A file that has stood still for long. */
function old(path: string, content: string | Buffer): void {
  mkdirSync(dirname(join(logs, path)), { recursive: true });
  writeFileSync(join(logs, path), content);
  utimesSync(join(logs, path), 1_700_000_000, 1_700_000_000);
}

const run = (...args: readonly string[]): Promise<Ended> => mirrorboard(args, { cwd: folder });
async function backfill(...args: readonly string[]): Promise<Ended> {
  const ended = await run('backfill', logs, ...args);
  expect([ended.code, ended.stderr]).toEqual([0, expect.anything()]);
  return ended;
}

/** Points by metric. */
function counts(name: string | Run): Record<string, number> {
  const all: Record<string, number> = {};
  for (const { key } of stub.points(typeof name === 'string' ? stub.run(name) : name)) all[key] = (all[key] ?? 0) + 1;
  return all;
}

async function verified(): Promise<{ differences: number; points: number; left_out: number }> {
  const { stdout, code } = await run('verify', '--lane', 'mlflow', '--json');
  const { differences, totals } = JSON.parse(stdout);
  expect([code, differences]).toEqual([0, 0]);
  return { differences, points: totals.points, left_out: totals.left_out };
}

async function route(...args: readonly string[]) {
  const { stdout } = await run('route', ...args, '--json');
  return JSON.parse(stdout).lanes.find(({ name }: { name: string }) => name === 'mlflow');
}

describe('route', () => {
  it('shows the runs of the local store, and reports others as never seen', async () => {
    log('exp/train', ['loss']);
    await mirrorboard(['backfill', logs], { cwd: folder });
    rmSync(logs, { recursive: true });
    const known = await run('route', 'exp/train', 'loss');
    expect([known.code, known.stdout]).toEqual([0, expect.stringContaining('seen in ./mirrorboard.db (20 points)')]);
    expect(known.stdout).toContain('series seen in ./mirrorboard.db (20 points)');
    const unknown = (await run('route', 'exp/trian', 'lsos')).stdout;
    expect(unknown).toContain('never seen: there is no run logs/exp/trian on disk, and none was mirrored; did you mean exp/train?');
    expect((await run('route', 'exp/train', 'lsos')).stdout).toContain('has no such tag; did you mean loss?');
    expect(JSON.parse((await run('route', 'logs/exp/train', '--json')).stdout)).toMatchObject({
      run: 'exp/train',
      seen: ['in ./mirrorboard.db (20 points)'],
      series_seen: null,
    });
    expect(JSON.parse((await run('route', 'nothing', 'loss', '--json')).stdout)).toMatchObject({ seen: [], series_seen: [] });
    expect((await run('route', 'exp', '--kind', 'imgaes')).stderr).toContain('did you mean images?');
  });

  it('shows a run that is on disk, and a run that is in a tracker', async () => {
    configure(`roots: ["${logs}"]\n`);
    log('exp', ['loss']);
    expect((await run('route', 'exp', 'loss')).stdout).toMatch(/seen on disk\nseries never seen: nothing of the run is mirrored yet/);
    await backfill();
    expect(JSON.parse((await run('route', join(logs, 'exp'), 'loss', '--json')).stdout)).toMatchObject({
      seen: ['on disk', 'in ./mirrorboard.db (20 points)', 'by the lane mlflow'],
      series_seen: ['in ./mirrorboard.db (20 points)', 'by the lane mlflow'],
    });
  });
});

describe('route of a run next to an excluded one', () => {
  it('folds it as a pass does, and still shows the other one on disk', async () => {
    configure(`roots: ["${logs}"]\nexclude: [exp/1700000001]\nruns: { fold_hparams: true }\n`);
    for (const session of ['1700000001', '1700000002']) log(`exp/${session}`, ['loss']);
    expect(await route('exp/1700000002')).toMatchObject({ folded_into: 'exp' });
    expect((await run('route', 'exp/1700000001')).stdout).toContain('seen on disk');
    await backfill();
    expect(await route('exp/1700000002')).toMatchObject({ folded_into: 'exp' });
  });
});

describe('folding', () => {
  it('creates one tracker run for train and validation, with one status and end', async () => {
    configure('runs: { fold: [train, validation] }\n');
    log('exp/train', ['loss', 'acc']);
    log('exp/validation', ['loss'], 10);
    log('other', ['loss'], 5);
    await backfill();
    expect(
      stub
        .runs()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['exp', 'other']);
    expect(counts('exp')).toEqual({ 'train/loss': 20, 'train/acc': 20, 'validation/loss': 10 });
    expect(await verified()).toEqual({ differences: 0, points: 55, left_out: 0 });
    expect(await route('exp/train', 'loss')).toMatchObject({
      folded_into: 'exp',
      tracker_run: { name: 'exp', kept: true },
      series: { name: 'train/loss' },
    });
    // More of it, and a second look, fall into the same run.
    log('exp/train', ['loss'], 5, 'events.out.tfevents.2');
    await backfill();
    await backfill();
    expect(counts('exp')['train/loss']).toBe(20);
    expect((await verified()).points).toBe(60);
  });

  it('keeps two series of the same name apart, reports it, and finds both again', async () => {
    configure('runs: { fold: [train] }\n');
    log('exp', ['train/loss'], 7);
    log('exp/train', ['loss'], 9);
    const { stderr } = await backfill();
    expect(stderr).toContain('two series of a tracker run have the same name');
    expect(counts('exp')).toEqual({ 'train/loss': 7, 'train/loss_2': 9 });
    expect((await verified()).points).toBe(16);
    expect((await run('verify', '--between', 'local', 'mlflow')).code).toBe(0);
    expect((await route('exp/train', 'loss')).series.name).toBe('train/loss_2');
  });

  it('includes the hparams that torch writes into a separate directory, and does not fold several sessions', async () => {
    configure('runs: { fold_hparams: true, parent: "{parent}" }\n');
    cpSync(corpus('torch_hparams'), join(logs, 'study'), { recursive: true });
    log('alone', ['loss'], 3);
    log('alone/1795336149.25', ['hparam/accuracy'], 1);
    await backfill();
    expect(counts('alone')).toEqual({ loss: 3, 'hparam/accuracy': 1 });
    // They are opened side by side.
    const trials = stub
      .runs()
      .filter(({ name }) => name.startsWith('study/trial'))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    const parent = stub.runs().find(({ name, tags }) => name === 'study' && tags.get('mlflow.parentRunId') === undefined);
    expect(trials.map(({ name, tags }) => [name, tags.get('mlflow.parentRunId') === parent?.id])).toEqual(
      ['study/trial_000', 'study/trial_001', 'study/trial_002'].map((name) => [name, true]),
    );
    expect(trials.every(({ params }) => params.size > 0)).toBe(true);
  });
});

describe('routes', () => {
  it('exclude and thin points, and include them again after a change', async () => {
    configure(
      'routes:\n  - { tags: "grad/*", except: [mlflow] }\n  - { tags: "acc", every: 5 }\n  - { runs: "debug/**", lanes: [local] }\n',
    );
    log('exp', ['loss', 'acc', 'grad/a']);
    log('debug/one', ['loss']);
    await backfill();
    expect([stub.runs().map(({ name }) => name), counts('exp')]).toEqual([['exp'], { loss: 20, acc: 4 }]);
    expect(await verified()).toEqual({ differences: 0, points: 24, left_out: 36 });
    expect(JSON.parse((await run('status', '--json')).stdout).lanes[1]).toMatchObject({
      name: 'mlflow',
      lag_bytes: 0,
      links: [{ run: 'exp' }],
    });
    expect(await route('debug/one')).toMatchObject({
      included: false,
      because: [expect.stringContaining('mirrorboard.yaml:7:5: only local')],
    });

    configure('routes: [{ tags: "acc", every: 2 }]\n');
    const { stderr } = await backfill();
    expect(stderr).toContain('series that a route newly includes are pending');
    expect(counts('exp')).toEqual({ loss: 20, acc: 12, 'grad/a': 20 });
    expect(counts('debug/one')).toEqual({ loss: 20 });
    configure('');
    await backfill();
    expect(counts('exp')).toEqual({ loss: 20, acc: 20, 'grad/a': 20 });
    expect(await verified()).toEqual({ differences: 0, points: 80, left_out: 0 });
    expect((await run('state', 'check')).code).toBe(0);
  });

  it('remove nothing when they narrow, and resume when they widen again', async () => {
    configure('');
    log('exp', ['loss', 'acc'], 10);
    await backfill();
    configure('routes: [{ tags: acc, drop: true }]\n');
    log('exp', ['acc', 'loss'], 6, 'events.out.tfevents.2');
    await backfill();
    expect(counts('exp')).toEqual({ loss: 10, acc: 10 });
    const narrow = await verified();
    expect(narrow.points + narrow.left_out).toBe(32);
    configure('');
    const file = join(logs, 'exp', 'events.out.tfevents.2');
    appendFileSync(file, w.concat(w.frame(w.event({ wallTime: 5000, step: 99, summary: [w.simpleValue('acc', 1)] }))));
    await backfill();
    expect(counts('exp')['acc']).toBe(11);
    expect(await verified()).toEqual({ differences: 0, points: 33, left_out: 0 });
  });

  it('keep the names of a tracker run after later changes, until --remap', async () => {
    configure('routes: [{ tags: "old/{rest}", rename: "new/{rest}" }]\n');
    log('exp', ['old/loss'], 10);
    await backfill();
    expect(counts('exp')).toEqual({ 'new/loss': 10 });
    configure('runs: { name: "run {path}" }\n');
    log('exp', ['old/loss', 'old/acc'], 3, 'events.out.tfevents.2');
    const { stderr } = await backfill();
    expect(stderr).toContain('use --remap to mirror it again');
    expect(Object.keys(counts('exp')).sort()).toEqual(['new/acc', 'new/loss']);
    expect((await verified()).points).toBe(16);

    await backfill('--remap');
    expect(counts('run exp')).toEqual({ 'old/loss': 10, 'old/acc': 3 });
    // The former one stays as it was.
    expect(counts('exp')).toEqual({ 'new/loss': 10, 'new/acc': 3 });
    expect((await verified()).points).toBe(16);
    await backfill('--remap');
    expect(stub.runs().length).toBe(2);
  });

  it('choose lanes by their features, and a base in any case', async () => {
    configure(
      'routes:\n  - { runs: "pretty", needs: [visualization] }\n  - { runs: "base", needs: [visualization], base: mlflow }\n  - { runs: "net", needs: [registry, images] }\n',
    );
    for (const name of ['pretty', 'base', 'net']) log(name, ['loss'], 2);
    await backfill();
    expect(
      stub
        .runs()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['base', 'net']);
    expect((await route('pretty')).because).toEqual([expect.stringContaining('has no visualization')]);
  });

  it('leave nothing of a run in a tracker run that continues, when it is routed elsewhere', async () => {
    configure('runs: { fold: [train] }\n');
    log('exp', ['loss'], 7);
    log('exp/train', ['loss'], 9);
    await backfill();
    const former = stub.run('exp');
    configure('');
    await backfill('--remap');
    const places = (): unknown[] =>
      stub
        .runs()
        .filter((each) => each !== former)
        .map((each) => [each.name, counts(each)])
        .sort();
    expect(places()).toEqual([
      ['exp', { loss: 7 }],
      ['exp/train', { loss: 9 }],
    ]);
    expect(counts(former)).toEqual({ loss: 7, 'train/loss': 9 });
    expect((await verified()).points).toBe(16);

    // Into the same tracker run, under other names: that one starts from the beginning, too.
    configure('runs: { fold: [train] }\n');
    await backfill('--remap');
    expect((await verified()).points).toBe(16);
    configure('runs: { fold_flat: [train] }\n');
    await backfill('--remap');
    expect(places().at(-1)).toEqual(['exp/train', { loss: 9 }]);
    const now = counts(stub.runs().find((each) => counts(each)['loss_2'] !== undefined) as Run);
    expect(Object.values(now).sort()).toEqual([7, 9]);
    expect((await verified()).points).toBe(16);
  });

  it('choose the same groups after a restart and on another machine, and record the group', async () => {
    const rule = 'routes: [{ assign: { groups: { on: [mlflow], off: [local] }, tag: lot } }]\nruns: { name: "{path} {group}" }\n';
    configure(rule);
    const names = Array.from({ length: 12 }, (_, i) => `exp${i}`);
    for (const name of names) log(name, ['loss'], 2);
    await backfill();
    const drawn = stub
      .runs()
      .map(({ name }) => name)
      .sort();
    expect(drawn.length).toBeGreaterThan(2);
    expect(drawn.length).toBeLessThan(10);
    expect(stub.runs().every(({ name, tags }) => name.endsWith(' on') && tags.get('lot') === 'on')).toBe(true);
    for (const file of ['mirrorboard.state', 'mirrorboard.db']) rmSync(join(folder, file));
    await backfill();
    expect(
      stub
        .runs()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(drawn);
    expect((await verified()).points).toBe(drawn.length * 2);
  });
});

describe('params and artifacts next to the event files', () => {
  const SIDE = `
params: [hparams.yaml, summary.json]
artifacts:
  - { files: "checkpoint_epoch_{n}.pth", to: "checkpoints/epoch_{n}.pth", register_model: Net, alias: newest, model_tags: { by: test } }
  - { files: "train.csv", to: datasets/train.csv, dataset: train }
  - { files: "big.bin", most_bytes: 10 }
`;

  it('arrive once each, a changed one again, and late ones too', async () => {
    configure(SIDE);
    log('exp', ['loss'], 3);
    old('exp/hparams.yaml', 'lr: 0.1\nbatch: 64\n');
    old('exp/checkpoint_epoch_3.pth', Buffer.alloc(200_000, 7));
    old('exp/train.csv', 'a,b\n');
    old('exp/big.bin', 'x'.repeat(11));
    const { stderr } = await backfill();
    expect(stderr).toContain('was not mirrored (refused)');
    const exp = stub.run('exp');
    expect(Object.fromEntries(exp.params)).toEqual({ lr: '0.1', batch: '64' });
    expect([...stub.artifactsOf(exp).keys()].sort()).toEqual(['checkpoints/epoch_3.pth', 'datasets/train.csv']);
    expect(stub.artifactsOf(exp).get('checkpoints/epoch_3.pth')?.equals(Buffer.alloc(200_000, 7))).toBe(true);
    // Where the alias stands is asked first.
    expect([exp.datasets.size, stub.count('model-versions/create'), stub.count('registered-models/alias')]).toEqual([1, 1, 2]);

    const before = new Map(stub.counts);
    await backfill();
    expect(stub.counts).toEqual(before);

    // The same content with another time is the same file; a late summary and another checkpoint are new.
    utimesSync(join(logs, 'exp/checkpoint_epoch_3.pth'), 1_700_000_100, 1_700_000_100);
    old('exp/summary.json', '{"training": {"final_loss": 0.25, "epochs": 3}, "lr": 0.2}');
    old('exp/checkpoint_epoch_4.pth', Buffer.alloc(10, 1));
    expect((await backfill()).stderr).toContain('params keep their values');
    expect(Object.fromEntries(exp.params)).toEqual({ lr: '0.1', batch: '64', 'training.final_loss': '0.25', 'training.epochs': '3' });
    expect(exp.tags.get('mirrorboard.param.lr')).toBe('0.2');
    expect(stub.count('model-versions/create')).toBe(2);
    expect(counts('exp')).toEqual({ loss: 3 });
  });

  it('are registered in the order of their creation, in a folder if one is named', async () => {
    configure(`artifacts:
  - { files: "epoch_{n}.pth", to: models/, register_model: Net, alias: newest }
  - { files: "../summary.json" }
`);
    log('study/exp', ['loss'], 3);
    for (const n of [9, 10, 1]) old(`study/exp/epoch_${n}.pth`, `weights of ${n}`);
    old('study/summary.json', '{}');
    await backfill();
    const exp = stub.run('study/exp');
    expect([...stub.artifactsOf(exp).keys()].sort()).toEqual([
      'models/epoch_1.pth',
      'models/epoch_10.pth',
      'models/epoch_9.pth',
      'summary.json',
    ]);
    const search = `${stub.url}/api/2.0/mlflow/model-versions/search?filter=${encodeURIComponent(`run_id = '${exp.id}'`)}`;
    const { model_versions: versions } = (await (await fetch(search)).json()) as {
      model_versions: readonly { version: string; source: string; aliases?: readonly string[] }[];
    };
    expect(versions.map(({ version, source, aliases = [] }) => [version, source.split('/').at(-1), aliases]).sort()).toEqual([
      ['1', 'epoch_1.pth', []],
      ['2', 'epoch_9.pth', []],
      ['3', 'epoch_10.pth', ['newest']],
    ]);
  });

  it('are registered once, even if the state was lost', async () => {
    configure(SIDE);
    log('exp', ['loss'], 3);
    old('exp/checkpoint_epoch_3.pth', 'weights');
    await backfill();
    rmSync(join(folder, 'mirrorboard.state'));
    await backfill();
    expect([stub.runs().length, stub.count('model-versions/create'), counts('exp')['loss']]).toEqual([1, 1, 3]);
  });

  it('of a live run arrive under watch, once they no longer change', async () => {
    configure(SIDE);
    log('exp', ['loss'], 3);
    const watch = start(['watch', logs, '--scan-interval', '0.3'], { cwd: folder });
    expect(await until(() => stub.runs().some(({ name }) => name === 'exp'))).toBe(true);
    writeFileSync(join(logs, 'exp/checkpoint_epoch_1.pth'), 'one');
    const isThere = (): boolean => stub.artifactsOf(stub.run('exp')).has('checkpoints/epoch_1.pth');
    expect(await until(isThere)).toBe(true);
    watch.child.kill('SIGTERM');
    expect((await watch.ended).code).toBe(0);
  });
});

describe('a run that another program has opened', () => {
  it('gets the points, and keeps its name, its status and the data of others', async () => {
    configure('', ', join: { file: run_id.txt }');
    const experiment = stub.store.createExperiment('autolog', []);
    const theirs = stub.store.createRun(experiment.id, { name: 'theirs', user: 'someone', startTime: 5n, tags: [] });
    theirs.metrics.set('k', { key: 'training_loss', value: 1, timestamp: 1n, step: 1n });
    theirs.metrics.set('l', { key: 'loss', value: 77, timestamp: 1n, step: 1n });
    log('exp', ['loss'], 4);
    old('exp/run_id.txt', `${theirs.id}\n`);
    utimesSync(join(logs, 'exp/events.out.tfevents.1'), 1_600_000_000, 1_600_000_000);
    await backfill();
    expect([
      theirs.name,
      theirs.status,
      theirs.endTime,
      [...theirs.tags.keys()].filter((key) => key.startsWith('mirrorboard.run')),
    ]).toEqual(['theirs', 'RUNNING', undefined, []]);
    expect([stub.runs().length, counts(theirs)]).toEqual([1, { training_loss: 1, loss: 5 }]);
    expect(await verified()).toEqual({ differences: 0, points: 4, left_out: 0 });
  });

  it('that does not exist stops that run alone', async () => {
    configure('', ', join: [{ runs: [exp], id: gone }]');
    log('exp', ['loss'], 4);
    log('other', ['loss'], 4);
    const ended = await run('backfill', logs);
    expect([ended.code, ended.stderr]).toEqual([1, expect.stringContaining('which logs/exp is to join, is not there')]);
    expect(counts('other')).toEqual({ loss: 4 });
  });
});

describe('no point is lost or doubled', () => {
  it('after a profile changes while a run grows, a lane is renamed, a target changes, and a state is lost', async () => {
    const second = await MlflowStub.start();
    try {
      const lanes = `lanes:\n  old: { type: mlflow, tracking_uri: "${stub.url}", experiment_name: e }\n  new: { type: mlflow, tracking_uri: "${second.url}", experiment_name: e }\n`;
      const profiles = 'backend: [old]\nprofiles: { both: { backend: [old, new] }, new: { backend: [new] } }\n';
      writeFileSync(join(folder, 'mirrorboard.yaml'), lanes + profiles);
      log('exp', ['loss'], 5);
      await backfill();
      log('exp', ['loss'], 3, 'events.out.tfevents.2');
      await backfill('--profile', 'both');
      log('exp', ['acc'], 2, 'events.out.tfevents.3');
      await backfill('--profile', 'new');
      await backfill('--profile', 'both');
      const pointsOf = (tracker: MlflowStub): number => tracker.points(tracker.run('exp')).length;
      // Two steps of the second file are the same points as in the first, and MLflow keeps one of equals.
      expect([pointsOf(stub), pointsOf(second)]).toEqual([7, 7]);
      const migrated = await run('migrate', '--from', 'old', '--to', 'new', '--profile', 'both', '--json');
      expect([migrated.code, JSON.parse(migrated.stdout).may_switch_off]).toEqual([0, true]);

      // Renamed: begins at 0, and falls on what is there.
      writeFileSync(join(folder, 'mirrorboard.yaml'), `${lanes.replace('  old:', '  elder:')}backend: [elder, new]\n`);
      await backfill();
      expect([stub.runs().length, pointsOf(stub)]).toEqual([1, 7]);
      // Another experiment is another target; with the former one the lane resumes at its position.
      writeFileSync(join(folder, 'mirrorboard.yaml'), lanes.replace('experiment_name: e }\n  new', 'experiment_name: f }\n  new'));
      await backfill();
      expect(stub.runs().map((each) => stub.points(each).length)).toEqual([7, 7]);
      writeFileSync(join(folder, 'mirrorboard.yaml'), lanes);
      const before = new Map(stub.counts);
      await backfill();
      expect(stub.counts).toEqual(before);
      rmSync(join(folder, 'mirrorboard.state'));
      await backfill();
      expect([stub.runs().length, pointsOf(second)]).toEqual([2, 7]);
      expect(second.violations).toEqual([]);
    } finally {
      await second.close();
    }
  });

  it('after a tracker run was removed permanently: a new one gets all points', async () => {
    configure('runs: { fold: [train, validation] }\n');
    log('exp/train', ['loss'], 5);
    log('exp/validation', ['loss'], 5);
    await backfill();
    stub.store.runs.delete(stub.run('exp').id);
    log('exp/train', ['acc'], 1, 'events.out.tfevents.2');
    await backfill();
    expect(counts('exp')).toEqual({ 'train/loss': 5, 'validation/loss': 5, 'train/acc': 1 });
    expect((await verified()).points).toBe(11);
  });

  it('when two jobs, each with its own state, write into one experiment, which leads to the same runs', async () => {
    log('a', ['loss'], 5);
    log('b', ['loss'], 5);
    const port = await freePort();
    const close = await stub.alsoOn(port);
    // Both look before either has made a run, and both write to a run at the same time.
    stub.meet('runs/search', 2);
    stub.meet('runs/log-batch', 2);
    const job = async (name: string, url: string): Promise<Ended> => {
      const lane = `lanes: { local: {}, mlflow: { tracking_uri: "${url}", experiment_name: tests } }\n`;
      writeFileSync(join(folder, `${name}.yaml`), lane);
      return run('backfill', logs, '--config', `${name}.yaml`, '--state', `${name}.state`, '--store', `${name}.db`);
    };
    try {
      const jobs = await Promise.all([job('one', stub.url), job('two', `http://127.0.0.1:${port}`)]);
      expect(jobs.map(({ code, stderr }) => (code === 0 ? '' : stderr))).toEqual(['', '']);
    } finally {
      await close();
    }
    expect(
      stub
        .runs()
        .map((each) => [each.name, stub.points(each).length])
        .sort(),
    ).toEqual([
      ['a', 5],
      ['b', 5],
    ]);
  });
});
