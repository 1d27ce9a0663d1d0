// MLflow servers of many versions, each in an environment of its own in the tests' cache.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cleanEnv, freePort, pythonEnvironment, REPOSITORY, type ServerProcess, startServer } from '../support/python-tools.ts';

/** The versions of the matrix, each the last tested one of its line. */
export const VERSIONS = ['1.30.1', '2.0.1', '2.9.2', '2.14.3', '2.22.2', '3.1.4', '3.5.1', '3.9.0', '3.14.0', '3.17.2'] as const;
export type Version = (typeof VERSIONS)[number];

/** Where no store is named, these keep files. Newer ones only where that is allowed, which nobody is advised to do. */
export function keepsFiles(version: Version): boolean {
  return Number(version.split('.')[0]) < 3 || version.startsWith('3.1.') || version.startsWith('3.5.');
}

function isBefore(version: Version, major: number, minor: number): boolean {
  const [a = 0, b = 0] = version.split('.').map(Number);
  return a < major || (a === major && b < minor);
}

/** The environment of a version, installed once; throws where that can't be had. */
export function environmentOf(version: Version): Promise<string> {
  const drivers = ['psycopg2-binary', 'pymysql', 'cryptography'];
  // What they were made for: their own requirements name no upper bounds.
  const then = [...(isBefore(version, 3, 0) ? ['setuptools<70'] : []), ...(isBefore(version, 3, 10) ? ['sqlalchemy<2.1'] : [])];
  const pythons = version.startsWith('1.')
    ? ['python3.9']
    : isBefore(version, 2, 20)
      ? ['python3.10', 'python3.9']
      : ['python3.11', 'python3.12', 'python3'];
  return pythonEnvironment({ name: `mlflow-${version}`, version, requirements: [`mlflow==${version}`, ...then, ...drivers], pythons });
}

/** Whether it is installed already. */
export function isCached(version: Version): boolean {
  const own = process.env['MIRRORBOARD_TEST_CACHE'] || '';
  const cache = own === '' ? join(REPOSITORY, `node_modules/.cache/mirrorboard-mlflow-${version}`) : join(own, `mlflow-${version}`);
  return existsSync(join(cache, 'venv', `.ok-${version}`));
}

/** Starts one over a store; undefined is the store that it takes by itself. */
export async function startVersion(
  version: Version,
  store: string | undefined,
  folder: string,
): Promise<ServerProcess & { readonly url: string }> {
  const venv = await environmentOf(version);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const serves = version.startsWith('1.') ? ['--serve-artifacts'] : [];
  const args = [
    'server',
    '--host',
    '127.0.0.1',
    '--port',
    String(port),
    '--workers',
    '1',
    ...serves,
    '--artifacts-destination',
    join(folder, 'art'),
  ];
  const server = await startServer({
    program: join(venv, 'bin/mlflow'),
    args: store === undefined ? args : [...args, '--backend-store-uri', store],
    env: { ...cleanEnv(), PATH: `${join(venv, 'bin')}:${process.env['PATH'] ?? ''}`, MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false' },
    cwd: folder,
    healthUrl: `${url}/health`,
  });
  return { ...server, url };
}
