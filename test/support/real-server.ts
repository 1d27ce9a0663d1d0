// What real servers of trackers have in common in tests: a Python environment of pinned packages in a cache folder, a process group of their own.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const INSTALL_MS = 600_000;
const START_MS = 240_000;

export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** Whether one may be installed: half a gigabyte and some minutes are not everybody's. CI has it. */
const MAY_INSTALL = ['MIRRORBOARD_REAL_TRACKERS', 'MIRRORBOARD_REQUIRE_TOOLS'].some((name) => process.env[name] === '1');

export interface PythonPackages {
  /** Of the folder in the cache: `mlflow`. */
  readonly name: string;
  readonly version: string;
  readonly requirements: readonly string[];
  /** Further words for pip. */
  readonly options?: readonly string[];
  /** Names of interpreters that will do, the first that is there. */
  readonly pythons?: readonly string[];
}

/** The folder of an environment, which is made when it is not there yet and may be; throws where it can't be had. */
export async function pythonEnvironment({
  name,
  version,
  requirements,
  options = [],
  pythons = ['python3'],
}: PythonPackages): Promise<string> {
  const own = process.env['MIRRORBOARD_TEST_CACHE'] || '';
  // Each in a folder of its own, also where one cache is named for all.
  const cache = own === '' ? join(ROOT, `node_modules/.cache/mirrorboard-${name}`) : name === 'mlflow' ? own : join(own, name);
  const venv = join(cache, 'venv');
  // An environment whose installation was interrupted has no mark and is made anew.
  const mark = join(venv, `.ok-${version}`);
  if (existsSync(mark)) return venv;
  if (!MAY_INSTALL) throw new Error('MIRRORBOARD_REAL_TRACKERS=1 installs one into the cache, once');
  rmSync(venv, { recursive: true, force: true });
  mkdirSync(cache, { recursive: true });
  process.stderr.write(`… installing ${name} ${version} into ${venv}, once\n`);
  let made: unknown;
  for (const python of pythons) {
    try {
      await runTool(python, ['-m', 'venv', venv], INSTALL_MS);
      made = undefined;
      break;
    } catch (error) {
      made = error;
    }
  }
  if (made !== undefined) throw made;
  await runTool(
    join(venv, 'bin/python'),
    ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...options, ...requirements],
    INSTALL_MS,
  );
  writeFileSync(mark, `${requirements.join('\n')}\n`);
  return venv;
}

/** The standard output of a command that has to succeed in time. */
export function runTool(command: string, args: readonly string[], timeoutMs: number, env: NodeJS.ProcessEnv = cleanEnv()): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env });
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

/** Nothing of a tracker that the developer uses reaches a server or a reader. */
export function cleanEnv(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('MLFLOW_') && !name.startsWith('AIM_'));
  return {
    ...Object.fromEntries(own),
    MLFLOW_DISABLE_TELEMETRY: 'true',
    AIM_UI_TELEMETRY_ENABLED: '0',
    DO_NOT_TRACK: 'true',
    NODE_OPTIONS: undefined,
  };
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
