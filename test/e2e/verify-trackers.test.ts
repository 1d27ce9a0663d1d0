import { appendFileSync, globSync, mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { until } from '../crash/watch-kill.ts';
import * as w from '../support/event-writer.ts';
import { LimitingProxy } from '../support/limiting-proxy.ts';
import { MlflowStub } from '../support/mlflow-stub/index.ts';
import { corpus, endAll, freshDirectory, mirrorboard, mustRun, remove, start } from './command.ts';

let folder: string;
let stub: MlflowStub;

beforeEach(async () => {
  folder = freshDirectory();
  stub = await MlflowStub.start();
  writeFileSync(
    join(folder, 'mirrorboard.yaml'),
    `lanes:\n  local: {}\n  mlflow: { tracking_uri: "${stub.url}", experiment_name: tests }\n`,
  );
});

afterEach(async () => {
  await endAll();
  await stub.close();
  remove(folder);
});

const cwd = (): { cwd: string } => ({ cwd: folder });
const path = (run: string): string => join(folder, 'logs', run, 'events.out.tfevents.1');

/** -0 and infinities among them, and wall times that no millisecond holds. */
function scalars(from: number, to: number): Uint8Array[] {
  return Array.from({ length: to - from }, (_, i) => {
    const step = from + i;
    const value = [step + 0.25, -0, Infinity, NaN][step % 4] as number;
    return w.event({ wallTime: 1000 + step / 7, step, summary: [w.simpleValue('loss', value), w.simpleValue('acc', step)] });
  });
}

function write(): void {
  for (const run of ['a', 'b']) {
    mkdirSync(join(folder, 'logs', run), { recursive: true });
    writeFileSync(path(run), w.eventFile(...scalars(0, 20), w.event({ wallTime: 1, step: 1, summary: [w.text('note', ['hello'])] })));
  }
}

interface Summary {
  readonly lane: string;
  readonly other: string | null;
  readonly exit_code: number;
  readonly differences: number;
  readonly totals: Readonly<Record<string, number>> & { readonly allowed_by: Readonly<Record<string, number>> };
  readonly could_not_judge: readonly { readonly what: string; readonly reason: string }[];
  readonly repair: Readonly<Record<string, unknown>> | null;
}

async function verified(code: number, ...args: readonly string[]): Promise<Summary> {
  return JSON.parse((await mustRun(['verify', '--json', '--lane', 'mlflow', ...args], cwd(), code)).stdout);
}

describe('verify of MLflow', () => {
  it('retries refused points, artifacts and params with a repair', async () => {
    const proxy = await LimitingProxy.start(stub.url, 20_000);
    try {
      mkdirSync(join(folder, 'logs/a'), { recursive: true });
      const long = w.event({ wallTime: 1, step: 21, summary: [w.text('long', ['x'.repeat(30_000)])] });
      writeFileSync(path('a'), w.eventFile(...scalars(0, 20), long));
      writeFileSync(join(folder, 'logs/a/model.pt'), Buffer.alloc(40_000));
      utimesSync(join(folder, 'logs/a/model.pt'), 1000, 1000);
      writeFileSync(
        join(folder, 'mirrorboard.yaml'),
        `lanes: { mlflow: { tracking_uri: "${proxy.url}", experiment_name: tests } }\nartifacts: [{ files: "*.pt" }]\n`,
      );
      const { stdout, stderr } = await mustRun(['backfill', 'logs', '--json'], cwd(), 1);
      const refusal = expect.stringMatching(/413.*client_max_body_size/);
      const refused_files = [{ root: 'logs', run: 'a', path: 'model.pt', reason: refusal }];
      expect(JSON.parse(stdout).lanes).toMatchObject([{ refused: 1, new_points: 40, refusal, refused_files }]);
      expect(stderr).toMatch(/model\.pt.*413.*client_max_body_size/);
      expect(await verified(1)).toMatchObject({ differences: 1, totals: { refused: 1, artifacts: { refused: 1, missing: 0 } } });
      expect(JSON.parse((await mustRun(['status', '--json'], cwd(), 1)).stdout).lanes).toMatchObject([{ refused: 1, refused_files }]);
      // As long as the limit is what it was, the same is refused again.
      expect(await verified(1, '--repair')).toMatchObject({ repair: { refused_points: 1, artifacts: 1, left: [] } });
      const said = await mustRun(['backfill', 'logs'], cwd(), 1);
      expect(said.stderr).toMatch(/1 refused, 1 artifact refused\n {2}refused: .*client_max_body_size.*\n {2}logs\/a\/model\.pt refused: /);
      expect((await verified(1)).totals).toMatchObject({ refused: 1 });
      proxy.most = Infinity;
      expect(await verified(1, '--repair')).toMatchObject({ repair: { refused_points: 1, artifacts: 1, left: [] } });
      await mustRun(['backfill', 'logs'], cwd());
      expect(await verified(0, '--repair')).toMatchObject({
        differences: 0,
        totals: { refused: 0, artifacts: { named: 1, refused: 0 } },
        repair: { refused_points: 0, artifacts: 0 },
      });
    } finally {
      await proxy.close();
    }
  });

  it('does not judge points found inside a record that is complete later: the tracker keeps them, the store shows the file', async () => {
    mkdirSync(join(folder, 'logs/a'), { recursive: true });
    const inside = w.concat(w.frame(w.versionEvent()), ...scalars(100, 120).map(w.frame));
    // Not the beginning of a field: nothing tells that it is the record's own.
    const blob = w.stringTensor('blob', [w.concat(Uint8Array.of(7, 7, 7), inside, Uint8Array.of(9))]);
    const record = w.frame(w.event({ wallTime: 1, step: 2, summary: [blob] }));
    const before = w.eventFile(...scalars(0, 4));
    const whole = w.concat(before, record, ...scalars(4, 8).map(w.frame));
    writeFileSync(path('a'), whole.subarray(0, before.length + record.length - 150));
    await mustRun(['backfill', 'logs'], cwd(), 1);
    const found = stub.points(stub.run('a')).length - 8;
    expect(found).toBeGreaterThan(20);
    expect(await verified(0)).toMatchObject({ differences: 0, totals: { points: found + 8 } });
    writeFileSync(path('a'), whole);
    const { stdout } = await mustRun(['backfill', 'logs', '--json'], cwd());
    expect(JSON.parse(stdout)).toMatchObject({ incidents: [{ kind: 'replaced' }], damage: [] });
    expect(stub.points(stub.run('a'))).toHaveLength(16 + found);
    const { stdout: csv } = await mustRun(['export', '--format', 'csv'], cwd());
    expect(csv.trim().split('\n')).toHaveLength(1 + 16);
    expect(await verified(0)).toMatchObject({ differences: 0, totals: { points: 17, points_not_judged: { replaced: found } } });
    await mustRun(['verify', '--lane', 'local'], cwd());
  });

  it('restores a run that a user deleted, if that is configured', async () => {
    write();
    await mustRun(['backfill', 'logs'], cwd());
    stub.deleteRun(stub.run('a').id);
    expect((await verified(3)).could_not_judge).toMatchObject([
      { what: 'mlflow, logs/a', reason: expect.stringContaining('restore_deleted') },
    ]);
    expect(await verified(3, '--repair')).toMatchObject({ repair: { gaps: 1 }, next: expect.stringContaining('backfill') });
    // The configuration does not allow a restore: the command reports this, and does not call the lane up to date.
    const refused = await mustRun(['backfill', 'logs'], cwd(), 1);
    expect(refused.stderr).toMatch(/was deleted/);
    const file = join(folder, 'mirrorboard.yaml');
    writeFileSync(file, readFileSync(file, 'utf8').replace('experiment_name: tests', 'experiment_name: tests, restore_deleted: true'));
    await mustRun(['backfill', 'logs'], cwd());
    expect(await verified(0)).toMatchObject({ differences: 0, could_not_judge: [] });
  });

  it('finds missing params and artifacts, and schedules them again', async () => {
    write();
    appendFileSync(
      join(folder, 'mirrorboard.yaml'),
      'params: [hparams.yaml]\nartifacts:\n  - { files: "config_{n}.yaml", to: "configs/{n}.yaml" }\n  - { files: "*.bin", to: same.bin }\n',
    );
    const beside = {
      'hparams.yaml': 'lr: 0.5\nsize: 3\n',
      'config_1.yaml': 'a: 1\n',
      'config_2.yaml': 'a: 2\n',
      'x.bin': 'x',
      'y.bin': 'y',
    };
    for (const [name, text] of Object.entries(beside)) {
      writeFileSync(join(folder, 'logs/a', name), text);
      utimesSync(join(folder, 'logs/a', name), 1e9, 1e9);
    }
    await mustRun(['backfill', 'logs'], cwd());
    // Two files went to one place: either of them may be there.
    expect((await verified(0)).totals).toMatchObject({ artifacts: { named: 5, missing: 0, changed: 0 } });

    const run = stub.run('a');
    const root = `${run.experiment.id}/${run.id}/artifacts`;
    stub.artifacts.files.delete(`${root}/configs/1.yaml`);
    stub.artifacts.files.set(`${root}/configs/2.yaml`, Buffer.from('b: 2\n'));
    run.params.delete('lr');
    const found = await mustRun(['verify', '--lane', 'mlflow', '--report', '-'], cwd(), 1);
    const base = { kind: 'artifact', lane: 'mlflow', root: 'logs', run: 'a', tag: null };
    expect(
      found.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { ...base, what: 'param', name: 'lr', mine: '0.5', theirs: null },
      { ...base, what: 'file', name: 'configs/1.yaml', mine: expect.stringMatching(/^[0-9a-f]{64}$/), theirs: null },
      { ...base, what: 'file', name: 'configs/2.yaml', mine: expect.anything(), theirs: expect.stringMatching(/^SHA-256 /) },
    ]); // prettier-ignore
    expect(found.stderr).toMatch(/5 artifacts and params compared: 2 missing, 1 changed/);

    expect(await verified(1, '--repair')).toMatchObject({
      differences: 3,
      repair: { gaps: 0, artifacts: 3 },
      next: expect.stringContaining('backfill'),
    });
    await mustRun(['backfill', 'logs'], cwd());
    expect((await verified(0)).totals).toMatchObject({ artifacts: { named: 5, missing: 0, changed: 0 } });
    expect(String(stub.artifacts.files.get(`${root}/configs/2.yaml`))).toBe('a: 2\n');
  });

  it('finds every point of both lanes, and names what the tracker rounds', async () => {
    write();
    await mustRun(['backfill', 'logs'], cwd());
    const document = JSON.parse((await mustRun(['verify', '--json'], cwd())).stdout) as { type: string; lanes: Summary[] };
    expect(document).toMatchObject({ type: 'verifications', exit_code: 0, differences: 0 });
    const [local, mlflow] = document.lanes as [Summary, Summary];
    expect([local.lane, local.totals['points'], local.totals['equal']]).toEqual(['local', 82, 82]);
    expect([mlflow.lane, mlflow.totals['points'], mlflow.differences]).toEqual(['mlflow', 82, 0]);
    // -0 and infinities are kept exactly next to the metric, with their times.
    expect(mlflow.totals.allowed_by).toEqual({ step: 0, time: mlflow.totals['allowed'], value: 0, not_held: 0, merged: 0 });
    expect(mlflow.totals['allowed']).toBeGreaterThan(30);

    const { stderr } = await mustRun(['verify'], cwd());
    expect(stderr).toMatch(/^local \(.*\n(.*\n)*mlflow \(http/);
    expect(stderr).toContain('points match, except for documented');
  });

  it('finds no difference in logs of real writers', async () => {
    for (const name of ['torch_everything', 'tf2_dtypes', 'tbx_everything', 'made_edge_files', 'tf2_media']) {
      await mustRun(['backfill', corpus(name)], cwd(), name === 'made_edge_files' ? 1 : 0).catch(() => undefined);
    }
    const { totals, could_not_judge } = await verified(0);
    expect(totals['points']).toBeGreaterThan(200);
    expect([totals['missing'], totals['extra'], totals['changed'], could_not_judge]).toEqual([0, 0, 0, []]);
    await mustRun(['verify', '--between', 'local', 'mlflow'], cwd());
  });

  it('names points that were removed, changed and added there, and schedules them again', async () => {
    write();
    await mustRun(['backfill', 'logs'], cwd());
    const { metrics } = stub.run('a');
    const keyOf = (key: string, step: number): string =>
      [...metrics].find(([, metric]) => metric.key === key && Number(metric.step) === step)?.[0] as string;
    metrics.delete(keyOf('acc', 3));
    metrics.delete(keyOf('acc', 4));
    const loss = metrics.get(keyOf('loss', 8)) as NonNullable<ReturnType<typeof metrics.get>>;
    metrics.delete(keyOf('loss', 8));
    metrics.set('changed', { ...loss, value: 99 });
    metrics.set('theirs', { key: 'acc', value: 1, timestamp: 5n, step: 500n });
    const summary = await verified(1, '--report', 'report.jsonl');
    expect(summary.totals).toMatchObject({ missing: 2, changed: 1, extra: 1 });
    const lines = readFileSync(join(folder, 'report.jsonl'), 'utf8').trim().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { kind: 'missing', lane: 'mlflow', run: 'a', tag: 'acc', step: 3 },
      { kind: 'missing', tag: 'acc', step: 4 },
      { kind: 'changed', tag: 'loss', step: 8, mine: 8.25, theirs: 99 },
      { kind: 'extra', tag: 'acc', step: 500 },
    ]);

    const { repair } = await verified(1, '--repair');
    expect(repair).toMatchObject({ missing_points: 3, left: [{ what: 'logs/a in mlflow' }] });
    const watch = start(['watch', 'logs', '--scan-interval', '0.3'], cwd());
    await until(() => keyOf('acc', 3) !== undefined && keyOf('acc', 4) !== undefined);
    const busy = await mirrorboard(['verify', '--repair', '--lane', 'mlflow'], cwd());
    expect([busy.code, busy.stderr]).toEqual([4, expect.stringContaining('state')]);
    watch.child.kill('SIGTERM');
    await watch.ended;
    metrics.delete('theirs');
    metrics.delete('changed');
    expect((await verified(0)).differences).toBe(0);
  });

  it('schedules missing data for the next backfill, too', async () => {
    write();
    await mustRun(['backfill', 'logs'], cwd());
    const { metrics } = stub.run('a');
    for (const [key, metric] of [...metrics]) if (metric.key === 'acc' && Number(metric.step) < 3) metrics.delete(key);
    await verified(1, '--repair');
    const { totals } = await verified(0);
    expect(totals).toMatchObject({ missing: 0 });
    expect((totals as Record<string, number>)['pending_bytes']).toBeGreaterThan(0);
    await mustRun(['backfill', 'logs'], cwd());
    expect((await verified(0, '--strict')).totals).toMatchObject({ missing: 0, pending_bytes: 0 });
  });

  it('cannot judge a run that was deleted, or a server that is down', async () => {
    write();
    await mustRun(['backfill', 'logs'], cwd());
    stub.deleteRun(stub.run('a').id);
    const { could_not_judge, totals } = await verified(3);
    expect(could_not_judge).toMatchObject([{ what: 'mlflow, logs/a', reason: expect.stringContaining('was deleted') }]);
    expect(totals).toMatchObject({ runs: 1, missing: 0 });
    await stub.close();
    expect((await verified(3)).could_not_judge).toMatchObject([{ what: 'mlflow' }]);
  });

  it('names the existing lanes if the requested one is unknown', async () => {
    const { stderr } = await mustRun(['verify', '--lane', 'wandb'], cwd(), 2);
    expect(stderr).toContain('local, mlflow');
    await mustRun(['verify', '--between', 'local', 'local'], cwd(), 2);
  });
});

