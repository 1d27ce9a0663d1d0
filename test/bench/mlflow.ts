import { mlflow as tracker } from '../../src/backends/mlflow/index.ts';
import type { BigLog } from '../support/event-writer.ts';
import type { Bench, BenchContext } from './bench.ts';
import { count, perSecond, spread, type Target, times } from './figures.ts';
import { secondsToMirror } from './mirror.ts';
import { interleave } from './pairs.ts';
import type { Mlflow, MlflowWay } from './references/mlflow.ts';

const TAGS = 20;
const STEPS = 1000;
/** Few: one point takes as long as a hundred in a batch. */
const SINGLE_STEPS = 10;

const WAYS: readonly { readonly way: MlflowWay; readonly what: string; readonly steps: number; readonly target: Target }[] = [
  { way: 'log_batch', what: 'MlflowClient.log_batch of 1000', steps: STEPS, target: { bound: 'least', reach: 0.9, moonshot: 1.2 } },
  {
    way: 'log_metric',
    what: 'mlflow.log_metric, point by point',
    steps: SINGLE_STEPS,
    target: { bound: 'least', reach: 60, moonshot: 100 },
  },
];

/** Points a second into a real tracking server: ours from event files to stored points, the official client's from memory. */
export const mlflow: Bench = {
  name: 'mlflow',
  about: 'Points a second into one MLflow server (SQLite): a backfill against the official client (how many times its speed is ours)',
  async run(context) {
    const reference = await context.references.mlflow();
    if (reference.kind === 'absent') {
      context.note(reference.reason);
      return;
    }
    try {
      await compare(context, reference.use);
    } finally {
      await reference.use.stop();
    }
  },
};

async function compare({ scratch, pairs, scaled, row }: BenchContext, server: Mlflow): Promise<void> {
  const log = scratch.log({ tags: TAGS, steps: scaled(STEPS) });
  let round = 0;
  const ours = async (): Promise<number> => log.points / (await mirror(log, server.url, `ours ${++round}`, scratch.folder('home')));
  for (const { way, what, steps, target } of WAYS) {
    const points = TAGS * scaled(steps);
    const theirs = async (): Promise<number> => points / (await server.write(way, `theirs ${++round}`, TAGS, points / TAGS)).seconds;
    const measured = await interleave(pairs, ours, theirs);
    row({
      what: `${count(log.points)} points, against ${what}`,
      ours: perSecond(measured.map(([a]) => a)),
      reference: perSecond(measured.map(([, b]) => b)),
      figure: spread(measured.map(([a, b]) => a / b)),
      format: times,
      target,
    });
  }
}

function mirror(log: BigLog, url: string, group: string, home: string): Promise<number> {
  return secondsToMirror(log, { type: tracker, section: { tracking_uri: url, experiment_name: group }, group, home });
}
