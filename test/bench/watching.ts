// A `watch` under measurement, seen from outside: through its health endpoints and what the kernel counts of the
// process.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { ask } from './ask.ts';
import { collectTail, killGroup, lastLine, spawnGroup } from './measure.ts';

/** What `/status` says of the one lane, as far as it is used here. */
export interface LaneSeen {
  readonly points: number;
  readonly lag_bytes: number;
  readonly lag_seconds: number;
}

/** Where the kernel's accounts of a process are to be had at all. */
export const HAS_PROC = process.platform === 'linux';

/** The unit of times in /proc: the same for every program on Linux, whatever the kernel counts in. */
const TICKS_PER_SECOND = 100;
const READY_MS = 300_000;
const END_MS = 60_000;
/** Asked to end, and did so. */
const ENDED = [0, 130, 143];

/** A watch that runs until it is disposed of. */
export class Watching {
  /** From the start of the process until `/readyz` said yes. */
  readonly readySeconds: number;
  readonly #child: ChildProcess;
  readonly #pid: number;
  readonly #address: string;
  readonly #stderr: () => string;
  readonly #ended: Promise<unknown>;

  private constructor(child: ChildProcess, address: string, stderr: () => string, ended: Promise<unknown>, readySeconds: number) {
    this.#child = child;
    this.#pid = child.pid ?? 0;
    this.#address = address;
    this.#stderr = stderr;
    this.#ended = ended;
    this.readySeconds = readySeconds;
  }

  /** Starts `command ARGS --listen …` and waits until it is ready. */
  static async start(
    command: string,
    args: readonly string[],
    options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
  ): Promise<Watching> {
    const address = `127.0.0.1:${await freePort()}`;
    const began = performance.now();
    const child = spawnGroup(command, [...args, '--listen', address], { ...options, stdio: ['ignore', 'ignore', 'pipe'] });
    const stderr = collectTail(child.stderr);
    const ended = once(child, 'close');
    // What it ended with is asked of the child.
    ended.catch(() => undefined);
    while (!(await isReady(address))) {
      const tookMs = performance.now() - began;
      if (child.exitCode === null && child.signalCode === null && child.pid !== undefined && tookMs < READY_MS) {
        await sleep(10);
        continue;
      }
      if (child.pid !== undefined) killGroup(child.pid);
      throw new Error(`${command} ${args.join(' ')}: not ready after ${Math.round(tookMs / 1000)} s: ${lastLine(stderr())}`);
    }
    return new Watching(child, address, stderr, ended, (performance.now() - began) / 1000);
  }

  async lane(): Promise<LaneSeen> {
    const { text } = await ask(`http://${this.#address}/status`);
    const { lanes } = JSON.parse(text) as { lanes: readonly LaneSeen[] };
    const [lane] = lanes;
    if (lane === undefined) throw new Error('/status tells of no lane');
    return lane;
  }

  /** User and system time of all its threads so far. */
  cpuSeconds(): number {
    const text = readFileSync(`/proc/${this.#pid}/stat`, 'latin1');
    // The name of the program, in brackets, may hold anything; user and system time are the 14th and 15th field.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  }

  /** Resident memory now (and how much of that belongs to files, the program above all) and at most so far. */
  memory(): { readonly bytes: number; readonly fileBytes: number; readonly peakBytes: number } {
    const text = readFileSync(`/proc/${this.#pid}/status`, 'latin1');
    const bytes = (name: string) => Number(new RegExp(`^${name}:\\s*(\\d+) kB$`, 'm').exec(text)?.[1]) * 1024;
    return { bytes: bytes('VmRSS'), fileBytes: bytes('RssFile'), peakBytes: bytes('VmHWM') };
  }

  /** Bytes that the kernel wrote to disks for it so far. */
  writtenBytes(): number {
    return Number(/^write_bytes: (\d+)$/m.exec(readFileSync(`/proc/${this.#pid}/io`, 'latin1'))?.[1]);
  }

  /** Asks it to end and waits until it has stored what it read. Throws when it ended in another way, or before. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => killGroup(this.#pid), END_MS);
    await this.#ended;
    clearTimeout(timer);
    const { exitCode, signalCode } = this.#child;
    if (exitCode === null || !ENDED.includes(exitCode)) {
      throw new Error(`the watch ended with ${exitCode ?? signalCode}: ${lastLine(this.#stderr())}`);
    }
  }
}

async function isReady(address: string): Promise<boolean> {
  try {
    return (await ask(`http://${address}/readyz`)).code === 200;
  } catch {
    return false; // it does not listen yet
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port on 127.0.0.1');
  return address.port;
}
