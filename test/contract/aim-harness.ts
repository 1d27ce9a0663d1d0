import { whoseRun } from '../../src/backend-kit/identity/index.ts';
import { aim } from '../../src/backends/aim/index.ts';
import type { Backend, Handle } from '../../src/contract/index.ts';
import type { Fault } from '../../src/testing/fault.ts';
import { type Harness, type Target, UNLIMITED_SECONDS } from '../../src/testing/harness.ts';
import { AimStub, type StubFault } from '../support/aim-stub/index.ts';

/** A backend as a lane's section makes it. */
export async function connectAim(section: Readonly<Record<string, unknown>>, env: Readonly<Record<string, string>> = {}): Promise<Backend> {
  const parsed = aim.parse(section, env);
  if (parsed.kind === 'problems') throw new Error(JSON.stringify(parsed.problems));
  return aim.create(parsed.settings, { lane: 'aim', whoseRun, env, warn: () => {} });
}

/** A handle is opaque to all others; here it is known that it names the run. */
export function hashOf(handle: Handle): string {
  return (JSON.parse(handle) as { readonly run: string }).run;
}

let experiments = 0;

/** Aim over a real server, which is shared: an experiment for every case. */
export function realHarness(url: () => string): Harness {
  return {
    addressing: 'key',
    comparesArtifacts: true,
    faults: [],
    async start(): Promise<Target> {
      const experiment = `contract/${process.pid}/${experiments++}`;
      return {
        connect: () => connectAim({ server: url(), experiment }),
        removeRun: async (handle) => {
          const other = await connectAim({ server: url() });
          await other.remove?.(handle, new AbortController().signal);
          await other.close();
        },
        close: async () => {},
      };
    },
  };
}

const SECRET = 'pa55-w0rd-of-the-lane';

function stubFault({ kind, afterSec, asDate = false }: Fault): StubFault {
  switch (kind) {
    case 'rateLimited':
      return { kind: 'tooMany', asDate, ...(afterSec === undefined ? {} : { afterSec }) };
    case 'unavailable':
      return { kind: 'unavailable' };
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

/** Aim over the stub, a stub for every case. */
export function stubHarness(section: Readonly<Record<string, unknown>> = {}, version = '3.29.1'): Harness {
  return {
    addressing: 'key',
    comparesArtifacts: true,
    faults: ['rateLimited', 'unavailable', 'connectionLost', 'answerLost', 'partStored', 'hang', 'hangStored', 'noAccess'],
    async start(): Promise<Target> {
      const stub = await AimStub.start({ secret: { name: 'x-proxy-token', value: SECRET }, version });
      const connect = (secret: string): Promise<Backend> =>
        connectAim({ server: stub.url, headers: { 'X-Proxy-Token': secret }, request_timeout: UNLIMITED_SECONDS, ...section });
      return {
        connect: () => connect(SECRET),
        connectWrongly: () => connect(`${SECRET}-wrong`),
        fail: (fault, times) => stub.fail(stubFault(fault), times),
        faultsLeft: () => stub.faultsLeft,
        refuse: (tag) => stub.refuse(tag),
        removeRun: async (handle) => stub.delete(hashOf(handle)),
        runCount: async () => stub.runs.size,
        statusOf: async (handle) => stub.statusOf(hashOf(handle)),
        secrets: [SECRET],
        complaints: () => stub.complaints(),
        close: () => stub.close(),
      };
    },
  };
}
