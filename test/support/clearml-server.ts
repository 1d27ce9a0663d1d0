// A strict ClearML API and file server that the official SDK works against, with that SDK beside it: installed once
// into a cache folder.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cleanEnv, outputOf, pythonEnvironment, REPOSITORY, type Started, startSaying } from './python-tools.ts';

const REQUIREMENTS = ['clearml==2.1.12', 'jsonschema==4.25.1', 'moto[server,s3]==5.2.5'];
const RUN_MS = 240_000;

export interface ClearmlServer {
  readonly url: string;
  readonly accessKey: string;
  readonly secretKey: string;
  /** Makes the next calls fail; resolves when the server knows. */
  fault(endpoint: string, mode: string, times: number, status?: number): void;
  /** Every task with its events. */
  dump(): Promise<readonly DumpedTask[]>;
  call(action: string, body: unknown): Promise<Record<string, unknown>>;
  /** All that a project holds, read by the official client, with the hashes of its files. */
  readBack(project: string): Promise<ReadBackTask[]>;
  /** Lets the official SDK import offline sessions, each into a task of its own. */
  importSessions(folders: readonly string[]): Promise<void>;
  /** Seconds that the official SDK takes for points reported one by one, and flushed. */
  reportScalars(project: string, name: string, tags: number, steps: number): Promise<number>;
  stop(): Promise<void>;
}

export interface DumpedTask {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly project: string;
  readonly events: readonly Readonly<Record<string, unknown>>[];
}

export interface ReadBackTask {
  readonly run: string;
  readonly id: string;
  readonly status: string;
  /** By metric/variant: step, seconds, value, remaining fields. */
  readonly scalars: Readonly<Record<string, readonly (readonly [number, number, number | null, Readonly<Record<string, unknown>>])[]>>;
  readonly single_values: Readonly<Record<string, number | null>>;
  readonly plots: readonly { readonly metric: string; readonly variant: string; readonly step: number; readonly plot: unknown }[];
  readonly debug_images: readonly {
    readonly metric: string;
    readonly variant: string;
    readonly url: string;
    readonly file_sha256?: string;
  }[];
  readonly artifacts: readonly { readonly key: string; readonly file_sha256?: string; readonly hash: string }[];
  readonly params: Readonly<Record<string, string>>;
}

/** Python with the official SDK and moto. Throws where it can't be had. */
export async function clearmlPython(): Promise<string> {
  return join(await pythonEnvironment({ name: 'clearml', requirements: REQUIREMENTS }), 'bin/python');
}

export async function startClearml(): Promise<ClearmlServer> {
  const python = await clearmlPython();
  const folder = mkdtempSync(join(tmpdir(), 'mirrorboard-clearml-server-'));
  const script = (name: string): string => join(REPOSITORY, 'test/support', name);
  let server: Started;
  try {
    server = await startSaying(python, [script('clearml_contract_server.py'), '--files', join(folder, 'files')]);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  const { api_host: url, access_key: accessKey, secret_key: secretKey } = JSON.parse(server.firstLine) as Record<string, string>;
  if (url === undefined || accessKey === undefined || secretKey === undefined) throw new Error(server.firstLine);
  const env = {
    HOME: folder,
    CLEARML_CONFIG_FILE: join(folder, 'none.conf'),
    CLEARML_CACHE_DIR: join(folder, 'cache'),
    CLEARML_API_HOST: url,
    CLEARML_FILES_HOST: url,
    CLEARML_WEB_HOST: url,
    CLEARML_API_ACCESS_KEY: accessKey,
    CLEARML_API_SECRET_KEY: secretKey,
  };
  const found = async (args: readonly string[], word: string): Promise<string> => {
    const out = await outputOf(python, args, RUN_MS, env);
    const value = new RegExp(`^${word} (\\S+)$`, 'm').exec(out)?.[1];
    if (value === undefined) throw new Error(`no ${word} in ${out.slice(-500)}`);
    return value;
  };
  return {
    url,
    accessKey,
    secretKey,
    fault(endpoint, mode, times, status = 503) {
      const body = JSON.stringify({ endpoint, mode, times, status });
      const code = `await fetch(process.argv[1], { method: 'POST', body: process.argv[2] })`;
      execFileSync(process.execPath, ['--input-type=module', '-e', code, `${url}/contract/fault`, body], { env: cleanEnv() });
    },
    async dump() {
      const answer = await fetch(`${url}/contract/dump`);
      return ((await answer.json()) as { tasks: DumpedTask[] }).tasks;
    },
    async call(action, body) {
      const authorization = `Basic ${Buffer.from(`${accessKey}:${secretKey}`).toString('base64')}`;
      const headers = { authorization, 'content-type': 'application/json' };
      const answer = await fetch(`${url}/v2.23/${action}`, { method: 'POST', headers, body: JSON.stringify(body) });
      return ((await answer.json()) as { data: Record<string, unknown> }).data;
    },
    async readBack(project) {
      const args = [script('clearml_readback.py'), '--project', project, '--extra', '--files'];
      const out = await outputOf(python, args, RUN_MS, env);
      return (JSON.parse(out) as { runs: ReadBackTask[] }).runs;
    },
    importSessions: async (folders) => void (await found([script('clearml_import.py'), ...folders], 'imported')),
    reportScalars: async (project, name, tags, steps) =>
      Number(await found([script('clearml_scalars.py'), project, name, String(tags), String(steps)], 'seconds')),
    async stop() {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
