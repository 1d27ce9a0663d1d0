// Kills a watch at random moments, again and again, while the logs grow, and looks at what it has in the end.
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openForReading } from '../../src/backends/local/client.ts';
import { StoreReader } from '../../src/backends/local/reader.ts';
import { mustRun, type Running, start, startNode } from '../e2e/command.ts';
import type { GrowerOptions } from '../support/grower.ts';
import { seededRandom } from './backfill-kill.ts';

export interface WatchKillPlan {
  /** The log directory, which need not exist yet, and where the store is made; the caller removes it. */
  readonly folder: string;
  readonly kills: number;
  readonly seed: number;
  /** Milliseconds a watch lives, at most. */
  readonly lifeMs: number;
  readonly writer: Writer;
  /** Arguments of the watch beside the directory. */
  readonly args?: readonly string[];
  readonly say?: (line: string) => void;
}

/** Who lets the logs grow: a process that ends when they are whole, and what is then to be found. */
export interface Writer {
  start(logs: string, truth: string): Running;
  points(truth: string): TruthPoints;
}

/** Points by run and tag, in the order of file names and offsets. */
export type TruthPoints = Readonly<Record<string, Readonly<Record<string, readonly TruthPoint[]>>>>;
export type TruthPoint = readonly [number, number, unknown];

export interface WatchKillResult {
  readonly points: number;
  /** Kills after which the store had something. */
  readonly midway: number;
}

/** Our own writer. */
export function grower(options: GrowerOptions): Writer {
  const program = fileURLToPath(new URL('../support/grower.js', import.meta.url));
  const timeoutMs = 600_000 + (options.rate === 0 ? 0 : (2000 * options.steps) / options.rate);
  return {
    start: (logs, truth) => startNode([program, logs, truth, JSON.stringify(options)], { cwd: '/', timeoutMs }),
    points: (truth) => JSON.parse(readFileSync(truth, 'utf8')).runs,
  };
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** How long a test waits for what has to come: no measure of speed, but the end of hope on the slowest machine. */
export const PATIENCE_MS = 120_000;

/** Waits until a condition holds; false when it never does. */
export async function until(condition: () => boolean | Promise<boolean>, mostMs = PATIENCE_MS): Promise<boolean> {
  for (const endMs = performance.now() + mostMs; performance.now() < endMs; await sleep(20)) if (await condition()) return true;
  return condition();
}

/** Waits until what is expected is so; fails with the last expectation that did not hold. */
export async function eventually(expectation: () => void | Promise<void>): Promise<void> {
  let failure: unknown;
  const holds = await until(async () => {
    try {
      await expectation();
      return true;
    } catch (error) {
      failure = error;
      return false;
    }
  });
  if (!holds) throw failure;
}

export async function killWatches(plan: WatchKillPlan): Promise<WatchKillResult> {
  const { folder, kills, seed, lifeMs, writer, args = [], say = () => undefined } = plan;
  const random = seededRandom(seed);
  const logs = join(folder, 'logs');
  const truth = join(folder, 'truth.json');
  const store = join(folder, 'mirrorboard.db');
  mkdirSync(logs);
  const watch = (): Running => start(['watch', logs, '--scan-interval', '1', ...args], { cwd: folder, timeoutMs: 600_000 });
  const growing = writer.start(logs, truth);
  let midway = 0;
  for (let i = 1; i <= kills; i++) {
    const { child, ended } = watch();
    const delayMs = random() * lifeMs;
    await sleep(delayMs);
    child.kill('SIGKILL');
    const { signal, code, stderr } = await ended;
    if (signal !== 'SIGKILL') throw new Error(`a watch ended by itself with ${code}: ${stderr}`);
    const points = checkSound(store, join(folder, 'copy'));
    if (points > 0) midway++;
    say(`kill ${i} after ${delayMs.toFixed(0)} ms: ${points} points`);
  }
  const last = watch();
  const written = await growing.ended;
  if (written.code !== 0) throw new Error(`the writer ended with ${written.code ?? written.signal}: ${written.stderr}`);
  const wanted = writer.points(truth);
  const all = Object.values(wanted).reduce((sum, tags) => sum + Object.values(tags).reduce((n, points) => n + points.length, 0), 0);
  // Equal, not at least: a file that was cut short has too many until that is noticed.
  await until(() => storedPoints(store) === all);
  // All may have been stored before the last kill: this one has to have begun before it can be asked to end.
  await last.said(/root scanned/);
  last.child.kill('SIGTERM');
  const { code, signal, stderr } = await last.ended;
  if (code !== 0) throw new Error(`the last watch ended with ${code ?? signal}: ${stderr}`);
  const { stdout } = await mustRun(['export'], { cwd: folder });
  compare(wanted, JSON.parse(stdout).runs);
  checkSound(store, join(folder, 'copy'));
  return { points: all, midway };
}

export function storedPoints(path: string): number {
  if (!existsSync(path)) return 0;
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    return Number(db.prepare('SELECT coalesce(sum(points), 0) AS n FROM run').get()?.['n']);
  } catch {
    return 0; // not made yet
  } finally {
    db.close();
  }
}

