import { aim as tracker } from '../../src/backends/aim/index.ts';
import type { BigLog } from '../support/event-writer.ts';
import type { Bench, BenchContext } from './bench.ts';
import { count, perSecond, spread, times } from './figures.ts';
import { secondsToMirror } from './mirror.ts';
import { interleave } from './pairs.ts';
import { type Aim, prepareAim } from './references/aim.ts';

const TAGS = 20;
const STEPS = 5000;
/** The official client takes its time: it is asked for few. */
const CLIENT_POINTS = 4000;

/** Seconds for 100,000 scalars into a real server, against Aim's own converter; and points a second, against its official client. */
export const aim: Bench = {
  name: 'aim',
  about:
    "100,000 scalars into an Aim server: time against `aim convert tensorboard` into a folder, and how many times the official client's speed is ours",
  async run(context) {
    const reference = await prepareAim(context.scratch.cache);
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

async function compare({ scratch, pairs, scaled, row, note }: BenchContext, server: Aim): Promise<void> {
  const log = scratch.log({ tags: TAGS, steps: scaled(STEPS) });
  let round = 0;
  const ours = (): Promise<number> => mirror(log, server.url, `ours ${process.pid} ${++round}`, scratch.folder('home'));
  const { convert } = server;
  if (convert.kind === 'ready') {
    const measured = await interleave(pairs, ours, () => convert.use(log.dir, log.points));
    row({
      what: `${count(log.points)} points, against aim convert tensorboard`,
      ours: seconds(measured.map(([a]) => a)),
      reference: seconds(measured.map(([, b]) => b)),
      figure: spread(measured.map(([a, b]) => a / b)),
      format: times,
      target: { bound: 'most', reach: 1, moonshot: 0.8 },
    });
  } else note(convert.reason);
  const points = Math.round(scaled(CLIENT_POINTS) / TAGS) * TAGS;
  const measured = await interleave(
    pairs,
    async () => log.points / (await ours()),
    async () => points / (await server.track(points)),
  );
  row({
    what: `${count(log.points)} points, against the official remote client`,
    ours: perSecond(measured.map(([a]) => a)),
    reference: perSecond(measured.map(([, b]) => b)),
    figure: spread(measured.map(([a, b]) => a / b)),
    format: times,
    target: { bound: 'least', reach: 3, moonshot: 5 },
  });
}

function mirror(log: BigLog, url: string, group: string, home: string): Promise<number> {
  return secondsToMirror(log, { type: tracker, section: { server: url, experiment: group }, group, home });
}

function seconds(figures: readonly number[]): string {
  return `${spread(figures).median.toFixed(1)} s`;
}
