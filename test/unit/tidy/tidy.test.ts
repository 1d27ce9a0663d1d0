import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Backend, Handle } from '../../../src/contract/index.ts';
import type { Forgetting, Removal, RunRef } from '../../../src/model/index.ts';
import { StateFile } from '../../../src/state/index.ts';
import { finishTidying, type TidyTargets, tidy } from '../../../src/tidy/tidy.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const TARGET = 'there';

let folder = '';
let state: StateFile;

beforeEach(() => {
  folder = temporaryFolder();
  state = StateFile.open(join(folder, 'mirrorboard.state'), { now: () => 0 });
});

afterEach(() => {
  state.close();
});

function placesWith(remove: (handle: Handle) => Promise<void>): TidyTargets {
  const backend = { remove } as unknown as Backend;
  const trackers = [{ name: 'mlflow', target: TARGET, backend }];
  return { state, local: undefined, trackers, warn: () => undefined, signal: new AbortController().signal };
}

const handleOf = ({ root, path }: RunRef): Handle => `${root}/${path}` as Handle;

/** Tracker runs of two roots. */
function mirrorRuns(): RunRef[] {
  const runs = ['a', 'b', 'c', 'd'].map((path, i) => ({ root: i < 2 ? 'logs' : 'more', path }));
  for (const run of runs) state.lane('mlflow', TARGET).keepHandle(run, handleOf(run));
  return runs;
}

const removalOf = (run: RunRef): Removal => ({ lane: 'mlflow', target: TARGET, handle: handleOf(run), label: run.path });

const forgetting = (root: string, runs: readonly string[]): Forgetting => ({
  kind: 'forget',
  root,
  isRoot: false,
  runs,
  files: [],
  keepsPoints: false,
});

describe('a forgotten run', () => {
  it('is removed from trackers, of all roots', async () => {
    const removed: Handle[] = [];
    const places = placesWith(async (handle) => {
      removed.push(handle);
    });
    const removals = mirrorRuns().map(removalOf);
    expect(await tidy(places, [forgetting('logs', ['a', 'b']), forgetting('more', ['c', 'd'])], removals)).toEqual({ removed: 4, left: 0 });
    expect(removed).toEqual(['logs/a', 'logs/b', 'more/c', 'more/d']);
  });

  it('waits once for a lane that does not answer, for any number of pending changes, and is not lost', async () => {
    const removals = mirrorRuns().map(removalOf);
    for (const root of ['logs', 'more']) {
      const runs = root === 'logs' ? ['a', 'b'] : ['c', 'd'];
      const own = removals.filter(({ label }) => runs.includes(label));
      state.tidy(forgetting(root, runs), undefined, own);
    }
    let asked = 0;
    const places = placesWith(async () => {
      asked++;
      throw new Error('nobody answers');
    });
    expect([await finishTidying(places), asked]).toEqual([{ removed: 0, left: 4 }, 1]);
    expect(await finishTidying(placesWith(async () => undefined))).toEqual({ removed: 4, left: 0 });
  });
});
