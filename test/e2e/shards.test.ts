// Several processes that share the runs of one tree, also while their number changes by the documented steps.
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import * as w from '../support/event-writer.ts';
import { startMlflow } from '../support/mlflow-server.ts';
import { MlflowStub } from '../support/mlflow-stub/index.ts';
import { realTracker } from '../support/real-tracker.ts';
import { endAll, freshDirectory, mirrorboard, mustRun, type Running, remove, start } from './command.ts';

const RUNS = Array.from({ length: 16 }, (_, i) => `study_${i % 8}/run_${i}`);
const POINTS = 30;
const server = await realTracker('MLflow server', startMlflow);

let folder: string;
let step = 0;

beforeEach(() => {
  folder = freshDirectory();
  step = 0;
});

afterEach(async () => {
  await endAll();
  remove(folder);
});

afterAll(() => server?.stop());

/** Adds points to every run, and to the part of it that is folded into it. */
function grow(): void {
  for (const run of RUNS) {
    for (const below of ['', 'train']) {
      const directory = join(folder, 'logs', run, below);
      mkdirSync(directory, { recursive: true });
      const events = Array.from({ length: POINTS }, (_, i) =>
        w.event({ wallTime: step + i, step: step + i, summary: [w.simpleValue('loss', step + i)] }),
      );
      // A file for each time: several writers, as after restarts.
      writeFileSync(join(directory, `events.out.tfevents.${1000 + step}`), w.eventFile(...events));
    }
  }
  step += POINTS;
}

function configure(url: string): void {
  const text = `runs: { fold: [train], parent: "{parent}" }
lanes: { local: {}, mlflow: { tracking_uri: "${url}", experiment_name: shards } }
`;
  writeFileSync(join(folder, 'mirrorboard.yaml'), text);
}

const placesOf = (at: string): string[] => ['--state', join(at, 'mirrorboard.state'), '--store', join(at, 'mirrorboard.db')];

function command(args: readonly string[], at: string): Promise<{ readonly stdout: string }> {
  return mustRun([...args, ...placesOf(at)], { cwd: folder });
}

/** Watches with so many processes until all of them are at the ends of the files, then stops them. */
async function watchWith(count: number, at: (index: number) => string): Promise<void> {
  const watches: Running[] = [];
  for (let index = 0; index < count; index++) {
    const shard = count === 1 ? [] : ['--shard', `${index}/${count}`];
    watches.push(start(['watch', 'logs', ...shard, ...placesOf(at(index)), '--scan-interval', '1'], { cwd: folder }));
  }
  grow();
  await untilDone(Array.from({ length: count }, (_, index) => at(index)));
  for (const { child, ended } of watches) {
    child.kill('SIGTERM');
    expect((await ended).code).toBe(0);
  }
}

/** Waits until every run is at its end in one of the folders. */
async function untilDone(all: readonly string[]): Promise<void> {
  for (;;) {
    const counts = await Promise.all(all.map(countDone));
    if (counts.reduce((sum, count) => sum + count, 0) === 2 * RUNS.length) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function countDone(at: string): Promise<number> {
  // Until the watch has made them, there is nothing to ask.
  if (!['mirrorboard.state', 'mirrorboard.db'].every((name) => existsSync(join(at, name)))) return 0;
  const { stdout } = await mirrorboard(['run', 'list', '--json', ...placesOf(at)], { cwd: folder });
  const { runs = [] } = JSON.parse(stdout) as { runs?: { points: number; lanes: { state: string; bytes_behind: number }[] }[] };
  return runs.filter(
    ({ points, lanes }) => points === step && lanes.every(({ state, bytes_behind: behind }) => state === 'done' && behind === 0),
  ).length;
}

/** `tracked`: by name, the number of points of each tracker run. */
async function scenario(url: string, tracked: () => Promise<ReadonlyMap<string, number>>): Promise<void> {
  const check = async (at: readonly string[]): Promise<void> => {
    const names: string[] = [];
    for (const one of at) {
      await command(['verify', '--strict'], one);
      const { stdout } = await command(['run', 'list', '--json'], one);
      names.push(...(JSON.parse(stdout) as { runs: { run: string }[] }).runs.map(({ run }) => run));
    }
    // Each run is mirrored by one process, with the part that is folded into it.
    expect(names.sort()).toEqual(RUNS.flatMap((run) => [run, `${run}/train`]).sort());
    const points = await tracked();
    expect([...points.keys()].filter((name) => name.includes('run_')).sort()).toEqual([...RUNS].sort());
    for (const run of RUNS) expect([run, points.get(run)]).toEqual([run, 2 * step]);
  };
  configure(url);
  grow();
  const two = (index: number): string => join(folder, 'two', String(index));
  await watchWith(2, two);
  await check([two(0), two(1)]);

  // From two to three.
  await mustRun(['state', 'merge', two(0), two(1), '--to', 'merged'], { cwd: folder });
  await mustRun(['state', 'split', '--shards', '3', '--to', 'three', ...placesOf('merged')], { cwd: folder });
  const three = (index: number): string => join(folder, 'three', String(index));
  grow();
  await watchWith(3, three);
  await check([0, 1, 2].map(three));
  const wrong = await mustRun(['backfill', 'logs', '--shard', '0/2', ...placesOf(three(0))], { cwd: folder }, 2);
  expect(wrong.stderr).toContain('MB3107');

  // From three to one.
  await mustRun(['state', 'merge', three(0), three(1), three(2), '--to', 'one'], { cwd: folder });
  renameSync(join(folder, 'one'), join(folder, 'last'));
  await watchWith(1, () => join(folder, 'last'));
  await check([join(folder, 'last')]);
}

describe('shards', () => {
  it('mirror each run once, also from two to three to one', async () => {
    const stub = await MlflowStub.start();
    try {
      await scenario(stub.url, () => Promise.resolve(new Map(stub.runs().map((run) => [run.name, stub.points(run).length]))));
      expect(new Set(stub.runs().map(({ name }) => name)).size).toBe(stub.runs().length);
      // Two processes may write to a run above theirs at the same time, also to a twin that goes: they cannot know.
      const shared = [...stub.store.runs.values()].filter(({ name }) => !name.includes('run_'));
      expect(stub.violations.filter((violation) => !shared.some(({ id }) => violation.includes(id)))).toEqual([]);
    } finally {
      await stub.close();
    }
  });

  if (server !== undefined) {
    it('do the same with a real MLflow server', async () => {
      await scenario(server.url, async () => {
        const runs = await server.readBack('shards');
        expect(new Set(runs.map(({ name }) => name)).size).toBe(runs.length);
        return new Map(runs.map(({ name, metrics }) => [name, Object.values(metrics).reduce((sum, points) => sum + points.length, 0)]));
      });
    });
  }
});
