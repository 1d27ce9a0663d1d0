// Python packages for tests: installed once into a cache folder, in an environment of their own, where that is wanted.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const INSTALL_MS = 600_000;
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** Whether they may be installed: hundreds of megabytes and some minutes are not everybody's. CI has them. */
const MAY_INSTALL = ['MIRRORBOARD_REAL_TRACKERS', 'MIRRORBOARD_REQUIRE_TOOLS'].some((name) => process.env[name] === '1');

export interface PythonPackages {
  /** Of the cache folder: `mirrorboard-wandb`. */
  readonly folder: string;
  /** With its version: `wandb==0.31.0`. */
  readonly requirement: string;
  /** A folder that is named by hand, instead of one below `node_modules/.cache`. */
  readonly cache?: string | undefined;
  /** What no process of it gets from the environment of the developer: the beginnings of names. */
  readonly hides: readonly string[];
}

/** The folder of the environment; its `bin/python` has the packages. Throws where it can't be had. */
export async function pythonEnvironment({ folder, requirement, cache, hides }: PythonPackages): Promise<string> {
  const place = cache ?? join(ROOT, 'node_modules/.cache', folder);
  const venv = join(place, 'venv');
  // An environment whose installation was interrupted has no mark and is made anew.
  const mark = join(venv, `.ok-${requirement.replace(/^.*==/, '')}`);
  if (existsSync(mark)) return venv;
  if (!MAY_INSTALL) throw new Error('MIRRORBOARD_REAL_TRACKERS=1 installs one into the cache, once');
  rmSync(venv, { recursive: true, force: true });
  mkdirSync(place, { recursive: true });
  process.stderr.write(`… installing ${requirement} into ${venv}, once\n`);
  const env = environmentWithout(hides);
  await runProgram('python3', ['-m', 'venv', venv], { env, timeoutMs: INSTALL_MS });
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', requirement];
  await runProgram(join(venv, 'bin/python'), pip, { env, timeoutMs: INSTALL_MS });
  writeFileSync(mark, `${requirement}\n`);
  return venv;
}

/** The environment without what means something to a tracker's tools. */
export function environmentWithout(hides: readonly string[]): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !hides.some((prefix) => name.startsWith(prefix)));
  return { ...Object.fromEntries(own), DO_NOT_TRACK: 'true', NODE_OPTIONS: undefined };
}

/** The standard output of a command that has to succeed in time. */
export function runProgram(
  command: string,
  args: readonly string[],
  { env, timeoutMs, cwd }: { readonly env: NodeJS.ProcessEnv; readonly timeoutMs: number; readonly cwd?: string },
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, ...(cwd === undefined ? {} : { cwd }) });
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
      else reject(new Error(`${command} ${args[0]}: exit code ${code}: ${Buffer.concat(err).toString('utf8').slice(-1500)}`));
    });
  });
}