describe('migrate', () => {
  it('mirrors a lane to the end, and confirms that the other one can be switched off', async () => {
    write();
    await mustRun(['backfill', 'logs', '--to', 'local'], cwd());
    const { stdout } = await mustRun(['migrate', '--from', 'local', '--to', 'mlflow', '--json'], cwd());
    expect(JSON.parse(stdout)).toMatchObject({
      type: 'migration',
      may_switch_off: true,
      reasons: [],
      verification: { lane: 'mlflow', differences: 0 },
      between: { lane: 'local', other: 'mlflow', differences: 0 },
    });
    const { stderr } = await mustRun(['migrate', '--from', 'local', '--to', 'mlflow', 'logs'], cwd());
    expect(stderr).toMatch(
      /mlflow has everything from the event files that local has(, except for the exact time of \d+ points?, which are rounded)?: you can switch off local/,
    );
  });

  it('does not confirm it if the second lane cannot hold some data, until the user accepts that', async () => {
    write();
    const config = join(folder, 'mirrorboard.yaml');
    writeFileSync(config, readFileSync(config, 'utf8').replace('tracking_uri:', 'artifacts: false, tracking_uri:'));
    await mustRun(['backfill', 'logs'], cwd());
    const args = ['migrate', '--from', 'local', '--to', 'mlflow'];
    const { stdout } = await mustRun([...args, '--json'], cwd(), 1);
    const { losses, may_switch_off: maySwitchOff, reasons } = JSON.parse(stdout);
    expect(maySwitchOff).toBe(false);
    expect(reasons.join()).toContain('--accept-losses');
    const { stderr } = await mustRun([...args, '--accept-losses', Object.keys(losses).join(',')], cwd());
    expect(stderr).toMatch(
      /mlflow has everything from the event files that local has, except for \d+ points? \(.*\).*: you can switch off local/,
    );
    expect((await mustRun([...args, '--accept-losses', 'image'], cwd(), 2)).stderr).toContain('did you mean images?');
  });

  it('names data of the first tracker that never was in event files', async () => {
    write();
    const other = await MlflowStub.start();
    try {
      const [old, fresh] = [stub, other].map(({ url }) => `{ type: mlflow, tracking_uri: "${url}", experiment_name: e }`);
      writeFileSync(
        join(folder, 'mirrorboard.yaml'),
        `lanes:\n  old: ${old}\n  new: ${fresh}\nparams: ["*.yaml"]\nartifacts:\n  - { files: "*.bin" }\n`,
      );
      for (const [name, content] of Object.entries({ 'hparams.yaml': 'lr: 0.5\n', 'x.bin': 'x' })) {
        writeFileSync(join(folder, 'logs/a', name), content);
        utimesSync(join(folder, 'logs/a', name), 1e9, 1e9);
      }
      await mustRun(['backfill', 'logs'], cwd());
      const migrate = ['migrate', 'logs', '--from', 'old', '--to', 'new'];
      const clean = JSON.parse((await mustRun([...migrate, '--json'], cwd())).stdout);
      expect(clean).toMatchObject({ may_switch_off: true, foreign: { run: 0, param: 0, file: 0, examples: [] } });

      const { id, experiment, params } = stub.run('a');
      params.set('by_hand', '1');
      stub.artifacts.put(`${experiment.id}/${id}/artifacts/models/model.bin`, Buffer.from('m'));
      await fetch(`${stub.url}/api/2.0/mlflow/runs/create`, {
        method: 'POST',
        body: JSON.stringify({ experiment_id: experiment.id, run_name: 'trained', start_time: 1 }),
        headers: { 'content-type': 'application/json' },
      });
      const { exit_code: code, foreign, reasons } = JSON.parse((await mustRun([...migrate, '--json'], cwd(), 1)).stdout);
      const examples = [
        { kind: 'run', name: 'trained' },
        { kind: 'param', name: 'by_hand', in: 'a' },
        { kind: 'file', name: 'models/model.bin', in: 'a' },
      ];
      const none = { tag: 0, note: 0, model: 0, metric: 0, not_looked_through: [] };
      expect({ code, foreign }).toEqual({ code: 1, foreign: { run: 1, param: 1, file: 1, ...none, examples } });
      expect(reasons).toContainEqual(expect.stringContaining('old has 1 run, 1 param and 1 file that never were in event files'));
      const accepted = await mustRun([...migrate, '--accept-losses', 'foreign'], cwd());
      expect(accepted.stderr).toMatch(
        /new has everything from the event files that old has, except for .*1 run, 1 param and 1 file: you can switch off old/,
      );
    } finally {
      await other.close();
    }
  });

  it('names a difference, not only the number of differences', async () => {
    write();
    await mustRun(['backfill', 'logs'], cwd());
    const { metrics } = stub.run('a');
    for (const [key, metric] of metrics) if (metric.key === 'acc') metrics.delete(key);
    const { stderr } = await mustRun(['migrate', '--from', 'local', '--to', 'mlflow'], cwd(), 1);
    expect(stderr).toMatch(/missing.*acc/);
  });

  it('explains why not, if the second lane lacks data', async () => {
    write();
    await mustRun(['backfill', 'logs'], cwd());
    const { metrics } = stub.run('a');
    for (const [key, metric] of metrics) if (metric.key === 'acc') metrics.delete(key);
    const { stderr } = await mustRun(['migrate', '--from', 'local', '--to', 'mlflow'], cwd(), 1);
    expect(stderr).toContain('Keep local for now');
    stub.refuse('late');
    appendFileSync(path('b'), w.frame(w.event({ wallTime: 1, step: 1, summary: [w.simpleValue('late', 1)] })));
    const refused = JSON.parse((await mustRun(['migrate', '--from', 'local', '--to', 'mlflow', '--json'], cwd(), 1)).stdout);
    expect(refused.reasons).toEqual(expect.arrayContaining([expect.stringContaining('mlflow refused 1 point')]));
  });
});

