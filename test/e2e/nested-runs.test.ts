// Runs below other runs: what `runs.parent` names is a run, where there is one.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { until } from '../crash/watch-kill.ts';
import * as w from '../support/event-writer.ts';
import { MirroredLogs } from '../support/mirrored-logs.ts';
import type { MlflowStub } from '../support/mlflow-stub/index.ts';
import { mustRun, remove, start } from './command.ts';

let logs: MirroredLogs;
let folder: string;
let stub: MlflowStub;

beforeEach(async () => {
  logs = await MirroredLogs.make();
  ({ folder, stub } = logs);
});
afterEach(() => logs.close());

function configure(runs: string, more = ''): void {
  logs.configure(`roots: [logs]\nruns: ${runs}\n${more}\n`);
}

/** An event file with a point; without a tag, with none. */
function log(run: string, tag?: string, wallTime = 1000): void {
  const path = join(folder, 'logs', run, 'events.out.tfevents.1700000000.host.1.0');
  mkdirSync(dirname(path), { recursive: true });
  const events = tag === undefined ? [] : [w.event({ wallTime, step: 1, summary: [w.simpleValue(tag, 0.5)] })];
  writeFileSync(path, w.eventFile(w.event({ wallTime, fileVersion: 'brain.Event:2' }), ...events));
}

/** Each run with the number of its points and the one above it. */
function tree(): Readonly<Record<string, string>> {
  const runs = stub.runs();
  const named = runs.map((run) => {
    const above = runs.find(({ id }) => id === run.tags.get('mlflow.parentRunId'));
    return [run.name, `${stub.points(run).length} below ${above?.name ?? '-'}`] as const;
  });
  expect(new Set(named.map(([name]) => name)).size).toBe(runs.length);
  return Object.fromEntries(named);
}

const backfill = async (): Promise<void> => {
  await mustRun(['backfill'], { cwd: folder });
  await mustRun(['verify'], { cwd: folder });
};

describe('a run that has child runs', () => {
  it('is their parent itself, no matter which was found first', async () => {
    configure('{ name: "{path}", parent: "{parent}" }');
    for (let i = 0; i < 12; i++) {
      log(`study/trial_${i}`, 'loss', 2000 + i);
      log(`study/trial_${i}/1795915904.1178`, 'hparam/accuracy', 3000 + i);
    }
    await backfill();
    const expected = Object.fromEntries(
      Array.from({ length: 12 }, (_, i) => [
        [`study/trial_${i}`, '1 below study'],
        [`study/trial_${i}/1795915904.1178`, `1 below study/trial_${i}`],
      ]).flat(),
    );
    expect(tree()).toEqual({ ...expected, study: '0 below -' });
    // Opened with what it has itself, not with what is below it.
    for (let i = 0; i < 12; i++) expect(stub.run(`study/trial_${i}`).startTime).toBe(BigInt(2000 + i) * 1000n);
  });

  it('has the tags that all its children share', async () => {
    configure('{ name: "{name}", parent: "{parent}" }', 'tags: { optimization: optuna, from: "{root}", trial_number: "{number}" }');
    for (const trial of [1, 2]) log(`study_2024/trial_${trial}`, 'loss', 2000 + trial);
    await backfill();
    const tagsOf = (name: string) => ['optimization', 'from', 'trial_number'].map((tag) => stub.run(name).tags.get(tag));
    expect(tagsOf('study_2024')).toEqual(['optuna', 'logs', undefined]);
    expect(tagsOf('trial_2')).toEqual(['optuna', 'logs', '2']);
  });

  it('is one run even if its own files have no values', async () => {
    configure('{ name: "{name}", parent: "{parent}" }');
    log('exp');
    log('exp/1795915904.1', 'a');
    log('exp/1795915904.2', 'b');
    await backfill();
    expect(tree()).toEqual({ exp: '0 below -', '1795915904.1': '1 below exp', '1795915904.2': '1 below exp' });
  });

  it('may be the folded run of several, or the run in the root', async () => {
    configure('{ fold: [train, val], parent: "{parent}" }');
    for (const run of ['exp/train', 'exp/val', 'exp/child/train']) log(run, 'loss');
    await backfill();
    expect(tree()).toEqual({ exp: '2 below -', 'exp/child': '1 below exp' });
    logs.startOver();
    configure('{ parent: "{root}" }');
    log('.', 'whole');
    log('a', 'loss');
    remove(join(folder, 'logs/exp'));
    await backfill();
    expect(tree()).toEqual({ logs: '1 below -', a: '1 below logs' });
  });

  it('is never its own parent, and two runs are never parents of each other', async () => {
    configure('{ parent: "{path[0]}" }');
    log('a', 'x');
    log('a/b', 'x');
    await backfill();
    expect(tree()).toEqual({ a: '1 below -', 'a/b': '1 below a' });
    logs.startOver();
    configure('{ parent: "{path[-1]}/{path[0]}" }');
    log('b/a', 'x');
    await backfill();
    expect(tree()).toMatchObject({ 'a/b': '1 below -', 'b/a': '1 below -' });
  });

  it('takes over the placeholder parent when its files come later', async () => {
    configure('{ name: "{name}", parent: "{parent}" }');
    log('group/study/trial_1', 'loss', 2000);
    const watch = start(['watch', '--scan-interval', '0.3'], { cwd: folder });
    expect(await until(() => stub.runs().some((run) => run.name === 'trial_1' && stub.points(run).length > 0))).toBe(true);
    const holder = stub.run('group/study').id;
    log('group/study', 'best', 4000);
    expect(await until(() => stub.runs().some((run) => stub.points(run).some(({ key }) => key === 'best')))).toBe(true);
    log('group/study/trial_2', 'loss', 5000);
    expect(await until(() => stub.runs().some((run) => run.name === 'trial_2' && stub.points(run).length > 0))).toBe(true);
    watch.child.kill('SIGTERM');
    expect((await watch.ended).code).toBe(0);
    expect(stub.run('study').id).toBe(holder);
    expect(tree()).toEqual({ group: '0 below -', study: '1 below group', trial_1: '1 below study', trial_2: '1 below study' });
    await mustRun(['verify'], { cwd: folder });
  });
});
