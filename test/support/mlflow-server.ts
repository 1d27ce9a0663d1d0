// A real MLflow tracking server for tests: installed once into a cache folder, started on a free loopback port, stopped with all it started.
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The version that the stub is modelled on. */
const REQUIREMENT = 'mlflow[auth]==3.17.2';
const INSTALL_MS = 600_000;
const START_MS = 240_000;
/** Of the user `admin`, where the server asks who one is. */
export const ADMIN_PASSWORD = 'admin-pa55word-of-tests';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const CACHE = process.env['MIRRORBOARD_TEST_CACHE'] || join(ROOT, 'node_modules/.cache/mirrorboard-mlflow');
const READER = join(ROOT, 'test/support/mlflow_readback.py');

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

/** Whether it may be installed: half a gigabyte and some minutes are not everybody's. CI has it. */
const MAY_INSTALL = ['MIRRORBOARD_REAL_TRACKERS', 'MIRRORBOARD_REQUIRE_TOOLS'].some((name) => process.env[name] === '1');

/** Starts one, installed before where that is wanted; throws where it can't be had. */
export async function startMlflow(options: MlflowServerOptions = {}): Promise<MlflowServer> {
  if (!MAY_INSTALL && !existsSync(join(CACHE, 'venv/bin/mlflow'))) {
    throw new Error('MIRRORBOARD_REAL_TRACKERS=1 installs one into the cache, once');
  }
  const python = await install();
  const folder = mkdtempSync(join(tmpdir(), 'mirrorboard-mlflow-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  let server = launch(folder, port, options);
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
      JSON.parse(await run(python, [READER, url, experiment, ...(withFiles ? ['--files'] : [])], START_MS)) as ReadBackRun[],
    kill,
    async restart() {
      await kill();
      server = launch(folder, port, options);
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
function launch(folder: string, port: number, { asksWho = false, args = [] }: MlflowServerOptions): Launched {
  const who = asksWho ? { MLFLOW_FLASK_SERVER_SECRET_KEY: 'of tests', MLFLOW_AUTH_ADMIN_PASSWORD: ADMIN_PASSWORD } : {};
  const store = ['--backend-store-uri', `sqlite:///${folder}/mlflow.db`, '--artifacts-destination', join(folder, 'artifacts')];
  const own = ['server', '--host', '127.0.0.1', '--port', String(port), '--workers', '1', ...store];
  const more = [...(asksWho ? ['--app-name', 'basic-auth'] : []), ...args.map((arg) => arg.replaceAll('PORT', String(port)))];
  const log = openSync(join(folder, 'server.log'), 'a');
  const child = spawn(join(CACHE, 'venv/bin/mlflow'), [...own, ...more], {
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

/** The Python of the environment, which is made when it is not there yet. */
async function install(): Promise<string> {
  const venv = join(CACHE, 'venv');
  const python = join(venv, 'bin/python');
  // An environment whose installation was interrupted has no mark and is made anew.
  const mark = join(venv, '.ok-3.17.2-auth');
  if (existsSync(mark)) return python;
  mkdirSync(CACHE, { recursive: true });
  const lock = join(CACHE, 'installing');
  // Tests run side by side: one installs, the others wait for it.
  for (const end = Date.now() + INSTALL_MS; !isMade(lock); ) {
    if (Date.now() > end) rmSync(lock, { recursive: true, force: true }); // left behind by one that was killed
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  try {
    if (existsSync(mark)) return python;
    rmSync(venv, { recursive: true, force: true });
    process.stderr.write(`… installing ${REQUIREMENT} into ${venv}, once\n`);
    await run('python3', ['-m', 'venv', venv], INSTALL_MS);
    await run(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', REQUIREMENT], INSTALL_MS);
    writeFileSync(mark, `${REQUIREMENT}\n`);
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
  return python;
}

/** Makes a folder; false where it is there already. */
function isMade(folder: string): boolean {
  try {
    mkdirSync(folder);
    return true;
  } catch {
    return false;
  }
}

/** The standard output of a command that has to succeed in time. */
function run(command: string, args: readonly string[], timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: cleanEnv() });
    // spawn's own time limit would keep the process waiting where there is no such command.
    const limit = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    const [out, err]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on('data', (part: Buffer) => out.push(part));
    child.stderr.on('data', (part: Buffer) => err.push(part));
    child.on('error', (error) => {
      clearTimeout(limit);
      reject(error);
    });
    child.on('close', (code) => {
      clearTimeout(limit);
      if (code === 0) resolve(Buffer.concat(out).toString('utf8'));
      else reject(new Error(`${command} ${args[0]}: exit code ${code}: ${Buffer.concat(err).toString('utf8').slice(-500)}`));
    });
  });
}

/** Nothing of a tracker that the developer uses reaches the server or the reader. */
function cleanEnv(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('MLFLOW_'));
  return { ...Object.fromEntries(own), MLFLOW_DISABLE_TELEMETRY: 'true', DO_NOT_TRACK: 'true', NODE_OPTIONS: undefined };
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
