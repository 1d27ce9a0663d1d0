// A real MLflow tracking server for tests: installed once into a cache folder, started on a free loopback port, stopped with all it started.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cleanEnv, freePort, outputOf, REPOSITORY as ROOT } from './python-tools.ts';

/** The version that the stub is modelled on. */
const REQUIREMENT = 'mlflow==3.17.2';
const INSTALL_MS = 600_000;
const START_MS = 240_000;

/** Nothing is told to anybody. */
const QUIET = { MLFLOW_DISABLE_TELEMETRY: 'true' };
const CACHE = process.env['MIRRORBOARD_TEST_CACHE'] || join(ROOT, 'node_modules/.cache/mirrorboard-mlflow');
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

/** Whether it may be installed: half a gigabyte and some minutes are not everybody's. CI has it. */
const MAY_INSTALL = ['MIRRORBOARD_REAL_TRACKERS', 'MIRRORBOARD_REQUIRE_TOOLS'].some((name) => process.env[name] === '1');

/** Starts one, installed before where that is wanted; throws where it can't be had. */
export async function startMlflow(): Promise<MlflowServer> {
  if (!MAY_INSTALL && !existsSync(join(CACHE, 'venv/bin/mlflow'))) {
    throw new Error('MIRRORBOARD_REAL_TRACKERS=1 installs one into the cache, once');
  }
  const python = await install();
  const folder = mkdtempSync(join(tmpdir(), 'mirrorboard-mlflow-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const log = join(folder, 'server.log');
  // Without the job runners, and with one worker: a database file has one writer anyway.
  const env = { ...cleanEnv(QUIET), MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false' };
  const store = ['--backend-store-uri', `sqlite:///${folder}/mlflow.db`, '--artifacts-destination', join(folder, 'artifacts')];
  const server = spawn(
    join(CACHE, 'venv/bin/mlflow'),
    ['server', '--host', '127.0.0.1', '--port', String(port), '--workers', '1', ...store],
    { cwd: folder, env, detached: true, stdio: ['ignore', openSync(log, 'a'), openSync(log, 'a')] },
  );
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
    readBack: async (experiment) => JSON.parse(await outputOf(python, [READER, url, experiment], START_MS, QUIET)) as ReadBackRun[],
    stop,
  };
}

/** The Python of the environment, which is made when it is not there yet. */
async function install(): Promise<string> {
  const venv = join(CACHE, 'venv');
  const python = join(venv, 'bin/python');
  // An environment whose installation was interrupted has no mark and is made anew.
  const mark = join(venv, '.ok-3.17.2');
  if (existsSync(mark)) return python;
  rmSync(venv, { recursive: true, force: true });
  mkdirSync(CACHE, { recursive: true });
  process.stderr.write(`… installing ${REQUIREMENT} into ${venv}, once\n`);
  await outputOf('python3', ['-m', 'venv', venv], INSTALL_MS);
  await outputOf(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', REQUIREMENT], INSTALL_MS);
  writeFileSync(mark, `${REQUIREMENT}\n`);
  return python;
}

async function isHealthy(url: string): Promise<boolean> {
  try {
    const answer = await fetch(`${url}/health`, { signal: AbortSignal.timeout(5000) });
    return answer.ok && (await answer.text()) === 'OK';
  } catch {
    return false;
  }
}
