import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { GroupCommit } from '../../../src/state/group-commit.ts';
import { sqliteCode } from '../../../src/state/sqlite-error.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const FULL = 13;
const BUSY = 5;

let folder = '';
let db: DatabaseSync;
let other: DatabaseSync;
let commits: GroupCommit;
/** What is scheduled, until it is called off or runs. */
let timers: { delayMs: number; work: () => void }[] = [];
let failures: (number | undefined)[] = [];
let rollbacks = 0;

beforeEach(() => {
  folder = temporaryFolder();
  db = new DatabaseSync(join(folder, 'a.db'));
  db.exec(
    'PRAGMA journal_mode = WAL; PRAGMA cache_spill = 0; PRAGMA busy_timeout = 0; CREATE TABLE t (k TEXT PRIMARY KEY, v CHECK (v <> -13))',
  );
  other = new DatabaseSync(join(folder, 'a.db'));
  other.exec('PRAGMA busy_timeout = 0');
  timers = [];
  failures = [];
  rollbacks = 0;
  commits = new GroupCommit({
    db,
    schedule: (delayMs, work) => {
      const timer = { delayMs, work };
      timers.push(timer);
      return () => {
        timers = timers.filter((each) => each !== timer);
      };
    },
    onFailure: (error) => failures.push(sqliteCode(error)),
    onRollback: () => rollbacks++,
  });
});
afterEach(() => {
  db.close();
  other.close();
});

function put(key: string, value: number | string): void {
  commits.change(key, () => db.prepare('INSERT OR REPLACE INTO t VALUES (?, ?)').run(key, value));
}

/** The committed rows, as another connection sees them. */
function committed(from: DatabaseSync = other): Record<string, unknown> {
  return Object.fromEntries(
    from
      .prepare('SELECT k, v FROM t ORDER BY k')
      .all()
      .map(({ k, v }) => [k, v]),
  );
}

function fireTimer(): number {
  const [timer] = timers.splice(0, 1);
  timer?.work();
  return timer?.delayMs ?? Number.NaN;
}

/** A disk that has no room for more than the database takes now, and one that has. */
function fillDisk(): void {
  const { page_count: pages } = db.prepare('PRAGMA page_count').get() as { page_count: number };
  db.exec(`PRAGMA max_page_count = ${pages}`);
}
function freeDisk(): void {
  db.exec('PRAGMA max_page_count = 1000000');
}

describe('GroupCommit', () => {
  test('shows changes to its own connection at once, and to others 100 ms after the first', () => {
    put('a', 1);
    put('b', 2);
    expect(committed(db)).toEqual({ a: 1, b: 2 });
    expect(committed()).toEqual({});
    expect(timers).toHaveLength(1);
    expect(fireTimer()).toBe(100);
    expect(committed()).toEqual({ a: 1, b: 2 });
    expect(timers).toHaveLength(0);
  });

  test('does not wait with a thousand changes, even of one key', () => {
    for (let i = 1; i <= 999; i++) put('a', i);
    expect(committed()).toEqual({});
    put('a', 1000);
    expect(committed()).toEqual({ a: 1000 });
    expect(timers).toHaveLength(0);
  });

  test('never commits in the middle of a group of changes, of any size', () => {
    commits.together(() => {
      for (let i = 0; i < 2500; i++) put(`k${i}`, i);
      expect(committed()).toEqual({});
      expect(() => commits.flush()).toThrow(/part changes/);
    });
    expect(Object.keys(committed())).toHaveLength(2500);
  });

  test('drops a whole group of changes if one of them is wrong, and keeps all earlier ones', () => {
    put('a', 1);
    expect(() =>
      commits.together(() => {
        put('a', 2);
        put('b', 2);
        put('c', -13);
      }),
    ).toThrow(/CHECK/);
    put('d', 4);
    expect(commits.flush()).toBe(true);
    expect(committed()).toEqual({ a: 1, d: 4 });
    expect(failures).toEqual([]);
  });

  test('keeps changes after a failed commit, reports it, and retries a second later', () => {
    fillDisk();
    put('a', 1);
    put('big', 'x'.repeat(100_000));
    put('a', 2);
    expect(commits.flush()).toBe(false);
    expect(failures.every((code) => code === FULL)).toBe(true);
    expect(failures.length).toBeGreaterThan(0);
    expect(commits.isFailing).toBe(true);
    expect(committed()).toEqual({});
    freeDisk();
    expect(timers).toHaveLength(1);
    expect(fireTimer()).toBe(1000);
    expect(Object.keys(committed())).toEqual(['a', 'big']);
    expect(committed()['a']).toBe(2);
    expect(commits.isFailing).toBe(false);
    expect(commits.isEmpty).toBe(true);
  });

  test('retries a failing disk once a second, not with every hundredth change, and grows only with the number of keys', () => {
    fillDisk();
    put('big', 'x'.repeat(100_000));
    const before = failures.length;
    expect(before).toBe(1);
    for (let i = 1; i <= 1000; i++) put('a', i);
    expect(failures).toHaveLength(before);
    expect(timers).toHaveLength(1);
    freeDisk();
    fireTimer();
    expect(committed()['a']).toBe(1000);
  });

  test('repeats changes that a failure undid, and invalidates the row ids', () => {
    put('a', 1);
    expect(rollbacks).toBe(0);
    fillDisk();
    put('big', 'x'.repeat(100_000));
    expect(rollbacks).toBe(1);
    freeDisk();
    commits.makeAll();
    expect(Object.keys(committed(db))).toEqual(['a', 'big']);
    expect(committed()).toEqual({});
  });

  test('keeps all changes of a group in which one failed and something is read after it', () => {
    put('a', 1);
    fillDisk();
    commits.together(() => {
      put('b', 2);
      put('big', 'x'.repeat(100_000));
      freeDisk();
      commits.makeAll();
      expect(Object.keys(committed(db))).toEqual(['a', 'b', 'big']);
      put('c', 3);
    });
    fireTimer();
    expect(Object.keys(committed())).toEqual(['a', 'b', 'big', 'c']);
    expect(commits.isEmpty).toBe(true);
  });

  test('keeps changes while another process locks the file, and refuses reads until they are written', () => {
    other.exec('BEGIN IMMEDIATE');
    put('a', 1);
    put('b', 2);
    expect(failures).toEqual([BUSY]);
    expect(() => commits.makeAll()).toThrow(/locked/);
    other.exec('COMMIT');
    commits.makeAll();
    expect(committed(db)).toEqual({ a: 1, b: 2 });
    fireTimer();
    expect(committed()).toEqual({ a: 1, b: 2 });
  });

  test('drops and reports a wrong change that it could not try at once, so that it does not block the others', () => {
    other.exec('BEGIN IMMEDIATE');
    put('a', 1);
    put('c', -13);
    put('d', 4);
    other.exec('COMMIT');
    expect(commits.flush()).toBe(true);
    expect(committed()).toEqual({ a: 1, d: 4 });
    expect(failures).toEqual([BUSY, 19]);
  });

  test('commits the rest when it is closed, and reports a failure', () => {
    put('a', 1);
    expect(commits.close()).toBe(true);
    expect(committed()).toEqual({ a: 1 });
    fillDisk();
    put('big', 'x'.repeat(100_000));
    expect(commits.close()).toBe(false);
    expect(timers).toHaveLength(0);
  });
});
