// Hostile directories and a hostile server, at random, under a limit of memory: nothing of it may end us, freeze us,
// or cost an honest run a point.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { seededRandom } from '../crash/backfill-kill.ts';
import { freshDirectory, mirrorboard, remove } from '../e2e/command.ts';
import { makeHostileTree } from './hostile-tree.ts';
import { startRudeServer } from './rude-server.ts';

export interface HostileOptions {
  readonly seed: number;
  /** No round begins later. */
  readonly forMs: number;
  readonly say?: (line: string) => void;
}

/** Of JavaScript's objects; buffers and SQLite's cache come beside it. */
const HEAP_MIB = 384;
/** A round that takes longer hangs. */
const ROUND_MS = 120_000;
/** Exit codes of a pass that ended by itself: done, not all of it mirrored. */
const FINE = new Set<number | null>([0, 1]);

export async function soakHostile({ seed, forMs, say = () => {} }: HostileOptions): Promise<number> {
  const end = Date.now() + forMs;
  let rounds = 0;
  do await hostileRound(seed + rounds++, say);
  while (Date.now() < end);
  return rounds;
}

/** One tree, one server, one pass. Throws with the seed where something is not as it should be. */
export async function hostileRound(seed: number, say: (line: string) => void): Promise<void> {
  const random = seededRandom(seed);
  const folder = freshDirectory();
  const server = await startRudeServer(random, random() * 0.6);
  try {
    const logs = join(folder, 'logs');
    mkdirSync(logs);
    const { hostile, honestPoints } = makeHostileTree(logs, random);
    // Whatever lies beside the event files is asked for.
    writeFileSync(join(folder, 'mirrorboard.yaml'), 'params: ["hparams.yaml", "params.json"]\nartifacts: ["*.pth"]\n');
    const env = { MIRRORBOARD_LANES: 'local,mlflow', MLFLOW_TRACKING_URI: server.url, MLFLOW_HTTP_REQUEST_TIMEOUT: '3' };
    const args = ['backfill', logs, '--patience', '2', '--json'];
    const began = performance.now();
    const ended = await mirrorboard(args, { cwd: folder, env, timeoutMs: ROUND_MS, node: [`--max-old-space-size=${HEAP_MIB}`] });
    const what = `seed ${seed}: ${hostile.join(', ')}`;
    if (!FINE.has(ended.code)) throw new Error(`${what}: ended with ${ended.code ?? ended.signal}\n${ended.stderr.slice(-4000)}`);
    const bug = /MB9001[^\n]*/.exec(ended.stderr + ended.stdout)?.[0];
    if (bug !== undefined) throw new Error(`${what}: ${bug}\n${ended.stderr.slice(-4000)}`);
    const points = honestIn(join(folder, 'mirrorboard.db'));
    if (points !== honestPoints)
      throw new Error(`${what}: ${points} of ${honestPoints} honest points are there\n${ended.stderr.slice(-4000)}`);
    const secret = /root:[^\s:]*:\d+:|\$y\$|\$6\$/.exec(ended.stderr + ended.stdout)?.[0];
    if (secret !== undefined) throw new Error(`${what}: a secret of the machine is in what was said`);
    say(`${what}: ${points} honest points, ${server.asked} requests, ${Math.round(performance.now() - began)} ms, exit code ${ended.code}`);
  } finally {
    await server.close();
    remove(folder);
  }
}

function honestIn(store: string): number {
  if (!existsSync(store)) return 0;
  const database = new DatabaseSync(store, { readOnly: true });
  try {
    const row = database.prepare("select count(*) as n from scalars where run like '%honest-%'").get() as { n: number };
    return row.n;
  } finally {
    database.close();
  }
}
