// A real MLflow tracking server for tests: installed once into a cache folder, started on a free loopback port, stopped with all it started.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cleanEnv, freePort, pythonEnvironment, ROOT, runTool, startServer } from './real-server.ts';

/** The version that the stub is modelled on. */
const VERSION = '3.17.2';
const READ_MS = 240_000;
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
  const venv = await pythonEnvironment({ name: 'mlflow', version: VERSION, requirements: [`mlflow==${VERSION}`] });
  const python = join(venv, 'bin/python');
  const folder = mkdtempSync(join(tmpdir(), 'mirrorboard-mlflow-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const store = ['--backend-store-uri', `sqlite:///${folder}/mlflow.db`, '--artifacts-destination', join(folder, 'artifacts')];
  try {
    const server = await startServer({
      program: join(venv, 'bin/mlflow'),
      args: ['server', '--host', '127.0.0.1', '--port', String(port), '--workers', '1', ...store],
      // Without the job runners, and with one worker: a database file has one writer anyway.
      env: { ...cleanEnv(), MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false' },
      cwd: folder,
      healthUrl: `${url}/health`,
    });
    return {
      url,
      python,
      readBack: async (experiment) => JSON.parse(await runTool(python, [READER, url, experiment], READ_MS)) as ReadBackRun[],
      async stop() {
        await server.kill();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}
