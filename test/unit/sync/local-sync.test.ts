import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { LocalBackend } from '../../../src/backends/local/index.ts';
import type { RunRef } from '../../../src/model/index.ts';
import { type LaneState, StateFile } from '../../../src/state/index.ts';
import { WatchStatus } from '../../../src/status/index.ts';
import { LocalSync } from '../../../src/sync/local-sync.ts';
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

describe('quiet runs', () => {
  function feedOf(backend: Scattered): LocalSync {
    const status = new WatchStatus({ lanes: [{ name: 'local', type: 'local', where: 'store.db' }] });
    const events = { fileTroubled: () => undefined, fileValid: () => undefined };
    const { signal } = new AbortController();
    return new LocalSync({
      lane: 'local',
      backend,
      state: lane,
      status,
      events,
      places: new Map([['logs', { path: '/logs', links: 'owner' as const }]]),
      cache: undefined,
      signal,
    });
  }

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
