// The crash test of Parquet files behind a watch, many times over.
import { killWithParquet } from '../crash/parquet-kill.ts';
import { grower } from '../crash/watch-kill.ts';
import { freshDirectory, remove } from '../e2e/command.ts';
import type { SoakOptions } from './backfill-kill.ts';

/** Kills watches that write Parquet files and merge them. */
export async function soakParquetKill({ kills, seed }: SoakOptions): Promise<void> {
  const folder = freshDirectory();
  const writer = grower({ seed, steps: kills * 700, rate: 300, runs: 3, live: 2, rotateEvery: 300, crashEvery: 150 });
  try {
    const points = await killWithParquet({ folder, kills, seed, lifeMs: 4000, writer, say: (line) => console.log(`Parquet: ${line}`) });
    console.log(`Parquet: ${kills} kills; all ${points} points are there once`);
  } finally {
    remove(folder);
  }
}
