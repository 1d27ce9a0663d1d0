// The crash test of a tracker behind a watch, many times over.
import { killWithTracker } from '../crash/tracker-kill.ts';
import { grower } from '../crash/watch-kill.ts';
import { freshDirectory, remove } from '../e2e/command.ts';
import { MlflowStub } from '../support/mlflow-stub/index.ts';
import type { SoakOptions } from './backfill-kill.ts';

/** Kills watches that mirror into a tracker which fails now and then, while the logs grow about as long as that takes. */
export async function soakTrackerKill({ kills, seed }: SoakOptions): Promise<void> {
  for (const isRouted of [false, true]) {
    const folder = freshDirectory();
    const stub = await MlflowStub.start();
    const writer = grower({ seed, steps: kills * 400, rate: 300, runs: 3, live: 2, rotateEvery: 300, crashEvery: 150 });
    const what = isRouted ? 'tracker, folded and routed' : 'tracker';
    try {
      const say = (line: string): void => console.log(`${what}: ${line}`);
      const points = await killWithTracker({ folder, kills, seed, lifeMs: 2000, writer, stub, isRouted, say });
      console.log(`${what}: ${kills} kills; all ${points} points are there once`);
    } finally {
      await stub.close();
      remove(folder);
    }
  }
}
