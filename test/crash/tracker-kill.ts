// Kills a watch that mirrors into the store and into a tracker with moods, again and again, and looks at what the
// tracker has in the end.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { OWN_METRIC } from '../../src/backends/clearml/exact-files.ts';
import { TRIAL_METRIC } from '../../src/backends/mlflow/trial.ts';
import { toMillis } from '../../src/model/index.ts';
import { type Running, start } from '../e2e/command.ts';
import type { ClearmlStub } from '../support/clearml-stub/index.ts';
import type { MlflowStub } from '../support/mlflow-stub/index.ts';
import { seededRandom } from './backfill-kill.ts';
import { type TruthPoints, until, type Writer } from './watch-kill.ts';

export interface TrackerKillPlan {
  readonly folder: string;
  readonly kills: number;
  readonly seed: number;
  /** Milliseconds a watch lives, at most. */
  readonly lifeMs: number;
  readonly writer: Writer;
  readonly tracker: KilledTracker;
  /**
   * Runs go into those above them, and each other life leaves half of the points out: the last one wants all of them.
   */
  readonly isRouted?: boolean;
  readonly say?: (line: string) => void;
}

/** A tracker in a test, and how a lane leads to it. */
export interface KilledTracker {
  readonly lane: string;
  readonly env: Readonly<Record<string, string>>;
  /** All is well from now on. */
  heal(): void;
  /** Points that are there, as often as they are: run, tag, step, milliseconds, value. */
  points(): string[];
  runNames(): string[];
  violations(): readonly string[];
}

/** Names of the directories that are part of the run above them: those that end in an odd digit. */
const FOLDED = '"*[13579]"';

/** Throws where a point is missing in the tracker, is there twice, or was never written. Returns how many there are. */
export async function killWithTracker(plan: TrackerKillPlan): Promise<number> {
  const { folder, kills, seed, lifeMs, writer, tracker, isRouted = false, say = () => undefined } = plan;
  const random = seededRandom(seed);
  const held = (): number => tracker.points().length;
  const logs = join(folder, 'logs');
  const truth = join(folder, 'truth.json');
  mkdirSync(logs);
  const configure = (isThin: boolean): void => {
    const routing = `runs: { fold: [${FOLDED}] }\n${isThin ? 'routes: [{ tags: "**", every: 2 }, { tags: "**/a*", drop: true }]\n' : ''}`;
    writeFileSync(join(folder, 'mirrorboard.yaml'), `lanes: { local: {}, ${tracker.lane} }\n${isRouted ? routing : ''}`);
  };
  const watch = (): Running => start(['watch', logs, '--scan-interval', '1'], { cwd: folder, timeoutMs: 600_000, env: tracker.env });
  const growing = writer.start(logs, truth);
  for (let i = 1; i <= kills; i++) {
    configure(i % 2 === 1);
    const { child, ended } = watch();
    const delayMs = 300 + random() * lifeMs;
    await sleep(delayMs);
    child.kill('SIGKILL');
    const { signal, code, stderr } = await ended;
    if (signal !== 'SIGKILL') throw new Error(`a watch ended by itself with ${code}: ${stderr}`);
    say(`kill ${i} after ${delayMs.toFixed(0)} ms: ${held()} points in the tracker`);
  }
  configure(false);
  const last = watch();
  const written = await growing.ended;
  if (written.code !== 0) throw new Error(`the writer ended with ${written.code ?? written.signal}: ${written.stderr}`);
  tracker.heal();
  const wanted = wantedOf(writer.points(truth), isRouted);
  await until(() => held() >= wanted.size);
  // All may have been there before the last kill: this one has to have begun before it can be asked to end.
  await last.said(/root scanned/);
  last.child.kill('SIGTERM');
  const { code, signal, stderr } = await last.ended;
  if (code !== 0) throw new Error(`the last watch ended with ${code ?? signal}: ${stderr}`);
  const there = new Set(tracker.points());
  if (there.size < held()) throw new Error(`${held() - there.size} points are there twice`);
  const missing = [...wanted].filter((point) => !there.has(point));
  const extra = [...there].filter((point) => !wanted.has(point));
  if (missing.length + extra.length > 0) {
    throw new Error(
      `${missing.length} points are missing (${missing.slice(0, 3).join('; ')}), ${extra.length} were never written (${extra.slice(0, 3).join('; ')})`,
    );
  }
  const names = tracker.runNames();
  if (new Set(names).size !== names.length) throw new Error(`runs were made twice: ${names.join(', ')}`);
  if (tracker.violations().length > 0) throw new Error(tracker.violations().join('\n'));
  return wanted.size;
}

