/**
 * A tracking server of our own, for stores without a server: a database or a folder. It lives as long as the backend.
 */

import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BackendContext } from '../../contract/index.ts';
import { MirrorError, messageOf } from '../../errors.ts';
import { findProgram, ManagedServer, type ServerRemedy } from '../../http/index.ts';
import { addressOf, isFileStore } from './address.ts';
import type { MlflowSettings } from './settings.ts';

type StoreSettings = Pick<MlflowSettings, 'uri' | 'storeUri' | 'command' | 'artifactsDestination'>;

/** Starts a server for a store, and waits until it answers. Throws MB4008. */
export async function startServer(
  settings: StoreSettings,
  { env, clock }: Pick<BackendContext, 'env' | 'clock'>,
  signal: AbortSignal,
): Promise<ManagedServer> {
  const { uri, storeUri, command } = settings;
  const program = findProgram(command, env['PATH'] ?? '');
  if (program === undefined) {
    throw new MirrorError('MB4008', `${uri} needs its own tracking server, but there is no program ${command}`, {
      hint: 'Install it, name it (mlflow_command), or give the address of a server that runs.',
      command: 'pip install mlflow',
      context: { program: command },
    });
  }
  const destination = settings.artifactsDestination ?? join(storeFolder(storeUri), 'mlartifacts');
  const own: Record<string, string> = {
    MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false',
    MLFLOW_DISABLE_TELEMETRY: 'true',
    // The address is not an argument: all users can see the arguments of a process, and it contains a database's
    // password.
    MLFLOW_BACKEND_STORE_URI: storeUri,
  };
  if (isFileStore(storeUri)) own['MLFLOW_ALLOW_FILE_STORE'] = 'true';
  // This variable points official tools to a server, and would make our server call itself.
  const { MLFLOW_TRACKING_URI: _tracking, ...inherited } = env;
  const address = addressOf(storeUri);
  return ManagedServer.start(
    {
      clock,
      program,
      args: (port) => ['server', '--host', '127.0.0.1', '--port', String(port), '--workers', '1', '--artifacts-destination', destination],
      env: { ...inherited, ...own },
      healthPath: '/health',
      name: `the tracking server for ${uri}`,
      hint: `Run it manually: ${command} server --backend-store-uri ${uri}`,
      secrets: address.kind === 'store' && address.password !== undefined ? [address.password] : [],
      remedyOf: (log) => remedyOf(log, uri),
    },
    signal,
  );
}

/** Reads from the server's log what only a person can change, and how. Returns undefined if it may pass by itself. */
function remedyOf(log: string, uri: string): ServerRemedy | undefined {
  const missing = /ModuleNotFoundError: No module named '([\w-]+)/.exec(log)?.[1];
  if (missing !== undefined) {
    const name = PACKAGES[missing] ?? missing;
    return {
      hint:
        `The server's Python lacks a package: pip install ${name} there, or name another driver in the address ` +
        `(postgresql+psycopg2://…).`,
      command: `pip install ${name}`,
    };
  }
  if (log.includes('out-of-date database schema')) {
    return { hint: `Another version of MLflow made this database: back it up, then run mlflow db upgrade ${uri}.` };
  }
  // The server continues trying for minutes.
  if (NO_ACCESS.test(log)) return { hint: 'Correct user and password in the address (tracking_uri).', isCertain: true };
  if (/NoSuchModuleError|Could not parse SQLAlchemy URL/.test(log)) {
    return { hint: 'Correct the address (tracking_uri): there is no such kind of database.' };
  }
  return undefined;
}

/** Messages of PostgreSQL, MySQL and SQL Server about a wrong password. */
const NO_ACCESS = /password authentication failed|Access denied for user|Login failed for user/;

/** Package names of modules, if they differ from the module names. */
const PACKAGES: Readonly<Record<string, string>> = {
  psycopg: 'psycopg[binary]',
  psycopg2: 'psycopg2-binary',
  MySQLdb: 'mysqlclient',
};

/**
 * Returns the folder that contains the artifacts: that of a SQLite file or of a file store, otherwise the working
 * directory.
 */
function storeFolder(uri: string): string {
  const sqlite = /^sqlite(?:\+\w+)?:\/\/\/(.+)$/i.exec(uri)?.[1];
  if (sqlite !== undefined) return dirname(resolve(sqlite));
  if (!isFileStore(uri)) return process.cwd();
  try {
    return dirname(uri.startsWith('file:') ? fileURLToPath(uri) : resolve(uri));
  } catch (cause) {
    throw new MirrorError('MB4004', `${uri} is not the address of a folder: ${messageOf(cause)}`, {
      hint: 'Write file:///PATH, or the path alone.',
      cause,
    });
  }
}
