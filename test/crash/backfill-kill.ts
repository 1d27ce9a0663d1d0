// Kills a backfill at random moments, again and again, and looks at what it left each time.
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { openForReading } from '../../src/backends/local/client.ts';
import { StoreReader } from '../../src/backends/local/reader.ts';
import type { ReadBackPoint } from '../../src/contract/index.ts';
import type { RunRef } from '../../src/model/index.ts';
import { type Ended, mustRun, start } from '../e2e/command.ts';

export interface KillPlan {
  /** The log directory. */
  readonly logs: string;
  /** Where the stores are made; the caller removes it. */
  readonly folder: string;
  /** Kills that have to hit a living process. */
  readonly kills: number;
  readonly seed: number;
  /** Told of each kill. */
  readonly say?: (line: string) => void;
}

export interface KillResult {
  /** Kills after which the store held some, but not all points. */
  readonly midway: number;
  readonly points: number;
}

/** Numbers from 0 to 1 (exclusive), the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * A kill comes at a random moment between the taking of the lock and the time an undisturbed backfill takes from
 * there. What a killed one left is checked on a copy, so that the next one finds the store as it was. A backfill that
 * ends before its kill has to be right; the next one then begins a new store.
 */
export async function killBackfills({ logs, folder, kills, seed, say = () => {} }: KillPlan): Promise<KillResult> {
  const random = seededRandom(seed);
  const calm = join(folder, 'calm');
  mkdirSync(calm);
  const spanMs = await undisturbed(logs, calm);
  const wanted = await exported(calm);
  let rough = join(folder, 'rough-0');
  mkdirSync(rough);
  let midway = 0;
  let most = 0;
  for (let done = 0, stores = 0; done < kills; ) {
    const delayMs = random() * spanMs;
    const ended = await killedAfter(logs, rough, delayMs);
    if (ended.signal === 'SIGKILL') {
      done++;
      const { points, all } = checkRemains(calm, rough, join(folder, 'copy'));
      if (points > 0 && points < all) midway++;
      most = all;
      say(`kill ${done} after ${delayMs.toFixed(0)} of ${spanMs.toFixed(0)} ms: ${points} of ${all} points`);
    } else {
      if (ended.code !== 0) throw new Error(`a backfill after kills ended with ${ended.code ?? ended.signal}: ${ended.stderr}`);
      await checkWhole(calm, rough, folder, wanted);
      rmSync(rough, { recursive: true });
      rough = join(folder, `rough-${++stores}`);
      mkdirSync(rough);
    }
  }
  await mustRun(['backfill', logs], { cwd: rough });
  await checkWhole(calm, rough, folder, wanted);
  return { midway, points: most };
}

/** Mirrors into `folder`; resolves to the time from the lock to the end. */
async function undisturbed(logs: string, folder: string): Promise<number> {
  const { child, ended } = start(['backfill', logs], { cwd: folder });
  await lockedBy(folder, child.pid, ended);
  const from = performance.now();
  const { code, stderr } = await ended;
  if (code !== 0) throw new Error(`the undisturbed backfill ended with ${code}: ${stderr}`);
  return performance.now() - from;
}

async function killedAfter(logs: string, folder: string, delayMs: number): Promise<Ended> {
  const { child, ended } = start(['backfill', logs], { cwd: folder });
  await lockedBy(folder, child.pid, ended);
  await Promise.race([sleep(delayMs), ended]);
  child.kill('SIGKILL');
  return ended;
}

/** Waits until the process holds the lock: its number stands beside it. */
async function lockedBy(folder: string, pid: number | undefined, ended: Promise<Ended>): Promise<void> {
  let isOver = false;
  void ended.then(() => {
    isOver = true;
  });
  while (!isOver) {
    const owner = join(folder, 'mirrorboard.db.lock.owner');
    if (existsSync(owner) && readFileSync(owner, 'utf8').includes(`"pid":${pid},`)) return;
    await sleep(1);
  }
}

async function exported(folder: string): Promise<string> {
  return (await mustRun(['export'], { cwd: folder })).stdout;
}

async function checkWhole(calm: string, rough: string, folder: string, wanted: string): Promise<void> {
  const { points, all } = checkRemains(calm, rough, join(folder, 'copy'));
  if (points !== all) throw new Error(`the end came with ${points} of ${all} points`);
  const got = await exported(rough);
  if (got === wanted) return;
  const [a, b] = [wanted.split('\n'), got.split('\n')];
  const line = a.findIndex((text, i) => text !== b[i]);
  throw new Error(`the exports differ from line ${line} on: wanted ${a[line]?.slice(0, 300)}, got ${b[line]?.slice(0, 300)}`);
}

