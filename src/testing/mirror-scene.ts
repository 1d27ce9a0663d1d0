// A run that grows, a tracker, and the lives of a state file that mirror the run into the tracker.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Backend, Handle } from '../contract/index.ts';
import { backfill, watch } from '../sync/index.ts';
import { Bench } from './bench.ts';
import type { Harness, Target } from './harness.ts';
import type { Draft, GrowingRun } from './parcels.ts';
import { differences, expectedOf, readHeld } from './read-back.ts';

type Mirroring = Pick<Parameters<typeof watch>[0], 'roots' | 'trackers' | 'statePath'>;
/** The options of a lane besides its backend. */
export type SceneLane = Partial<NonNullable<Parameters<typeof watch>[0]['trackers']>[number]>;

const asItIs: (backend: Backend) => Backend = (backend) => backend;

/** Returns a backend with some calls replaced; undefined: it has no such call. */
export function backendWith(backend: Backend, calls: { readonly [Name in 'open' | 'noteFiles']?: Backend[Name] | undefined }): Backend {
  const others: Readonly<Record<PropertyKey, unknown>> = calls;
  return new Proxy(backend, {
    get(target, key) {
      if (Object.hasOwn(calls, key)) return others[key];
      const value: unknown = Reflect.get(target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** One life of a state file: everything that is mirrored with it. */
export class Mirror {
  readonly #bench: Bench;
  readonly #run: GrowingRun;
  readonly #statePath: string;
  readonly #lane: SceneLane;

  constructor(bench: Bench, run: GrowingRun, statePath: string, lane: SceneLane) {
    this.#bench = bench;
    this.#run = run;
    this.#statePath = statePath;
    this.#lane = lane;
  }

  /** Watches while `work` runs. */
  async watch(work: () => Promise<void>, change = asItIs): Promise<void> {
    const end = new AbortController();
    const backend = change(await this.#bench.target.connect());
    const watching = watch({ ...this.#options(backend), store: undefined, scanIntervalMs: 200, signal: end.signal });
    try {
      await work();
    } finally {
      end.abort();
      await watching;
    }
  }

  async backfill(change = asItIs, signal: AbortSignal = new AbortController().signal): ReturnType<typeof backfill> {
    const backend = change(await this.#bench.target.connect());
    return await backfill({ ...this.#options(backend), store: undefined, signal });
  }

  /** Returns the lane's position in the current content of a file. */
  watermark(file: string): number {
    const sql = `SELECT watermark AS it FROM position JOIN file ON file.id = position.file
      WHERE file.name = ? AND position.generation = file.generation`;
    return Number(this.#ask(sql, file) ?? 0);
  }

  /** True if the lane is at the end of every file. */
  isAtEnd(): boolean {
    const sql = `SELECT count(*) AS it FROM file LEFT JOIN position ON position.file = file.id AND position.generation = file.generation
      WHERE position.watermark IS NULL OR position.watermark < file.size`;
    return this.#ask(sql) === 0;
  }

  handle(): Handle | undefined {
    return this.#ask("SELECT handle AS it FROM handle WHERE handle <> ''") as Handle | undefined;
  }

  #options(backend: Backend): Mirroring {
    const namesOf = ({ path }: { path: string }) => ({ name: path, group: 'contract', tags: {} });
    return {
      roots: [{ path: this.#run.root, name: 'logs' }],
      trackers: [{ name: 'lane', type: 'any', target: 'there', namesOf, ...this.#lane, backend }],
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

/** The parts of a case that mirrors: a run that grows, and the lives of its state. */
export interface MirrorScene {
  readonly run: GrowingRun;
  /** Returns a life of the state file of this name. */
  readonly life: (name: string, lane?: SceneLane) => Mirror;
  readonly runCount: () => Promise<number>;
  /** Checks that a tracker run holds the points of these drafts and nothing else, each point once. */
  readonly expectHeld: (handle: Handle | undefined, drafts: readonly Draft[]) => Promise<void>;
}

/**
 * Calls `work`, which mirrors a run into an empty target with `backfill` and `watch`. Fails if the target has
 * complaints afterwards.
 */
export async function mirrorScene(harness: Harness, work: (scene: MirrorScene) => Promise<void>): Promise<void> {
  const target: Target = await harness.start();
  const folder = mkdtempSync(join(tmpdir(), 'mirrorboard-mirror-'));
  try {
    await using bench = new Bench(harness, target);
    const run = bench.run();
    await work({
      run,
      life: (name, lane = {}) => new Mirror(bench, run, join(folder, `${name}.state`), lane),
      runCount: async () => (await target.runCount?.()) ?? 0,
      expectHeld: async (handle, drafts) => {
        const backend = await bench.connect();
        assert.deepEqual(differences(backend, expectedOf(backend, drafts), await readHeld(backend, handle!)), []);
        await bench.close(backend);
      },
    });
    assert.deepEqual(target.complaints?.() ?? [], []);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
