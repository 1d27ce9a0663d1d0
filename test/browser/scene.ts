// What a page in a test shows: log directories, the store of a backfill, a server.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { freshDirectory, mustRun, type Running, remove, start } from '../e2e/command.ts';
import { event, eventFile, frame, hparamsSessionStart, simpleValue } from '../support/event-writer.ts';

/** The token of servers that have one. */
export const TOKEN = 'a-token-of-thirty-two-characters';

/** When the first run began, in seconds. */
export const BEGIN = 1_700_000_000;

/** One run to write. */
export interface WrittenRun {
  /** Below the root. */
  readonly path: string;
  readonly params?: Readonly<Record<string, string | number | boolean>>;
  /** Values by tag, one for each step. */
  readonly scalars: Readonly<Record<string, readonly number[]>>;
  /** Default: 60 s after the run before. */
  readonly beginSec?: number;
}

/** A folder with log directories, a store, and servers. */
export class Scene {
  readonly folder: string = freshDirectory();
  #runs = 0;
  #programs: Running[] = [];

  /** Writes the event file of a run below `logs`. */
  write({ path, params, scalars, beginSec }: WrittenRun): void {
    const begin = beginSec ?? BEGIN + this.#runs++ * 60;
    const events: Uint8Array[] = [];
    if (params !== undefined) events.push(event({ wallTime: begin, step: 0, summary: [hparamsSessionStart(params)] }));
    const steps = Math.max(0, ...Object.values(scalars).map(({ length }) => length));
    for (let step = 0; step < steps; step++) {
      const summary = Object.entries(scalars).flatMap(([tag, values]) => {
        const value = values[step];
        return value === undefined ? [] : [simpleValue(tag, value)];
      });
      events.push(event({ wallTime: begin + step, step, summary }));
    }
    this.writeFile(join('logs', path, `events.out.tfevents.${begin}.host.1.0`), Buffer.concat([eventFile(), ...events.map(frame)]));
  }

  /** Writes a file, and the folders above it. */
  writeFile(path: string, content: string | Uint8Array): void {
    const place = join(this.folder, path);
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, content);
  }

  /** Mirrors everything into the store, once. */
  async backfill(...args: string[]): Promise<void> {
    await mustRun(['backfill', ...(args.length === 0 ? ['logs'] : args)], { cwd: this.folder });
  }

  /** Starts a watch, which ends with the scene. */
  watch(...args: string[]): void {
    this.#programs.push(start(['watch', '--log-level', 'error', '--page', 'off', ...args], { cwd: this.folder }));
  }

  /** Starts a server of the page, and returns its address. */
  async serve(...args: string[]): Promise<string> {
    const running = start(['page', '--listen', '127.0.0.1:0', ...args], { cwd: this.folder });
    this.#programs.push(running);
    let text = '';
    running.child.stderr?.on('data', (data) => {
      text += String(data);
    });
    await running.said(/at http:\S+/);
    return `${new URL(/ at (http:\S+)/.exec(text)?.[1] ?? '').origin}/`;
  }

  /** Starts a server that asks for `TOKEN`. */
  serveWithToken(...args: string[]): Promise<string> {
    this.writeFile('token', `${TOKEN}\n`);
    return this.serve('--token-file', 'token', ...args);
  }

  /** Ends the programs, and removes the folder. */
  async end(): Promise<void> {
    for (const { child, ended } of this.#programs) {
      child.kill('SIGTERM');
      await ended;
    }
    remove(this.folder);
  }
}

/** Writes many runs: `exp_000/seed_0`, with two metrics of five points and the params lr, optimizer and seed. */
export function writeManyRuns(scene: Scene, count: number): void {
  for (let i = 0; i < count; i++) {
    scene.write({
      path: `exp_${String(Math.floor(i / 50)).padStart(3, '0')}/seed_${i % 50}`,
      params: { lr: [0.1, 0.01, 0.001][i % 3] ?? 0, optimizer: i % 2 === 0 ? 'adam' : 'sgd', seed: i % 50 },
      scalars: {
        'train/loss': [4, 3, 2, 1, (i * 7919) % count].map((x) => x / count),
        'val/acc': [0, 0.25, 0.5, 0.75, ((i * 104_729) % count) / count],
      },
    });
  }
}

/** Asks the API. */
export async function ask<Answer>(url: string, path: string): Promise<Answer> {
  const response = await fetch(new URL(`api/v1/${path}`, url), { headers: { authorization: `Bearer ${TOKEN}` } });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as Answer;
}
