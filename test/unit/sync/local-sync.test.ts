import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { LocalBackend } from '../../../src/backends/local/index.ts';
import type { RunRef } from '../../../src/model/index.ts';
import { type LaneState, StateFile } from '../../../src/state/index.ts';
import { WatchStatus } from '../../../src/status/index.ts';
import { LocalSync } from '../../../src/sync/local-sync.ts';
import { event, eventFile, simpleValue } from '../../support/event-writer.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

let folder: string;
let state: StateFile;
let lane: LaneState;

beforeEach(() => {
  folder = temporaryFolder();
  state = StateFile.open(join(folder, 'state'), { now: Date.now });
  lane = state.lane('local', join(folder, 'store.db'), { ownsPositions: true });
});

afterEach(() => {
  state.close();
});

/** A store whose runs take so many pieces to be brought together; it notes which run had its turn. */
class Scattered extends LocalBackend {
  readonly turns: string[] = [];
  readonly #pieces: Map<string, number>;

  constructor(pieces: Readonly<Record<string, number>>) {
    super({ path: join(folder, 'store.db'), mediaPath: join(folder, 'media') });
    this.#pieces = new Map(Object.entries(pieces));
  }

  override compact({ path }: RunRef): boolean {
    this.turns.push(path);
    const left = (this.#pieces.get(path) ?? 0) - 1;
    this.#pieces.set(path, left);
    return left > 0;
  }
}

function feedOf(backend: LocalBackend, path = '/logs', { signal } = new AbortController()): LocalSync {
  const status = new WatchStatus({ lanes: [{ name: 'local', type: 'local', where: 'store.db' }] });
  const ignore = (): void => undefined;
  const events = { fileTroubled: ignore, fileValid: ignore, readFailed: ignore, fileRead: ignore, fileGone: ignore };
  const places = new Map([['logs', { path, links: 'owner' as const }]]);
  return new LocalSync({ lane: 'local', backend, state: lane, status, events, places, cache: undefined, signal });
}

it('a file that is there again is read, though data of its run was under way when it was gone', async () => {
  const backend = new LocalBackend({ path: join(folder, 'store.db'), mediaPath: join(folder, 'media') });
  const run = { root: 'logs', path: '.' };
  const end = new AbortController();
  const feed = feedOf(backend, folder, end);
  const put = (name: string, ...steps: readonly number[]): void => {
    const bytes = eventFile(...steps.map((step) => event({ wallTime: step, step, summary: [simpleValue('loss', step)] })));
    writeFileSync(join(folder, name), bytes);
    feed.filesChanged(run, [{ name, size: bytes.length, before: 0, stamp: '' }]);
  };
  const has = async (points: number): Promise<void> => {
    for (const endMs = Date.now() + 20_000; backend.positions(run).points !== points; feed.tick(1000)) {
      if (Date.now() > endMs) expect(backend.positions(run).points).toBe(points);
      await sleep(5);
    }
  };
  const running = feed.run();
  put('events.out.tfevents.1', 1, 2);
  await has(2);
  put('events.out.tfevents.2', ...Array.from({ length: 5000 }, (_, i) => i));
  // What a run writes after a rest is read at once.
  await sleep(600);
  put('events.out.tfevents.2', ...Array.from({ length: 10_000 }, (_, i) => i));
  await sleep(0);
  rmSync(join(folder, 'events.out.tfevents.1'));
  feed.fileGone(run, 'events.out.tfevents.1');
  put('events.out.tfevents.1', 3, 4, 5);
  await has(10_003);
  end.abort();
  await running;
  await backend.close();
});

const onLinux = process.platform === 'linux' ? it : it.skip;

onLinux('starts the thread of its reader when a file changed, not before', async () => {
  const threads = (): number => readdirSync('/proc/self/task').length;
  const backend = new LocalBackend({ path: join(folder, 'store.db'), mediaPath: join(folder, 'media') });
  const file = { name: 'events.out.tfevents.1', before: 0, stamp: '' };
  const run = { root: 'logs', path: 'a' };
  mkdirSync(join(folder, 'logs/a'), { recursive: true });
  const path = join(folder, 'logs/a', file.name);
  writeFileSync(path, eventFile(event({ wallTime: 1, step: 1, summary: [simpleValue('loss', 1)] })));
  const ending = new AbortController();
  const sync = feedOf(backend, join(folder, 'logs'), ending);
  const before = threads();
  const running = sync.run();
  expect(threads()).toBe(before);
  sync.filesChanged(run, [{ ...file, size: statSync(path).size }]);
  while (backend.positions(run).files.length === 0) await sleep(5);
  expect(threads()).toBeGreaterThan(before);
  ending.abort();
  await running;
  await backend.close();
});

describe('quiet runs', () => {
  it('are compacted one piece per tick, each to its end', async () => {
    const backend = new Scattered({ large: 3, small: 1 });
    const feed = feedOf(backend);
    for (const path of ['large', 'small']) feed.runQuiet({ root: 'logs', path });
    for (let tick = 1; tick <= 6; tick++) {
      feed.tick(tick * 1000);
      expect(backend.turns).toHaveLength(Math.min(tick, 4));
    }
    expect(backend.turns).toEqual(['large', 'large', 'large', 'small']);
    await backend.close();
  });

  it('with duplicate content wait for their turn again once they grow', async () => {
    const backend = new Scattered({ large: 3, small: 1 });
    const feed = feedOf(backend);
    for (const path of ['large', 'small']) feed.tidy({ root: 'logs', path });
    feed.tick(1000);
    feed.filesChanged({ root: 'logs', path: 'large' }, [{ name: 'events.out.tfevents.1', size: 100, before: 0, stamp: '' }]);
    for (let tick = 2; tick <= 6; tick++) feed.tick(tick * 1000);
    expect(backend.turns).toEqual(['large', 'small']);
    await backend.close();
  });
});
