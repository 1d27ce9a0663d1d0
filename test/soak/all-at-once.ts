// Everything at once: one watch over a tree in which several writers write as training does, into the store and four
// trackers. Meanwhile, at random, trackers are killed, hang, are slow and start again, the watch is killed, its disk is
// full, and its clock is set.
import { existsSync, mkdirSync, mkdtempSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '../crash/backfill-kill.ts';
import { compare, grower, storedPoints, type TruthPoints, until, type Writer } from '../crash/watch-kill.ts';
import { endAll, mirrorboard, mustRun, type RunOptions, remove } from '../e2e/command.ts';
import { FaultyWorld } from '../model/faulty-world.ts';
import { Faults } from './faults.ts';
import { SmallDisk } from './small-disk.ts';
import { type SoakedTracker, startTrackers } from './soaked-trackers.ts';
import { SoakedWatch } from './soaked-watch.ts';

export interface AllAtOnceOptions {
  readonly seed: number;
  /** How long the writers write and faults happen. To catch up and to verify comes after that. */
  readonly minutes: number;
  /** Real servers if they can be had. */
  readonly isReal: boolean;
  readonly say?: (line: string) => void;
}

const MINUTE_MS = 60_000;
/** Of each writer. It writes slower if it would write more: stand-ins keep everything in memory. */
const STEPS_PER_SEC = 30;
const MOST_STEPS = 20_000;
/**
 * How long the last watch may take to catch up, at least; otherwise as long as the faults took. Retries may be a minute
 * apart. Stand-ins answer 429 at random, whatever the pace, so that lanes have become slow.
 */
const CATCH_UP_MS = 5 * MINUTE_MS;
/** The status is a process of its own. */
const POLL_MS = 1000;
/** Longer than it takes to catch up and to verify. */
const AFTER_MS = 60 * MINUTE_MS;
/** No file of this writer is cut or replaced, so that each tracker has exactly what it wrote. */
const STEADY = 'steady';
const CHANGING = 'changing';

/** A writer, and the folder below the root in which it writes. */
interface Named {
  readonly name: string;
  readonly writer: Writer;
}

interface Lane {
  readonly name: string;
  readonly lag_bytes: number;
  readonly lag_seconds: number;
  readonly reason: string | null;
}

/**
 * Throws if a point is missing or there twice, if a lane differs, or if the memory has grown: with the seed, and the
 * folder that it keeps.
 */
export async function soakAllAtOnce(options: AllAtOnceOptions): Promise<void> {
  const { seed, minutes, isReal, say = () => undefined } = options;
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'mirrorboard-soak-')));
  const disk = new SmallDisk(join(folder, 'data'));
  let trackers: readonly SoakedTracker[] = [];
  let kept: string | undefined;
  try {
    trackers = await startTrackers(seed, isReal, say);
    await new Scene({ seed, minutes, isReal, say }, folder, disk, trackers).play();
  } catch (cause) {
    kept = join(folder, 'kept');
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${message}\nfailed with MIRRORBOARD_TEST_SEED=${seed} and ${minutes} minutes; ${folder} is kept`, { cause });
  } finally {
    await endAll();
    for (const tracker of trackers) await tracker.stop();
    disk.end(kept);
    if (kept === undefined) remove(folder);
  }
}

class Scene {
  readonly #plan: Required<AllAtOnceOptions>;
  readonly #folder: string;
  readonly #logs: string;
  readonly #disk: SmallDisk;
  readonly #trackers: readonly SoakedTracker[];
  readonly #world: FaultyWorld;
  readonly #watch: SoakedWatch;
  readonly #faults: Faults;
  readonly #failed = new AbortController();
  readonly #writers: readonly Named[];
  /** Of each process that is started. */
  readonly #options: RunOptions;

  constructor(plan: Required<AllAtOnceOptions>, folder: string, disk: SmallDisk, trackers: readonly SoakedTracker[]) {
    const { seed, minutes, say } = plan;
    const forMs = minutes * MINUTE_MS;
    this.#plan = plan;
    this.#folder = folder;
    this.#logs = join(folder, 'logs');
    this.#disk = disk;
    this.#trackers = trackers;
    this.#world = new FaultyWorld(join(folder, 'world.json'), seededRandom(seed + 10));
    const env = Object.assign({}, this.#world.env, ...trackers.map((tracker) => tracker.env)) as Record<string, string>;
    this.#options = { cwd: disk.directory, env, timeoutMs: forMs + AFTER_MS };
    this.#writers = writersOf(seed, forMs / 1000);
    this.#watch = new SoakedWatch({
      logs: this.#logs,
      options: this.#options,
      lives: join(folder, 'lives'),
      onNoBegin: () => this.#faults.count('watch could not begin on a full disk'),
      onFailure: (error) => this.#failed.abort(error),
    });
    this.#faults = new Faults({
      seed,
      forMs,
      watch: this.#watch,
      world: this.#world,
      disk,
      trackers,
      signal: this.#failed.signal,
      say,
    });
    for (const directory of [this.#logs, join(folder, 'truth')]) mkdirSync(directory);
    const lanes = ['local: {}', ...trackers.map(({ lane }) => lane)];
    writeFileSync(join(disk.directory, 'mirrorboard.yaml'), `lanes:\n${lanes.map((lane) => `  ${lane}\n`).join('')}`);
  }

  async play(): Promise<void> {
    const { seed, minutes, say } = this.#plan;
    const kinds = this.#trackers.map(({ name, isReal }) => `${name} (${isReal ? 'a real server' : 'a stand-in'})`).join(', ');
    say(`seed ${seed}, ${minutes} minutes, into the store and ${kinds}`);
    if (this.#disk.reason !== undefined) say(`the disk is never full, since nothing can be mounted: ${this.#disk.reason}`);
    const growing = this.#writers.map(({ name, writer }) => writer.start(join(this.#logs, name), this.#truthOf(name)));
    try {
      this.#watch.begin();
      await this.#faults.happen();
      for (const { ended } of growing) {
        const { code, signal, stderr } = await ended;
        if (code !== 0) throw new Error(`a writer ended with ${code ?? signal}: ${stderr}`);
      }
      say('all faults end');
      await this.#catchUp();
      await this.#watch.end();
    } finally {
      this.#watch.forget();
      this.#failed.abort();
    }
    const points = await this.#compare();
    const { peakMib, growth } = this.#watch.memory.check();
    say(this.#faults.inWords());
    say(`${points} points are in the store and in each tracker, each once; verify found no difference in any lane`);
    const grown =
      growth === undefined ? '' : `; over the last life ${growth.fromMib.toFixed(0)} MiB, and later ${growth.toMib.toFixed(0)} MiB`;
    say(`memory of a watch: ${peakMib.toFixed(0)} MiB at most${grown}`);
  }

  #truthOf(name: string): string {
    return join(this.#folder, 'truth', `${name}.json`);
  }

  /** All points that the writers wrote, by their runs below the root. */
  #truth(): TruthPoints {
    const runs = this.#writers.flatMap(({ name, writer }) =>
      Object.entries(writer.points(this.#truthOf(name))).map(([run, tags]) => [`${name}/${run}`, tags] as const),
    );
    return Object.fromEntries(runs);
  }

  async #catchUp(): Promise<void> {
    this.#disk.free();
    this.#world.healClock();
    for (const tracker of this.#trackers) tracker.heal();
    const wanted = count(this.#truth());
    const store = join(this.#disk.directory, 'mirrorboard.db');
    const beganMs = performance.now();
    let stand = '';
    const isDone = await until(
      async () => {
        this.#failed.signal.throwIfAborted();
        const stored = existsSync(store) ? storedPoints(store) : 0;
        const lanes = await this.#lanes();
        const behind = lanes.filter(({ lag_seconds }) => lag_seconds > 0);
        stand = `${stored} of ${wanted} points are in the store; behind are ${JSON.stringify(behind)}`;
        if (stored === wanted && behind.length === 0) return true;
        await sleep(POLL_MS);
        return false;
      },
      Math.max(CATCH_UP_MS, this.#plan.minutes * MINUTE_MS),
    );
    if (!isDone) throw new Error(`the watch does not catch up: ${stand}`);
    this.#plan.say(`caught up after ${Math.round(performance.now() - beganMs)} ms`);
  }

  async #lanes(): Promise<readonly Lane[]> {
    const { stdout } = await mirrorboard(['status', '--json'], this.#options);
    const { lanes } = JSON.parse(stdout) as { readonly lanes: readonly Lane[] };
    return lanes.map(({ name, lag_bytes, lag_seconds, reason }) => ({ name, lag_bytes, lag_seconds, reason }));
  }

  /** Returns how many points the writers wrote. */
  async #compare(): Promise<number> {
    const beganMs = performance.now();
    const truth = this.#truth();
    compare(truth, JSON.parse((await mustRun(['export'], this.#options)).stdout).runs);
    await mustRun(['verify', this.#logs], this.#options);
    this.#plan.say(`verified after ${Math.round(performance.now() - beganMs)} ms`);
    const below = `${STEADY}/`;
    for (const tracker of this.#trackers) {
      const violations = tracker.violations();
      if (violations.length > 0) throw new Error(`${tracker.name}: ${violations.slice(0, 10).join('\n')}`);
      compareHeld(tracker.name, tracker.wanted(scalarsOf(truth, below)), await tracker.points(below));
    }
    this.#plan.say(`compared after ${Math.round(performance.now() - beganMs)} ms`);
    return count(truth);
  }
}

/** A replaced file begins another run in each tracker: that takes a while, and training does it rarely. */
const MOST_OFTEN_STEPS = 150;

/** Each dies, rotates and changes its files some dozens of times, or less often if it writes for a short time. */
function writersOf(seed: number, seconds: number): readonly Named[] {
  const steps = Math.ceil(Math.min(MOST_STEPS, seconds * STEPS_PER_SEC));
  const often = (times: number): number => Math.max(MOST_OFTEN_STEPS, Math.ceil(steps / times));
  const common = { steps, rate: steps / seconds, crashEvery: often(40), histogramEvery: 7 };
  return [
    { name: STEADY, writer: grower({ ...common, seed, runs: 3, live: 2, rotateEvery: often(30) }) },
    { name: CHANGING, writer: grower({ ...common, seed: seed + 1, runs: 2, replaceEvery: often(30), truncateEvery: often(60) }) },
  ];
}

function count(truth: TruthPoints): number {
  return Object.values(truth).reduce((sum, tags) => sum + Object.values(tags).reduce((n, points) => n + points.length, 0), 0);
}

function scalarsOf(truth: TruthPoints, below: string): TruthPoints {
  const isScalar = ([, points]: readonly [string, TruthPoints[string][string]]): boolean => typeof points[0]?.[2] === 'number';
  const runs = Object.entries(truth).filter(([run]) => run.startsWith(below));
  return Object.fromEntries(runs.map(([run, tags]) => [run, Object.fromEntries(Object.entries(tags).filter(isScalar))]));
}

function compareHeld(name: string, wanted: ReadonlySet<string>, held: readonly string[]): void {
  const there = new Set(held);
  if (there.size < held.length) throw new Error(`${name}: ${held.length - there.size} points are there twice`);
  const missing = [...wanted].filter((point) => !there.has(point));
  const extra = [...there].filter((point) => !wanted.has(point));
  if (missing.length + extra.length === 0) return;
  const some = (points: readonly string[]): string => `${points.length} (${points.slice(0, 3).join('; ')})`;
  throw new Error(`${name}: missing are ${some(missing)}, never written were ${some(extra)}`);
}
