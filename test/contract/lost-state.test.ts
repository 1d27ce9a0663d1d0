// What a state file says of tracker runs may be lost. Over every backend: a run that was mirrored while it was being written is gone on with all the same.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from '@jest/globals';
import { mlflow } from '../../src/backends/mlflow/index.ts';
import type { Backend, Handle } from '../../src/backends/contract.ts';
import { backfill } from '../../src/pipeline.ts';
import type { RunNames } from '../../src/lanes/index.ts';
import { watch } from '../../src/watch.ts';
import { concat, event, frame, simpleValue, text, versionEvent } from '../support/event-writer.ts';
import { MemoryBackend, MemoryTracker } from '../support/memory-backend.ts';
import type { Draft, GrowingRun } from '../support/parcels.ts';
import { stubHarness as aimHarness } from './aim-harness.ts';
import { Bench, until } from './bench.ts';
import { offlineHarness as clearmlOffline, stubHarness as clearmlHarness } from './clearml-harness.ts';
import type { Harness, Target } from './harness.ts';
import { stubHarness as mlflowHarness } from './mlflow-harness.ts';
import { differences, expectedOf, readHeld } from './read-back.ts';
import { offlineHarness as wandbOffline, onlineHarness as wandbHarness } from './wandb-harness.ts';

const T = 1_700_000_000;
const FILE = 'events.out.tfevents.1700000000.host.1.0';

const memoryHarness: Harness = {
  addressing: 'key',
  faults: [],
  async start() {
    const tracker = new MemoryTracker();
    return { connect: async () => new MemoryBackend(tracker), runCount: async () => tracker.runs.size, close: async () => {} };
  },
};

const HARNESSES: readonly (readonly [string, Harness])[] = [
  ['MLflow', mlflowHarness(mlflow)],
  ['W&B', wandbHarness()],
  ['W&B offline', wandbOffline()],
  ['ClearML', clearmlHarness()],
  ['ClearML offline', clearmlOffline()],
  ['Aim', aimHarness()],
  ['a tracker in memory', memoryHarness],
];

function points(from: number, to: number): Uint8Array[] {
  const made: Uint8Array[] = [];
  for (let step = from; step < to; step++) {
    const values = [simpleValue('loss', step / 8), ...(step % 4 === 0 ? [text('note', [`step ${step}`])] : [])];
    made.push(event({ wallTime: T + step, step, summary: values }));
  }
  return made;
}

/** One life of a state file: everything that is mirrored with it. */
class Mirror {
  readonly statePath: string;
  readonly #bench: Bench;
  readonly #run: GrowingRun;

  constructor(bench: Bench, run: GrowingRun, folder: string, name: string) {
    this.#bench = bench;
    this.#run = run;
    this.statePath = join(folder, `${name}.state`);
  }

