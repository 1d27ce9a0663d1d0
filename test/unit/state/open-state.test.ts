import { hash } from 'node:crypto';
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { MirrorError } from '../../../src/errors.ts';
import { StateFile } from '../../../src/state/index.ts';
import { APPLICATION_ID, SCHEMA_VERSION } from '../../../src/state/schema.ts';
import { translated } from '../../../src/state/sqlite-error.ts';
import { mountMemory, remount, unmount, whyNoMounts } from '../../e2e/mounts.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const noMounts = whyNoMounts();
if (noMounts !== undefined) process.stderr.write(`open-state.test: tests that need a file system of their own are skipped: ${noMounts}\n`);
const testOnMount = noMounts === undefined ? test : test.skip;

const run = { root: 'logs', path: 'a' };
let folder = '';
let path = '';
beforeEach(() => {
  folder = temporaryFolder();
  path = join(folder, 'mirrorboard.state');
});
afterEach(() => {
  unmount(join(folder, 'small'));
});

function failure(work: () => { close(): unknown }): MirrorError {
  try {
    work().close();
  } catch (error) {
    if (error instanceof MirrorError) return error;
    throw error;
  }
  throw new Error('it opened');
}

const open = (at = path): StateFile => StateFile.open(at, { now: () => 0 });

/** A state with something in it. */
function filled(runs = 10): void {
  const state = open();
  for (let i = 0; i < runs; i++) state.noteGrowth({ root: 'logs', path: `run ${i}` }, i);
  state.close();
}

/** Opens it in both ways; both refuse it with this code, and the file and its neighbours stay byte for byte. */
function expectRefusal(code: string): MirrorError {
  const contents = (): [string, string][] =>
    readdirSync(folder)
      .filter((name) => !/\.lock|-shm$/.test(name) && statSync(join(folder, name)).isFile())
      .map((name): [string, string] => [name, hash('sha256', readFileSync(join(folder, name)))])
      // SQLite leaves an empty log where it has looked.
      .filter(([, digest]) => digest !== hash('sha256', ''));
  const before = contents();
  const [writing, reading] = [failure(open), failure(() => StateFile.openForReading(path))];
  expect([writing.code, reading.code]).toEqual([code, code]);
  expect(writing.hint).toBeDefined();
  expect(writing.message).toContain(path);
  expect(contents()).toEqual(before);
  // It let go of the lock.
  expect(failure(open).code).toBe(code);
  return writing;
}

