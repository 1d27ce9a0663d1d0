// Python packages and servers for tests: installed once, in pinned versions, into an environment in a cache folder;
// started in process groups of their own.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const INSTALL_MS = 600_000;
const START_MS = 240_000;

export const REPOSITORY = fileURLToPath(new URL('../../..', import.meta.url));

/** Whether it may be installed: hundreds of megabytes and some minutes are too much for some. CI has it. */
const MAY_INSTALL = ['MIRRORBOARD_REAL_TRACKERS', 'MIRRORBOARD_REQUIRE_TOOLS'].some((name) => process.env[name] === '1');

export interface PythonPackages {
  /** Of the folder in the cache: `mlflow`. */
  readonly name: string;
  /** Words for pip: `mlflow==3.17.2`, or `-r` and a file. */
  readonly requirements: readonly string[];
  /** What is installed, for the mark; default: the requirements. */
  readonly version?: string;
  /** Further words for pip. */
  readonly options?: readonly string[];
  /** Names of interpreters that will do, the first that is there. */
  readonly pythons?: readonly string[];
}

/** The folder of an environment, which is made when it is not there yet and may be; throws where it can't be had. */
export function pythonEnvironment(packages: PythonPackages): Promise<string> {
  const { name, requirements, version = requirements.join(',') } = packages;
  return installedOnce({ name, folder: 'venv', version, install: (venv) => install(venv, packages) });
}

export interface InstalledOnce {
  /** Of the folder in the cache. */
  readonly name: string;
  /** What is in that folder. */
  readonly folder: string;
  /** What is installed, for the mark. */
  readonly version: string;
  /** Fills the folder, which may hold what was left of an earlier try. */
  readonly install: (folder: string) => Promise<void>;
}

/** A folder of the cache with something that is installed into it once; throws where it is not there and may not be. */
export async function installedOnce({ name, folder, version, install }: InstalledOnce): Promise<string> {
  const own = process.env['MIRRORBOARD_TEST_CACHE'] || '';
  const cache = own === '' ? join(REPOSITORY, `node_modules/.cache/mirrorboard-${name}`) : join(own, name);
  const place = join(cache, folder);
  // What was interrupted has no mark and is made again.
  const mark = join(place, `.ok-${version.replace(/[^\w.,=-]/g, '_')}`);
  if (existsSync(mark)) return place;
  if (!MAY_INSTALL) throw new Error('MIRRORBOARD_REAL_TRACKERS=1 installs what is needed into the cache, once');
  mkdirSync(cache, { recursive: true });
  const lock = join(cache, 'installing');
  // Tests run side by side: one installs, the others wait for it.
  while (!isMade(lock)) {
    // Left behind by one that was killed: a process that installs shows from time to time that it is alive.
    if (Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now()) > 60_000)
      rmSync(lock, { recursive: true, force: true });
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  const alive = setInterval(() => utimesSync(lock, new Date(), new Date()), 5000);
  try {
    if (!existsSync(mark)) await install(place);
    writeFileSync(mark, `${version}\n`);
  } finally {
    clearInterval(alive);
    rmSync(lock, { recursive: true, force: true });
  }
  return place;
}

async function install(venv: string, { name, requirements, options = [], pythons = ['python3'] }: PythonPackages): Promise<void> {
  rmSync(venv, { recursive: true, force: true });
  process.stderr.write(`… installing ${name} into ${venv}, once\n`);
  let failure: unknown;
  for (const python of pythons) {
    try {
      await outputOf(python, ['-m', 'venv', venv], INSTALL_MS);
      failure = undefined;
      break;
    } catch (error) {
      failure = error;
    }
  }
  if (failure !== undefined) throw failure;
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...options, ...requirements];
  await outputOf(join(venv, 'bin/python'), pip, INSTALL_MS);
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
export function outputOf(
  command: string,
  args: readonly string[],
  timeoutMs: number,
  env: Readonly<Record<string, string | undefined>> = {},
  cwd?: string,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: cleanEnv(env), ...(cwd === undefined ? {} : { cwd }) });
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
      else
        reject(
          new Error(
            `${command} ${args[0]}: exit code ${code}: ${Buffer.concat([...err, ...out])
              .toString('utf8')
              .slice(-1500)}`,
          ),
        );
    });
  });
}

/** Nothing of a tracker that the developer uses reaches servers and readers. */
export function cleanEnv(more: Readonly<Record<string, string | undefined>> = {}): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^_*(MLFLOW|CLEARML|TRAINS|AWS|AIM|WANDB|TRACKIO|HF)_/.test(name));
  return {
    ...Object.fromEntries(own),
    MLFLOW_DISABLE_TELEMETRY: 'true',
    AIM_UI_TELEMETRY_ENABLED: '0',
    DO_NOT_TRACK: 'true',
    NODE_OPTIONS: undefined,
    ...more,
  };
}

export interface Started {
  /** What it said on its first line. */
  readonly firstLine: string;
  stop(): Promise<void>;
}

/** Starts a server that says a line when it is ready; a group of its own, so that all it starts ends with it. */
export function startSaying(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<Started> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: cleanEnv(env), detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    const kill = (): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
    };
    process.on('exit', kill);
    const ended = new Promise<void>((done) => child.on('close', () => done()));
    let text = '';
    const hear = (part: Buffer): void => {
      text += part.toString('utf8');
      const at = text.indexOf('\n');
      if (at < 0) return;
      resolve({
        firstLine: text.slice(0, at),
        stop: async () => {
          process.off('exit', kill);
          kill();
          await ended;
        },
      });
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.on('error', reject);
    void ended.then(() => reject(new Error(`${command} ${args.join(' ')} ended: ${text.slice(-1000)}`)));
  });
}

export interface ServerCommand {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly healthUrl: string;
}

export interface ServerProcess {
  readonly pid: number;
  /** Ends the server and all it started, at once. */
  kill(): Promise<void>;
}

/** Starts a server in a process group of its own, and waits until it is healthy. */
export async function startServer({ program, args, env, cwd, healthUrl }: ServerCommand): Promise<ServerProcess> {
  const log = join(cwd, 'server.log');
  const server = spawn(program, args, { cwd, env, detached: true, stdio: ['ignore', openSync(log, 'a'), openSync(log, 'a')] });
  let isEnded = false;
  const ended = new Promise<void>((resolve) => {
    const over = (): void => {
      isEnded = true;
      resolve();
    };
    server.on('exit', over);
    server.on('error', over);
  });
  const killGroup = (): void => {
    if (server.pid === undefined) return;
    try {
      // The whole group: the server's own processes outlive it otherwise.
      process.kill(-server.pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  };
  process.on('exit', killGroup);
  const kill = async (): Promise<void> => {
    process.off('exit', killGroup);
    killGroup();
    await ended;
  };
  const end = Date.now() + START_MS;
  while (!(await isHealthy(healthUrl))) {
    if (isEnded || Date.now() > end) {
      const said = existsSync(log) ? readFileSync(log, 'utf8').slice(-2000) : '';
      await kill();
      throw new Error(`${program} ${isEnded ? 'ended' : 'was not healthy in time'}: ${said}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  return { pid: server.pid ?? 0, kill };
}

async function isHealthy(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(5000) })).ok;
  } catch {
    return false;
  }
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
