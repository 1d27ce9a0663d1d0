// Log directories, a store and a stub of MLflow in a folder of their own: for tests of what becomes of them when they are moved, renamed, forgotten.
import { appendFileSync, existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect } from '@jest/globals';
import { type Ended, endAll, freshDirectory, mirrorboard, mustRun, type Running, remove, start } from '../e2e/command.ts';
import * as w from './event-writer.ts';
import { MlflowStub } from './mlflow-stub/index.ts';

export const ONE = 'events.out.tfevents.1';

const scalar = (step: number): Uint8Array => w.event({ wallTime: 1000 + step, step, summary: [w.simpleValue('loss', step)] });

export const scalars = (from: number, to: number): Uint8Array[] => Array.from({ length: to - from }, (_, i) => scalar(from + i));

export const range = (to: number): number[] => Array.from({ length: to }, (_, i) => i);

export class MirroredLogs {
  readonly folder: string;
  readonly stub: MlflowStub;

  private constructor(folder: string, stub: MlflowStub) {
    this.folder = folder;
    this.stub = stub;
  }

  static async make(): Promise<MirroredLogs> {
    const logs = new MirroredLogs(freshDirectory(), await MlflowStub.start());
    logs.configure();
    return logs;
  }

  async close(): Promise<void> {
    await endAll();
    await this.stub.close();
    remove(this.folder);
  }

  path(...parts: readonly string[]): string {
    // biome-ignore lint/plugin/no-spread-into-calls: a few parts of a path
    return join(this.folder, ...parts);
  }

  /** `lanes`: those of the configuration. */
  configure(more = '', lanes = 'local: {}, mlflow: { tracking_uri: "$URL", experiment_name: tests }'): void {
    writeFileSync(this.path('mirrorboard.yaml'), `lanes: { ${lanes.replace('$URL', this.stub.url)} }\n${more}`);
  }

  put(path: string, ...events: readonly Uint8Array[]): void {
    mkdirSync(dirname(this.path(path)), { recursive: true });
    // biome-ignore lint/plugin/no-spread-into-calls: a few events
    writeFileSync(this.path(path), w.eventFile(...events));
  }

  append(path: string, ...events: readonly Uint8Array[]): void {
    // biome-ignore lint/plugin/no-spread-into-calls: a few events
    appendFileSync(this.path(path), w.concat(...events.map(w.frame)));
  }

  move(from: string, to: string): void {
    mkdirSync(dirname(this.path(to)), { recursive: true });
    renameSync(this.path(from), this.path(to));
  }

  run(...args: readonly string[]): Promise<Ended> {
    return mirrorboard(args, { cwd: this.folder, timeoutMs: 60_000 });
  }

  mustRun(args: readonly string[], code = 0): Promise<Ended> {
    return mustRun(args, { cwd: this.folder, timeoutMs: 60_000 }, code);
  }

  start(...args: readonly string[]): Running {
    return start(args, { cwd: this.folder, timeoutMs: 60_000 });
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
      return db
        .prepare(sql)
        .all()
        .map((row) => Object.values(row));
    } catch {
      return []; // it is being made just now
    } finally {
      db.close();
    }
  }

  /** Store and tracker hold what the files hold, and the state is sound. */
  async expectMirrored(): Promise<void> {
    await this.mustRun(['verify', '--strict']);
    await this.mustRun(['state', 'check']);
  }

  async expectCode(code: string, ...args: readonly string[]): Promise<string> {
    const { stdout, code: exit } = await this.run(...args, '--json');
    const document = JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}');
    expect({ code: document.code, exit: exit !== 0 }).toEqual({ code, exit: true });
    return `${document.message} ${document.hint}`;
  }
}
