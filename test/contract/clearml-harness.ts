import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { whoseRun } from '../../src/backend-kit/identity/index.ts';
import { clearml } from '../../src/backends/clearml/index.ts';
import type { Clock } from '../../src/clock.ts';
import type { Backend, Handle } from '../../src/contract/index.ts';
import type { Fault } from '../../src/testing/fault.ts';
import type { Harness, Target } from '../../src/testing/harness.ts';
import { ClearmlStub } from '../support/clearml-stub/index.ts';
import type { StubFault } from '../support/mlflow-stub/fault-rules.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

export const ACCESS_KEY = 'ACCESSKEYOFTHELANE0000';
export const SECRET_KEY = 'secret-key-of-the-lane-0123456789';
/** No file of the user who runs the tests is read. */
const ENV = { CLEARML_CONFIG_FILE: '/dev/null' };

/** A backend as a lane's section makes it. */
export async function connectClearml(
  section: Readonly<Record<string, unknown>>,
  env: Readonly<Record<string, string>> = {},
  warn: (message: string) => void = () => {},
  clock?: Clock,
): Promise<Backend> {
  const parsed = clearml.parse(section, { ...ENV, ...env });
  if (parsed.kind === 'problems') throw new Error(JSON.stringify(parsed.problems));
  return clearml.create(parsed.settings, { lane: 'clearml', whoseRun, env, warn, ...(clock === undefined ? {} : { clock }) });
}

/** How a lane's section leads to a server. */
export function sectionOf(url: string, secretKey = SECRET_KEY, accessKey = ACCESS_KEY): Readonly<Record<string, string>> {
  return { api_server: url, files_server: url, web_server: url, access_key: accessKey, secret_key: secretKey };
}

/** A handle is opaque to all others; here it is known that it names the task. */
export function taskIdOf(handle: Handle): string {
  return (JSON.parse(handle) as { task: string }).task;
}

const WRITES = ['events.add_batch', 'files/put'];

export function stubFault({ kind, afterSec, asDate = false }: Fault): { readonly fault: StubFault; readonly on: readonly string[] } {
  const after = afterSec === undefined ? {} : { afterSec };
  switch (kind) {
    case 'rateLimited':
      return { fault: { kind: 'tooMany', asDate, ...after }, on: ['events.add_batch'] };
    case 'unavailable':
      return { fault: { kind: 'status', status: 503 }, on: WRITES };
    case 'connectionLost':
      return { fault: { kind: 'close', stored: false }, on: WRITES };
    case 'answerLost':
      return { fault: { kind: 'close', stored: true }, on: WRITES };
    case 'partStored':
      return { fault: { kind: 'part' }, on: ['events.add_batch'] };
    case 'hang':
      return { fault: { kind: 'hang', stored: false }, on: WRITES };
    case 'hangStored':
      return { fault: { kind: 'hang', stored: true }, on: ['events.add_batch'] };
    case 'noAccess':
      // The file server has one answer for all, so it is asked again with a new token.
      return { fault: { kind: 'denied' }, on: ['events.add_batch'] };
    default:
      return kind satisfies never;
  }
}

export function statusOf(status: string): 'running' | 'finished' | 'failed' {
  if (status === 'completed') return 'finished';
  return status === 'failed' ? 'failed' : 'running';
}

/** ClearML over the stub, a stub for every case. */
export function stubHarness(): Harness {
  return {
    addressing: 'key',
    comparesArtifacts: true,
    faults: ['rateLimited', 'unavailable', 'connectionLost', 'answerLost', 'partStored', 'hang', 'hangStored', 'noAccess'],
    async start(): Promise<Target> {
      const stub = await ClearmlStub.start({ accessKey: ACCESS_KEY, secretKey: SECRET_KEY });
      return {
        connect: () => connectClearml(sectionOf(stub.url)),
        connectWrongly: () => connectClearml(sectionOf(stub.url, `${SECRET_KEY}-wrong`)),
        fail: (fault, times) => {
          const { fault: own, on } = stubFault(fault);
          stub.fail(own, { on, times });
        },
        faultsLeft: () => stub.faultsLeft,
        refuse: (tag) => stub.refuse(tag),
        removeRun: async (handle) => stub.store.removeTask(taskIdOf(handle)),
        runCount: async () => stub.tasks().length,
        statusOf: async (handle) => statusOf(stub.store.task(taskIdOf(handle)).status),
        secrets: [SECRET_KEY, Buffer.from(`${ACCESS_KEY}:${SECRET_KEY}`).toString('base64')],
        complaints: () => stub.violations,
        close: () => stub.close(),
      };
    },
  };
}

/** A lane that is offline: sessions in a folder of the case's own. */
export function offlineHarness(): Harness {
  return {
    addressing: 'key',
    comparesArtifacts: true,
    faults: [],
    async start(): Promise<Target> {
      const folder = temporaryFolder();
      const sessions = join(folder, 'offline');
      const noteOf = (handle: Handle): { readonly end?: { readonly status: 'finished' | 'failed' } } =>
        JSON.parse(readFileSync(join(sessions, (JSON.parse(handle) as { session: string }).session, 'mirrorboard.json'), 'utf8'));
      return {
        connect: () => connectClearml({ mode: 'offline', cache_dir: folder }),
        runCount: async () => (readdirSync(folder).includes('offline') ? readdirSync(sessions).length : 0),
        statusOf: async (handle) => noteOf(handle).end?.status ?? 'running',
        close: async () => rmSync(folder, { recursive: true, force: true }),
      };
    },
  };
}
