// A real Trackio server for tests: installed once into a cache folder, started on a free loopback port over a new
// folder, killed and started again at will.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cleanEnv, freePort, outputOf, pythonEnvironment, REPOSITORY, type ServerProcess, startServer } from './python-tools.ts';

const VERSION = '0.43.0';
const READ_MS = 120_000;
const support = (name: string): string => join(REPOSITORY, 'test/support', name);

export interface TrackioServer {
  readonly url: string;
  readonly writeToken: string;
  /** Its TRACKIO_DIR. */
  readonly folder: string;
  readonly inbox: string;
  /** With the official client. */
  readonly python: string;
  /** What a project holds, read by Trackio's own code: by run id, each value as key, step, kind and content. */
  readBack(project: string): Promise<Readonly<Record<string, readonly TrackioValue[]>>>;
  /** Calls a function of its API. */
  call(name: string, args: object): Promise<unknown>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Over the same folder, at the same address. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Numbers are texts, media the hashes of their files. */
export type TrackioValue = readonly [key: string, step: string, kind: string, content: string | readonly string[]];

/** Trackio's environment; throws where it can't be had. */
export function trackioEnvironment(): Promise<string> {
  return pythonEnvironment({
    name: 'trackio',
    version: VERSION,
    requirements: ['-r', support('trackio-requirements.txt')],
    options: ['--only-binary=:all:'],
    pythons: ['python3.11', 'python3.12', 'python3.13', 'python3'],
  });
}

/** What keeps Trackio from the network and from a developer's own projects. */
export function trackioEnv(folder: string): NodeJS.ProcessEnv {
  return cleanEnv({ TRACKIO_DIR: folder, HF_HOME: join(folder, 'hf'), HF_HUB_OFFLINE: '1', TRACKIO_INBOX_POLL_INTERVAL: '5' });
}

/** Starts one, installed before where that is wanted; throws where it can't be had. */
export async function startTrackio(): Promise<TrackioServer> {
  const python = join(await trackioEnvironment(), 'bin/python');
  const cwd = mkdtempSync(join(tmpdir(), 'mirrorboard-trackio-'));
  const folder = join(cwd, 'trackio');
  mkdirSync(folder);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const writeToken = 'write-t0ken-of-tests';
  const start = (): Promise<ServerProcess> =>
    startServer({
      program: python,
      args: [support('trackio_server.py'), String(port)],
      env: { ...trackioEnv(folder), TRACKIO_WRITE_TOKEN: writeToken },
      cwd,
      healthUrl: `${url}/version`,
    });
  let server = await start();
  return {
    url,
    writeToken,
    folder,
    inbox: join(folder, 'inbox'),
    python,
    async call(name, args) {
      const headers = { 'content-type': 'application/json', 'x-trackio-write-token': writeToken };
      const answer = await fetch(`${url}/api/${name}`, { method: 'POST', headers, body: JSON.stringify(args) });
      const { data, error } = (await answer.json()) as { data?: unknown; error?: string };
      if (error !== undefined) throw new Error(error);
      return data;
    },
    readBack: async (project) => JSON.parse(await outputOf(python, [support('trackio_readback.py'), project], READ_MS, trackioEnv(folder))),
    kill: () => server.kill(),
    async restart() {
      await server.kill();
      server = await start();
    },
    async stop() {
      await server.kill();
      rmSync(cwd, { recursive: true, force: true });
    },
  };
}
