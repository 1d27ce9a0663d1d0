// Kills a watch that mirrors into Trackio, and the Trackio server too, again and again, and looks at what its
// database has in the end.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mustRun, type Running, start } from '../e2e/command.ts';
import { seededRandom } from './backfill-kill.ts';
import { expectSameEntries, killRounds, mirrorTheRest } from './kill-rounds.ts';
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
  await killRounds({
    kills,
    lifeMs,
    random,
    growing,
    watch,
    hit: target.hit,
    say,
    look: async () => `${(await target.rows(project)).length} rows`,
  });
  target.heal();
  await mirrorTheRest(logs, { cwd: folder, env });
  const wanted: string[] = [];
  for (const [run, tags] of Object.entries(writer.points(truth))) {
    for (const [tag, points] of Object.entries(tags)) {
      for (const [step, , value] of points) wanted.push(JSON.stringify([run, tag, Number(step), Number(value)]));
    }
  }
  expectSameEntries(wanted, await target.rows(project));
  // Wall times are in the ids, which only we read.
  await mustRun(['verify', '--lane', 'trackio'], { cwd: folder, env });
  return wanted.length;
}
