import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { keepVerdicts, StateFile, type VerifiedLane } from '../../../src/state/index.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

let folder = '';
let path = '';
beforeEach(() => {
  folder = temporaryFolder();
  path = join(folder, 'mirrorboard.state');
});
const verdict = (differences: number, roots = ['/logs'], name = 'mlflow'): VerifiedLane => ({
  name,
  target: 'http://mlflow',
  roots,
  verdict: { atMs: 1_700_000_000_123.4, differences },
});

/** A state that a lane has used, with two roots of which one has runs; still open. */
function used(): StateFile {
  const state = StateFile.open(path, { now: () => 5 });
  state.lane('mlflow', 'http://mlflow');
  for (const root of ['logs', 'empty']) state.root(root, `/${root}`);
  state.noteGrowth({ root: 'logs', path: 'a' }, 1);
  state.flush();
  return state;
}

describe('the recorded result of verify', () => {
  test('is stored while another process writes, which sees it at once; only the last result is kept', () => {
    const state = used();
    expect(state.lane('mlflow', 'http://mlflow').verdict()).toBeUndefined();
    expect(keepVerdicts(path, [verdict(3)])).toBeUndefined();
    expect(state.lane('mlflow', 'http://mlflow').verdict()).toEqual({ atMs: 1_700_000_000_123, differences: 3 });
    expect(keepVerdicts(path, [verdict(0)])).toBeUndefined();
    expect(state.lane('mlflow', 'http://mlflow').verdict()).toMatchObject({ differences: 0 });
    state.close();
    const reader = StateFile.openForReading(path);
    expect(reader.lane('mlflow', 'http://mlflow').verdict()).toMatchObject({ differences: 0 });
    expect(reader.lane('mlflow', 'http://other').verdict()).toBeUndefined();
    expect(reader.check()).toEqual([]);
    expect(JSON.parse([...reader.dump()].join(''))).toMatchObject({
      lanes: [{ name: 'mlflow', verified: { at_ms: 1_700_000_000_123, differences: 0 } }],
    });
    reader.close();
  });

  test('has what was found next to it, exactly, until the next result', () => {
    const state = used();
    const lane = state.lane('mlflow', 'http://mlflow');
    expect(lane.report()).toBeUndefined();
    const report = {
      totals: { points: 5 },
      differences: [
        { kind: 'missing', mine: -0, theirs: null, step: 2n ** 60n },
        { kind: 'extra', mine: Number.NaN },
      ],
      leftOut: 3,
      runs: [{ root: 'logs', run: 'a', differences: 5 }],
    };
    expect(keepVerdicts(path, [{ ...verdict(5), report }])).toBeUndefined();
    expect(lane.report()).toEqual({
      ...report,
      differences: [
        { kind: 'missing', mine: -0, theirs: null, step: String(2n ** 60n) },
        { kind: 'extra', mine: 'NaN' },
      ],
    });
    expect(keepVerdicts(path, [verdict(1)])).toBeUndefined();
    expect(lane.report()).toBeUndefined();
    expect(keepVerdicts(path, [{ ...verdict(5), report }])).toBeUndefined();
    // A result that does not count changes nothing.
    expect(keepVerdicts(path, [verdict(0, ['/elsewhere'])])).toBeUndefined();
    expect(lane.report()).toMatchObject({ leftOut: 3 });
    state.close();
    for (const value of ['1', 'null', '{}', '[]', '{"differences":[],"left_out":0,"runs":[1,{"root":"logs"}]}']) {
      const db = new DatabaseSync(path);
      db.prepare('UPDATE meta SET value = ? WHERE key = ?').run(value, JSON.stringify(['verify_report', 'mlflow', 'http://mlflow']));
      db.close();
      const reader = StateFile.openForReading(path);
      expect(reader.lane('mlflow', 'http://mlflow').report()?.runs ?? []).toEqual([]);
      reader.close();
    }
  });

  test('counts as complete only if every root with runs was compared; a difference counts always', () => {
    const state = used();
    expect(keepVerdicts(path, [verdict(0, ['/elsewhere'])])).toBeUndefined();
    expect(state.lane('mlflow', 'http://mlflow').verdict()).toBeUndefined();
    expect(keepVerdicts(path, [verdict(2, ['/elsewhere'])])).toBeUndefined();
    expect(state.lane('mlflow', 'http://mlflow').verdict()).toMatchObject({ differences: 2 });
    state.close();
  });

  test('creates no state and no lane', () => {
    expect(keepVerdicts(path, [verdict(1)])).toBeUndefined();
    expect(existsSync(path)).toBe(false);
    const state = used();
    expect(keepVerdicts(path, [verdict(1, ['/logs'], 'wandb')])).toBeUndefined();
    expect(state.lane('wandb', 'http://mlflow').verdict()).toBeUndefined();
    state.close();
  });

  test('is missing in an older state, and invalid data under its key is ignored', () => {
    const state = used();
    expect(state.lane('mlflow', 'http://mlflow').verdict()).toBeUndefined();
    const db = new DatabaseSync(path);
    for (const value of ['null', '7', '{"at_ms":"x","differences":1}']) {
      db.prepare('INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)').run('["verified","mlflow","http://mlflow"]', value);
      expect(state.lane('mlflow', 'http://mlflow').verdict()).toBeUndefined();
    }
    db.close();
    state.close();
  });

  test('is refused while another process locks the state, and can be recorded later', () => {
    const state = used();
    state.close();
    const holder = new DatabaseSync(path);
    holder.exec('BEGIN EXCLUSIVE');
    expect(keepVerdicts(path, [verdict(1)], 20)).toMatchObject({ code: 'MB3106' });
    holder.exec('ROLLBACK');
    holder.close();
    expect(keepVerdicts(path, [verdict(1)])).toBeUndefined();
  });

  test('is skipped if the state has an older version, until a command upgrades it', () => {
    used().close();
    const db = new DatabaseSync(path);
    db.exec('PRAGMA user_version = 1');
    expect(keepVerdicts(path, [verdict(1)])).toBeUndefined();
    expect(db.prepare("SELECT count(*) AS n FROM meta WHERE key LIKE '%verified%'").get()?.['n']).toBe(0);
    db.close();
  });
});