  /** Watches while `work` goes on. */
  async watch(backend: Backend, work: () => Promise<void>): Promise<void> {
    const end = new AbortController();
    const watching = watch({ ...this.#options(backend), store: undefined, scanIntervalMs: 200, signal: end.signal });
    try {
      await work();
    } finally {
      end.abort();
      await watching;
    }
  }

  async backfill(names: Partial<RunNames> = {}): Promise<void> {
    const signal = new AbortController().signal;
    const backend = await this.#bench.target.connect();
    const { lanes } = await backfill({ ...this.#options(backend, names), store: undefined, signal });
    expect(lanes.map(({ stand }) => stand)).toEqual(['done']);
  }

  /** How far the lane has come in a file. */
  watermark(file: string): number {
    return Number(this.#ask('SELECT watermark AS it FROM position JOIN file ON file.id = position.file WHERE file.name = ?', file) ?? 0);
  }

  handle(): Handle | undefined {
    return this.#ask('SELECT handle AS it FROM handle') as Handle | undefined;
  }

  /** That the one tracker run there is holds all of this, each point once. */
  async expectOnce(drafts: readonly Draft[]): Promise<void> {
    expect(await this.#bench.target.runCount?.()).toBe(1);
    const backend = await this.#bench.connect();
    const found = await readHeld(backend, this.handle()!);
    expect(differences(backend, expectedOf(backend, drafts), found)).toEqual([]);
    await this.#bench.close(backend);
  }

  #options(backend: Backend, names: Partial<RunNames> = {}): Pick<Parameters<typeof watch>[0], 'roots' | 'trackers' | 'statePath'> {
    const namesOf = ({ path }: { path: string }) => ({ name: path, group: 'contract', tags: {}, ...names });
    return {
      roots: [{ path: this.#run.root, name: 'logs' }],
      trackers: [{ name: 'lane', type: 'any', target: 'there', backend, namesOf }],
      statePath: this.statePath,
    };
  }

  #ask(sql: string, ...values: string[]): unknown {
    try {
      const state = new DatabaseSync(this.statePath, { readOnly: true });
      try {
        return state.prepare(sql).get(...values)?.['it'];
      } finally {
        state.close();
      }
    } catch {
      return undefined; // not there yet, or busy
    }
  }
}

/** As earlier versions did it: a run that is opened in the middle of its file is known by none, for ever. */
function withoutMarks(backend: Backend): Backend {
  return new Proxy(backend, {
    get(target, key) {
      if (key === 'noteFiles') return undefined;
      if (key === 'open') {
        const open: Backend['open'] = ({ files: _, ...source }, known, signal) =>
          target.open({ ...source, fingerprint: [] }, known, signal);
        return open;
      }
      const value: unknown = Reflect.get(target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

async function withRun(
  harness: Harness,
  work: (bench: Bench, run: GrowingRun, life: (name: string) => Mirror) => Promise<void>,
): Promise<void> {
  const target: Target = await harness.start();
  const folder = mkdtempSync(join(tmpdir(), 'mirrorboard-lost-'));
  try {
    await using bench = new Bench(harness, target);
    const run = bench.run();
    await work(bench, run, (name) => new Mirror(bench, run, folder, name));
    expect(target.complaints?.() ?? []).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe.each(HARNESSES)('a run whose state was lost, in %s', (_, harness) => {
  it('is gone on with where watch met it before it had values, and holds each point once', () =>
    withRun(harness, async (bench, run, life) => {
      const drafts = run.append([]);
      const first = life('first');
      await first.watch(await bench.target.connect(), async () => {
        await until(() => first.watermark(FILE) > 0, 'the lane has read the version record');
        drafts.push(...run.append(points(0, 10)));
        await until(() => first.watermark(FILE) >= drafts.at(-1)!.batch.end, 'the values are mirrored');
      });
      await first.expectOnce(drafts);
      drafts.push(...run.append(points(10, 20)));
      for (const name of ['second', 'third']) {
        const later = life(name);
        await later.backfill();
        await later.expectOnce(drafts);
        expect(later.handle()).toBe(first.handle());
      }
    }));

  it('is gone on with where its first file is gone, by one that came while it was open', () =>
    withRun(harness, async (bench, run, life) => {
      const other = 'events.out.tfevents.1700000001.host.1.0';
      const drafts = run.append(points(0, 4));
      const first = life('first');
      await first.watch(await bench.target.connect(), async () => {
        await until(() => first.watermark(FILE) >= drafts[0]!.batch.end, 'the first file is mirrored');
        drafts.push(...run.append([], other));
        await until(() => first.watermark(other) > 0, 'the lane has read the version record of the other one');
        drafts.push(...run.append(points(4, 8), other));
        await until(() => first.watermark(other) >= drafts.at(-1)!.batch.end, 'both are mirrored');
      });
      rmSync(join(run.directory, FILE));
      const second = life('second');
      await second.backfill();
      await second.expectOnce(drafts);
    }));

  it('is gone on with where it was left without a file to be known by, if all its points are in the files', () =>
    withRun(harness, async (bench, run, life) => {
      const drafts = run.append([]);
      const first = life('first');
      await first.watch(withoutMarks(await bench.target.connect()), async () => {
        await until(() => first.watermark(FILE) > 0, 'the lane has read the version record');
        drafts.push(...run.append(points(0, 10)));
        await until(() => first.watermark(FILE) >= drafts.at(-1)!.batch.end, 'the values are mirrored');
      });
      drafts.push(...run.append(points(10, 12)));
      const second = life('second');
      await second.backfill();
      await second.expectOnce(drafts);
    }));
});

describe.each(HARNESSES.filter(([name]) => ['MLflow', 'ClearML'].includes(name)))('the run above a study, in %s', (_, harness) => {
  it('is the same one for a trial that comes after the state was lost', () =>
    withRun(harness, async (bench, run, life) => {
      const study = { parent: { key: 'a-study', name: 'study' } };
      const trial = (name: string, from: number): void => {
        mkdirSync(join(run.root, name));
        const records = [versionEvent(), ...points(from, from + 2)].map(frame);
        writeFileSync(join(run.root, name, FILE), concat(...records));
      };
      trial('trial_5', 0);
      await life('first').backfill(study);
      expect(await bench.target.runCount?.()).toBe(2);
      trial('trial_10', 10);
      await life('second').backfill(study);
      expect(await bench.target.runCount?.()).toBe(3);
    }));
});
