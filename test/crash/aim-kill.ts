// Kills a watch that mirrors into Aim, and the Aim server too, again and again, and looks at what the repository has
// in the end.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mustRun, type Running, start } from '../e2e/command.ts';
import type { AimServer } from '../support/aim-server.ts';
import type { AimStub } from '../support/aim-stub/index.ts';
import { leafValue, type Node } from '../support/aim-stub/wire.ts';
import { seededRandom } from './backfill-kill.ts';
import { killRounds, mirrorTheRest } from './kill-rounds.ts';
import type { TruthPoints, Writer } from './watch-kill.ts';

/** An Aim server that can be hit, and looked into. */
export interface AimTarget {
  readonly url: string;
  /** What may happen to a server; chosen at random. */
  hit(random: () => number): Promise<void>;
  /** All is well from now on. */
  heal(): void;
  /** What people see: run, tag, step, time and value of every scalar. */
  points(): Promise<readonly HeldScalar[]>;
}

export type HeldScalar = readonly [run: string, tag: string, step: number, wallTime: number, value: number];

export interface AimKillPlan {
  readonly folder: string;
  readonly kills: number;
  readonly seed: number;
  /** Milliseconds a watch lives, at most. */
  readonly lifeMs: number;
  readonly writer: Writer;
  readonly target: AimTarget;
  readonly say?: (line: string) => void;
}

/** Throws where a point is missing, was never written, or is there twice. Returns how many were written. */
export async function killWithAim(plan: AimKillPlan): Promise<number> {
  const { folder, kills, seed, lifeMs, writer, target, say = () => undefined } = plan;
  const random = seededRandom(seed);
  const logs = join(folder, 'logs');
  const truth = join(folder, 'truth.json');
  mkdirSync(logs);
  writeFileSync(join(folder, 'mirrorboard.yaml'), `lanes: { aim: { server: "${target.url}" } }\n`);
  const watch = (): Running => start(['watch', logs, '--scan-interval', '1'], { cwd: folder, timeoutMs: 600_000 });
  const growing = writer.start(logs, truth);
  await killRounds({ kills, lifeMs, random, growing, watch, hit: target.hit, say });
  target.heal();
  await mirrorTheRest(logs, { cwd: folder });
  const wanted = wantedOf(writer.points(truth));
  const found = await target.points();
  const shown = new Map(found.map((point) => [JSON.stringify(point.slice(0, 3)), JSON.stringify(point)]));
  if (shown.size !== found.length) throw new Error(`${found.length - shown.size} points are there twice`);
  const missing = [...wanted.keys()].filter((key) => !shown.has(key));
  const strange = [...shown].filter(([key, point]) => wanted.get(key) !== point);
  if (missing.length + strange.length > 0) {
    const examples = [...missing.slice(0, 2), ...strange.slice(0, 2).map(([key, point]) => `${point} instead of ${wanted.get(key)}`)];
    throw new Error(`${missing.length} points are missing, ${strange.length} are others (${examples.join('; ')})`);
  }
  // What people do not see is there as well: every point of every step.
  await mustRun(['verify', '--lane', 'aim'], { cwd: folder });
  return Object.values(writer.points(truth)).reduce(
    (sum, tags) => sum + Object.values(tags).reduce((n, points) => n + points.length, 0),
    0,
  );
}

/** Of several points of one step the last one, by file and place: what Aim has to show. */
export function wantedOf(truth: TruthPoints): Map<string, string> {
  const wanted = new Map<string, string>();
  for (const [run, tags] of Object.entries(truth)) {
    for (const [tag, points] of Object.entries(tags)) {
      for (const [step, wallTime, value] of points)
        wanted.set(JSON.stringify([run, tag, step]), JSON.stringify([run, tag, step, wallTime, value]));
    }
  }
  return wanted;
}

/** A real server: now and then it is killed and comes back. */
export function realTarget(server: AimServer): AimTarget {
  return {
    url: server.url,
    async hit(random) {
      if (random() < 0.6) await server.restart();
    },
    heal: () => undefined,
    async points() {
      const runs = await server.readBack();
      return runs.flatMap(({ run, scalars, error }) => {
        if (error !== undefined) throw new Error(error);
        return Object.entries(scalars).flatMap(([tag, points]) =>
          points.map(([step, wallTime, value]): HeldScalar => [run, tag, step, Number(wallTime), Number(value)]),
        );
      });
    },
  };
}

/** The stub: it forgets all clients, breaks off, stores a half. */
export function stubTarget(stub: AimStub): AimTarget {
  return {
    url: stub.url,
    async hit(random) {
      const faults = [
        () => stub.forget(),
        () => stub.fail({ kind: 'close', stored: true }, 2),
        () => stub.fail({ kind: 'close', stored: false }, 2),
        () => stub.fail({ kind: 'part' }, 2),
        () => stub.fail({ kind: 'unavailable' }, 2),
      ];
      faults[Math.floor(random() * faults.length)]?.();
    },
    heal: () => stub.heal(),
    points: async () =>
      [...stub.runs.values()].flatMap((run) => {
        const sequences = run.seqs.get(['s:seqs', 's:v2', 's:chunks', `s:${run.hash}`])?.children ?? new Map<string, Node>();
        return [...sequences.values()].flatMap((names) =>
          [...names.children].flatMap(([name, sequence]) => {
            const column = (key: string): Node | undefined => sequence.children.get(`s:${key}`);
            return [...(column('step')?.children ?? [])].map(([key, step]): HeldScalar => {
              const number = (from: string): number => Number(leafValue(column(from)?.children.get(key)));
              return [run.name, name.slice(2), Number(leafValue(step)), number('time'), number('val')];
            });
          }),
        );
      }),
  };
}
