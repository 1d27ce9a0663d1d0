/** Plans a backfill for each lane: reads the pending data, and contacts no tracker. */
import type { Capabilities } from '../contract/index.ts';
import type { FoundRun } from '../discover/index.ts';
import { LaneNames, runTarget, type TrackerLaneOptions, wholeRouting } from '../lanes/index.ts';
import {
  type Batch,
  bytesAhead,
  type FileState,
  isAtEnd,
  keyOfRun,
  pendingGapBytes,
  type RunRef,
  type Series,
  toMillis,
} from '../model/index.ts';
import { PatientReader, type RunJob } from '../reading/index.ts';
import type { RunTree } from '../route/index.ts';
import type { LaneReader } from '../state/index.ts';
import { type LaneSnapshot, readSnapshot } from '../status/index.ts';
import { directoryOf, type RootDirectory } from '../untrusted/index.ts';

/** The reason that points in a lane differ from those in the files. */
export type LossReason = 'none' | 'artifact' | 'time' | 'nan' | 'infinity' | 'wideInteger' | 'negativeZero';

/** Points that a lane would not hold unchanged. */
interface PlannedLoss {
  readonly reason: LossReason;
  /** The kind, by plugin name; for reasons about values: scalars. */
  readonly kind: string;
  readonly points: number;
}

/** The data that a backfill would bring to a lane. */
export interface LanePlan {
  readonly name: string;
  readonly type: string;
  readonly where: string;
  /** The runs with pending data, and how many of them must be opened. */
  readonly runs: number;
  readonly runsToOpen: number;
  readonly bytes: number;
  readonly points: number;
  /** The points that routes exclude from it. */
  readonly leftOut: number;
  /** True if not everything was read: the rest is estimated from the part that was. */
  readonly isEstimated: boolean;
  /** The least number of sends. */
  readonly sends: number;
  readonly losses: readonly PlannedLoss[];
  /** The amounts per second when it last worked; undefined if it never did. */
  readonly pace: NonNullable<LaneSnapshot['pace']> | undefined;
  readonly takesMs: number | undefined;
}

/** A root with the runs that were found in it. */
export interface PlannedRoot {
  readonly name: string;
  readonly place: RootDirectory;
  readonly runs: readonly FoundRun[];
}

/** A lane for which a plan is made. */
export interface PlannedLane {
  readonly name: string;
  readonly type: string;
  readonly where: string;
  readonly capabilities: Capabilities;
  readonly snapshot: LaneSnapshot | undefined;
  files(run: RunRef): readonly FileState[];
  catalogue(run: RunRef): readonly Series[];
  /** Returns how the lane would treat a run that it has read so far; undefined if it would exclude it. */
  route(
    run: RunRef,
    states: readonly FileState[],
  ): { readonly target: RunRef; readonly isOpen: boolean; every(tag: string, plugin: string): number } | undefined;
}

/** The most bytes that are read in all: the rest is estimated from them. */
const MOST_READ_BYTES = 1024 ** 3;
/** The bytes of a lane's turn, see `tracker-sync.ts`. */
const TURN_BYTES = 1024 * 1024;

/** Returns a lane that leads to a tracker. */
export function plannedTracker(
  { name, type, target: where, backend, routing = wholeRouting(name) }: TrackerLaneOptions,
  lane: LaneReader | undefined,
  tree: RunTree,
): PlannedLane {
  const names = lane === undefined ? undefined : new LaneNames(lane);
  return {
    name,
    type,
    where,
    capabilities: backend.describe(),
    snapshot: readSnapshot(lane?.snapshot()),
    files: (run) => lane?.known(run).files ?? [],
    catalogue: (run) => lane?.catalogue(run) ?? [],
    route(run, states) {
      const { target } = runTarget(routing, tree, names, run, states);
      const route = routing.route.run(run, target);
      if (!route.isIncluded) return undefined;
      const isOpen = lane?.handle(target) !== undefined;
      return { target, isOpen, every: (tag, plugin) => route.series(tag, plugin).every };
    },
  };
}

