// TensorBoard's data server: it loads a log directory into memory and keeps a sample of it.
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import type { Scratch } from '../scratch.ts';
import { type Reference, tryReference } from './reference.ts';
import { pythonWith, runOrThrow, versionIn } from './venv.ts';

/** Loads a log directory once; the time is the server's own figure for the load. */
export type DataServer = (logdir: string) => Promise<{ readonly seconds: number; readonly peakBytes?: number }>;

/** Installs the server of the version that the targets were set against. */
export async function prepareDataServer(scratch: Scratch): Promise<Reference<DataServer>> {
  return tryReference("TensorBoard's data server", async () => {
    const python = await pythonWith(scratch, 'data-server-0.7.2', ['tensorboard-data-server==0.7.2']);
    const binary = (await runOrThrow(python, ['-c', 'import tensorboard_data_server as s; print(s.server_binary())'])).trim();
    return { use: (logdir) => load(binary, logdir), version: await versionIn(python, 'tensorboard-data-server') };
  });
}

/** The load must end within ten minutes. */
const TIMEOUT_MS = 600_000;

async function load(binary: string, logdir: string): ReturnType<DataServer> {
  // --die-after-stdin: should the bench be killed, the server goes with it.
  const args = ['--logdir', logdir, '--reload', 'once', '--checksum', '--verbose', '--port', '0', '--die-after-stdin'];
  const server = spawn(binary, args, { stdio: ['pipe', 'ignore', 'pipe'] });
  const ended = new Promise<void>((resolve) => server.once('close', () => resolve()));
  try {
    const seconds = await new Promise<number>((resolve, reject) => {
      let said = '';
      const timer = setTimeout(() => reject(new Error(`the data server did not finish loading within ${TIMEOUT_MS / 1000} s`)), TIMEOUT_MS);
      timer.unref();
      server.stderr.setEncoding('utf8').on('data', (chunk: string) => {
        said += chunk;
        const took = parseLoadCycle(said);
        if (took !== undefined) resolve(took);
      });
      server.once('error', reject);
      server.once('close', (code) => reject(new Error(`the data server ended with ${String(code)} before it had loaded: ${said.trim()}`)));
    });
    const peakBytes = await peakOf(server.pid);
    return peakBytes === undefined ? { seconds } : { seconds, peakBytes };
  } finally {
    // It would serve until it is killed.
    server.kill('SIGKILL');
    await ended;
  }
}

const UNITS: Readonly<Record<string, number>> = { s: 1, ms: 1e-3, µs: 1e-6, ns: 1e-9 };

/** The seconds in `Finished load cycle (982.6ms)`; undefined while the line is not there. */
export function parseLoadCycle(stderr: string): number | undefined {
  const [, amount, unit] = /Finished load cycle \(([\d.]+)(s|ms|µs|ns)\)/u.exec(stderr) ?? [];
  return amount === undefined || unit === undefined ? undefined : Number(amount) * (UNITS[unit] ?? Number.NaN);
}

/** The peak memory of a process that still lives; Linux only. */
async function peakOf(pid: number | undefined): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(status) ?? [];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}