/** An MLflow server that fails now and then; `url` leads to it. */
export function killedMlflow(stub: MlflowStub, seed: number, url = stub.url): KilledTracker {
  moods(stub, seed, ['runs/log-batch']);
  return {
    lane: `mlflow: { tracking_uri: "${url}" }`,
    env: {},
    heal: () => stub.heal(),
    points: () =>
      stub.runs().flatMap((run) =>
        stub
          .points(run)
          .filter(({ key }) => key !== TRIAL_METRIC)
          .map(({ key, step, timestamp, value }) => JSON.stringify([run.name, key, Number(step), Number(timestamp), Number(value)])),
      ),
    runNames: () => stub.runs().map(({ name }) => name),
    violations: () => stub.violations,
  };
}

/** A ClearML server that fails now and then; `url` leads to it. */
export function killedClearml(
  stub: ClearmlStub,
  seed: number,
  keys: { readonly access: string; readonly secret: string },
  url = stub.url,
): KilledTracker {
  moods(stub, seed, ['events.add_batch']);
  // What it tries a server with is in a task, or a run, once the server has refused something for that.
  const scalars = (task: string) =>
    stub.events(task, 'training_stats_scalar').flatMap(({ fields }) => (fields.metric === OWN_METRIC ? [] : [fields]));
  return {
    lane: `clearml: { api_server: "${url}", files_server: "${url}", project: killed }`,
    env: { CLEARML_API_ACCESS_KEY: keys.access, CLEARML_API_SECRET_KEY: keys.secret, CLEARML_CONFIG_FILE: '/dev/null' },
    heal: () => stub.heal(),
    points: () =>
      stub
        .tasks()
        .flatMap(({ id, name }) =>
          scalars(id).map(({ metric, variant, iter, timestamp, value }) =>
            JSON.stringify([name, variant === '' ? metric : `${metric}/${variant}`, iter, timestamp, value]),
          ),
        ),
    runNames: () => stub.tasks().map(({ name }) => name),
    violations: () => stub.violations,
  };
}

/** What real servers do under load, now and then. */
function moods(stub: Pick<MlflowStub, 'fail'>, seed: number, batches: readonly string[]): void {
  const now = { probability: 0.03, seed };
  stub.fail({ kind: 'error' }, { ...now, seed: seed + 1 });
  stub.fail({ kind: 'tooMany', afterSec: 1 }, { ...now, seed: seed + 2 });
  stub.fail({ kind: 'close', stored: true }, { ...now, seed: seed + 3 });
  stub.fail({ kind: 'close', stored: false }, { ...now, seed: seed + 4 });
  stub.fail({ kind: 'part' }, { ...now, seed: seed + 5, on: batches });
  stub.fail({ kind: 'slow', ms: 200 }, { ...now, probability: 0.1, seed: seed + 6 });
}

/** Points as a metric holds them. Two that are equal there are one. */
function wantedOf(truth: TruthPoints, isRouted: boolean): Set<string> {
  const wanted = new Set<string>();
  for (const [path, tags] of Object.entries(truth)) {
    const isFolded = isRouted && /[13579]$/.test(path);
    const run = isFolded ? path.split('/').slice(0, -1).join('/') || 'logs' : path;
    const prefix = isFolded ? `${path.split('/').at(-1)}/` : '';
    for (const [tag, points] of Object.entries(tags)) {
      for (const [step, wallTime, value] of points) wanted.add(JSON.stringify([run, prefix + tag, step, toMillis(wallTime), value]));
    }
  }
  return wanted;
}
