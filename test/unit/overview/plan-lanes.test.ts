// What a backfill would do says what it does.
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { type TrackerLaneOptions, wholeRouting } from '../../../src/lanes/index.ts';
import type { FileState } from '../../../src/model/index.ts';
import { planBackfill } from '../../../src/overview/plan.ts';
import { LaneRoute, type RouteRule } from '../../../src/route/index.ts';
import { type LaneState, StateFile } from '../../../src/state/index.ts';
import { backfill } from '../../../src/sync/backfill.ts';
import { concat, event, eventFile, frame, simpleValue } from '../../support/event-writer.ts';
import { MemoryBackend, MemoryTracker } from '../../support/memory-backend.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const RUN = { root: 'logs', path: 'run' };
const NAME = 'events.out.tfevents.1';

let folder: string;
let logs: string;
let tracker: MemoryTracker;
beforeEach(() => {
  folder = temporaryFolder();
  logs = join(folder, 'logs');
  mkdirSync(join(logs, 'run'), { recursive: true });
  tracker = new MemoryTracker();
});
const scalar = (step: number): Uint8Array => event({ wallTime: step, step, summary: [simpleValue('loss', step)] });
const statePath = (): string => join(folder, 'state');

function lane(rules: readonly RouteRule[] = []): TrackerLaneOptions {
  const route = new LaneRoute({ rules, lane: 'memory', lanes: [], base: 'memory', expand: (template) => template });
  const namesOf: TrackerLaneOptions['namesOf'] = ({ path }) => ({ name: path, group: '', tags: {} });
  const routing = { ...wholeRouting('memory'), route };
  return { name: 'memory', type: 'memory', target: 'memory', backend: new MemoryBackend(tracker), namesOf, routing };
}

async function pass(rules?: readonly RouteRule[]): Promise<number> {
  const signal = new AbortController().signal;
  const { lanes } = await backfill({ roots: [{ path: logs }], store: undefined, trackers: [lane(rules)], statePath: statePath(), signal });
  return lanes[0]?.points ?? 0;
}

async function planned(rules?: readonly RouteRule[]): Promise<{ readonly runs: number; readonly points: number }> {
  const { lanes } = await planBackfill({ roots: [{ path: logs }], storePath: undefined, trackers: [lane(rules)], statePath: statePath() });
  return { runs: lanes[0]?.runs ?? 0, points: lanes[0]?.points ?? 0 };
}

function changeState(change: (lane: LaneState, state: FileState) => void): void {
  const state = StateFile.open(statePath(), { now: Date.now });
  try {
    const kept = state.lane('memory', 'memory');
    change(kept, kept.known(RUN).files[0] as FileState);
  } finally {
    state.close();
  }
}

describe('the pending data of a lane', () => {
  it('is empty at the end of all files', async () => {
    writeFileSync(join(logs, 'run', NAME), eventFile(scalar(1), scalar(2)));
    expect(await planned()).toEqual({ runs: 1, points: 2 });
    expect(await pass()).toBe(2);
    expect(await planned()).toEqual({ runs: 0, points: 0 });
  });

  it('includes pending bytes of a file that did not change', async () => {
    writeFileSync(join(logs, 'run', NAME), eventFile(scalar(1), scalar(2)));
    await pass();
    changeState((kept, { name, position: { watermark: end } }) => kept.addGaps(RUN, name, [{ start: 0, end, reason: 'repair' }]));
    expect(await planned()).toEqual({ runs: 1, points: 2 });
    expect(await pass()).toBe(2);
    expect(await planned()).toEqual({ runs: 0, points: 0 });
  });

  it('includes an incomplete end that a pass left while a writer may have been active', async () => {
    const torn = frame(scalar(2)).subarray(0, 30);
    writeFileSync(join(logs, 'run', NAME), concat(eventFile(scalar(1)), torn));
    await pass();
    expect(await planned()).toEqual({ runs: 0, points: 0 });
    changeState((kept, state) => {
      const damage = state.damage.map(({ detail: _, ...rest }) => rest);
      kept.accepted(RUN, { ...state, damage }, []);
    });
    expect(await planned()).toEqual({ runs: 1, points: 0 });
  });

  it('is the data that a run got since a pass that left it out', async () => {
    const path = join(logs, 'run', NAME);
    writeFileSync(path, eventFile(scalar(1)));
    await pass();
    const rules = [{ location: 'routes[0]', runs: ['run'], drop: true }];
    writeFileSync(path, eventFile(scalar(1), scalar(2)));
    expect(await planned(rules)).toEqual({ runs: 0, points: 0 });
    expect(await pass(rules)).toBe(0);
    expect(await planned()).toEqual({ runs: 1, points: 1 });
    expect(await pass()).toBe(1);
  });
});

describe('the bytes that a pass would read', () => {
  it('include the pending data of any lane, even if the local store has all of it', async () => {
    const path = join(logs, 'run', NAME);
    writeFileSync(path, eventFile(scalar(1), scalar(2)));
    const store = { path: join(folder, 'store.db'), mediaPath: join(folder, 'store.media') };
    const mirror = async (trackers: readonly TrackerLaneOptions[]): Promise<void> => {
      const signal = new AbortController().signal;
      await backfill({ roots: [{ path: logs }], store, trackers, statePath: statePath(), signal });
    };
    const runs = async (): Promise<readonly (readonly number[])[]> => {
      const request = { roots: [{ path: logs }], storePath: store.path, trackers: [lane()], statePath: statePath() };
      const plan = await planBackfill(request);
      return plan.runs.map(({ newFiles, changedFiles, bytesToRead }) => [newFiles, changedFiles, bytesToRead]);
    };
    await mirror([]);
    const { size } = statSync(path);
    expect(await runs()).toEqual([[1, 0, size]]);
    await mirror([lane()]);
    expect(await runs()).toEqual([[0, 0, 0]]);
    writeFileSync(path, eventFile(scalar(1), scalar(2), scalar(3)));
    await mirror([]);
    expect(await runs()).toEqual([[0, 1, statSync(path).size - size]]);
  });
});
