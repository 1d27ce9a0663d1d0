import type { Backend, Handle } from '../../src/backends/contract.ts';
import { aim } from '../../src/backends/aim/index.ts';
import type { Harness, Target } from './harness.ts';

/** A backend as a lane's section makes it. */
export async function connectAim(
  section: Readonly<Record<string, unknown>>,
  env: Readonly<Record<string, string>> = {},
): Promise<Backend> {
  const parsed = aim.parse(section, env);
  if (parsed.kind === 'problems') throw new Error(JSON.stringify(parsed.problems));
  return aim.create(parsed.settings, { lane: 'aim', env, warn: () => {} });
}

/** A handle is opaque to everybody else; here it is known that it names the run. */
export function hashOf(handle: Handle): string {
  return (JSON.parse(handle) as { readonly run: string }).run;
}

let experiments = 0;

/** Aim over a real server, which is shared: an experiment for every case. */
export function realHarness(url: () => string): Harness {
  return {
    addressing: 'key',
    faults: [],
    timeoutMs: 300_000,
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
