// Kills a watch that mirrors into Parquet files, and reads all files in the end, as a program does that knows nothing
// of mirrorboard: every point once.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { decode, type POINTS } from '../../src/backends/parquet/table.ts';
import { mustRun, type Running, start } from '../e2e/command.ts';
import { seededRandom } from './backfill-kill.ts';
import { expectSameEntries } from './kill-rounds.ts';
import { type TruthPoints, until, type Writer } from './watch-kill.ts';

export interface ParquetKillPlan {
  readonly folder: string;
  readonly kills: number;
  readonly seed: number;
  /** Milliseconds a watch lives, at most. */
  readonly lifeMs: number;
  readonly writer: Writer;
  readonly say?: (line: string) => void;
}

/** Throws where a point is missing, is there twice, or was never written. Returns how many there are. */
export async function killWithParquet({ folder, kills, seed, lifeMs, writer, say = () => undefined }: ParquetKillPlan): Promise<number> {
  const random = seededRandom(seed);
  const logs = join(folder, 'logs');
  const truth = join(folder, 'truth.json');
  const place = join(folder, 'parquet');
  mkdirSync(logs);
  writeFileSync(join(folder, 'mirrorboard.yaml'), 'lanes: { local: {}, parquet: { path: ./parquet, file_age: 0.1 } }\n');
  // Runs end soon, and grow again: files are merged all the time.
  const watch = (): Running =>
    start(['watch', logs, '--scan-interval', '1', '--run-ended-after', '1s'], { cwd: folder, timeoutMs: 600_000 });
  const growing = writer.start(logs, truth);
  for (let life = 0; life < kills; life++) {
    const { child, ended, said } = watch();
    await said(/root scanned/);
    const delayMs = random() * lifeMs;
    await sleep(delayMs);
    child.kill('SIGKILL');
    const { signal, code, stderr } = await ended;
    if (signal !== 'SIGKILL') throw new Error(`a watch ended by itself with ${code}: ${stderr}`);
    say(`kill ${life + 1} after ${delayMs.toFixed(0)} ms: ${(await pointsIn(place)).length} points in ${filesIn(place).length} files`);
  }
  const last = watch();
  const written = await growing.ended;
  if (written.code !== 0) throw new Error(`the writer ended with ${written.code ?? written.signal}: ${written.stderr}`);
  const wanted = wantedOf(writer.points(truth)).sort();
  const isClosed = (): boolean => documentsIn(place).every(({ status }) => status !== 'running');
  await until(async () => {
    await sleep(300);
    return isClosed() && new Set(await pointsIn(place)).size >= new Set(wanted).size;
  });
  await last.said(/root scanned/);
  last.child.kill('SIGTERM');
  const { code, signal, stderr } = await last.ended;
  if (code !== 0) throw new Error(`the last watch ended with ${code ?? signal}: ${stderr}`);
  expectSameEntries(wanted, await pointsIn(place));
  const merged = filesIn(place).filter((path) => path.endsWith('-merged.parquet')).length;
  say(`${wanted.length} points in ${filesIn(place).length} files, ${merged} of them merged`);
  await mustRun(['verify', logs, '--lane', 'parquet'], { cwd: folder });
  return wanted.length;
}

function filesIn(place: string): string[] {
  const points = join(place, 'points');
  if (!existsSync(points)) return [];
  return readdirSync(points, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.parquet'))
    .map((path) => join(points, path));
}

function documentsIn(place: string): { readonly status: string }[] {
  const runs = join(place, 'runs');
  if (!existsSync(runs)) return [];
  return readdirSync(runs, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('run.json'))
    .map((path) => JSON.parse(readFileSync(join(runs, path), 'utf8')) as { readonly status: string });
}

/** All points of all files. Files that are being merged away may be gone by the time they are read. */
async function pointsIn(place: string): Promise<string[]> {
  const points: string[] = [];
  for (const path of filesIn(place)) {
    let bytes: Buffer;
    try {
      bytes = readFileSync(path);
    } catch {
      continue;
    }
    const { count, data } = await decode<typeof POINTS, 'run' | 'tag' | 'step' | 'wall_time' | 'value'>(
      bytes,
      ['run', 'tag', 'step', 'wall_time', 'value'],
      path,
    );
    for (let row = 0; row < count; row++) {
      points.push(JSON.stringify([data.run[row], data.tag[row], Number(data.step[row]), data.wall_time[row], data.value[row]]));
    }
  }
  return points;
}

function wantedOf(truth: TruthPoints): string[] {
  return Object.entries(truth).flatMap(([run, tags]) =>
    Object.entries(tags).flatMap(([tag, points]) =>
      points.map(([step, wallTime, value]) => JSON.stringify([run, tag, step, wallTime, value])),
    ),
  );
}
