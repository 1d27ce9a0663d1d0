// TensorBoard's page under measurement, seen through the requests of a browser.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../support/python-tools.ts';
import { ask } from './ask.ts';
import { collectTail, killGroup, lastLine, spawnGroup } from './measure.ts';

const LOOK_MS = 50;

/** A command that starts TensorBoard, without the port of its page. */
export interface PageCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
}

/** The points of a tag by run, as a card of the page gets them. */
type Card = Readonly<Record<string, readonly unknown[]>>;

/** A page that runs until it is disposed of, with everything that it started. */
export class TensorBoardPage {
  readonly #child: ChildProcess;
  readonly #stderr: () => string;
  /** The address of its page, without a path. */
  readonly origin: string;
  readonly #url: string;
  readonly #began = performance.now();

  private constructor(child: ChildProcess, origin: string) {
    this.#child = child;
    this.#stderr = collectTail(child.stderr);
    this.origin = origin;
    this.#url = `${origin}/data/plugin/timeseries`;
  }

  /** Starts the command; the clock runs from here. */
  static async start({ command, args, env, cwd }: PageCommand): Promise<TensorBoardPage> {
    const port = await freePort();
    const child = spawnGroup(command, [...args, '--port', String(port)], { cwd, env, stdio: ['ignore', 'ignore', 'pipe'] });
    return new TensorBoardPage(child, `http://127.0.0.1:${port}`);
  }

  /** The seconds until a card has this many points of each run; undefined if it takes longer than `mostMs`. */
  async completeCard(tag: string, { runs, points, mostMs }: { runs: number; points: number; mostMs: number }): Promise<number | undefined> {
    for (;;) {
      const lengths = Object.values(await this.#card(tag)).map((one) => one.length);
      const seconds = (performance.now() - this.#began) / 1000;
      if (lengths.length === runs && lengths.every((length) => length === points)) return seconds;
      if (seconds * 1000 > mostMs) return undefined;
      if (this.#child.exitCode !== null) throw new Error(`TensorBoard ended: ${lastLine(this.#stderr())}`);
      await sleep(LOOK_MS);
    }
  }

  /** The seconds that the list of all tags takes. */
  async tagList(): Promise<number> {
    const began = performance.now();
    await ask(`${this.#url}/tags`);
    return (performance.now() - began) / 1000;
  }

  /** The peak memory of the process that was started, and of the largest process that it started itself. */
  peakBytes(): { readonly first: number; readonly below: number } {
    const pid = this.#child.pid ?? 0;
    return { first: peakOf(pid), below: Math.max(0, ...childrenOf(pid).map(peakOf)) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#child, 'close');
    killGroup(this.#child.pid ?? 0);
    await ended;
  }

  async #card(tag: string): Promise<Card> {
    const requests = encodeURIComponent(JSON.stringify([{ plugin: 'scalars', tag }]));
    try {
      const { code, text } = await ask(`${this.#url}/timeSeries?requests=${requests}`);
      if (code !== 200) return {};
      const [card] = JSON.parse(text) as readonly { readonly runToSeries?: Card }[];
      return card?.runToSeries ?? {};
    } catch {
      return {}; // it does not listen yet
    }
  }
}

/** The peak memory of a process; Linux only, otherwise 0. */
export function peakOf(pid: number): number {
  try {
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** The memory of a process now, in which what n processes share counts as an nth; Linux only, otherwise 0. */
export function pssOf(pid: number): number {
  try {
    return Number(/^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}
