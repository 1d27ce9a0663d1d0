// A real MLflow tracking server for tests: installed once into a cache folder, started on a free loopback port,
// stopped with all it started.
import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cleanEnv, freePort, outputOf, pythonEnvironment, REPOSITORY } from './python-tools.ts';

/** The version that the stub is modelled on. */
const REQUIREMENT = 'mlflow[auth]==3.17.2';
const START_MS = 240_000;
/** Of the user `admin`, where the server asks who one is. */
export const ADMIN_PASSWORD = 'admin-pa55word-of-tests';

const READER = join(REPOSITORY, 'test/support/mlflow_readback.py');

export interface MlflowServer {
  readonly url: string;
  /** With the official client. */
  readonly python: string;
  /** Everything an experiment holds, read by the official client; on request with the contents of its artifacts. */
  readBack(experiment: string, withFiles?: boolean): Promise<ReadBackRun[]>;
  /** Ends it as a crash does, with all its processes. */
  kill(): Promise<void>;
  /** Starts it again on the same port and store, and waits until it answers. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface ReadBackRun {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  /** Each point: step and milliseconds as digits, the value as Python writes it. */
  readonly metrics: Readonly<Record<string, readonly (readonly [step: string, millis: string, value: string])[]>>;
  readonly params: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
  readonly artifacts: readonly string[];
  /** Name, digest and what it was used for. */
  readonly datasets: readonly (readonly [name: string, digest: string, context: readonly string[]])[];
  /** Of models: name, number, source, and the names of its tags. */
  readonly versions: readonly (readonly [model: string, version: string, source: string, tags: readonly string[]])[];
  /** Where it was asked for: path, bytes and SHA-256 of each artifact. */
  readonly files?: readonly (readonly [path: string, bytes: number, sha256: string])[];
  /** Where it was asked for: the lines of all artifacts that hold points. */
  readonly lines?: readonly string[];
}

export interface MlflowServerOptions {
  /** Lets in only who says who they are: `admin`, and whom it makes. */
  readonly asksWho?: boolean;
  /** Arguments beside those every server gets; `PORT` stands for its port. */
  readonly args?: readonly string[];
}

/** Starts one, installed before where that is wanted; throws where it can't be had. */
export async function startMlflow(options: MlflowServerOptions = {}): Promise<MlflowServer> {
  const venv = await pythonEnvironment({ name: 'mlflow', requirements: [REQUIREMENT] });
  const python = join(venv, 'bin/python');
  const folder = mkdtempSync(join(tmpdir(), 'mirrorboard-mlflow-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  let server = launch(venv, folder, port, options);
  const killNow = (): void => server.kill();
  process.on('exit', killNow);
  const kill = async (): Promise<void> => {
    server.kill();
    await server.ended;
  };
  const stop = async (): Promise<void> => {
    process.off('exit', killNow);
    await kill();
    rmSync(folder, { recursive: true, force: true });
  };
  const untilHealthy = async (): Promise<void> => {
    const end = Date.now() + START_MS;
    while (!(await isHealthy(url))) {
      if (!server.isEnded() && Date.now() <= end) {
        await new Promise((resolve) => setTimeout(resolve, 250));
        continue;
      }
      const what = server.isEnded() ? 'ended' : 'was not healthy in time';
      const said = readFileSync(join(folder, 'server.log'), 'utf8').slice(-2000);
      await stop();
      throw new Error(`mlflow server ${what}: ${said}`);
    }
  };
  await untilHealthy();
  return {
    url,
    python,
    readBack: async (experiment, withFiles = false) =>
      JSON.parse(await outputOf(python, [READER, url, experiment, ...(withFiles ? ['--files'] : [])], START_MS)) as ReadBackRun[],
    kill,
    async restart() {
      await kill();
      server = launch(venv, folder, port, options);
      await untilHealthy();
    },
    stop,
  };
}

interface Launched {
  readonly ended: Promise<void>;
  isEnded(): boolean;
  kill(): void;
}

/** Without the job runners, and with one worker: a database file has one writer anyway. */
function launch(venv: string, folder: string, port: number, { asksWho = false, args = [] }: MlflowServerOptions): Launched {
  const who = asksWho ? { MLFLOW_FLASK_SERVER_SECRET_KEY: 'of tests', MLFLOW_AUTH_ADMIN_PASSWORD: ADMIN_PASSWORD } : {};
  const store = ['--backend-store-uri', `sqlite:///${folder}/mlflow.db`, '--artifacts-destination', join(folder, 'artifacts')];
  const own = ['server', '--host', '127.0.0.1', '--port', String(port), '--workers', '1', ...store];
  const more = [...(asksWho ? ['--app-name', 'basic-auth'] : []), ...args.map((arg) => arg.replaceAll('PORT', String(port)))];
  const log = openSync(join(folder, 'server.log'), 'a');
  const child = spawn(join(venv, 'bin/mlflow'), [...own, ...more], {
    cwd: folder,
    env: { ...cleanEnv(), ...who, MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false' },
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  let isOver = false;
  const ended = new Promise<void>((resolve) => {
    const over = (): void => {
      isOver = true;
      resolve();
    };
    child.on('exit', over);
    child.on('error', over);
  });
  return {
    ended,
    isEnded: () => isOver,
    kill() {
      if (child.pid === undefined) return;
      try {
        // The whole group: the server's own processes outlive it otherwise.
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
    },
  };
}

async function isHealthy(url: string): Promise<boolean> {
  try {
    const answer = await fetch(`${url}/health`, { signal: AbortSignal.timeout(5000) });
    return answer.ok && (await answer.text()) === 'OK';
  } catch {
    return false;
  }
}
