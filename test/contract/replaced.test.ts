// A training that is started again over its own files: over every backend, each content of a file is in a tracker run of its own.
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from '@jest/globals';
import type { Backend, Handle } from '../../src/backends/contract.ts';
import { mlflow } from '../../src/backends/mlflow/index.ts';
import { wholeRouting } from '../../src/lanes/index.ts';
import { backfill } from '../../src/pipeline.ts';
import { Fold, type Replaced } from '../../src/route/index.ts';
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
const FILE = 'events.out.tfevents';
const OTHER = 'events.out.tfevents.other';

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

/** Of one training: what it writes at some steps, at times of its own. */
function training(number: number, from: number, to: number): Uint8Array[] {
  return Array.from({ length: to - from }, (_, i) => {
    const step = from + i;
    const values = [simpleValue('loss', step / 8 + number), ...(step % 4 === 0 ? [text('note', [`${number}: ${step}`])] : [])];
    return event({ wallTime: T + number * 1000 + step, step, summary: values });
  });
}

/** One life of a state file: everything that is mirrored with it. */
class Mirror {
  readonly warnings: string[] = [];
  readonly #bench: Bench;
  readonly #run: GrowingRun;
  readonly #statePath: string;
  readonly #replaced: Replaced;
  readonly #folded: readonly string[];

  constructor(bench: Bench, run: GrowingRun, statePath: string, replaced: Replaced = 'new_run', folded: readonly string[] = []) {
    this.#bench = bench;
    this.#run = run;
    this.#statePath = statePath;
    this.#replaced = replaced;
    this.#folded = folded;
  }

