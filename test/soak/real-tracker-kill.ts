// The crash test of a real MLflow server behind a watch, both killed, many times over.
import { killWithRealTracker } from '../crash/real-tracker-kill.ts';
import { grower } from '../crash/watch-kill.ts';
import { freshDirectory, remove } from '../e2e/command.ts';
import { startMlflow } from '../support/mlflow-server.ts';
import type { SoakOptions } from './backfill-kill.ts';

/** Half as many kills of the server as of the watch, while the logs grow about as long as that takes. */
export async function soakRealTrackerKill({ kills, seed }: SoakOptions): Promise<void> {
  const server = await startMlflow().catch((error: Error) => {
    console.log(`real tracker: skipped: ${error.message}`);
    return undefined;
  });
  if (server === undefined) return;
  const folder = freshDirectory();
  const writer = grower({ seed, steps: kills * 600, rate: 150, runs: 3, live: 2, rotateEvery: 300, crashEvery: 150 });
  try {
    const say = (line: string): void => console.log(`real tracker: ${line}`);
    const plan = { folder, kills, serverKills: Math.ceil(kills / 2), seed, lifeMs: 4000, writer, server, say };
    const points = await killWithRealTracker(plan);
    console.log(`real tracker: ${kills} kills of the watch, ${plan.serverKills} of the server; all ${points} points are there once`);
  } finally {
    await server.stop();
    remove(folder);
  }
}
