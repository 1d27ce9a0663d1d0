import { utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BigLog } from '../support/event-writer.ts';
import { MlflowStub } from '../support/mlflow-stub/index.ts';
import type { Bench, BenchContext } from './bench.ts';
import { count, megabytes, seconds, spread, times } from './figures.ts';
import type { LanesAnswer, LanesPlan, PlannedLane } from './lanes-child.ts';
import { lastLine, measure } from './measure.ts';
import { interleave } from './pairs.ts';
import { expectPoints } from './product.ts';

const SLOW: PlannedLane = { name: 'slow', latencyMs: 20 };
const QUICK: PlannedLane = { name: 'quick', latencyMs: 10 };
/** As many as mirrorboard has kinds of lanes. */
const FIVE: readonly PlannedLane[] = Array.from({ length: 5 }, (_, i) => ({ ...SLOW, name: `tracker ${i + 1}` }));
const PAIR: readonly PlannedLane[] = [SLOW, { name: 'other', latencyMs: 20 }];

/** Lanes do not wait for each other. */
export const lanes: Bench = {
  name: 'lanes',
  about:
    'Lanes beside each other, into trackers in memory that take 1000 points a send and 10 or 20 ms for it; and a second backfill with a tracker that writes nothing',
  async run(context) {
    await compareTogether(context, '20 ms and 10 ms, beside 20 ms alone', [SLOW, QUICK]);
    await compareTogether(context, '20 ms twice, beside once', PAIR);
    await fiveLanes(context);
    await besideStore(context);
    await compareApart(context, 'a third one is down', { name: 'third', latencyMs: 20, is: 'down' });
    await compareApart(context, 'a third one hangs', { name: 'third', latencyMs: 20, is: 'hanging' });
    await againWithTracker(context);
  },
};

/** What lanes took to mirror a log. */
export interface Mirrored {
  /** Until the last of the lanes that are up had every point. */
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakBytes: number;
}

/** 8 runs of 50,000 points. `benches` has the compiled benchmarks of a checkout. */
export async function mirrorLanes(
  { scratch, scaled }: Pick<BenchContext, 'scratch' | 'scaled'>,
  planned: readonly PlannedLane[] = [SLOW, QUICK],
  benches: string = import.meta.dirname,
): Promise<Mirrored> {
  return mirrorLog({ scratch }, scratch.log({ runs: 8, tags: 10, steps: scaled(5000) }), planned, benches);
}

/** Mirrors a log into trackers in memory. */
export async function mirrorLog(
  { scratch }: Pick<BenchContext, 'scratch'>,
  log: Pick<BigLog, 'dir' | 'points'>,
  planned: readonly PlannedLane[],
  benches: string = import.meta.dirname,
  hasStore = false,
): Promise<Mirrored> {
  const plan: LanesPlan = { logs: log.dir, folder: scratch.folder('lanes'), points: log.points, lanes: planned, hasStore };
  const child = join(benches, 'lanes-child.js');
  const { exitCode, stdout, stderr, cpuSeconds, peakBytes } = await measure(process.execPath, [
    '--disable-warning=ExperimentalWarning',
    child,
    JSON.stringify(plan),
  ]);
  if (exitCode !== 0) throw new Error(`the lanes ended with ${exitCode}: ${lastLine(stderr)}`);
  const answer = JSON.parse(stdout) as LanesAnswer;
  if (answer.others !== 0) throw new Error(`lanes that are not up took ${answer.others} points`);
  return { seconds: hasStore ? answer.whole : Math.max(...Object.values(answer.seconds)), cpuSeconds, peakBytes };
}

const middle = (all: readonly Mirrored[]): string => seconds(spread(all.map((one) => one.seconds)).median);
const peak = (all: readonly Mirrored[]): string => megabytes(spread(all.map((one) => one.peakBytes)).median);

async function compareTogether(context: BenchContext, what: string, both: readonly PlannedLane[]): Promise<void> {
  const measured = await interleave(
    context.pairs,
    () => mirrorLanes(context, both),
    () => mirrorLanes(context, [SLOW]),
  );
  context.row({
    what,
    ours: middle(measured.map(([a]) => a)),
    reference: middle(measured.map(([, b]) => b)),
    figure: spread(measured.map(([a, b]) => a.seconds / b.seconds)),
    format: times,
    target: { bound: 'most', reach: 1.15 },
  });
}

