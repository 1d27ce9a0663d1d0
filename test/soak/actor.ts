// The actor beside a watch, for much longer: histories from many seeds, each as long as three of those in CI.
import { endAll, freshDirectory, remove } from '../e2e/command.ts';
import { actBesideWatch } from '../model/actor.ts';
import type { SoakOptions } from './backfill-kill.ts';

/** As many histories as there are kills. Names the seed and the last things that were done where one fails. */
export async function soakActor({ kills, seed }: SoakOptions): Promise<void> {
  for (let i = 0; i < kills; i++) {
    const folder = freshDirectory();
    const said: string[] = [];
    try {
      await actBesideWatch({ folder, seed: seed + i, actions: 450, say: (line) => void said.push(line) });
    } catch (error) {
      console.error(`${said.slice(-60).join('\n')}\nfailed with MIRRORBOARD_TEST_SEED=${seed + i} MIRRORBOARD_TEST_ACTIONS=450`);
      throw error;
    } finally {
      await endAll();
      remove(folder);
    }
  }
  console.log(`actor: ${kills} histories beside a watch, each of 450 actions`);
}
