// The crash test of the backfill with many more kills, over larger logs.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { killBackfills } from '../crash/backfill-kill.ts';
import { writeMediaLog } from '../crash/media-log.ts';
import { freshDirectory, remove, repository } from '../e2e/command.ts';
import { bigLog } from '../support/big-log.ts';

export interface SoakOptions {
  readonly kills: number;
  readonly seed: number;
}

/** Kills backfills of scalars, of media, and of the corpus. */
export async function soakBackfillKill({ kills, seed }: SoakOptions): Promise<void> {
  const folder = freshDirectory();
  try {
    const scalars = join(folder, 'scalars');
    bigLog({ dir: scalars, runs: 25, tags: 10, steps: 5000, files: 3, form: 'mixed' });
    const media = join(folder, 'media');
    writeMediaLog(media, 2000);
    const targets = { scalars, media, corpus: join(repository, 'test/logs') };
    for (const [name, logs] of Object.entries(targets)) {
      const work = join(folder, `work-${name}`);
      mkdirSync(work);
      const { midway, points } = await killBackfills({ logs, folder: work, kills, seed, say: (line) => console.log(`${name}: ${line}`) });
      console.log(`${name}: ${kills} kills, ${midway} of them midway; all ${points} points are there once`);
      remove(work);
    }
  } finally {
    remove(folder);
  }
}
