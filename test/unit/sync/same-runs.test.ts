// The same files lead to the same tracker runs, no matter when mirrorboard reads them.
import { appendFileSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mlflow } from '../../../src/backends/mlflow/index.ts';
import type { Handle, RunSource } from '../../../src/contract/index.ts';
import { type LaneRouting, type TrackerLaneOptions, wholeRouting } from '../../../src/lanes/index.ts';
import { Fold, type FoldRules } from '../../../src/route/index.ts';
import { backfill } from '../../../src/sync/backfill.ts';
import { watch } from '../../../src/sync/watch.ts';
import { connectMlflow } from '../../contract/mlflow-harness.ts';
import { seededRandom } from '../../crash/backfill-kill.ts';
import { until } from '../../crash/watch-kill.ts';
import { concat, event, frame, simpleValue, versionEvent } from '../../support/event-writer.ts';
import { MemoryBackend, MemoryTracker } from '../../support/memory-backend.ts';
import { MlflowStub } from '../../support/mlflow-stub/index.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const NEVER = new AbortController().signal;
const T = 1_700_000_000;
const RULES: FoldRules = { names: ['train', 'validation'], flat: ['tb', 'version_*'], hparams: true };

/** Files, each with the tags that it has. */
const TREE: Readonly<Record<string, readonly string[]>> = {
  once: ['loss'],
  'once/1795917697.05466': ['hp/acc'],
  twice: ['loss'],
  'twice/1795917701.9790506': ['hp/acc'],
  'twice/1795917705.7020261': ['hp/acc', 'hp/more'],
  'never/1795917706.7134953': ['hp/acc'],
  'never/1795917706.7175574': ['hp/acc'],
  'lit/version_2': ['loss'],
  'lit/version_10': ['loss', 'late'],
  'lit/version_10/validation': ['loss'],
  'lit/version_11/train': ['loss'],
  'keras/train': ['epoch_loss'],
  'keras/validation': ['epoch_loss'],
  'wrapped/tb': ['loss'],
};

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});
const stubs: MlflowStub[] = [];
afterEach(async () => {
  for (const stub of stubs.splice(0)) await stub.close();
});

/** Adds one of the pieces that a file comes in: its version, then its values. */
function reveal(logs: string, path: string, piece: 'version' | 'values'): number {
  const file = join(logs, path, `events.out.tfevents.1700000000.host.1.${Object.keys(TREE).indexOf(path)}`);
  mkdirSync(dirname(file), { recursive: true });
  const tags = TREE[path] as readonly string[];
  const values = [1, 2].flatMap((step) => tags.map((tag) => event({ wallTime: T + step, step, summary: [simpleValue(tag, step)] })));
  appendFileSync(file, concat(...(piece === 'version' ? [versionEvent()] : values).map(frame)));
  return piece === 'version' ? 0 : values.length;
}

function lane(tracker: MemoryTracker, said: string[] = [], rules: FoldRules = RULES): TrackerLaneOptions {
  const routing: LaneRouting = { ...wholeRouting('memory'), fold: new Fold(rules), warn: (message) => said.push(message) };
  const namesOf: TrackerLaneOptions['namesOf'] = ({ path }) => ({ name: path, group: '', tags: {} });
  return { name: 'memory', type: 'memory', target: 'memory', backend: new MemoryBackend(tracker), namesOf, routing };
}