describe('opening a state', () => {
  test('refuses a file that is not SQLite', () => {
    writeFileSync(path, 'lanes: [local]\n');
    expect(expectRefusal('MB3102').exitCode).toBe(2);
    writeFileSync(path, 'not a database '.repeat(1000));
    expectRefusal('MB3102');
  });

  test.each([0, 0x4d425244])("refuses another application's file (application_id %i)", (application) => {
    const db = new DatabaseSync(path);
    db.exec(`PRAGMA application_id = ${application}; PRAGMA journal_mode = WAL; CREATE TABLE cookies (v)`);
    db.close();
    expectRefusal('MB3102');
  });

  test('refuses a newer version, even if only the log contains the version', () => {
    filled();
    const db = new DatabaseSync(path);
    db.exec(`PRAGMA user_version = ${SCHEMA_VERSION + 1}`);
    expectRefusal('MB3103');
    db.close();
    const { message } = expectRefusal('MB3103');
    expect(message).toMatch(`schema version ${SCHEMA_VERSION + 1}`);
  });

  test('refuses a damaged file for every writer, and never replaces it with an empty one', () => {
    filled(3000);
    const bytes = readFileSync(path);
    for (let at = 4096; at < bytes.length; at += 4096) bytes.fill(0xa5, at, at + 64);
    writeFileSync(path, bytes);
    expectRefusal('MB3104');
  });

  test('refuses a file that was cut off', () => {
    filled(3000);
    writeFileSync(path, readFileSync(path).subarray(0, 20_000));
    const before = readFileSync(path);
    expect(failure(open)).toMatchObject({ code: 'MB3104', exitCode: 1, hint: expect.stringMatching(/state\.md/) });
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test('refuses a state that has lost its instance id', () => {
    filled();
    const db = new DatabaseSync(path);
    db.exec("DELETE FROM meta WHERE key = 'instance_id'");
    db.close();
    expect(failure(open)).toMatchObject({ code: 'MB3104', message: expect.stringMatching(/instance id/) });
  });

  test('refuses to start if the log of a missing or empty state exists', () => {
    const state = open();
    state.noteGrowth(run, 1);
    state.flush();
    const wal = readFileSync(`${path}-wal`);
    state.close();
    writeFileSync(`${path}-wal`, wal);
    writeFileSync(path, '');
    expect(failure(open)).toMatchObject({ code: 'MB3104', hint: expect.stringMatching(/-wal away/) });
    rmSync(path);
    expect(failure(open).code).toBe('MB3104');
    rmSync(`${path}-wal`);
    open().close();
  });

  test('rolls back what a process left that was killed before the file had its write-ahead log', () => {
    filled();
    const at = join(folder, 'killed');
    mkdirSync(at);
    const db = new DatabaseSync(path);
    db.exec('PRAGMA journal_mode = DELETE; PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE; DELETE FROM run');
    for (const suffix of ['', '-journal']) copyFileSync(path + suffix, join(at, `mirrorboard.state${suffix}`));
    db.exec('ROLLBACK; PRAGMA journal_mode = WAL');
    db.close();
    const left = join(at, 'mirrorboard.state');
    expect(statSync(`${left}-journal`).size).toBeGreaterThan(0);
    open(left).close();
    const after = new DatabaseSync(left, { readOnly: true });
    expect(after.prepare('SELECT count(*) AS runs FROM run').get()?.['runs']).toBe(10);
    after.close();
  });

  test('is created with its write-ahead log, so that no rollback journal is ever at its name', () => {
    filled(0);
    expect([readFileSync(path)[18], readFileSync(path)[19]]).toEqual([2, 2]);
  });

  test('treats an empty file as missing', () => {
    writeFileSync(path, '');
    const state = open();
    expect(state.isNew).toBe(true);
    state.close();
  });

  test('migrates a file of version 0 once', () => {
    const db = new DatabaseSync(path);
    db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = 0; VACUUM`);
    db.close();
    expect(failure(() => StateFile.openForReading(path))).toMatchObject({ code: 'MB3101', message: expect.stringMatching(/version 0/) });
    const state = open();
    expect(state.isNew).toBe(false);
    state.noteGrowth(run, 5);
    state.close();
    const again = open();
    expect(again.instanceId).toBe(state.instanceId);
    expect(again.lastGrowth(run)).toBe(5);
    again.close();
    const version = new DatabaseSync(path);
    expect(version.prepare('PRAGMA user_version').get()).toEqual({ user_version: SCHEMA_VERSION });
    version.close();
  });

  test('reports a missing state to readers, and creates none', () => {
    expect(failure(() => StateFile.openForReading(path))).toMatchObject({ code: 'MB3105', exitCode: 2, command: expect.any(String) });
    expect(readdirSync(folder)).toEqual([]);
  });

  test('reports a folder under its name, or a file under the name of its folder', () => {
    mkdirSync(path);
    expectRefusal('MB3101');
    writeFileSync(join(folder, 'file'), '');
    expect(failure(() => open(join(folder, 'file', 'b.state'))).code).toBe('MB3101');
  });

  testOnMount('fails in a folder that does not allow writes, and can still be read there', () => {
    const small = join(folder, 'small');
    mountMemory(small, 'size=4m');
    const there = join(small, 'mirrorboard.state');
    open(there).close();
    remount(small, 'ro');
    expect(failure(() => open(there))).toMatchObject({ code: 'MB3101', exitCode: 1, hint: expect.stringMatching(/--state/) });
    expect(failure(() => open(join(small, 'new', 'b.state'))).code).toBe('MB3101');
    const reader = StateFile.openForReading(there);
    expect(reader.check()).toEqual([]);
    reader.close();
  });

  testOnMount('fails on a full disk, leaves nothing incomplete, and keeps changes until there is space', () => {
    const small = join(folder, 'small');
    mountMemory(small, 'size=400k');
    const there = join(small, 'mirrorboard.state');
    const errors: MirrorError[] = [];
    const state = StateFile.open(there, { now: () => 0, onFailure: (error) => errors.push(error), schedule: () => () => undefined });
    const left = join(small, 'left');
    try {
      for (let size = 2 ** 20; size >= 1; size = Math.floor(size / 2)) writeFileSync(left, Buffer.alloc(size), { flag: 'a' });
    } catch {
      // full
    }
    expect(failure(() => open(join(small, 'b.state'))).code).toBe('MB3101');
    expect(readdirSync(small).filter((name) => name.startsWith('b.state') && !name.includes('.lock'))).toEqual([]);
    state.lane('mlflow', 't');
    for (let i = 0; i < 500; i++) state.noteGrowth({ root: 'logs', path: `${i}${'x'.repeat(500)}` }, i);
    expect(state.flush()).toBe(false);
    expect(errors[0]).toMatchObject({ code: 'MB3101', retry: 'later', message: expect.stringMatching(/full|I\/O/) });
    expect(state.failure).toBe(errors.at(-1));
    // Noted data is still there for readers.
    expect(state.lastGrowth({ root: 'logs', path: `7${'x'.repeat(500)}` })).toBe(7);
    rmSync(left);
    remount(small, 'size=8m');
    expect(state.flush()).toBe(true);
    expect(state.failure).toBeUndefined();
    state.close();
    const reader = StateFile.openForReading(there);
    expect(reader.summary().runs).toBe(500);
    expect(reader.check()).toEqual([]);
    reader.close();
  });

  test('names data that is only in memory, only if there was something to write', () => {
    const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    expect(translated(full, path, 'opening')).toMatchObject({ code: 'MB3101', hint: 'Free some space.' });
    expect(translated(full, path, 'writing').hint).toMatch('keeps unsaved data in memory and retries');
  });

  test('fails if the file is not readable', () => {
    filled();
    chmodSync(path, 0);
    // root may read everything.
    if (process.getuid?.() !== 0) expect(failure(open).code).toBe('MB3101');
    chmodSync(path, 0o600);
    open().close();
  });
});
