// Kills a watch that mirrors into W&B, online, offline or by turns, and looks at what is there in the end: every row
// once, at its own line.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileIn, foldersIn } from '../../src/backends/wandb/offline-folders.ts';
import { itemsOf, Kind, kindOf, readRun } from '../../src/backends/wandb/records.ts';
import { scanRecords } from '../../src/backends/wandb/wandb-file.ts';
import { type Running, start } from '../e2e/command.ts';
import { historyOf, type WandbStub } from '../support/wandb-stub/index.ts';
import { readLine } from '../support/wandb-stub/rows.ts';
import { seededRandom } from './backfill-kill.ts';
import { type TruthPoints, until, type Writer } from './watch-kill.ts';

export interface WandbKillPlan {
  readonly folder: string;
  readonly kills: number;
  readonly seed: number;
  /** Milliseconds a watch lives, at most. */
  readonly lifeMs: number;
  /** `turns`: online and offline by turns, the last time online. */
  readonly mode: 'online' | 'offline' | 'turns';
  readonly writer: Writer;
  readonly stub: WandbStub;
  /** Of the server: `append` for one that takes no notice of places. */
  readonly offsetSemantics?: 'replace' | 'append';
  readonly say?: (line: string) => void;
}

/** Throws where a point is missing, is there twice, or was never written. Returns how many there are. */
export async function killWithWandb(plan: WandbKillPlan): Promise<number> {
  const { folder, kills, seed, lifeMs, mode, writer, stub, offsetSemantics = 'replace', say = () => undefined } = plan;
  const random = seededRandom(seed);
  const logs = join(folder, 'logs');
  const truth = join(folder, 'truth.json');
  mkdirSync(logs);
  const modeOf = (life: number): string => (mode !== 'turns' ? mode : (kills - life) % 2 === 0 ? 'online' : 'offline');
  const watch = (life: number): Running => {
    const lane = `{ base_url: "${stub.url}", project: kill, mode: ${modeOf(life)}, log_interval: 0.2, offset_semantics: ${offsetSemantics} }`;
    writeFileSync(join(folder, 'mirrorboard.yaml'), `lanes: { local: {}, wandb: ${lane} }\n`);
    return start(['watch', logs, '--scan-interval', '1'], { cwd: folder, env: { WANDB_API_KEY: stub.key }, timeoutMs: 600_000 });
  };
  const there = (): string[] => (mode === 'offline' ? offlinePoints(join(folder, 'wandb')) : onlinePoints(stub));
  moods(stub, seed);
  const growing = writer.start(logs, truth);
  for (let life = 0; life < kills; life++) {
    const { child, ended } = watch(life);
    const delayMs = 300 + random() * lifeMs;
    await sleep(delayMs);
    child.kill('SIGKILL');
    const { signal, code, stderr } = await ended;
    if (signal !== 'SIGKILL') throw new Error(`a watch ended by itself with ${code}: ${stderr}`);
    say(`kill ${life + 1} (${modeOf(life)}) after ${delayMs.toFixed(0)} ms: ${there().length} points are there`);
  }
  const last = watch(kills);
  const written = await growing.ended;
  if (written.code !== 0) throw new Error(`the writer ended with ${written.code ?? written.signal}: ${written.stderr}`);
  stub.heal();
  const wanted = wantedOf(writer.points(truth));
  await until(() => there().length >= wanted.length);
  // All may have been there before the last kill: this one has to have begun before it can be asked to end.
  await last.said(/root scanned/);
  last.child.kill('SIGTERM');
  const { code, signal, stderr } = await last.ended;
  if (code !== 0) throw new Error(`the last watch ended with ${code ?? signal}: ${stderr}`);
  compare(wanted, there());
  if (stub.violations.length > 0) throw new Error(stub.violations.slice(0, 10).join('\n'));
  return wanted.length;
}

/** What services do, now and then. */
export function moods(stub: WandbStub, seed: number): void {
  const now = { probability: 0.03, seed };
  stub.fail({ kind: 'status', status: 503 }, { ...now, seed: seed + 1 });
  stub.fail({ kind: 'tooMany', afterSec: 1 }, { ...now, seed: seed + 2 });
  stub.fail({ kind: 'close', stored: true }, { ...now, seed: seed + 3 });
  stub.fail({ kind: 'close', stored: false }, { ...now, seed: seed + 4 });
  stub.fail({ kind: 'part' }, { ...now, seed: seed + 5, on: ['file_stream'] });
  stub.fail({ kind: 'slow', ms: 200 }, { ...now, probability: 0.1, seed: seed + 6 });
}

function compare(wanted: readonly string[], found: readonly string[]): void {
  const left = new Map<string, number>();
  for (const point of wanted) left.set(point, (left.get(point) ?? 0) + 1);
  for (const point of found) left.set(point, (left.get(point) ?? 0) - 1);
  const missing = [...left].filter(([, n]) => n > 0);
  const extra = [...left].filter(([, n]) => n < 0);
  if (missing.length + extra.length === 0) return;
  const some = (points: readonly (readonly [string, number])[]): string =>
    points
      .slice(0, 3)
      .map(([point]) => point)
      .join('; ');
  throw new Error(`${missing.length} points are missing (${some(missing)}), ${extra.length} are there too often (${some(extra)})`);
}

/** Points of rows: run, tag, step, time, value. Throws where a row does not stand at its own line. */
function pointsOf(run: string, rows: readonly Record<string, unknown>[]): string[] {
  return rows.flatMap((row, line) => {
    if (row['_step'] !== line) throw new Error(`line ${line} of ${run} is that of step ${row['_step']}`);
    const { global_step: step, _timestamp: wallTime, _step: _, _runtime: __, ...values } = row;
    return Object.entries(values).map(([tag, value]) => JSON.stringify([run, tag, step, wallTime, value]));
  });
}

/** Points of the runs below a folder; by default of all runs. */
export function onlinePoints(stub: WandbStub, below = ''): string[] {
  const runs = stub.runs().filter(({ displayName }) => displayName.startsWith(below));
  const names = runs.map(({ displayName }) => displayName);
  if (new Set(names).size !== names.length) throw new Error(`runs were made twice: ${names.join(', ')}`);
  return runs.flatMap((run) =>
    pointsOf(
      run.displayName,
      historyOf(run).map((line) => readLine(line) ?? {}),
    ),
  );
}

/** Of the last folder of each run: the others are marked, and it repeats them. */
function offlinePoints(dir: string): string[] {
  const last = new Map(foldersIn(dir).map((folder) => [folder.id, folder]));
  return [...last.values()].flatMap((folder) => {
    let run = '';
    const rows: Record<string, unknown>[] = [];
    for (const { data } of scanRecords(fileIn(folder))) {
      const kind = kindOf(data);
      if (kind === Kind.run) {
        const own = readRun(data).config.find(([key]) => key === 'mirrorboard')?.[1] ?? '{}';
        run = (JSON.parse(own) as { run: string }).run;
      }
      if (kind === Kind.history)
        rows.push(Object.fromEntries(itemsOf(data, kind).map(([key, text]) => [key, readLine(`{"x":${text}}`)?.['x']])));
    }
    return pointsOf(run, rows);
  });
}

function wantedOf(truth: TruthPoints): string[] {
  return Object.entries(truth).flatMap(([run, tags]) =>
    Object.entries(tags).flatMap(([tag, points]) =>
      points.map(([step, wallTime, value]) => JSON.stringify([run, tag, step, wallTime, value])),
    ),
  );
}
