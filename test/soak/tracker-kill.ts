// The crash test of a tracker behind a watch, many times over.
import { type KilledTracker, killedClearml, killedMlflow, killWithTracker } from '../crash/tracker-kill.ts';
import { grower } from '../crash/watch-kill.ts';
import { freshDirectory, remove } from '../e2e/command.ts';
import { ClearmlStub } from '../support/clearml-stub/index.ts';
import { MlflowStub } from '../support/mlflow-stub/index.ts';
import type { SoakOptions } from './backfill-kill.ts';

/** Kills watches that mirror into trackers which fail now and then, while the logs grow about as long as that takes. */
export async function soakTrackerKill({ kills, seed }: SoakOptions): Promise<void> {
  const keys = { access: 'ACCESSKEY00', secret: 'secret-of-the-killed' };
  const mlflow = await MlflowStub.start();
  const clearml = await ClearmlStub.start({ accessKey: keys.access, secretKey: keys.secret });
  try {
    await soak('clearml', killedClearml(clearml, seed, keys), kills, seed, false);
    await soak('mlflow', killedMlflow(mlflow, seed), kills, seed, false);
    mlflow.store.runs.clear();
    await soak('mlflow, folded and routed', killedMlflow(mlflow, seed), kills, seed, true);
  } finally {
    await mlflow.close();
    await clearml.close();
  }
}

async function soak(name: string, tracker: KilledTracker, kills: number, seed: number, isRouted: boolean): Promise<void> {
  const folder = freshDirectory();
  const writer = grower({ seed, steps: kills * 400, rate: 300, runs: 3, live: 2, rotateEvery: 300, crashEvery: 150 });
  try {
    const say = (line: string): void => console.log(`${name}: ${line}`);
    const points = await killWithTracker({ folder, kills, seed, lifeMs: 2000, writer, tracker, isRouted, say });
    console.log(`${name}: ${kills} kills; all ${points} points are there once`);
  } finally {
    remove(folder);
  }
}