/**
 * Whatever was killed left a valid store, with nothing in it twice, and with listings that are right. Gives back its
 * points.
 */
function checkSound(store: string, copy: string): number {
  rmSync(copy, { recursive: true, force: true });
  mkdirSync(copy);
  for (const suffix of ['', '-wal']) if (existsSync(store + suffix)) copyFileSync(store + suffix, join(copy, `store.db${suffix}`));
  if (storedPoints(join(copy, 'store.db')) === 0) return 0;
  const db = openForReading(join(copy, 'store.db'));
  const reader = new StoreReader(db, '');
  try {
    const check = db.prepare('PRAGMA integrity_check').get()?.['integrity_check'];
    if (check !== 'ok') throw new Error(`the store is damaged: ${check}`);
    let total = 0;
    for (const { name } of reader.roots()) {
      for (const { row, run, points } of reader.runs(name)) {
        let held = 0;
        for (const series of reader.series(row)) {
          let before = '';
          let place = { file: '', offset: -1, index: -1 };
          for (const { file = '', offset = 0, index = 0 } of reader.points(series.row)) {
            const isBehind =
              file > place.file || (file === place.file && (offset > place.offset || (offset === place.offset && index > place.index)));
            if (!isBehind) throw new Error(`${run.path} ${series.tag}: ${file} ${offset} ${index} comes behind ${before}`);
            place = { file, offset, index };
            before = `${file} ${offset} ${index}`;
            held++;
          }
        }
        if (held !== points) throw new Error(`${run.path}: listed with ${points} points, has ${held}`);
        total += held;
      }
    }
    return total;
  } finally {
    reader.close();
  }
}

/** Point by point; of a histogram what the truth says of it. */
export function compare(
  wanted: TruthPoints,
  got: Readonly<Record<string, { tags: Record<string, { points: readonly TruthPoint[] }> }>>,
): void {
  for (const [run, tags] of Object.entries(wanted)) {
    for (const [tag, points] of Object.entries(tags)) {
      const held = got[run]?.tags[tag]?.points ?? [];
      const at = points.findIndex((point, i) => !samePoint(point, held[i]));
      if (at >= 0 || held.length > points.length) {
        const i = at >= 0 ? at : points.length;
        const near = (list: readonly TruthPoint[]): string =>
          list
            .slice(Math.max(0, i - 2), i + 3)
            .map((point) => JSON.stringify(point))
            .join(' ');
        throw new Error(`${run} ${tag}, point ${i} of ${points.length} (${held.length}): wanted ${near(points)}, got ${near(held)}`);
      }
    }
  }
  for (const [run, { tags }] of Object.entries(got)) {
    for (const [tag, { points }] of Object.entries(tags))
      if (points.length > 0 && wanted[run]?.[tag] === undefined) throw new Error(`made up: ${run} ${tag}`);
  }
}

function samePoint(want: TruthPoint, got: TruthPoint | undefined): boolean {
  if (got === undefined || want[0] !== got[0] || want[1] !== got[1]) return false;
  if (typeof want[2] !== 'object') return Object.is(want[2], got[2]);
  const proto = (got[2] as { proto?: Record<string, unknown> }).proto ?? {};
  return Object.entries(want[2] as object).every(([key, value]) => JSON.stringify(value) === JSON.stringify(proto[key]));
}