  /** Watches while `work` goes on. */
  async watch(work: () => Promise<void>): Promise<void> {
    const end = new AbortController();
    const backend = await this.#bench.target.connect();
    const watching = watch({ ...this.#options(backend), store: undefined, scanIntervalMs: 200, signal: end.signal });
    try {
      await work();
    } finally {
      end.abort();
      await watching;
    }
  }

  async backfill(change: (backend: Backend) => Backend = (backend) => backend, signal = new AbortController().signal): Promise<void> {
    const backend = change(await this.#bench.target.connect());
    await backfill({ ...this.#options(backend), store: undefined, signal });
  }

  /** How far the lane has come in the present content of a file. */
  watermark(file: string): number {
    const sql = `SELECT watermark AS it FROM position JOIN file ON file.id = position.file
      WHERE file.name = ? AND position.generation = file.generation`;
    return Number(this.#ask(sql, file) ?? 0);
  }

  /** Whether the lane has come to the end of every file. */
  isAtEnd(): boolean {
    const sql = `SELECT count(*) AS it FROM file LEFT JOIN position ON position.file = file.id AND position.generation = file.generation
      WHERE position.watermark IS NULL OR position.watermark < file.size`;
    return this.#ask(sql) === 0;
  }

  handle(): Handle | undefined {
    return this.#ask("SELECT handle AS it FROM handle WHERE handle <> ''") as Handle | undefined;
  }

  #options(backend: Backend): Pick<Parameters<typeof watch>[0], 'roots' | 'trackers' | 'statePath'> {
    const namesOf = ({ path }: { path: string }) => ({ name: path, group: 'contract', tags: {} });
    const routing = {
      ...wholeRouting('lane'),
      fold: new Fold({ names: this.#folded, flat: [], hparams: false }),
      replacedOf: () => this.#replaced,
      warn: (message: string) => void this.warnings.push(message),
    };
    return {
      roots: [{ path: this.#run.root, name: 'logs' }],
      trackers: [{ name: 'lane', type: 'any', target: 'there', backend, namesOf, routing }],
      statePath: this.#statePath,
    };
  }

  #ask(sql: string, ...values: string[]): unknown {
    try {
      const state = new DatabaseSync(this.#statePath, { readOnly: true });
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

interface Scene {
  readonly run: GrowingRun;
  readonly life: (name: string, replaced?: Replaced, folded?: readonly string[]) => Mirror;
  readonly runCount: () => Promise<number>;
  /** That a tracker run holds all of this and nothing else, each point once. */
  readonly expectHeld: (handle: Handle | undefined, drafts: readonly Draft[]) => Promise<void>;
}

async function scene(harness: Harness, work: (scene: Scene) => Promise<void>): Promise<void> {
  const target: Target = await harness.start();
  const folder = mkdtempSync(join(tmpdir(), 'mirrorboard-replaced-'));
  try {
    await using bench = new Bench(harness, target);
    const run = bench.run();
    await work({
      run,
      life: (name, replaced, folded) => new Mirror(bench, run, join(folder, `${name}.state`), replaced, folded),
      runCount: async () => (await target.runCount?.()) ?? 0,
      expectHeld: async (handle, drafts) => {
        const backend = await bench.connect();
        expect(differences(backend, expectedOf(backend, drafts), await readHeld(backend, handle!))).toEqual([]);
        await bench.close(backend);
      },
    });
    expect(target.complaints?.() ?? []).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe.each(HARNESSES)('a run whose file was replaced, in %s', (_, harness) => {
  it('gets a tracker run beside the former one, once, and the same one after the state was lost', () =>
    scene(harness, async ({ run, life, runCount, expectHeld }) => {
      const before = run.append(training(1, 0, 9), FILE);
      const mirror = life('first');
      await mirror.backfill();
      const former = mirror.handle();
      const now = run.replace(training(2, 0, 6), FILE);
      await mirror.backfill();
      const present = mirror.handle();
      expect(present).not.toBe(former);
      expect(mirror.warnings.filter((warning) => warning.includes('was replaced'))).toHaveLength(1);
      now.push(...run.append(training(2, 6, 12), FILE));
      await mirror.backfill();
      const later = life('second');
      await later.backfill();
      expect([mirror.handle(), later.handle()]).toEqual([present, present]);
      expect(await runCount()).toBe(2);
      await expectHeld(former, before);
      await expectHeld(present, now);
    }));

  it('gets one with all its files where one of several was replaced, and the same one after the state was lost', () =>
    scene(harness, async ({ run, life, runCount, expectHeld }) => {
      const before = run.append(training(1, 0, 5), FILE);
      const other = run.append(training(3, 0, 5), OTHER);
      const mirror = life('first');
      await mirror.backfill();
      const former = mirror.handle();
      const now = run.replace(training(2, 0, 8), FILE);
      await mirror.backfill();
      const present = mirror.handle();
      const later = life('second');
      await later.backfill();
      expect(later.handle()).toBe(present);
      expect(await runCount()).toBe(2);
      await expectHeld(former, [...before, ...other]);
      await expectHeld(present, [...now, ...other]);
    }));

  it('goes on in the same tracker run where that is wanted', () =>
    scene(harness, async ({ run, life, runCount, expectHeld }) => {
      const drafts = run.append(training(1, 0, 9), FILE);
      const mirror = life('first', 'same_run');
      await mirror.backfill();
      const former = mirror.handle();
      drafts.push(...run.replace(training(2, 0, 6), FILE));
      await mirror.backfill();
      expect([mirror.handle(), await runCount()]).toEqual([former, 1]);
      await expectHeld(former, drafts);
    }));

  it('goes on in the same tracker run where what is there now begins with what was', () =>
    scene(harness, async ({ run, life, runCount }) => {
      const mirror = life('first');
      run.append(training(1, 0, 9), FILE);
      await mirror.backfill();
      const former = mirror.handle();
      // Cut, gone on with, and written once more as it is.
      const begun = training(1, 0, 6);
      for (const content of [begun, [...begun, ...training(2, 6, 12)], begun, [...begun, ...training(2, 6, 12)]]) {
        run.replace(content, FILE);
        await mirror.backfill();
        expect([mirror.handle(), await runCount(), mirror.warnings]).toEqual([former, 1, []]);
      }
    }));

  it('gets one while it is watched, though it is emptied first, begins with the same version record, and comes piece by piece', () =>
    scene(harness, async ({ run, life, runCount, expectHeld }) => {
      const before = run.append(training(1, 0, 9), FILE);
      const path = join(run.directory, FILE);
      const mirror = life('first');
      let former: Handle | undefined;
      const now: Draft[] = [];
      await mirror.watch(async () => {
        await until(() => mirror.watermark(FILE) >= before.at(-1)!.batch.end, 'the first training is mirrored');
        former = mirror.handle();
        writeFileSync(path, '');
        appendFileSync(path, frame(versionEvent()));
        now.push(...run.append(training(2, 0, 3), FILE));
        await until(() => (mirror.handle() ?? former) !== former, 'there is another tracker run');
        now.push(...run.append(training(2, 3, 6), FILE));
        await until(() => mirror.watermark(FILE) >= now.at(-1)!.batch.end, 'the second training is mirrored');
      });
      expect(await runCount()).toBe(2);
      await expectHeld(former, before);
      await expectHeld(mirror.handle(), now);
    }));

  it('gets no third one where everything ended just when the second one was made', () =>
    scene(harness, async ({ run, life, runCount, expectHeld }) => {
      const before = run.append(training(1, 0, 9), FILE);
      const mirror = life('first');
      await mirror.backfill();
      const former = mirror.handle();
      const now = run.replace(training(2, 0, 6), FILE);
      for (const moment of ['before', 'after'] as const) {
        const end = new AbortController();
        await mirror.backfill((backend) => endingAtOpen(backend, moment, end), end.signal).catch(() => undefined);
      }
      await mirror.backfill();
      expect(await runCount()).toBe(2);
      await expectHeld(former, before);
      await expectHeld(mirror.handle(), now);
    }));
});

describe('a run that others are folded into', () => {
  it('gets one more tracker run when all its files are replaced one after the other while it is watched', () =>
    scene(memoryHarness, async ({ run, life, runCount }) => {
      const write = (name: string, number: number): void => {
        mkdirSync(join(run.directory, name), { recursive: true });
        writeFileSync(join(run.directory, name, FILE), concat(...[versionEvent(), ...training(number, 0, 5)].map(frame)));
      };
      const names = ['learn', 'test', 'other'];
      for (const name of names) write(name, 1);
      const mirror = life('first', 'new_run', names);
      await mirror.backfill();
      expect(await runCount()).toBe(1);
      const [former] = [mirror.handle()];
      await mirror.watch(async () => {
        write('test', 2);
        await until(() => mirror.handle() !== former, 'the first file is known to be replaced');
        write('learn', 2);
        write('other', 2);
        await until(() => mirror.handle() !== undefined && mirror.isAtEnd(), 'all is mirrored');
      });
      await mirror.backfill();
      expect(await runCount()).toBe(2);
    }));
});

/** Ends all work when a tracker run is to be found or made for the first time: before that is done, or once it is. */
function endingAtOpen(backend: Backend, moment: 'before' | 'after', end: AbortController): Backend {
  return new Proxy(backend, {
    get(target, key) {
      if (key === 'open') {
        const open: Backend['open'] = async (source, known, signal) => {
          if (known !== undefined) return await target.open(source, known, signal);
          if (moment === 'after') await target.open(source, known, signal);
          end.abort();
          throw new Error('the process ended');
        };
        return open;
      }
      const value: unknown = Reflect.get(target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
