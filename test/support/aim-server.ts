// A real Aim server for tests: installed once into a cache folder, started on a free loopback port over a new
// repository, killed and started again at will.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cleanEnv, freePort, outputOf, pythonEnvironment, REPOSITORY, type ServerProcess, startServer } from './python-tools.ts';

const VERSION = '3.29.1';
const READ_MS = 240_000;
const READER = join(REPOSITORY, 'test/support/aim_readback.py');
export const AIM_REQUIREMENTS = join(REPOSITORY, 'test/support/aim-requirements.txt');

export interface AimServer {
  readonly url: string;
  /** The folder that has the repository. */
  readonly repo: string;
  /** With the official client. */
  readonly python: string;
  /** The program `aim`. */
  readonly program: string;
  /** Everything there is, read by the official client. */
  readBack(): Promise<readonly AimRun[]>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Over the same repository, at the same address. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** A point: step, seconds, value in the form that its kind has. */
export type AimPoint = readonly [step: number, wallTime: number | string, value: unknown, ...more: unknown[]];

export interface AimRun {
  readonly run: string;
  readonly hash: string;
  readonly experiment: string | null;
  readonly description: string | null;
  readonly params: Readonly<Record<string, unknown>>;
  readonly tags: readonly string[];
  readonly active: boolean;
  readonly created_at: number;
  readonly end_time: number | null;
  readonly scalars: Readonly<Record<string, readonly AimPoint[]>>;
  readonly distributions: Readonly<Record<string, readonly AimPoint[]>>;
  readonly texts: Readonly<Record<string, readonly AimPoint[]>>;
  readonly images: Readonly<Record<string, readonly AimPoint[]>>;
  readonly audios: Readonly<Record<string, readonly AimPoint[]>>;
  readonly error?: string;
}

/**
 * Aim's environment; throws where it can't be had. Of another version than the tests' one: with what its own
 * requirements bring.
 */
export function aimEnvironment(version = VERSION): Promise<string> {
  if (version !== VERSION) {
    const pythons = ['python3.10', 'python3.11', 'python3.9'];
    return pythonEnvironment({ name: `aim-${version}`, version, requirements: [`aim==${version}`, 'setuptools<70', 'wheel'], pythons });
  }
  return pythonEnvironment({
    name: 'aim',
    version: VERSION,
    requirements: ['-r', AIM_REQUIREMENTS],
    // Its pages are published as a source archive only, with nothing to compile.
    options: ['--only-binary=:all:', '--no-binary=aim-ui'],
    pythons: ['python3.11', 'python3.12', 'python3.10', 'python3.9', 'python3'],
  });
}

/** Starts one, installed before where that is wanted; throws where it can't be had. */
export async function startAim(version = VERSION): Promise<AimServer> {
  const venv = await aimEnvironment(version);
  const python = join(venv, 'bin/python');
  const repo = mkdtempSync(join(tmpdir(), 'mirrorboard-aim-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const program = join(venv, 'bin/aim');
  if (!existsSync(join(repo, '.aim'))) await outputOf(program, ['init', '--repo', repo], READ_MS);
  const start = (): Promise<ServerProcess> =>
    startServer({
      // What `aim server` wraps; so there is one process.
      program: python,
      args: [
        '-m',
        'uvicorn',
        '--ws-max-size',
        '1073741824',
        '--host',
        '127.0.0.1',
        '--port',
        String(port),
        '--log-level',
        'warning',
        'aim.ext.transport.run:app',
      ],
      env: { ...cleanEnv(), __AIM_SERVER_MOUNT_REPO_PATH__: join(repo, '.aim') },
      cwd: repo,
      healthUrl: `${url}/status/`,
    });
  let server = await start();
  return {
    url,
    repo,
    python,
    program,
    readBack: async () => (JSON.parse(await outputOf(python, [READER, repo, '--payloads'], READ_MS)) as { runs: AimRun[] }).runs,
    kill: () => server.kill(),
    async restart() {
      await server.kill();
      server = await start();
    },
    async stop() {
      await server.kill();
      rmSync(repo, { recursive: true, force: true });
    },
  };
}
