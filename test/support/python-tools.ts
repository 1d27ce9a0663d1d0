// Python packages for tests: installed once, in pinned versions, into an environment in a cache folder.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const INSTALL_MS = 600_000;

export const REPOSITORY = fileURLToPath(new URL('../../..', import.meta.url));

/** Whether it may be installed: hundreds of megabytes and some minutes are not everybody's. CI has it. */
const MAY_INSTALL = ['MIRRORBOARD_REAL_TRACKERS', 'MIRRORBOARD_REQUIRE_TOOLS'].some((name) => process.env[name] === '1');

/** The Python of an environment with these packages; it is made when it is not there yet. Throws where it can't be had. */
export async function pythonWith(name: string, requirements: readonly string[]): Promise<string> {
  const cache = process.env['MIRRORBOARD_TEST_CACHE'] || join(REPOSITORY, 'node_modules/.cache', `mirrorboard-${name}`);
  const venv = join(cache, name === 'mlflow' ? 'venv' : `venv-${name}`);
  const python = join(venv, 'bin/python');
  // An environment whose installation was interrupted has no mark and is made anew.
  const mark = join(venv, `.ok-${requirements.join(',').replace(/[^\w.,=-]/g, '_')}`);
  if (existsSync(mark)) return python;
  if (!MAY_INSTALL) throw new Error('MIRRORBOARD_REAL_TRACKERS=1 installs what is needed into the cache, once');
  rmSync(venv, { recursive: true, force: true });
  mkdirSync(cache, { recursive: true });
  process.stderr.write(`… installing ${requirements.join(', ')} into ${venv}, once\n`);
  await outputOf('python3', ['-m', 'venv', venv], INSTALL_MS);
  await outputOf(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...requirements], INSTALL_MS);
  writeFileSync(mark, `${requirements.join('\n')}\n`);
  return python;
}

/** The standard output of a command that has to succeed in time. */
export function outputOf(
  command: string,
  args: readonly string[],
  timeoutMs: number,
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: cleanEnv(env) });
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

export interface Started {
  /** What it said on its first line. */
  readonly firstLine: string;
  stop(): Promise<void>;
}

/** Starts a server that says a line when it is ready; a group of its own, so that all it starts ends with it. */
export function startServer(
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

/** Nothing of a tracker that the developer uses reaches servers and readers. */
export function cleanEnv(more: Readonly<Record<string, string | undefined>> = {}): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^(MLFLOW|CLEARML|TRAINS|AWS)_/.test(name));
  return { ...Object.fromEntries(own), DO_NOT_TRACK: 'true', NODE_OPTIONS: undefined, ...more };
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
