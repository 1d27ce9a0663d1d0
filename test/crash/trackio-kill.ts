// Kills a watch that mirrors into Trackio, and the Trackio server too, again and again, and looks at what its
// database has in the end.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { mirrorboard, mustRun, type Running, start } from '../e2e/command.ts';
import { seededRandom } from './backfill-kill.ts';
import type { Writer } from './watch-kill.ts';

/** A Trackio server that can be hit, and looked into. */
export interface TrackioTarget {
  readonly url: string;
  readonly writeToken: string;
  readonly inbox?: string;
  /** What may happen to a server; chosen at random. */
  hit(random: () => number): Promise<void>;
  /** All is well from now on. */
  heal(): void;
  /** Every row with a metric: run, key, step, value, as JSON. */
  rows(project: string): Promise<readonly string[]>;
}

export interface TrackioKillPlan {
  readonly folder: string;
  readonly kills: number;
  readonly seed: number;
  /** Milliseconds a watch lives, at most. */
  readonly lifeMs: number;
  readonly writer: Writer;
  readonly target: TrackioTarget;
  readonly say?: (line: string) => void;
}

/** Throws where a point is missing, was never written, or is there twice. Returns how many were written. */
export async function killWithTrackio(plan: TrackioKillPlan): Promise<number> {
  const { folder, kills, seed, lifeMs, writer, target, say = () => undefined } = plan;
  const random = seededRandom(seed);
  const logs = join(folder, 'logs');
  const truth = join(folder, 'truth.json');
  const project = `killed_${seed}${target.inbox === undefined ? '' : '_inbox'}`;
  mkdirSync(logs);
  const section = {
    url: target.url,
    project,
    ...(target.inbox === undefined ? {} : { inbox: target.inbox }),
  };
  writeFileSync(join(folder, 'mirrorboard.yaml'), JSON.stringify({ lanes: { trackio: section } }));
  const env = { TRACKIO_WRITE_TOKEN: target.writeToken };
  const watch = (): Running => start(['watch', logs, '--scan-interval', '1'], { cwd: folder, timeoutMs: 600_000, env });
  const growing = writer.start(logs, truth);
  for (let i = 1; i <= kills; i++) {
    const { child, ended } = watch();
    const delayMs = 500 + random() * lifeMs;
    await sleep(delayMs / 2);
    await target.hit(random);
    await sleep(delayMs / 2);
    child.kill('SIGKILL');
    const { signal, code, stderr } = await ended;
    if (signal !== 'SIGKILL') throw new Error(`a watch ended by itself with ${code}: ${stderr}`);
    say(`kill ${i} after ${delayMs.toFixed(0)} ms: ${(await target.rows(project)).length} rows`);
  }
  const written = await growing.ended;
  if (written.code !== 0) throw new Error(`the writer ended with ${written.code ?? written.signal}: ${written.stderr}`);
  target.heal();
  // 1: the writer leaves damage behind, which the watch reports; what can be read must be there.
  const last = await mirrorboard(['backfill', logs], { cwd: folder, env });
  if (last.code !== 0 && last.code !== 1) throw new Error(`the last backfill ended with ${last.code ?? last.signal}: ${last.stderr}`);
  const wanted: string[] = [];
  for (const [run, tags] of Object.entries(writer.points(truth))) {
    for (const [tag, points] of Object.entries(tags)) {
      for (const [step, , value] of points) wanted.push(JSON.stringify([run, tag, Number(step), Number(value)]));
    }
  }
  const found = await target.rows(project);
  const difference = differenceOf(wanted, found);
  if (difference !== undefined) throw new Error(difference);
  // Wall times are in the ids, which only we read.
  await mustRun(['verify', '--lane', 'trackio'], { cwd: folder, env });
  return wanted.length;
}

/** Says how two lists differ, as often as each entry is there. */
function differenceOf(wanted: readonly string[], found: readonly string[]): string | undefined {
  const left = new Map<string, number>();
  for (const each of wanted) left.set(each, (left.get(each) ?? 0) + 1);
  for (const each of found) left.set(each, (left.get(each) ?? 0) - 1);
  const missing = [...left].filter(([, count]) => count > 0);
  const extra = [...left].filter(([, count]) => count < 0);
  if (missing.length + extra.length === 0) return undefined;
  const examples = [...missing.slice(0, 2), ...extra.slice(0, 2)].map(([each, count]) => `${each} ${-count}`);
  return `${missing.length} points are missing, ${extra.length} are there too often (${examples.join('; ')})`;
}