/** Plans the data for each lane, run by run: data that several lanes lack is read once. */
export async function planLanes(roots: readonly PlannedRoot[], lanes: readonly PlannedLane[]): Promise<LanePlan[]> {
  const tallies = lanes.map((lane) => new Tally(lane));
  const budget = { left: MOST_READ_BYTES };
  // A thread of its own: a file that hangs is abandoned.
  const reader = new PatientReader();
  try {
    for (const { name, place, runs } of roots) {
      for (const { path, files } of runs) {
        const run = { root: name, path };
        // Lanes with the same positions share one read.
        const read = new Map<string, readonly SeriesCount[]>();
        for (const tally of tallies) {
          const ahead = tally.ahead(run, files);
          if (ahead === undefined) continue;
          const { jobs, bytes, route } = ahead;
          const key = JSON.stringify(jobs.map(({ name: file, state }) => [file, state?.position]));
          let counts = read.get(key);
          if (counts === undefined && bytes <= budget.left) {
            budget.left -= bytes;
            const job = { run, directory: directoryOf(place, path), files: jobs, series: tally.lane.catalogue(run), settled: true };
            counts = await countRun(job, reader);
            read.set(key, counts);
          }
          tally.add(run, bytes, route, counts);
        }
      }
    }
    return tallies.map((tally) => tally.plan());
  } finally {
    await reader.close();
  }
}

/** The facts of a series that decide its losses in a lane. */
interface SeriesCount {
  readonly tag: string;
  readonly plugin: string;
  points: number;
  time: number;
  nan: number;
  infinity: number;
  wideInteger: number;
  negativeZero: number;
}

async function countRun(job: RunJob, reader: PatientReader): Promise<readonly SeriesCount[]> {
  const counts: SeriesCount[] = [];
  const known = ({ id, tag, plugin }: Series): void => {
    counts[id] = { tag, plugin, points: 0, time: 0, nan: 0, infinity: 0, wideInteger: 0, negativeZero: 0 };
  };
  for (const series of job.series) known(series);
  reader.request([job]);
  for await (const { events, release } of reader.events()) {
    for (const event of events) {
      if (event.kind !== 'batch') continue;
      for (const series of event.batch.newSeries) known(series);
      countBatch(event.batch, counts);
    }
    release();
  }
  return counts.filter((count) => count !== undefined && count.points > 0);
}

function countBatch({ scalars, objects }: Batch, counts: readonly SeriesCount[]): void {
  for (let row = 0; row < scalars.count; row++) {
    const count = counts[scalars.series[row] as number];
    if (count === undefined) continue;
    const [value, wallTime] = [scalars.value[row] as number, scalars.wallTime[row] as number];
    count.points++;
    if (toMillis(wallTime) / 1000 !== wallTime) count.time++;
    if (Number.isNaN(value)) count.nan++;
    else if (!Number.isFinite(value)) count.infinity++;
    else if (Object.is(value, -0)) count.negativeZero++;
  }
  for (const row of scalars.wideValues.keys()) {
    const count = counts[scalars.series[row] as number];
    if (count !== undefined) count.wideInteger++;
  }
  for (const { series, wallTime } of objects) {
    const count = counts[series];
    if (count === undefined) continue;
    count.points++;
    if (toMillis(wallTime) / 1000 !== wallTime) count.time++;
  }
}

type Route = NonNullable<ReturnType<PlannedLane['route']>>;

/** The sums for one lane. */
class Tally {
  readonly lane: PlannedLane;
  readonly #targets = new Set<string>();
  readonly #toOpen = new Set<string>();
  readonly #losses = new Map<string, { reason: LossReason; kind: string; points: number }>();
  #bytes = 0;
  #readBytes = 0;
  #points = 0;
  #leftOut = 0;
  #sends = 0;

  constructor(lane: PlannedLane) {
    this.lane = lane;
  }