/** What a tracker has, in words: its runs, and how often each point is in them. */
function contentOf(tracker: MemoryTracker): Record<string, string[]> {
  const runs = [...tracker.runs.values()].map(({ source, points }): [string, string[]] => [
    source.name,
    [...points.values()].map(({ tag, step, value }) => `${tag} ${step} ${value}`).sort(),
  ]);
  return Object.fromEntries(runs.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The same over a server that is as strict as MLflow. */
async function mlflowLane(stub: MlflowStub): Promise<TrackerLaneOptions> {
  return { ...lane(new MemoryTracker()), name: 'mlflow', backend: await connectMlflow(mlflow, { tracking_uri: stub.url }) };
}

/** What it has, in words. */
function mlflowContent(stub: MlflowStub): string[] {
  expect(stub.violations).toEqual([]);
  const metrics = stub.runs().flatMap((run) => stub.points(run).map(({ key, step, value }) => `${run.name}: ${key} ${step} ${value}`));
  return [...stub.runs().map(({ name }) => name), ...metrics].sort();
}

/** What a backfill of the whole tree gives. */
async function backfilled(...lanes: readonly TrackerLaneOptions[]): Promise<MemoryTracker> {
  const logs = join(folder, 'whole', 'logs');
  for (const path of Object.keys(TREE)) for (const piece of ['version', 'values'] as const) reveal(logs, path, piece);
  const tracker = new MemoryTracker();
  await backfill({
    roots: [{ path: logs }],
    store: undefined,
    trackers: [lane(tracker), ...lanes],
    statePath: join(folder, 'whole', 'state'),
    signal: NEVER,
  });
  return tracker;
}

/** As earlier versions left runs that were opened in the middle of their first file: known by no file at all. */
class UnmarkedBackend extends MemoryBackend {
  override open(run: RunSource, known: Handle | undefined, signal: AbortSignal): Promise<Handle> {
    const { files: _, ...source } = run;
    return super.open({ ...source, fingerprint: [] }, known, signal);
  }
}

function shuffled<Item>(items: readonly Item[], random: () => number): Item[] {
  return items
    .map((item) => [random(), item] as const)
    .sort(([a], [b]) => a - b)
    .map(([, item]) => item);
}

describe('the tracker runs of a tree', () => {
  it('are named after the first of several, and the others have their own names', async () => {
    const content = contentOf(await backfilled());
    expect(Object.keys(content)).toEqual([
      'keras',
      'lit',
      'never',
      'never/1795917706.7175574',
      'once',
      'twice',
      'twice/1795917705.7020261',
      'wrapped',
    ]);
    expect([...new Set(content['lit']?.map((line) => line.split(' ')[0]))]).toEqual([
      'loss',
      'version_10/late',
      'version_10/loss',
      'version_10/validation/loss',
      'version_11/train/loss',
    ]);
    expect(content['twice']).toEqual(['hp/acc 1 1', 'hp/acc 2 2', 'loss 1 1', 'loss 2 2']);
  });

  it.each([
    ['some of them fold', RULES],
    ['folds ask for nobody', { names: ['train', 'validation'], flat: [], hparams: false }],
  ])('continue after their state was lost, even if they name no file, if %s', async (_, rules) => {
    const logs = join(folder, 'logs');
    for (const path of Object.keys(TREE)) for (const piece of ['version', 'values'] as const) reveal(logs, path, piece);
    const tracker = new MemoryTracker();
    const said: string[] = [];
    for (const backend of [new UnmarkedBackend(tracker), new MemoryBackend(tracker)]) {
      const trackers = [{ ...lane(tracker, said, rules), backend }];
      await backfill({ roots: [{ path: logs }], store: undefined, trackers, statePath: join(folder, 'state'), signal: NEVER });
      for (const ending of ['', '-wal', '-shm']) rmSync(join(folder, `state${ending}`), { force: true });
    }
    expect(tracker.runs.size).toBe(new Set([...tracker.runs.values()].map(({ source }) => source.run.path)).size);
    expect([...tracker.runs.values()].every(({ source }) => source.fingerprint.length > 0)).toBe(true);
  });

  it.each([1, 2, 3, 4])('are the same if watch reads the tree piece by piece, in any order (seed %d)', async (seed) => {
    const random = seededRandom(seed);
    const [logs, store] = [join(folder, 'logs'), join(folder, 'store.db')];
    mkdirSync(logs);
    const [stub, wholeStub] = [await MlflowStub.start(), await MlflowStub.start()];
    stubs.push(stub, wholeStub);
    const [tracker, whole] = [new MemoryTracker(), await backfilled(await mlflowLane(wholeStub))];
    const said: string[] = [];
    let isRevealed = false;
    const end = new AbortController();
    const watching = watch({
      roots: [{ path: logs }],
      // Where the store is, is how far the watch has come.
      store: { path: store, mediaPath: join(folder, 'media') },
      trackers: [lane(tracker, said), await mlflowLane(stub)],
      statePath: join(folder, 'state'),
      scanIntervalMs: 100,
      // Files may come as slowly as they want: a moment without anything new begins when all are there.
      get quietRootMs() {
        return isRevealed ? 0 : Infinity;
      },
      signal: end.signal,
    });
    try {
      let points = 0;
      const versions = shuffled(Object.keys(TREE), random);
      for (const path of versions) {
        reveal(logs, path, 'version');
        await until(() => count(store, 'SELECT count(*) AS it FROM file') >= versions.indexOf(path) + 1);
      }
      for (const path of shuffled(versions, random)) {
        points += reveal(logs, path, 'values');
        await until(() => count(store, 'SELECT count(*) AS it FROM point') >= points);
      }
      isRevealed = true;
      await until(() => tracker.pointCount >= whole.pointCount);
      await until(() => mlflowContent(stub).length >= mlflowContent(wholeStub).length);
    } finally {
      end.abort();
      await watching;
    }
    expect(contentOf(tracker)).toEqual(contentOf(whole));
    expect(mlflowContent(stub)).toEqual(mlflowContent(wholeStub));
    expect(said.filter((message) => message.includes('--remap'))).toEqual([]);
  });
});

function count(path: string, sql: string): number {
  try {
    const store = new DatabaseSync(path, { readOnly: true });
    try {
      return Number(store.prepare(sql).get()?.['it']);
    } finally {
      store.close();
    }
  } catch {
    return 0; // not there yet, or busy
  }
}
