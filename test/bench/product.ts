// The command that is measured, started the way a user starts it.
import type { ChildProcess } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { BigLog } from '../support/event-writer.ts';
import { lastLine, type Measured, measure, spawnGroup } from './measure.ts';
import type { Scratch } from './scratch.ts';
import { Serving } from './serving.ts';
import type { PageCommand } from './tensorboard-page.ts';
import { Watching } from './watching.ts';

/** A working directory of the command, with the store it writes. */
export interface Home {
  readonly dir: string;
  readonly store: string;
}

/** Settings of the user must not decide what is measured. */
const SETTINGS = /^(MIRRORBOARD|TRACELET)_|^ENVIRONMENT$/;

/** The command under measurement, started the way a user starts it. */
export class Product {
  readonly #command: string;
  readonly #scratch: Scratch;
  readonly #env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !SETTINGS.test(name)));

  /** `command`: `bin/mirrorboard` of a checkout, or any other program that does the same. */
  constructor(command: string, scratch: Scratch) {
    this.#command = command;
    this.#scratch = scratch;
  }

  /** A home without store and state. */
  newHome(): Home {
    const dir = this.#scratch.folder('home');
    return { dir, store: join(dir, 'store.db') };
  }

  /** The smallest thing the command does: `--version`. */
  async startUp(): Promise<Measured> {
    return this.#run(['--version'], this.#scratch.folder('home'), [0]);
  }

  /** `backfill LOGDIR --store FILE`. `exitCodes` are those that count as done; default 0 only. */
  async backfill(logdir: string, home: Home, exitCodes: readonly number[] = [0]): Promise<Measured> {
    return this.#run(['backfill', logdir, '--store', home.store], home.dir, exitCodes);
  }

  /** A backfill into a home of its own, which is removed afterwards. */
  async backfillAnew(logdir: string, exitCodes?: readonly number[]): Promise<Measured> {
    const home = this.newHome();
    try {
      return await this.backfill(logdir, home, exitCodes);
    } finally {
      rmSync(home.dir, { recursive: true });
    }
  }

  /** `verify --store FILE`, which has to find nothing that differs. */
  async verify({ dir, store }: Home, flags: readonly string[] = []): Promise<Measured> {
    return this.#run(['verify', '--store', store, ...flags], dir, [0]);
  }

  /** Throws unless a backfill of the log brings every point into the store: what mirrors nothing is fast. */
  async checkBackfill({ dir, points }: Pick<BigLog, 'dir' | 'points'>, exitCodes?: readonly number[]): Promise<void> {
    const home = this.newHome();
    await this.backfill(dir, home, exitCodes);
    expectPoints(home.store, points);
    rmSync(home.dir, { recursive: true });
  }

  /** `export --format FORMAT --out FILE` of a home's store. */
  async export({ dir, store }: Home, format: string, out: string, flags: readonly string[] = []): Promise<Measured> {
    return this.#run(['export', '--format', format, '--store', store, '--out', out, ...flags], dir, [0]);
  }

  /** `inspect LOGDIR`, of logs without damage. */
  async inspect(logdir: string, { dir }: Home, flags: readonly string[] = []): Promise<Measured> {
    return this.#run(['inspect', logdir, ...flags], dir, [0]);
  }

  /** `watch LOGDIR --store FILE FLAGS`, once it is ready. */
  async watch(logdir: string, home: Home, flags: readonly string[] = []): Promise<Watching> {
    this.#checkBuilt();
    return Watching.start(this.#command, ['watch', logdir, '--store', home.store, ...flags], { cwd: home.dir, env: this.#env });
  }

  /** `tensorboard --store FILE -- …`, with the TensorBoard of a PATH. */
  tensorboard({ dir, store }: Home, path: string): PageCommand {
    this.#checkBuilt();
    const args = ['tensorboard', '--store', store, '--'];
    return { command: this.#command, args, env: { ...this.#env, PATH: path }, cwd: dir };
  }

  /** `tensorboard --serve-only`, in a group of its own, which the caller ends. */
  serveTensorBoardData({ dir, store }: Home, port: number): ChildProcess {
    this.#checkBuilt();
    const args = ['tensorboard', '--serve-only', '--store', store, '--data-port', String(port)];
    return spawnGroup(this.#command, args, { cwd: dir, env: this.#env, stdio: 'ignore' });
  }

  /** `page --store FILE`, once it listens. */
  async serve({ dir, store }: Home): Promise<Serving> {
    this.#checkBuilt();
    return Serving.start(this.#command, ['page', '--store', store], { cwd: dir, env: this.#env });
  }

  async #run(args: readonly string[], cwd: string, exitCodes: readonly number[]): Promise<Measured> {
    this.#checkBuilt();
    const measured = await measure(this.#command, args, { cwd, env: this.#env });
    if (!exitCodes.includes(measured.exitCode)) {
      throw new Error(
        `${this.#command} ${args.join(' ')}: exit code ${measured.exitCode}, expected ${exitCodes.join(' or ')}: ${lastLine(measured.stderr)}`,
      );
    }
    return measured;
  }

  #checkBuilt(): void {
    if (!existsSync(this.#command)) throw new Error(`${this.#command} does not exist; build first`);
  }
}

/** Throws unless the store's documented view holds so many points. */
export function expectPoints(store: string, points: number): void {
  expectCount(store, 'SELECT count(*) AS n FROM scalars', points);
}

/** Throws unless the store lists so many points of any kind. */
export function expectListed(store: string, points: number): void {
  expectCount(store, 'SELECT sum(points) AS n FROM runs', points);
}

function expectCount(store: string, sql: string, points: number): void {
  const db = new DatabaseSync(store, { readOnly: true });
  const found = db.prepare(sql).get()?.['n'];
  db.close();
  if (found !== points) throw new Error(`the store holds ${String(found)} points, expected ${points}`);
}
