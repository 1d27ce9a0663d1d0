// The watch of `all-at-once`, over its lives: it is killed and begins again, and nothing else may end it.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Ended, type Running, type RunOptions, start } from '../e2e/command.ts';
import { MemorySamples } from './memory-samples.ts';

export interface SoakedWatchPlan {
  readonly logs: string;
  readonly options: RunOptions;
  /** What each life said is kept there, a file for each. */
  readonly lives: string;
  /** Hears that a life could not begin, and the next one began. */
  readonly onNoBegin: () => void;
  /** Hears that a life ended though nobody had ended it. */
  readonly onFailure: (error: Error) => void;
}

const SAMPLE_MS = 500;

export class SoakedWatch {
  readonly memory = new MemorySamples();
  readonly #plan: SoakedWatchPlan;
  readonly #sampling: NodeJS.Timeout;
  #running: Running | undefined;
  #lives = 0;
  #isEnding = false;
  #isOver = false;

  constructor(plan: SoakedWatchPlan) {
    this.#plan = plan;
    mkdirSync(plan.lives);
    this.#sampling = setInterval(() => this.memory.take(this.#running?.child.pid), SAMPLE_MS);
  }

  begin(): void {
    if (this.#isOver) return;
    const { logs, options, lives, onNoBegin, onFailure } = this.#plan;
    const life = ++this.#lives;
    this.#isEnding = false;
    this.memory.begin();
    const running = start(['watch', logs, '--scan-interval', '1'], options);
    this.#running = running;
    void running.ended.then((ended) => {
      writeFileSync(join(lives, `${life}.log`), ended.stderr);
      if (this.#isEnding) return;
      if (couldNotBegin(ended)) {
        onNoBegin();
        this.begin();
      } else onFailure(new Error(`watch ${life} ended by itself with ${said(ended)}`));
    });
  }

  async kill(): Promise<void> {
    const ended = await this.#end('SIGKILL');
    if (ended.signal !== 'SIGKILL' && !couldNotBegin(ended)) throw new Error(`watch ${this.#lives} ended by itself with ${said(ended)}`);
  }

  /** As an operator ends it. */
  async end(): Promise<void> {
    const ended = await this.#end('SIGTERM');
    if (ended.code !== 0) throw new Error(`the last watch ended with ${said(ended)}`);
  }

  /** Nothing begins any more, and nothing is a failure any more. */
  forget(): void {
    this.#isOver = true;
    this.#isEnding = true;
    clearInterval(this.#sampling);
  }

  #end(signal: NodeJS.Signals): Promise<Ended> {
    if (this.#running === undefined) throw new Error('no watch has begun');
    this.#isEnding = true;
    this.#running.child.kill(signal);
    return this.#running.ended;
  }
}

/** Its disk was full when it opened its files: it is started again, as a service is. Later, it waits for room. */
function couldNotBegin({ code, stderr }: Ended): boolean {
  return code === 1 && /the disk is full/.test(stderr) && !/root scanned/.test(stderr);
}

function said({ code, signal, stderr }: Ended): string {
  return `${code ?? signal}: ${stderr.slice(-4000)}`;
}