  /** Returns the part of a run to read for the lane; undefined if there is none. */
  ahead(run: RunRef, files: FoundRun['files']) {
    const states = this.lane.files(run);
    const known = new Map(states.map((state) => [state.name, state]));
    const jobs: { readonly name: string; readonly state?: FileState }[] = [];
    let bytes = 0;
    for (const { name, size, stamp } of files) {
      const state = known.get(name);
      if (state !== undefined && isAtEnd(state, size, stamp, true)) continue;
      jobs.push(state === undefined ? { name } : { name, state });
      bytes += bytesAhead(state, size, stamp) + (state === undefined ? 0 : pendingGapBytes(state));
    }
    const route = jobs.length === 0 || bytes === 0 ? undefined : this.lane.route(run, states);
    return route === undefined ? undefined : { jobs, bytes, route };
  }

  /** Adds a run. Without counts, it was too much to read. */
  add(run: RunRef, bytes: number, { target, isOpen, every }: Route, counts: readonly SeriesCount[] | undefined): void {
    const { limits } = this.lane.capabilities;
    this.#bytes += bytes;
    this.#targets.add(keyOfRun(run));
    if (!isOpen) this.#toOpen.add(keyOfRun(target));
    if (counts === undefined) return;
    this.#readBytes += bytes;
    let points = 0;
    for (const count of counts) {
      const each = every(count.tag, count.plugin);
      // The multiples among the steps are not counted: about one step in `each`.
      const sent = each === 0 ? 0 : Math.ceil(count.points / each);
      this.#leftOut += count.points - sent;
      points += sent;
      if (sent > 0) this.#addLosses(count, sent / count.points);
    }
    this.#points += points;
    const bytesPerSend = Math.min(limits.bytesPerTurn ?? TURN_BYTES, limits.bytesPerSend);
    this.#sends += Math.max(Math.ceil(bytes / bytesPerSend), Math.ceil(points / limits.pointsPerSend));
  }

  #addLosses({ plugin, points, time, nan, infinity, wideInteger, negativeZero }: SeriesCount, share: number): void {
    const { holds, keeps } = this.lane.capabilities;
    const kind = plugin === '' ? 'other' : plugin;
    const holding = holds[kind] ?? holds['other'] ?? 'none';
    const lose = (reason: LossReason, count: number, isLost: boolean): void => {
      if (!isLost || count === 0) return;
      const key = `${reason} ${kind}`;
      const loss = this.#losses.get(key) ?? { reason, kind, points: 0 };
      loss.points += Math.ceil(count * share);
      this.#losses.set(key, loss);
    };
    if (holding !== 'native') {
      lose(holding, points, true);
      return;
    }
    lose('time', time, !keeps.wallTime);
    lose('nan', nan, !keeps.nan);
    lose('infinity', infinity, !(keeps.infinities ?? keeps.nan));
    lose('wideInteger', wideInteger, keeps.wideIntegers === false);
    lose('negativeZero', negativeZero, !keeps.negativeZero);
  }

  plan(): LanePlan {
    const { name, type, where, snapshot, capabilities } = this.lane;
    const isEstimated = this.#readBytes < this.#bytes;
    const scale = this.#readBytes === 0 ? 0 : this.#bytes / this.#readBytes;
    const scaled = (count: number): number => (isEstimated ? Math.round(count * scale) : count);
    const [points, pace] = [scaled(this.#points), snapshot?.pace ?? undefined];
    return {
      name,
      type,
      where,
      runs: this.#targets.size,
      runsToOpen: this.#toOpen.size,
      bytes: this.#bytes,
      points,
      leftOut: scaled(this.#leftOut),
      isEstimated,
      // Small runs share a send if the tracker takes several at once.
      sends: Math.ceil(scaled(this.#sends) / Math.max(1, Math.min(capabilities.limits.runsPerSend, this.#targets.size))),
      losses: [...this.#losses.values()].map((loss) => ({ ...loss, points: scaled(loss.points) })),
      pace,
      takesMs: pace === undefined || pace.bytes <= 0 ? undefined : (1000 * this.#bytes) / pace.bytes,
    };
  }
}
