/** A tracking server of our own, for stores that no server stands before: a database, a folder. It lives as long as the backend. */
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MirrorError, messageOf } from '../../errors.ts';
import { findProgram, ManagedServer } from '../../http/index.ts';
import { isFileStore } from './address.ts';
import type { MlflowSettings } from './settings.ts';

type StoreSettings = Pick<MlflowSettings, 'uri' | 'storeUri' | 'command' | 'artifactsDestination'>;

/** Starts a server for a store, and waits until it answers. Throws MB4008. */
export async function startServer(settings: StoreSettings, env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<ManagedServer> {
  const program = findProgram(settings.command, env['PATH'] ?? '');
  if (program === undefined) {
    throw new MirrorError('MB4008', `${settings.uri} needs a tracking server of its own, and there is no program ${settings.command}`, {
      hint: 'Install it, name it (mlflow_command), or give the address of a server that runs.',
      command: 'pip install mlflow',
      context: { program: settings.command },
    });
  }
  const destination = settings.artifactsDestination ?? join(storeFolder(settings.storeUri), 'mlartifacts');
  const stores = ['--backend-store-uri', settings.storeUri, '--artifacts-destination', destination];
  const own: Record<string, string> = { MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false', MLFLOW_DISABLE_TELEMETRY: 'true' };
  if (isFileStore(settings.storeUri)) own['MLFLOW_ALLOW_FILE_STORE'] = 'true';
  // What points official tools to a server would make this one ask itself.
  const { MLFLOW_TRACKING_URI: _tracking, MLFLOW_BACKEND_STORE_URI: _store, ...inherited } = env;
  return ManagedServer.start(
    {
      program,
      args: (port) => ['server', '--host', '127.0.0.1', '--port', String(port), '--workers', '1', ...stores],
      env: { ...inherited, ...own },
      healthPath: '/health',
      name: `the tracking server for ${settings.uri}`,
      hint: `Try it by hand: ${settings.command} server --backend-store-uri ${settings.uri}`,
    },
    signal,
  );
}

/** The folder beside which artifacts lie: that of a SQLite file or of a file store, else the working directory. */
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
