import { readdirSync, rmSync } from 'node:fs';
import { whoseRun } from '../../src/backend-kit/identity/index.ts';
import { wandb } from '../../src/backends/wandb/index.ts';
import type { Backend, Handle } from '../../src/contract/index.ts';
import type { Fault } from '../../src/testing/fault.ts';
import { type Harness, UNLIMITED_SECONDS } from '../../src/testing/harness.ts';
import type { StubFault } from '../support/mlflow-stub/fault-rules.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { WandbStub, type WandbStubOptions } from '../support/wandb-stub/index.ts';

/** A backend as a lane's section makes it. */
export async function connectWandb(
  section: Readonly<Record<string, unknown>>,
  env: Readonly<Record<string, string>> = {},
): Promise<Backend> {
  const parsed = wandb.parse(section, { HOME: '/nowhere', ...env });
  if (parsed.kind === 'problems') throw new Error(JSON.stringify(parsed.problems));
  return wandb.create(parsed.settings, { lane: 'wandb', whoseRun, env, warn: () => {} });
}

/** A handle is opaque to all others; here it is known that it names the run. */
export function runIdOf(handle: Handle): string {
  return (JSON.parse(handle) as { run: string }).run;
}

const WRITES = ['file_stream'];

function stubFault({ kind, afterSec, asDate = false }: Fault): StubFault {
  switch (kind) {
    case 'rateLimited':
      return { kind: 'tooMany', asDate, ...(afterSec === undefined ? {} : { afterSec }) };
    case 'unavailable':
      return { kind: 'status', status: 503 };
    case 'connectionLost':
      return { kind: 'close', stored: false };
    case 'answerLost':
      return { kind: 'close', stored: true };
    case 'partStored':
      return { kind: 'part' };
    case 'hang':
      return { kind: 'hang', stored: false };
    case 'hangStored':
      return { kind: 'hang', stored: true };
    case 'noAccess':
      return { kind: 'denied' };
    default:
      return kind satisfies never;
  }
}

/** Over the stub, online. */
export function onlineHarness(options: WandbStubOptions = {}, section: Readonly<Record<string, unknown>> = {}): Harness {
  return {
    addressing: 'line',
    comparesArtifacts: true,
    faults: ['rateLimited', 'unavailable', 'connectionLost', 'answerLost', 'partStored', 'hang', 'hangStored', 'noAccess'],
    async start() {
      const stub = await WandbStub.start(options);
      const dir = temporaryFolder();
      const lane = { base_url: stub.url, dir, request_timeout: UNLIMITED_SECONDS, ...section };
      return {
        connect: () => connectWandb({ ...lane, api_key: stub.key }),
        connectWrongly: () => connectWandb({ ...lane, api_key: 'wrong-key-9876543210' }),
        fail(fault, times) {
          // A connection that is reset is tried once more at once by the client.
          const isReset = fault.kind === 'connectionLost' || fault.kind === 'answerLost';
          stub.fail(stubFault(fault), { on: WRITES, times: isReset ? 2 * times : times });
        },
        faultsLeft: () => stub.faultsLeft,
        removeRun: async (handle) => stub.deleteRun(runIdOf(handle)),
        runCount: async () => stub.runs().length,
        statusOf: async (handle) => stub.runs().find(({ id }) => id === runIdOf(handle))?.state ?? 'running',
        secrets: [stub.key, 'wrong-key-9876543210'],
        complaints: () => stub.violations,
        async close() {
          await stub.close();
        },
      };
    },
  };
}

/** Into folders. */
export function offlineHarness(): Harness {
  return {
    addressing: 'line',
    comparesArtifacts: true,
    faults: [],
    async start() {
      const dir = temporaryFolder();
      return {
        connect: () => connectWandb({ mode: 'offline', dir }),
        runCount: async () => new Set(readdirSync(dir).map((name) => name.split('-').slice(3).join('-'))).size,
        close: async () => rmSync(dir, { recursive: true, force: true }),
      };
    },
  };
}
