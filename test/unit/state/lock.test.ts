import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { MirrorError } from '../../../src/errors.ts';
import { FileLock } from '../../../src/state/lock.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

let folder = '';
let path = '';
const children: ChildProcess[] = [];
beforeEach(() => {
  folder = temporaryFolder();
  path = join(folder, 'store.db');
});
afterEach(async () => {
  for (const child of children.splice(0)) await end(child);
});

function failure(of: string): MirrorError {
  try {
    FileLock.acquire(of).release();
  } catch (error) {
    if (error instanceof MirrorError) return error;
    throw error;
  }
  throw new Error('the lock is free');
}

/** Another process that holds the lock until it is killed. */
async function holder(): Promise<ChildProcess> {
  const module = JSON.stringify(new URL('../../../src/state/lock.js', import.meta.url).href);
  const script = `const { FileLock } = await import(${module});
    globalThis.lock = FileLock.acquire(${JSON.stringify(path)});
    process.stdout.write('held'); setInterval(() => globalThis.lock, 1000);`;
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const [said] = await once(child.stdout!, 'data');
  expect(String(said)).toBe('held');
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

describe('FileLock', () => {
  test('blocks a second process, and names the process that holds the lock', async () => {
    const child = await holder();
    const error = failure(path);
    expect(error).toMatchObject({ code: 'MB3004', exitCode: 4, hint: expect.stringMatching(/--store/) });
    expect(error.message).toContain(`process ${child.pid} on ${hostname()}, since 20`);
    expect(error.message).toContain(path);
  });

  test('is free as soon as its holder ends, even after a kill', async () => {
    await end(await holder());
    FileLock.acquire(path).release();
    await end(await holder());
    await holder();
    expect(failure(path).code).toBe('MB3004');
  });

  test('is exclusive within one process too, until it is released', () => {
    const lock = FileLock.acquire(path);
    expect(failure(path).message).toContain(`process ${process.pid} on`);
    lock.release();
    FileLock.acquire(path).release();
  });

  test('names the process that holds it, without taking it', async () => {
    expect(FileLock.holder(path)).toBeUndefined();
    expect(existsSync(`${path}.lock`)).toBe(false);
    const child = await holder();
    expect(FileLock.holder(path)).toMatch(new RegExp(`^mirrorboard, process ${child.pid} on .*, since 20.*,$`));
    expect(failure(path).code).toBe('MB3004');
    await end(child);
    expect(FileLock.holder(path)).toBeUndefined();
    FileLock.acquire(path).release();
    writeFileSync(`${path}.lock`, 'this is not a database, and long enough for its header '.repeat(10));
    expect(FileLock.holder(path)).toBeUndefined();
  });

  test('guards each path separately', () => {
    const locks = [FileLock.acquire(path), FileLock.acquire(`${path}2`)];
    for (const lock of locks) lock.release();
  });

  test.each(['', 'null', '{"pid":'])('works without the name of its holder if that file contains %j', (content) => {
    const lock = FileLock.acquire(path);
    writeFileSync(`${path}.lock.owner`, content);
    expect(failure(path)).toMatchObject({ code: 'MB3004', message: `another mirrorboard writes to ${path}` });
    lock.release();
  });

  test('reports that its folder is missing, or that another file has its name', () => {
    expect(failure(join(folder, 'none', 'store.db'))).toMatchObject({ code: 'MB3001', hint: expect.stringMatching(/folder exists/) });
    writeFileSync(`${path}.lock`, 'this is not a database, and long enough for its header '.repeat(10));
    expect(failure(path)).toMatchObject({ code: 'MB3001', hint: expect.any(String) });
  });
});
