// `npm run soak -- [scenes…]`: what takes too long for every test run.
import { parseArgs } from 'node:util';
import { randomSeed } from '../support/test-seed.ts';
import { soakActor } from './actor.ts';
import { soakAimKill } from './aim-kill.ts';
import { soakAllAtOnce } from './all-at-once.ts';
import { soakBackfillKill } from './backfill-kill.ts';
import { soakHostile } from './hostile.ts';
import { soakOddAnswers } from './odd-answers.ts';
import { soakParquetKill } from './parquet-kill.ts';
import { soakRealTrackerKill } from './real-tracker-kill.ts';
import { soakScale } from './scale.ts';
import { soakTrackerKill } from './tracker-kill.ts';
import { soakWandbKill } from './wandb-kill.ts';
import { soakWatchKill } from './watch-kill.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { minutes: { type: 'string', default: '30' }, help: { type: 'boolean', short: 'h', default: false } },
});
const kills = Number(process.env['MIRRORBOARD_SOAK_KILLS'] ?? 30);
const seed = Number(process.env['MIRRORBOARD_TEST_SEED'] ?? randomSeed());
const forMs = Number(process.env['MIRRORBOARD_SOAK_HOSTILE_SEC'] ?? 600) * 1000;
const minutes = Number(values.minutes);
const say = console.log;

/** By name, in this order: what it does, and how. */
const SCENES: Readonly<Record<string, readonly [about: string, soak: () => Promise<void>]>> = {
  'all-at-once': [
    'a watch into the store and five trackers; all of them suffer at once, for --minutes',
    () => soakAllAtOnce({ seed, minutes, isReal: true, say: (line) => say(`all at once: ${line}`) }),
  ],
  hostile: [
    'hostile directories and a hostile server',
    async () => say(`hostile: ${await soakHostile({ seed, forMs, say })} trees and servers`),
  ],
  'odd-answers': [
    'trackers whose answers are changed',
    async () => say(`odd answers: ${await soakOddAnswers({ seed, forMs, say })} rounds; all points are there once`),
  ],
  scale: ['every command over 100,000 runs, files, tags and links', soakScale],
  'backfill-kill': ['a backfill that is killed', () => soakBackfillKill({ kills, seed })],
  'watch-kill': ['a watch that is killed, and random histories', () => soakWatchKill({ kills, seed })],
  actor: ['a watch next to a program that changes its tree', () => soakActor({ kills, seed })],
  'tracker-kill': ['a watch that is killed, with trackers that fail', () => soakTrackerKill({ kills, seed })],
  'real-tracker-kill': ['a watch and a real MLflow server that are killed', () => soakRealTrackerKill({ kills, seed })],
  'wandb-kill': ['a watch with W&B that is killed, in each mode', () => soakWandbKill({ kills, seed })],
  'aim-kill': ['a watch and an Aim server that are killed', () => soakAimKill({ kills, seed })],
  'parquet-kill': ['a watch with Parquet files that is killed', () => soakParquetKill({ kills, seed })],
};

const HELP = `npm run soak -- [scenes…] [--minutes N]

${Object.entries(SCENES)
  .map(([name, [about]]) => `  ${name.padEnd(18)} ${about}`)
  .join('\n')}

  --minutes N                    how long all-at-once goes on (default 30)

  MIRRORBOARD_TEST_SEED          repeats what happened with this seed
  MIRRORBOARD_SOAK_KILLS         how many kills (default 30)
  MIRRORBOARD_SOAK_HOSTILE_SEC   how long hostile and odd-answers go on (default 600)
`;

const unknown = positionals.find((name) => !Object.hasOwn(SCENES, name));
const problem =
  unknown !== undefined
    ? `There is no scene ${unknown}.`
    : minutes > 0
      ? undefined
      : `--minutes ${values.minutes} is not a number above 0.`;
if (values.help) say(HELP);
else if (problem !== undefined) {
  process.stderr.write(`${problem}\n\n${HELP}`);
  process.exitCode = 2;
} else {
  say(`seed ${seed}`);
  try {
    for (const [name, [, soak]] of Object.entries(SCENES)) if (positionals.length === 0 || positionals.includes(name)) await soak();
  } catch (error) {
    console.error(`failed with MIRRORBOARD_TEST_SEED=${seed}`);
    throw error;
  }
}
