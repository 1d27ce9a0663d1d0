import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { whoseRun } from '../../../../src/backend-kit/identity/index.ts';
import { mlflow } from '../../../../src/backends/mlflow/index.ts';
import { until } from '../../../crash/watch-kill.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

/** Stands in for the program: answers /health, notes what it was called with, and starts a child of its own. */
const PROGRAM = `#!${process.execPath}
const { createServer } = require('node:http');
const { spawn } = require('node:child_process');
const { writeFileSync } = require('node:fs');
const args = process.argv.slice(2);
if (process.env.FAKE_FAILS) {
  console.error(process.env.FAKE_FAILS);
  if (!process.env.FAKE_FAILS.includes('retrying')) process.exit(3);
  setInterval(() => {}, 1000);
  return;
}
const child = spawn('sleep', ['600']);
writeFileSync(__dirname + '/called', JSON.stringify({ args, pids: [process.pid, child.pid], uri: process.env.MLFLOW_BACKEND_STORE_URI, store: process.env.MLFLOW_ALLOW_FILE_STORE ?? '' }));
createServer((request, response) => {
  response.setHeader('content-type', 'application/json');
  response.end(request.url === '/health' ? 'OK' : '{}');
}).listen(Number(args[args.indexOf('--port') + 1]), '127.0.0.1');
`;

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
  writeFileSync(join(folder, 'mlflow'), PROGRAM);
  chmodSync(join(folder, 'mlflow'), 0o755);
});
const called = (): { args: string[]; pids: number[]; uri: string; store: string } =>
  JSON.parse(readFileSync(join(folder, 'called'), 'utf8'));
const signal = new AbortController().signal;

async function backendFor(uri: string, env: Record<string, string | undefined> = {}) {
  const parsed = mlflow.parse({ tracking_uri: uri }, {});
  if (parsed.kind !== 'settings') throw new Error('problems');
  return mlflow.create(parsed.settings, {
    lane: 'm',
    whoseRun,
    env: { ...process.env, PATH: `${folder}:${process.env['PATH']}`, ...env },
    warn: () => undefined,
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A zombie whose parent does not wait for it is dead all the same.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

async function untilGone(pids: readonly number[]): Promise<void> {
  await until(() => !pids.some(isAlive));
  expect(pids.filter(isAlive)).toEqual([]);
}

describe('a server that mirrorboard starts', () => {
  test('is started for a database, and ends with the backend, with all its children', async () => {
    const backend = await backendFor(`sqlite:///${folder}/dev.db`);
    expect(await backend.probe(signal)).toMatchObject({ address: `sqlite:///${folder}/dev.db` });
    const { args, pids, uri, store } = called();
    expect(args).toEqual(expect.arrayContaining(['server', '--host', '127.0.0.1', '--workers', '1', join(folder, 'mlartifacts')]));
    expect(uri).toBe(`sqlite:///${folder}/dev.db`);
    expect(store).toBe('');
    expect(pids.every(isAlive)).toBe(true);
    await backend.close();
    await untilGone(pids);
  });

  test('keeps its data in files if that is configured', async () => {
    const backend = await backendFor(join(folder, 'mlruns'));
    await backend.probe(signal);
    expect(called().store).toBe('true');
    await backend.close();
  });

  test('ends when our process is killed', async () => {
    const module = pathToFileURL(join(import.meta.dirname, '../../../../src/backends/mlflow/index.js')).href;
    const code = `
      const { mlflow } = await import(${JSON.stringify(module)});
      const { settings } = mlflow.parse({ tracking_uri: 'sqlite:///${folder}/dev.db' }, {});
      const backend = await mlflow.create(settings, { lane: 'm', env: process.env, warn() {} });
      await backend.probe(new AbortController().signal);
      console.log('ready');
      setInterval(() => {}, 1000);`;
    const env = { ...process.env, PATH: `${folder}:${process.env['PATH']}` };
    const child: ChildProcess = spawn(process.execPath, ['--input-type=module', '-e', code], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise<void>((ready) => child.stdout?.once('data', () => ready()));
    const { pids } = called();
    expect(pids.every(isAlive)).toBe(true);
    child.kill('SIGKILL');
    await untilGone(pids);
  });

  test('explains how to install the program if it is missing', async () => {
    const backend = await backendFor('sqlite:///x.db', { PATH: '/no/such/folder' });
    await expect(backend.probe(signal)).rejects.toMatchObject({ code: 'MB4008', command: 'pip install mlflow' });
    expect(await backend.send([], signal)).toEqual([]);
    await backend.close();
  });

  test('shows the output of the program if it exits', async () => {
    const backend = await backendFor('sqlite:///x.db', { FAKE_FAILS: 'cannot open the database' });
    await expect(backend.probe(signal)).rejects.toMatchObject({
      code: 'MB4008',
      message: expect.stringContaining('cannot open the database'),
      retry: 'later',
    });
    await backend.close();
  });

  test('never shows the password of a database', async () => {
    const backend = await backendFor('postgresql+psycopg2://me:s3cr/et@db/name');
    await backend.probe(signal);
    const { uri, pids } = called();
    expect(uri).toBe('postgresql+psycopg2://me:s3cr/et@db/name');
    const [pid = 0] = pids;
    const parent = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
    // Every user may read these; the environment is the owner's alone.
    for (const each of [pid, parent]) expect(readFileSync(`/proc/${each}/cmdline`, 'utf8')).not.toContain('s3cr');
    await backend.close();
  });

  test.each([
    ["ModuleNotFoundError: No module named 'psycopg'", 'pip install psycopg'],
    [
      'mlflow.exceptions.MlflowException: Detected out-of-date database schema (found version 1, but expected 2). Take a backup',
      'mlflow db upgrade',
    ],
    ['psycopg2.OperationalError: FATAL:  password authentication failed for user "me"', 'user and password'],
    ["SQLAlchemy database could not be created, retrying: (1045, \"Access denied for user 'me'@'h'\")", 'user and password'],
    ["sqlalchemy.exc.NoSuchModuleError: Can't load plugin: sqlalchemy.dialects:foo", 'address'],
  ])('does not retry a problem that only the user can fix: %s', async (said, hint) => {
    const backend = await backendFor('postgresql://me:secret@db/name', { FAKE_FAILS: `Traceback\n${said}` });
    await expect(backend.probe(signal)).rejects.toMatchObject({ code: 'MB4008', retry: 'never', hint: expect.stringContaining(hint) });
    await backend.close();
  });
});