/**
 * What a store must be at any moment: valid, each file's points exactly those before its watermark, none of them
 * twice, and every medium that a row names on the disk and whole.
 */
function checkRemains(calm: string, rough: string, copy: string): { points: number; all: number } {
  const done = openForReading(join(calm, 'mirrorboard.db'));
  const wanted = new StoreReader(done, '');
  try {
    const all = wanted
      .roots()
      .flatMap(({ name }) => wanted.runs(name))
      .reduce((sum, run) => sum + run.points, 0);
    rmSync(copy, { recursive: true, force: true });
    mkdirSync(copy);
    for (const suffix of ['', '-wal']) {
      const from = join(rough, `mirrorboard.db${suffix}`);
      if (existsSync(from)) copyFileSync(from, join(copy, `mirrorboard.db${suffix}`));
    }
    if (!hasTables(join(copy, 'mirrorboard.db'))) return { points: 0, all };
    const db = openForReading(join(copy, 'mirrorboard.db'));
    const held = new StoreReader(db, '');
    try {
      const check = db.prepare('PRAGMA integrity_check').get()?.['integrity_check'];
      if (check !== 'ok') throw new Error(`the store is damaged: ${check}`);
      checkMedia(db, join(rough, 'mirrorboard.media'));
      let points = 0;
      for (const { name } of held.roots()) for (const { run } of held.runs(name)) points += checkRun(run, wanted, held);
      return { points, all };
    } finally {
      held.close();
    }
  } finally {
    wanted.close();
  }
}

/** False where it was killed before the tables were there. */
function hasTables(path: string): boolean {
  if (!existsSync(path)) return false;
  const db = new DatabaseSync(path);
  try {
    return db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'files'").get() !== undefined;
  } finally {
    db.close();
  }
}

/** Compares a run with what its watermarks promise; gives back how many points it holds. */
function checkRun(run: RunRef, wanted: StoreReader, held: StoreReader): number {
  const label = `${run.root}/${run.path}`;
  const watermarks = new Map(held.positions(run).files.map(({ name, position }) => [name, position.watermark]));
  const rowOf = (reader: StoreReader): number => reader.runs(run.root).find(({ run: { path } }) => path === run.path)?.row ?? -1;
  const heldSeries = new Map(held.series(rowOf(held)).map((series) => [series.tag, series]));
  let total = 0;
  for (const { row, tag } of wanted.series(rowOf(wanted))) {
    const due = Iterator.from(wanted.points(row)).filter(({ file = '', offset = 0 }) => offset < (watermarks.get(file) ?? 0));
    const series = heldSeries.get(tag);
    heldSeries.delete(tag);
    const got = series === undefined ? Iterator.from<ReadBackPoint>([]) : held.points(series.row);
    let count = 0;
    for (const point of due) {
      const { value } = got.next();
      if (value === undefined || !samePoint(point, value)) throw new Error(`${label} ${tag}: wanted ${shown(point)}, got ${shown(value)}`);
      count++;
    }
    const { value: more } = got.next();
    if (more !== undefined) throw new Error(`${label} ${tag}: a point too many: ${shown(more)}`);
    if (series !== undefined && series.count !== count)
      throw new Error(`${label} ${tag}: listed with ${series.count} points, has ${count}`);
    total += count;
  }
  if (heldSeries.size > 0) throw new Error(`${label}: made up: ${[...heldSeries.keys()].join(', ')}`);
  return total;
}

function samePoint(a: ReadBackPoint, b: ReadBackPoint): boolean {
  return (['file', 'offset', 'index', 'step', 'wallTime', 'value'] as const).every((key) => Object.is(a[key], b[key]));
}

function shown(point: unknown): string {
  return inspect(point, { breakLength: Infinity }).slice(0, 300);
}

function checkMedia(db: DatabaseSync, folder: string): void {
  for (const { sha256, bytes, path } of db.prepare('SELECT sha256, bytes, path FROM blob').all()) {
    const file = join(folder, String(path));
    if (!existsSync(file)) throw new Error(`a row names ${file}, which is not there`);
    const data = readFileSync(file);
    const hash = createHash('sha256').update(data).digest('hex');
    if (hash !== sha256 || data.length !== bytes) throw new Error(`${file} is not whole: ${data.length} of ${bytes} bytes`);
  }
}
