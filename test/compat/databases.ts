// Database servers for the matrix: programs of this machine, with data of their own, on free loopback ports.
import { type ChildProcess, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { freePort, outputOf } from '../support/python-tools.ts';

/**
 * Character sets of MariaDB: its own collations, and one that goes by Unicode's table, as those of MySQL 8 and MariaDB
 * 11 do.
 */
export const CHARACTERS = {
  'MariaDB utf8mb4': 'utf8mb4 collate utf8mb4_general_ci',
  'MariaDB utf8mb4 unicode': 'utf8mb4 collate utf8mb4_unicode_520_ci',
  'MariaDB utf8mb3': 'utf8mb3',
  'MariaDB latin1': 'latin1',
} as const;

export type Store = 'SQLite' | 'PostgreSQL' | keyof typeof CHARACTERS | 'files';

export interface Database {
  /** An empty one of this name, as MLflow's address of it. `python` has a driver. */
  create(name: string, python: string): Promise<string>;
  stop(): Promise<void>;
}

const START_MS = 60_000;
const COMMAND_MS = 120_000;
/** Database servers do not run as root: `nobody` will do. */
const NOBODY = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
const optionsIn = (folder: string) =>
  ({ ...NOBODY, cwd: folder, env: { PATH: process.env['PATH'] ?? '', TMPDIR: folder, LANG: 'C' }, stdio: 'ignore' }) as const;

/** Throws where its programs are not there. */
export async function startPostgres(): Promise<Database> {
  const [initdb, postgres] = [programOf('initdb'), programOf('postgres')];
  const folder = ownFolder();
  const data = join(folder, 'data');
  await finished(spawn(initdb, ['-D', data, '-U', 'compat', '--auth=trust', '-E', 'UTF8', '--locale=C'], optionsIn(folder)));
  const port = await freePort();
  const args = ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', folder, '-c', 'fsync=off'];
  const stop = await serving(spawn(postgres, args, { ...optionsIn(folder), detached: true }), port, folder);
  return {
    async create(name, python) {
      const address = `host=127.0.0.1 port=${port} user=compat dbname=postgres`;
      const script = `import psycopg2; c = psycopg2.connect(${JSON.stringify(address)}); c.autocommit = True; c.cursor().execute('create database ${name}')`;
      await outputOf(python, ['-c', script], COMMAND_MS);
      return `postgresql+psycopg2://compat@127.0.0.1:${port}/${name}`;
    },
    stop,
  };
}

/** The same. The default character set of Debian's is latin1. */
export async function startMariadb(store: keyof typeof CHARACTERS): Promise<Database> {
  const [install, mariadbd] = [programOf('mariadb-install-db'), programOf('mariadbd')];
  const folder = ownFolder();
  const data = join(folder, 'data');
  const own = ['--no-defaults', `--datadir=${data}`];
  await finished(spawn(install, [...own, '--auth-root-authentication-method=normal', '--skip-test-db'], optionsIn(folder)));
  const port = await freePort();
  const args = [
    ...own,
    `--port=${port}`,
    '--bind-address=127.0.0.1',
    `--socket=${join(folder, 's')}`,
    '--innodb-flush-log-at-trx-commit=0',
  ];
  const stop = await serving(spawn(mariadbd, args, { ...optionsIn(folder), detached: true }), port, folder);
  return {
    async create(name, python) {
      const script = `import pymysql; pymysql.connect(unix_socket=${JSON.stringify(join(folder, 's'))}, user='root').cursor().execute('create database ${name} character set ${CHARACTERS[store]}')`;
      const grant = `import pymysql; k = pymysql.connect(unix_socket=${JSON.stringify(join(folder, 's'))}, user='root').cursor(); k.execute("create user if not exists compat@'127.0.0.1'"); k.execute("create user if not exists compat@localhost"); k.execute("grant all on *.* to compat@'127.0.0.1'"); k.execute("grant all on *.* to compat@localhost")`;
      await outputOf(python, ['-c', script], COMMAND_MS);
      await outputOf(python, ['-c', grant], COMMAND_MS);
      return `mysql+pymysql://compat@127.0.0.1:${port}/${name}`;
    },
    stop,
  };
}

function ownFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'mirrorboard-compat-db-'));
  if (NOBODY.uid !== undefined) chownSync(folder, NOBODY.uid, NOBODY.gid);
  mkdirSync(folder, { recursive: true });
  return folder;
}

function programOf(name: string): string {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', ...postgresFolders()];
  const found = folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
  if (found === undefined) throw new Error(`there is no program ${name}`);
  return found;
}

function postgresFolders(): string[] {
  const base = '/usr/lib/postgresql';
  return existsSync(base) ? readdirSync(base).map((version) => join(base, version, 'bin')) : [];
}

function finished(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(`${child.spawnfile} ended with ${code}`))));
  });
}

/** Waits until something listens. Returns how to end it. */
async function serving(child: ChildProcess, port: number, folder: string): Promise<() => Promise<void>> {
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  const kill = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  };
  process.on('exit', kill);
  const stop = async (): Promise<void> => {
    process.off('exit', kill);
    kill();
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  const end = Date.now() + START_MS;
  while (!(await isListening(port))) {
    if (child.exitCode !== null || Date.now() > end) {
      await stop();
      throw new Error(`${child.spawnfile} did not start`);
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return stop;
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
