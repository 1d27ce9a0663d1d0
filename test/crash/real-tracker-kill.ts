// Kills a watch and the real MLflow server it mirrors into, again and again, cuts connections between them, and has
// the official client say what is there in the end.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { mirrorboard, mustRun, type Running, repository, start } from '../e2e/command.ts';
import type { RunText, TruthText } from '../support/compare-truth.ts';
import { type CuttingProxy, startCuttingProxy } from '../support/cutting-proxy.ts';
import type { MlflowServer } from '../support/mlflow-server.ts';
import { compareHeld } from '../support/mlflow-truth.ts';
import { seededRandom } from './backfill-kill.ts';
import type { TruthPoints, Writer } from './watch-kill.ts';

export interface RealTrackerKillPlan {
  readonly folder: string;
  /** Of the watch. */
  readonly kills: number;
  /** Of the server, spread over the lives of the watches. */
  readonly serverKills: number;
  readonly seed: number;
  /** Milliseconds from the start of a watch to a kill, and from one kill to the next, at most. */
  readonly lifeMs: number;
  readonly writer: Writer;
  readonly server: MlflowServer;
  readonly say?: (line: string) => void;
}

const CORPUS = join(repository, 'test/logs');

/**
 * Throws where a point is missing in the tracker, is there twice, or was never written. Returns how many were
 * compared.
 */
export async function killWithRealTracker(plan: RealTrackerKillPlan): Promise<number> {
  const { seed, server } = plan;
  const random = seededRandom(seed);
  const proxy = await startCuttingProxy(server.url, seededRandom(seed + 1), 0.01);
  try {
    return await killAndCompare(plan, proxy, random);
  } finally {
    await proxy.close();
  }
}

async function killAndCompare(plan: RealTrackerKillPlan, proxy: CuttingProxy, random: () => number): Promise<number> {
  const { folder, kills, serverKills, seed, lifeMs, writer, server, say = () => undefined } = plan;
  const grown = join(folder, 'grown');
  const truth = join(folder, 'truth.json');
  const experiment = `killed ${seed} ${process.pid}`;
  mkdirSync(grown);
  writeFileSync(
    join(folder, 'mirrorboard.yaml'),
    `lanes: { local: {}, mlflow: { tracking_uri: "${proxy.url}", experiment_name: "${experiment}" } }\n`,
  );
  const roots = [`corpus=${CORPUS}`, `grown=${grown}`];
  const watch = (): Running => start(['watch', ...roots, '--scan-interval', '1'], { cwd: folder, timeoutMs: 900_000 });
  const growing = writer.start(grown, truth);
  let left = serverKills;
  for (let i = 1; i <= kills; i++) {
    const { child, ended } = watch();
    const delayMs = await pause(random, lifeMs);
    const share = Math.round(left / (kills - i + 1));
    for (let k = 0; k < share; k++) {
      await server.restart();
      say(`server killed after ${delayMs} ms of watch ${i}, and started again`);
      await pause(random, lifeMs);
    }
    left -= share;
    child.kill('SIGKILL');
    const { signal, code, stderr } = await ended;
    if (signal !== 'SIGKILL') throw new Error(`a watch ended by itself with ${code}: ${stderr}`);
    say(`watch ${i} killed`);
  }
  const written = await growing.ended;
  if (written.code !== 0) throw new Error(`the writer ended with ${written.code ?? written.signal}: ${written.stderr}`);
  proxy.heal();
  say(`${proxy.cuts.requests} requests and ${proxy.cuts.answers} answers were cut off`);
  const options = { cwd: folder };
  // What the writer left behind in its crashes is damage, so that the exit code says nothing here.
  const { code, signal, stderr } = await mirrorboard(['backfill', '--to', 'mlflow', ...roots], options);
  if (!stderr.includes('up to date')) throw new Error(`the last backfill ended with ${code ?? signal}: ${stderr}`);
  const verified = JSON.parse((await mustRun(['verify', '--json', '--lane', 'mlflow', ...roots], options)).stdout);
  if (verified.differences !== 0) throw new Error(`verify found ${verified.differences} differences: ${JSON.stringify(verified.totals)}`);

  const wanted = { runs: { ...corpusTruth(), ...grownTruth(writer.points(truth)) } };
  const { checked, differences } = compareHeld(wanted, await server.readBack(experiment, true));
  if (differences.length > 0) throw new Error(`${differences.length} differences: ${differences.slice(0, 10).join('\n')}`);
  return checked;
}

/** At least so long that the watch has begun. */
async function pause(random: () => number, mostMs: number): Promise<number> {
  const ms = Math.round(400 + random() * mostMs);
  await sleep(ms);
  return ms;
}

/** The truth of all sample logs, by their paths below the one root. */
export function corpusTruth(): Record<string, RunText> {
  const runs: Record<string, RunText> = {};
  for (const name of readdirSync(CORPUS)) {
    const { runs: own } = JSON.parse(readFileSync(join(repository, 'test/golden/truth', `${name}.json`), 'utf8')) as TruthText;
    for (const [path, run] of Object.entries(own)) runs[path === '.' ? name : `${name}/${path}`] = run;
  }
  return runs;
}

function grownTruth(points: TruthPoints): Record<string, RunText> {
  const series = (own: TruthPoints[string]): RunText['tags'] =>
    Object.fromEntries(
      Object.entries(own).map(([tag, all]) => [tag, { plugin: 'scalars', points: all.map(([s, t, v]) => [s, t, Number(v)] as const) }]),
    );
  return Object.fromEntries(Object.entries(points).map(([run, own]) => [run, { files: [], tags: series(own) }]));
}
