// The crash and model tests of the watch, many times over.
import { grower, killWatches } from '../crash/watch-kill.ts';
import { freshDirectory, remove } from '../e2e/command.ts';
import { checkWatchHistories } from '../model/watch-property.ts';
import type { SoakOptions } from './backfill-kill.ts';

/** Kills watches of growing logs, then runs thousands of random histories. */
export async function soakWatchKill({ kills, seed }: SoakOptions): Promise<void> {
  const common = { seed, rate: 1000, runs: 4, live: 2, crashEvery: 150, histogramEvery: 7 };
  // The logs grow about as long as the kills take.
  const steps = kills * 1000;
  const writers = {
    growing: grower({ ...common, steps, rotateEvery: 300 }),
    changing: grower({ ...common, steps, replaceEvery: 200, truncateEvery: 100 }),
  };
  for (const [name, writer] of Object.entries(writers)) {
    const folder = freshDirectory();
    try {
      const { points, midway } = await killWatches({
        folder,
        kills,
        seed,
        lifeMs: 2000,
        writer,
        say: (line) => console.log(`${name}: ${line}`),
      });
      console.log(`watch, ${name}: ${kills} kills, ${midway} of them with points; all ${points} points are there once`);
    } finally {
      remove(folder);
    }
  }
  const runs = kills * 100;
  await checkWatchHistories({ runs, length: 40, seed });
  console.log(`watch: ${runs} random histories`);
}
