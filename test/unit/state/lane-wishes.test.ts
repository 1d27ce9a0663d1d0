import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { keepLaneWish, type LaneWish, StateFile } from '../../../src/state/index.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

let path = '';
beforeEach(() => {
  path = join(temporaryFolder(), 'mirrorboard.state');
});
const ask = (kind: LaneWish['kind'], roots: readonly string[] = [], nowMs = 1000): ReturnType<typeof keepLaneWish> =>
  keepLaneWish(path, { kind, name: 'mlflow', target: 'http://mlflow', roots, nowMs }, 20);

function opened(): StateFile {
  const state = StateFile.open(path, { now: () => 5 });
  for (const root of ['logs', 'scratch']) state.root(root, `/${root}`);
  state.flush();
  return state;
}

describe('the pause of a lane', () => {
  test('is visible to the process that writes the state, survives it, and applies to this lane and target alone', () => {
    const state = opened();
    const lane = state.lane('mlflow', 'http://mlflow');
    state.flush();
    expect(lane.pauses()).toEqual([]);
    expect(ask('pause')).toEqual({ pauses: [{ root: undefined, sinceMs: 1000 }], isNews: true });
    expect(lane.pauses()).toEqual([{ root: undefined, sinceMs: 1000 }]);
    expect(state.lane('mlflow', 'http://other').pauses()).toEqual([]);
    expect(state.lane('wandb', 'http://mlflow').pauses()).toEqual([]);
    state.close();
    const reader = StateFile.openForReading(path);
    expect(reader.lane('mlflow', 'http://mlflow').pauses()).toHaveLength(1);
    expect(reader.check()).toEqual([]);
    expect(JSON.parse([...reader.dump()].join(''))).toMatchObject({ lanes: [{ paused: [{ root: null, since_ms: 1000 }] }, {}, {}] });
    reader.close();
  });

  test('begins once after any number of requests, and ends once', () => {
    opened().close();
    ask('pause', [], 1000);
    expect(ask('pause', [], 9000)).toEqual({ pauses: [{ root: undefined, sinceMs: 1000 }], isNews: false });
    expect(ask('resume')).toEqual({ pauses: [], isNews: true });
    expect(ask('resume')).toEqual({ pauses: [], isNews: false });
  });

  test('may apply to some roots; resuming the lane ends all of them', () => {
    opened().close();
    ask('pause', ['scratch', 'logs']);
    expect(ask('resume', ['logs']).pauses).toEqual([{ root: 'scratch', sinceMs: 1000 }]);
    expect(ask('pause').pauses.map(({ root }) => root)).toEqual([undefined, 'scratch']);
    expect(ask('resume').pauses).toEqual([]);
  });

  test('follows a renamed root, and does not survive a forgotten one', () => {
    const state = opened();
    ask('pause', ['scratch']);
    state.tidy({ kind: 'rename', from: 'scratch', to: 'trials' }, undefined);
    expect(state.lane('mlflow', 'http://mlflow').pauses()).toEqual([{ root: 'trials', sinceMs: 1000 }]);
    state.tidy({ kind: 'forget', root: 'trials', runs: [], files: [], isRoot: true, keepsPoints: false }, undefined);
    state.root('another', '/another');
    state.flush();
    expect(state.lane('mlflow', 'http://mlflow').pauses()).toEqual([]);
    state.close();
  });

  test('is refused without a state, for an unknown root, and while the state is locked', () => {
    expect(() => ask('pause')).toThrow(expect.objectContaining({ code: 'MB3105' }));
    opened().close();
    expect(() => ask('pause', ['scrach'])).toThrow(/no such root: scrach; did you mean scratch\?/);
    const holder = new DatabaseSync(path);
    holder.exec('BEGIN IMMEDIATE');
    expect(() => ask('pause')).toThrow(expect.objectContaining({ code: 'MB3106' }));
    holder.exec('ROLLBACK');
    holder.close();
    expect(ask('pause').isNews).toBe(true);
  });
});

describe('a requested retry', () => {
  test('is pending until the lane retries; a retry that was requested since stays', () => {
    const state = opened();
    const lane = state.lane('mlflow', 'http://mlflow');
    state.flush();
    expect(lane.retryWish()).toBeUndefined();
    ask('retry');
    const first = lane.retryWish() ?? '';
    // In the same millisecond.
    ask('retry');
    lane.dropRetryWish(first);
    const second = lane.retryWish() ?? '';
    expect([second === first, second.length > 0]).toEqual([false, true]);
    lane.dropRetryWish(second);
    expect(lane.retryWish()).toBeUndefined();
    state.close();
  });
});
