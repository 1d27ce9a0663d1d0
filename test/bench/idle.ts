import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { event, eventFile, simpleValue } from '../support/event-writer.ts';
import type { Bench, BenchContext } from './bench.ts';
import { count, megabytes, percent, seconds, spread } from './figures.ts';
import { expectPoints } from './product.ts';
import { HAS_PROC } from './watching.ts';

const DIRECTORIES = 20_000;
const FILES = 50_000;
const POINTS_PER_FILE = 2;
const RUNS_PER_GROUP = 199;
const DAY_S = 86_400;

/** A watch of a big tree in which nothing happens. */
export const idle: Bench = {
  name: 'idle',
  about: 'A watch of a big tree that is mirrored already and does not grow, at the default scan interval',
  run: (context) => watchIdle(context, 60),
};

/** Looks at it for so long, after a quarter of that. */
export async function watchIdle({ scratch, product, scaled, row, note }: BenchContext, lookSeconds: number): Promise<void> {
  if (!HAS_PROC) {
    note('processor time and memory of a running process are read from /proc, which is on Linux only');
    return;
  }
  const tree = writeTree(scratch.folder('tree'), scaled(DIRECTORIES), scaled(FILES));
  const home = product.newHome();
  const { seconds: backfillSeconds } = await product.backfill(tree.dir, home);
  expectPoints(home.store, tree.files * POINTS_PER_FILE);
  const what = `${count(tree.directories)} directories, ${count(tree.files)} files`;
  const windowSeconds = scaled(lookSeconds);

  await using watching = await product.watch(tree.dir, home);
  await sleep(scaled(lookSeconds / 4) * 1000);
  const [cpuBefore, began] = [watching.cpuSeconds(), performance.now()];
  await sleep(windowSeconds * 1000);
  const used = watching.cpuSeconds() - cpuBefore;
  const took = (performance.now() - began) / 1000;
  const { bytes, fileBytes, peakBytes } = watching.memory();
  row({
    what: `${what}: until ready`,
    ours: `backfill before: ${seconds(backfillSeconds)}`,
    figure: spread([watching.readySeconds]),
    format: seconds,
    target: { bound: 'most', reach: 3 },
  });
  row({
    what: `  processor over ${windowSeconds} s, of one core`,
    ours: seconds(used),
    figure: spread([(used / took) * 100]),
    format: percent,
    target: { bound: 'most', reach: 2 },
  });
  const memoryRow = { format: megabytes, target: { bound: 'most', reach: 150e6 } } as const;
  row({ what: '  peak memory', ...memoryRow, ours: '', figure: spread([peakBytes]) });
  row({ what: '  memory at the end', ...memoryRow, ours: `${megabytes(fileBytes)} of it files`, figure: spread([bytes]), isDetail: true });
  const { points, lag_bytes } = await watching.lane();
  if (points > 0 || lag_bytes > 0) throw new Error(`nothing was new, but the watch read ${points} points and lags by ${lag_bytes} bytes`);
}

/** Groups of runs; the files are dealt out to the runs in turn, and are a day old. */
function writeTree(dir: string, directories: number, files: number): { dir: string; directories: number; files: number } {
  process.stderr.write(`… writing ${count(directories)} directories with ${count(files)} files\n`);
  const groups = Math.ceil(directories / (RUNS_PER_GROUP + 1));
  const runs = Math.max(1, directories - groups);
  const folders = Array.from({ length: runs }, (_, run) => {
    const group = Math.floor(run / RUNS_PER_GROUP);
    return join(dir, `group_${String(group).padStart(3, '0')}`, `run_${String(run).padStart(5, '0')}`);
  });
  for (const folder of folders) mkdirSync(folder, { recursive: true });
  const steps = Array.from({ length: POINTS_PER_FILE }, (_, step) => step);
  const bytes = eventFile(...steps.map((step) => event({ wallTime: 1_700_000_000 + step, step, summary: [simpleValue('loss', step)] })));
  const yesterday = Date.now() / 1000 - DAY_S;
  for (let no = 0; no < files; no++) {
    const path = join(folders[no % runs] ?? dir, `events.out.tfevents.${1_700_000_000 + Math.floor(no / runs)}.bench.${no}.0`);
    writeFileSync(path, bytes);
    utimesSync(path, yesterday, yesterday);
  }
  return { dir, directories: runs + groups, files };
}