describe('verify of offline W&B and ClearML', () => {
  it('finds missing params and artifacts, and schedules them again', async () => {
    write();
    writeFileSync(
      join(folder, 'mirrorboard.yaml'),
      'lanes:\n  wandb: { mode: offline, dir: wandb }\n  clearml: { mode: offline, cache_dir: clearml }\n' +
        'params: [hparams.yaml]\nartifacts:\n  - { files: "*.bin" }\n',
    );
    const beside = { 'hparams.yaml': 'lr: 0.5\nsize: 3\n', 'x.bin': 'x', 'y.bin': 'y' };
    for (const [name, content] of Object.entries(beside)) {
      writeFileSync(join(folder, 'logs/a', name), content);
      utimesSync(join(folder, 'logs/a', name), 1e9, 1e9);
    }
    const both = async (code: number, ...args: readonly string[]): Promise<readonly unknown[]> => {
      const { lanes } = JSON.parse((await mustRun(['verify', '--json', ...args], cwd(), code)).stdout) as { lanes: readonly Summary[] };
      return lanes.map(({ lane, totals, repair }) => [lane, totals['artifacts'], repair?.['artifacts']]);
    };
    await mustRun(['backfill', 'logs'], cwd());
    const whole = { named: 4, missing: 0, changed: 0, refused: 0, unsupported: 0 };
    const [wandb, clearml] = ['wandb', 'clearml'];
    expect(await both(0)).toEqual([
      [wandb, whole, undefined],
      [clearml, whole, undefined],
    ]); // prettier-ignore

    const [x, y] = ['x.bin', 'y.bin'].map((name) => globSync(`{wandb,clearml}/**/${name}`, { cwd: folder })) as [string[], string[]];
    expect([x.length, y.length]).toEqual([2, 2]);
    for (const file of x) rmSync(join(folder, file));
    for (const file of y) writeFileSync(join(folder, file), 'z');
    const [task = ''] = globSync('clearml/offline/*/task.json', { cwd: folder }).filter((file) =>
      readFileSync(join(folder, file), 'utf8').includes('"0.5"'),
    );
    writeFileSync(join(folder, task), readFileSync(join(folder, task), 'utf8').replace('"0.5"', '"0.25"'));
    expect(await both(1, '--repair')).toEqual([
      [wandb, { ...whole, missing: 1, changed: 1 }, 2],
      [clearml, { ...whole, missing: 1, changed: 2 }, 3],
    ]);
    await mustRun(['backfill', 'logs'], cwd());
    expect(await both(0)).toEqual([
      [wandb, whole, undefined],
      [clearml, whole, undefined],
    ]); // prettier-ignore
  });
});
