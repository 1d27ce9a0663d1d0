import { aim as tracker } from '../../src/backends/aim/index.ts';
import type { BigLog } from '../support/event-writer.ts';
import type { Bench, BenchContext } from './bench.ts';
import { count, perSecond, spread, times } from './figures.ts';
import { secondsToMirror } from './mirror.ts';
import { interleave } from './pairs.ts';
import { usable } from './references/reference.ts';

const TAGS = 20;
const STEPS = 5000;
/** The official client takes its time: it is asked for few. */
const CLIENT_POINTS = 4000;

/**
 * Seconds for 100,000 scalars into a real server, against Aim's own converter; and points a second, against its
 * official client.
 */
export const aim: Bench = {
  name: 'aim',
  about:
    "100,000 scalars into an Aim server: time against `aim convert tensorboard` into a folder, and how many times the official client's speed is ours",
  async run(context) {
    await againstAimConvert(context);
    await againstAimClient(context);
  },
};

/** Against Aim's own converter, which writes into a folder. */
export async function againstAimConvert({ scratch, references, pairs, scaled, row, note }: BenchContext): Promise<void> {
  const [server, convert] = [usable(await references.aim(), note), usable(await references.aimConvert(), note)];
  if (server === undefined || convert === undefined) return;
  const log = scratch.log({ tags: TAGS, steps: scaled(STEPS) });
  let round = 0;
  const ours = (): Promise<number> => mirror(log, server.url, `beside convert ${++round}`, scratch.folder('home'));
  const measured = await interleave(pairs, ours, () => convert(log.dir, log.points));
  row({
    what: `${count(log.points)} points`,
    ours: seconds(measured.map(([a]) => a)),
    reference: seconds(measured.map(([, b]) => b)),
    against: 'aim convert tensorboard',
    multipleOf: 'time',
    figure: spread(measured.map(([a, b]) => a / b)),
    format: times,
    target: { bound: 'most', reach: 1, moonshot: 0.8 },
  });
}

/** Against Aim's own client, over the same server. */
export async function againstAimClient({ scratch, references, pairs, scaled, row, note }: BenchContext): Promise<void> {
  const server = usable(await references.aim(), note);
  if (server === undefined) return;
  const log = scratch.log({ tags: TAGS, steps: scaled(STEPS) });
  let round = 0;
  const ours = (): Promise<number> => mirror(log, server.url, `beside the client ${++round}`, scratch.folder('home'));
  const points = Math.ceil(scaled(CLIENT_POINTS) / TAGS) * TAGS;
  const measured = await interleave(
    pairs,
    async () => log.points / (await ours()),
    async () => points / (await server.track(points)),
  );
  row({
    what: `${count(log.points)} points`,
    ours: perSecond(measured.map(([a]) => a)),
    reference: perSecond(measured.map(([, b]) => b)),
    against: 'the official remote client',
    multipleOf: 'rate',
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
