// A real MLflow tracking server for tests: installed once into a cache folder, started on a free loopback port, stopped with all it started.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { environmentWithout, pythonEnvironment, runProgram } from './python-packages.ts';

/** The version that the stub is modelled on. */
const PACKAGES = {
  folder: 'mirrorboard-mlflow',
  requirement: 'mlflow==3.17.2',
  cache: process.env['MIRRORBOARD_TEST_CACHE'] || undefined,
  hides: ['MLFLOW_'],
};
const START_MS = 240_000;

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const READER = join(ROOT, 'test/support/mlflow_readback.py');

export interface MlflowServer {
  readonly url: string;
  /** With the official client. */
  readonly python: string;
  /** Everything an experiment holds, read by the official client. */
  readBack(experiment: string): Promise<ReadBackRun[]>;
  stop(): Promise<void>;
}

export interface ReadBackRun {
  readonly name: string;
  readonly status: string;
  /** Each point: step and milliseconds as digits, the value as Python writes it. */
  readonly metrics: Readonly<Record<string, readonly (readonly [step: string, millis: string, value: string])[]>>;
  readonly params: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
  readonly artifacts: readonly string[];
}

/** Starts one, installed before where that is wanted; throws where it can't be had. */
export async function startMlflow(): Promise<MlflowServer> {
  const venv = await pythonEnvironment(PACKAGES);
  const python = join(venv, 'bin/python');
  const folder = mkdtempSync(join(tmpdir(), 'mirrorboard-mlflow-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const log = join(folder, 'server.log');
  // Without the job runners, and with one worker: a database file has one writer anyway.
  const env = { ...cleanEnv(), MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false' };
  const store = ['--backend-store-uri', `sqlite:///${folder}/mlflow.db`, '--artifacts-destination', join(folder, 'artifacts')];
  const server = spawn(join(venv, 'bin/mlflow'), ['server', '--host', '127.0.0.1', '--port', String(port), '--workers', '1', ...store], {
    cwd: folder,
    env,
    detached: true,
    stdio: ['ignore', openSync(log, 'a'), openSync(log, 'a')],
  });
  const ended = new Promise<void>((resolve) => {
    server.on('exit', () => resolve());
    server.on('error', () => resolve());
  });
  let isEnded = false;
  void ended.then(() => {
    isEnded = true;
  });
  const stop = async (): Promise<void> => {
    process.off('exit', kill);
    kill();
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  const kill = (): void => {
    if (server.pid === undefined) return;
    try {
      // The whole group: the server's own processes outlive it otherwise.
      process.kill(-server.pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  };
  process.on('exit', kill);
  const end = Date.now() + START_MS;
  while (!(await isHealthy(url))) {
    if (isEnded || Date.now() > end) {
      const said = existsSync(log) ? readFileSync(log, 'utf8').slice(-2000) : '';
      await stop();
      throw new Error(`mlflow server ${isEnded ? 'ended' : 'was not healthy in time'}: ${said}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  return {
    url,
    python,
    readBack: async (experiment) =>
      JSON.parse(await runProgram(python, [READER, url, experiment], { env: cleanEnv(), timeoutMs: START_MS })) as ReadBackRun[],
    stop,
  };
}

/** Nothing of a tracker that the developer uses reaches the server or the reader. */
function cleanEnv(): NodeJS.ProcessEnv {
  return { ...environmentWithout(PACKAGES.hides), MLFLOW_DISABLE_TELEMETRY: 'true' };
}

async function isHealthy(url: string): Promise<boolean> {
  try {
    const answer = await fetch(`${url}/health`, { signal: AbortSignal.timeout(5000) });
    return answer.ok && (await answer.text()) === 'OK';
  } catch {
    return false;
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
