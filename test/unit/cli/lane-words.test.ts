import { describe, expect, it } from '@jest/globals';
import { blockOf } from '../../../src/cli/lane-words.ts';
import type { LanePosture } from '../../../src/status/index.ts';

const POSTURE: LanePosture = {
  name: 'mlflow',
  type: 'mlflow',
  where: 'http://tracker',
  points: 0,
  refused: 0,
  unsupported: 0,
  refusedFiles: [],
  unsupportedFiles: [],
  runsReplaced: 0,
  lagBytes: 100,
  lagPoints: undefined,
  lagMs: 1000,
  runsBehind: 1,
  pauses: [],
  isDriven: false,
  files: undefined,
  links: [],
  snapshot: undefined,
};

const posture = (isDriven: boolean, lane: object): LanePosture => ({
  ...POSTURE,
  isDriven,
  snapshot: { by: 'backfill', pid: 1, written_ms: 0, ended: !isDriven, lane: { ...lane }, pace: null, points_per_byte: null, behind: [] },
});

const WAITING = { state: 'waiting', reason: 'POST http://tracker: 503', code: 'MB4001', remedy: null };
const FAILING = { state: 'active', last_error: { over: false, code: 'MB4001', reason: 'POST http://tracker: 503', remedy: null } };

describe('the lines about a blocked lane', () => {
  it('explain that mirrorboard retries it only while a process runs', () => {
    expect(blockOf(posture(true, WAITING))?.remedy).toBe('none needed: the lane retries by itself');
    for (const lane of [WAITING, FAILING]) {
      const remedy = blockOf(posture(false, lane))?.remedy;
      expect(remedy).toMatch(/the next backfill or watch retries/);
      expect(remedy).not.toMatch(/by itself/);
    }
  });

  it('show the remedy of the last error, if there is one', () => {
    for (const isDriven of [true, false])
      expect(blockOf(posture(isDriven, { ...WAITING, remedy: 'Restart it.' }))?.remedy).toBe('Restart it.');
  });
});
