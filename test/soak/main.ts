// `npm run soak`: what takes too long for every test run. MIRRORBOARD_SOAK_KILLS (default 30), MIRRORBOARD_SOAK_HOSTILE_SEC
// (default 600) and MIRRORBOARD_TEST_SEED can be set.
import { soakActor } from './actor.ts';
import { soakAimKill } from './aim-kill.ts';
import { soakBackfillKill } from './backfill-kill.ts';
import { soakHostile } from './hostile.ts';
import { soakOddAnswers } from './odd-answers.ts';
import { soakRealTrackerKill } from './real-tracker-kill.ts';
import { soakScale } from './scale.ts';
import { soakTrackerKill } from './tracker-kill.ts';
import { soakWandbKill } from './wandb-kill.ts';
import { soakWatchKill } from './watch-kill.ts';

const kills = Number(process.env['MIRRORBOARD_SOAK_KILLS'] ?? 30);
const seed = Number(process.env['MIRRORBOARD_TEST_SEED'] ?? Date.now() % 2 ** 31);
console.log(`seed ${seed}`);
const forMs = Number(process.env['MIRRORBOARD_SOAK_HOSTILE_SEC'] ?? 600) * 1000;
try {
  const rounds = await soakHostile({ seed, forMs, say: console.log });
  console.log(`hostile: ${rounds} trees and servers`);
  const bent = await soakOddAnswers({ seed, forMs, say: console.log });
  console.log(`odd answers: ${bent} rounds; all points are there once`);
  await soakScale();
  await soakBackfillKill({ kills, seed });
  await soakWatchKill({ kills, seed });
  await soakActor({ kills, seed });
  await soakTrackerKill({ kills, seed });
  await soakRealTrackerKill({ kills, seed });
  await soakWandbKill({ kills, seed });
  await soakAimKill({ kills, seed });
} catch (error) {
  console.error(`failed with MIRRORBOARD_TEST_SEED=${seed}`);
  throw error;
}
