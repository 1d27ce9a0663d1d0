// Log directories, a store and a stub of MLflow in a folder of their own: for tests of what becomes of them when they
// are moved, renamed, forgotten.
import { appendFileSync, existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect } from '@jest/globals';
import { type Ended, endAll, freshDirectory, mirrorboard, mustRun, type Running, type RunOptions, remove, start } from '../e2e/command.ts';
import * as w from './event-writer.ts';
import { MlflowStub } from './mlflow-stub/index.ts';

export const ONE = 'events.out.tfevents.1';

const scalar = (step: number): Uint8Array => w.event({ wallTime: 1000 + step, step, summary: [w.simpleValue('loss', step)] });

export const scalars = (from: number, to: number): Uint8Array[] => Array.from({ length: to - from }, (_, i) => scalar(from + i));

export const range = (to: number): number[] => Array.from({ length: to }, (_, i) => i);

export class MirroredLogs {
  readonly folder: string;
  readonly stub: MlflowStub;
  /** For what commands are started with. */
  env: Readonly<Record<string, string>> = {};

  private constructor(folder: string, stub: MlflowStub) {
    this.folder = folder;
    this.stub = stub;
  }

  static async make(): Promise<MirroredLogs> {
    const logs = new MirroredLogs(freshDirectory(), await MlflowStub.start());
    logs.configure();
    return logs;
  }

  /** Ends all that was started; the tracker must have been asked nothing that a real one refuses. */
  async close(): Promise<void> {
    await endAll();
    try {
      expect(this.stub.violations).toEqual([]);
    } finally {
      await this.stub.close();
      remove(this.folder);
    }
  }

  /** Nothing is mirrored yet: an empty tracker, no store, no state. */
  startOver(): void {
    this.stub.store.runs.clear();
    for (const name of ['mirrorboard.state', 'mirrorboard.db']) remove(this.path(name));
  }

  path(...parts: readonly string[]): string {
    return join(this.folder, ...parts);
  }

  /** `lanes`: those of the configuration. */
  configure(more = '', lanes = 'local: {}, mlflow: { tracking_uri: "$URL", experiment_name: tests }'): void {
    writeFileSync(this.path('mirrorboard.yaml'), `lanes: { ${lanes.replace('$URL', this.stub.url)} }\n${more}`);
  }

  put(path: string, ...events: readonly Uint8Array[]): void {
    mkdirSync(dirname(this.path(path)), { recursive: true });
    writeFileSync(this.path(path), w.eventFile(...events));
  }

  append(path: string, ...events: readonly Uint8Array[]): void {
    appendFileSync(this.path(path), w.concat(...events.map(w.frame)));
  }

  appendBytes(path: string, ...bytes: readonly Uint8Array[]): void {
    appendFileSync(this.path(path), w.concat(...bytes));
  }

  move(from: string, to: string): void {
    mkdirSync(dirname(this.path(to)), { recursive: true });
    renameSync(this.path(from), this.path(to));
  }

  run(...args: readonly string[]): Promise<Ended> {
    return mirrorboard(args, { cwd: this.folder, env: this.env, timeoutMs: 60_000 });
  }

  mustRun(args: readonly string[], code = 0): Promise<Ended> {
    return mustRun(args, { cwd: this.folder, env: this.env, timeoutMs: 60_000 }, code);
  }

  /** Where it was not moved, nothing is done. */
  moveIf(from: string, to: string): void {
    if (existsSync(this.path(from))) this.move(from, to);
  }

  startWith(options: Pick<RunOptions, 'env' | 'node'>, ...args: readonly string[]): Running {
    return start(args, { cwd: this.folder, env: this.env, timeoutMs: 60_000, ...options });
  }

  start(...args: readonly string[]): Running {
    return start(args, { cwd: this.folder, env: this.env, timeoutMs: 60_000 });
  }

  /** What a backfill has to say beside its sums. */
  async incidents(...roots: readonly string[]): Promise<object[]> {
    const { stdout } = await this.mustRun(['backfill', ...roots, '--json']);
    return JSON.parse(stdout).incidents;
  }

  /** Steps of all tracker runs, by their names. */
  tracked(): Record<string, number[]> {
    const runs = this.stub.runs().toSorted((a, b) => (a.name < b.name ? -1 : 1));
    return Object.fromEntries(
      runs.map((run) => {
        const steps = this.stub.points(run).map(({ step }) => Number(step));
        return [run.name, steps.sort((a, b) => a - b)];
      }),
    );
  }

  stored(sql = `SELECT root || '/' || run, points FROM runs ORDER BY 1`): unknown[][] {
    if (!existsSync(this.path('mirrorboard.db'))) return [];
    const db = new DatabaseSync(this.path('mirrorboard.db'), { readOnly: true });
    try {
      const rows = db.prepare(sql).all();
      return rows.map((row) => Object.values(row));
    } catch {
      return []; // it is being made just now
    } finally {
      db.close();
    }
  }

  /** Store and tracker hold what the files hold, and store and state are sound. */
  async expectMirrored(): Promise<void> {
    await this.mustRun(['verify', '--strict']);
    await this.expectSound();
  }

  /** State and store have no row that belongs to nothing. */
  async expectSound(): Promise<void> {
    await this.mustRun(['state', 'check']);
    expect(this.stored('SELECT * FROM pragma_foreign_key_check')).toEqual([]);
    expect(this.stored('SELECT * FROM pragma_integrity_check')).toEqual([['ok']]);
  }

  /** The one document a command prints. */
  async json(...args: readonly string[]): Promise<Record<string, unknown>> {
    return JSON.parse((await this.mustRun([...args, '--json'])).stdout);
  }

  async expectCode(code: string, ...args: readonly string[]): Promise<string> {
    const { stdout, code: exit } = await this.run(...args, '--json');
    const document = JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}');
    expect({ code: document.code, exit: exit !== 0 }).toEqual({ code, exit: true });
    return `${document.message} ${document.hint}`;
  }
}
