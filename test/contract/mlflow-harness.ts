import { existsSync } from 'node:fs';
import { whoseRun } from '../../src/backend-kit/identity/index.ts';
import type { Backend, BackendType, Handle } from '../../src/contract/index.ts';
import type { Fault } from '../../src/testing/fault.ts';
import { type Harness, type Target, UNLIMITED_SECONDS } from '../../src/testing/harness.ts';
import { MlflowStub, type StubFault, type StubOptions } from '../support/mlflow-stub/index.ts';

const MODULE = new URL('../../src/backends/mlflow/index.js', import.meta.url);

/** The backend's type; undefined in a checkout that does not have it. */
export async function mlflowType(): Promise<BackendType | undefined> {
  if (!existsSync(MODULE)) return undefined;
  const { mlflow } = (await import(MODULE.href)) as { readonly mlflow: BackendType };
  return mlflow;
}

/** A backend as a lane's section makes it. */
export async function connectMlflow(
  type: BackendType,
  section: Readonly<Record<string, unknown>>,
  env: Readonly<Record<string, string>> = {},
): Promise<Backend> {
  const parsed = type.parse(section, env);
  if (parsed.kind === 'problems') throw new Error(JSON.stringify(parsed.problems));
  return type.create(parsed.settings, { lane: 'mlflow', whoseRun, env, warn: () => {} });
}

/** A handle is opaque to all others; here it is known that it names the run. */
export function runIdOf(handle: Handle): string {
  const [id] = /[0-9a-f]{32}/.exec(handle) ?? [];
  if (id === undefined) throw new Error(`no run id in ${handle}`);
  return id;
}

const WRITES = ['runs/log-batch', 'artifacts/put'];
const SECRET = 'pa55-w0rd-of-the-lane';

function stubFault({ kind, afterSec, asDate = false }: Fault): { readonly fault: StubFault; readonly on: readonly string[] } {
  const after = afterSec === undefined ? {} : { afterSec };
  switch (kind) {
    case 'rateLimited':
      return { fault: { kind: 'tooMany', asDate, ...after }, on: WRITES };
    case 'unavailable':
      return { fault: { kind: 'status', status: 503 }, on: WRITES };
    case 'connectionLost':
      return { fault: { kind: 'close', stored: false }, on: WRITES };
    case 'answerLost':
      return { fault: { kind: 'close', stored: true }, on: WRITES };
    case 'partStored':
      return { fault: { kind: 'part' }, on: WRITES };
    case 'hang':
      return { fault: { kind: 'hang', stored: false }, on: WRITES };
    case 'hangStored':
      // What is read back are points that stand in the tracker's own place.
      return { fault: { kind: 'hang', stored: true }, on: ['runs/log-batch'] };
    case 'noAccess':
      return { fault: { kind: 'denied' }, on: WRITES };
    default:
      return kind satisfies never;
  }
}

/** MLflow over the stub, a stub for every case. */
export function stubHarness(type: BackendType, options: StubOptions = {}, section: Readonly<Record<string, unknown>> = {}): Harness {
  const auth = { user: 'mirror', password: SECRET };
  return {
    addressing: 'key',
    comparesArtifacts: true,
    faults: ['rateLimited', 'unavailable', 'connectionLost', 'answerLost', 'partStored', 'hang', 'hangStored', 'noAccess'],
    async start(): Promise<Target> {
      const stub = await MlflowStub.start({ auth, ...options });
      const env = { MLFLOW_TRACKING_USERNAME: auth.user, MLFLOW_TRACKING_PASSWORD: SECRET };
      const connect = (password: string): Promise<Backend> =>
        connectMlflow(
          type,
          { tracking_uri: stub.url, request_timeout: UNLIMITED_SECONDS, ...section },
          { ...env, MLFLOW_TRACKING_PASSWORD: password },
        );
      return {
        connect: () => connect(SECRET),
        connectWrongly: () => connect(`${SECRET}-wrong`),
        fail: (fault, times) => {
          const { fault: own, on } = stubFault(fault);
          stub.fail(own, { on, times });
        },
        faultsLeft: () => stub.faultsLeft,
        refuse: (tag) => stub.refuse(tag),
        removeRun: async (handle) => stub.deleteRun(runIdOf(handle)),
        runCount: async () => stub.runs().length,
        statusOf: async (handle) => statusOf(stub.store.run(runIdOf(handle)).status),
        secrets: [SECRET, Buffer.from(`${auth.user}:${SECRET}`).toString('base64')],
        complaints: () => stub.violations,
        close: () => stub.close(),
      };
    },
  };
}

let experiments = 0;

/** MLflow over a real server, which is shared: an experiment for every case. */
export function realHarness(type: BackendType, url: () => string): Harness {
  return {
    addressing: 'key',
    comparesArtifacts: true,
    faults: [],
    async start(): Promise<Target> {
      const experiment = `contract/${process.pid}/${experiments++}`;
      const call = async (path: string, fields?: unknown): Promise<Record<string, unknown>> => {
        const init =
          fields === undefined ? {} : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(fields) };
        const answer = await fetch(`${url()}/api/2.0/mlflow/${path}`, init);
        return (await answer.json()) as Record<string, unknown>;
      };
      return {
        connect: () => connectMlflow(type, { tracking_uri: url(), experiment_name: experiment }),
        removeRun: async (handle) => void (await call('runs/delete', { run_id: runIdOf(handle) })),
        async runCount() {
          const found = await call(`experiments/get-by-name?experiment_name=${encodeURIComponent(experiment)}`);
          const id = (found['experiment'] as { experiment_id: string } | undefined)?.experiment_id;
          if (id === undefined) return 0;
          const { runs = [] } = await call('runs/search', { experiment_ids: [id], max_results: 1000 });
          return (runs as unknown[]).length;
        },
        async statusOf(handle) {
          const { run } = await call(`runs/get?run_id=${runIdOf(handle)}`);
          return statusOf((run as { info: { status: string } }).info.status);
        },
        close: async () => {},
      };
    },
  };
}

function statusOf(status: string): 'running' | 'finished' | 'failed' {
  if (status === 'FINISHED') return 'finished';
  return status === 'FAILED' ? 'failed' : 'running';
}
