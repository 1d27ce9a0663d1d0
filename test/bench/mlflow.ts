import { mlflow as tracker } from '../../src/backends/mlflow/index.ts';
import type { BigLog } from '../support/event-writer.ts';
import type { Bench, BenchContext } from './bench.ts';
import { count, perSecond, spread, type Target, times } from './figures.ts';
import { secondsToMirror } from './mirror.ts';
import { interleave } from './pairs.ts';
import type { MlflowWay } from './references/mlflow.ts';
import { usable } from './references/reference.ts';

const TAGS = 20;
const STEPS = 1000;
/** Few: one point takes as long as a hundred in a batch. */
const SINGLE_STEPS = 10;

interface Official {
  readonly way: MlflowWay;
  readonly against: string;
  readonly steps: number;
  readonly target: Target;
}

const BATCHES: Official = {
  way: 'log_batch',
  against: 'MlflowClient.log_batch of 1000',
  steps: STEPS,
  target: { bound: 'least', reach: 0.9, moonshot: 1.2 },
};
const POINTS: Official = {
  way: 'log_metric',
  against: 'mlflow.log_metric, point by point',
  steps: SINGLE_STEPS,
  target: { bound: 'least', reach: 60, moonshot: 100 },
};

/**
 * Points a second into a real tracking server: ours from event files to stored points, the official client's from
 * memory.
 */
export const mlflow: Bench = {
  name: 'mlflow',
  about: 'Points a second into one MLflow server (SQLite): a backfill against the official client (how many times its speed is ours)',
  async run(context) {
    await mlflowBatches(context);
    await compare(context, POINTS);
  },
};

/** Against the official client's fastest way alone. */
export function mlflowBatches(context: BenchContext): Promise<void> {
  return compare(context, BATCHES);
}

async function compare(context: BenchContext, { way, against, steps, target }: Official): Promise<void> {
  const { scratch, references, pairs, scaled, row, note } = context;
  const server = usable(await references.mlflow(), note);
  if (server === undefined) return;
  const log = scratch.log({ tags: TAGS, steps: scaled(STEPS) });
  let round = 0;
  const ours = async (): Promise<number> => log.points / (await mirror(log, server.url, `ours ${way} ${++round}`, scratch.folder('home')));
  const points = TAGS * scaled(steps);
  const theirs = async (): Promise<number> => points / (await server.write(way, `theirs ${way} ${++round}`, TAGS, points / TAGS)).seconds;
  const measured = await interleave(pairs, ours, theirs);
  row({
    what: `${count(log.points)} points`,
    ours: perSecond(measured.map(([a]) => a)),
    reference: perSecond(measured.map(([, b]) => b)),
    against,
    multipleOf: 'rate',
    figure: spread(measured.map(([a, b]) => a / b)),
    format: times,
    target,
  });
}

function mirror(log: BigLog, url: string, group: string, home: string): Promise<number> {
  return secondsToMirror(log, { type: tracker, section: { tracking_uri: url, experiment_name: group }, group, home });
}