/** What five lanes cost, against one. */
export async function fiveLanes(context: BenchContext): Promise<void> {
  const measured = await interleave(
    context.pairs,
    () => mirrorLanes(context, FIVE),
    () => mirrorLanes(context, [SLOW]),
  );
  const [five, one] = [measured.map(([a]) => a), measured.map(([, b]) => b)];
  const ratio = (of: (mirrored: Mirrored) => number) => spread(measured.map(([a, b]) => of(a) / of(b)));
  const cpu = (all: readonly Mirrored[]) => seconds(spread(all.map((each) => each.cpuSeconds)).median);
  context.row({
    what: 'five that answer after 20 ms',
    ours: middle(five),
    reference: middle(one),
    against: 'one of them',
    multipleOf: 'time',
    figure: ratio((each) => each.seconds),
    format: times,
    target: { bound: 'most', reach: 1.15 },
  });
  context.row({ what: '  processor', ours: cpu(five), reference: cpu(one), figure: ratio((each) => each.cpuSeconds), format: times });
  context.row({ what: '  peak memory', ours: peak(five), reference: peak(one), figure: ratio((each) => each.peakBytes), format: times });
}

/** The rate of the local store beside a tracker that costs nothing, as a part of its rate alone. */
export async function besideStore({ scratch, scaled, pairs, row }: BenchContext): Promise<void> {
  const log = scratch.log({ runs: 10, tags: 20, steps: scaled(20_000) });
  const mirror = (planned: readonly PlannedLane[]): Promise<Mirrored> => mirrorLog({ scratch }, log, planned, import.meta.dirname, true);
  const measured = await interleave(
    pairs,
    () => mirror([{ name: 'free', latencyMs: 0 }]),
    () => mirror([]),
  );
  row({
    what: 'the store and a tracker that costs nothing: rate of the store',
    ours: middle(measured.map(([a]) => a)),
    reference: middle(measured.map(([, b]) => b)),
    against: 'the store alone',
    figure: spread(measured.map(([a, b]) => b.seconds / a.seconds)),
    format: times,
    target: { bound: 'least', reach: 0.8 },
  });
}

/** The rate of two lanes with a third one beside them, as a part of their rate without it. */
async function compareApart(context: BenchContext, what: string, bad: PlannedLane): Promise<void> {
  const measured = await interleave(
    context.pairs,
    () => mirrorLanes(context, [...PAIR, bad]),
    () => mirrorLanes(context, PAIR),
  );
  const [a, b] = [measured.map(([one]) => one), measured.map(([, one]) => one)];
  context.row({
    what: `${what}: rate of the other two`,
    ours: middle(a),
    reference: middle(b),
    figure: spread(measured.map(([x, y]) => y.seconds / x.seconds)),
    format: times,
    target: { bound: 'least', reach: 0.95 },
  });
  context.row({
    what: '  peak memory',
    ours: peak(a),
    reference: peak(b),
    figure: spread(measured.map(([x, y]) => x.peakBytes / y.peakBytes)),
    format: times,
    target: { bound: 'most', reach: 1.1 },
  });
}

/** The command itself, into the local store and a stand-in of MLflow, when there is nothing new. */
async function againWithTracker({ scratch, product, pairs, scaled, row }: BenchContext): Promise<void> {
  const log = scratch.log({ runs: scaled(500), tags: 1, steps: 5, form: 'tensor' });
  // Runs that are over: their ends were told, too.
  for (const file of log.files) utimesSync(file, 1_700_000_100, 1_700_000_100);
  const home = product.newHome();
  const stub = await MlflowStub.start();
  try {
    writeFileSync(join(home.dir, 'mirrorboard.yaml'), `lanes:\n  local: {}\n  mlflow: { tracking_uri: "${stub.url}" }\n`);
    await product.backfill(log.dir, home);
    expectPoints(home.store, log.points);
    const held = stub.runs().reduce((sum, run) => sum + stub.points(run).length, 0);
    if (held !== log.points) throw new Error(`the tracker holds ${held} points, expected ${log.points}`);
    stub.counts.clear();
    const measured = await interleave(
      pairs,
      () => product.backfill(log.dir, home),
      () => product.startUp(),
    );
    row({
      what: `${count(log.files.length)} runs again, local and a tracker`,
      ours: seconds(spread(measured.map(([a]) => a.seconds)).median),
      reference: seconds(spread(measured.map(([, b]) => b.seconds)).median),
      figure: spread(measured.map(([a, b]) => a.seconds - b.seconds)),
      format: seconds,
      target: { bound: 'most', reach: 3 },
    });
    const requests = [...stub.counts.values()].reduce((sum, one) => sum + one, 0);
    row({
      what: '  requests to the tracker, of all these',
      ours: String(requests),
      figure: spread([requests]),
      format: String,
      target: { bound: 'most', reach: 0 },
    });
  } finally {
    await stub.close();
  }
}
