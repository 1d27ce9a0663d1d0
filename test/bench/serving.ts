// A `page` under measurement: its address, and what the kernel counts of the process.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { collectTail, lastLine, spawnGroup } from './measure.ts';

/** A server that runs until it is disposed of. */
export class Serving {
  /** The address of the page. */
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;

  private constructor(child: ChildProcess, url: string, ended: Promise<unknown>) {
    this.#child = child;
    this.url = url;
    this.#ended = ended;
  }

  /** Starts `command ARGS --listen … --json` and waits until it listens. */
  static async start(
    command: string,
    args: readonly string[],
    options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
  ): Promise<Serving> {
    const child = spawnGroup(command, [...args, '--listen', '127.0.0.1:0', '--json'], { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    const stderr = collectTail(child.stderr);
    const ended = once(child, 'close');
    ended.catch(() => undefined);
    if (child.stdout === null) throw new Error('the server has no output');
    for await (const line of createInterface(child.stdout)) {
      const { url } = JSON.parse(line) as { readonly url: string };
      return new Serving(child, `${new URL(url).origin}/`, ended);
    }
    await ended;
    throw new Error(`${command} ${args.join(' ')}: ${lastLine(stderr())}`);
  }

  /** Resident memory now. */
  bytes(): number {
    const text = readFileSync(`/proc/${this.#child.pid}/status`, 'latin1');
    return Number(/^VmRSS:\s*(\d+) kB$/m.exec(text)?.[1]) * 1024;
  }

  /** Asks it to end, and waits for it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGTERM');
    await this.#ended;
  }
}
