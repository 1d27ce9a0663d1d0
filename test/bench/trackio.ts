import { trackio as tracker } from '../../src/backends/trackio/index.ts';
import type { BigLog } from '../support/event-writer.ts';
import type { Bench, BenchContext } from './bench.ts';
import { count, perSecond, spread, times } from './figures.ts';
import { secondsToMirror } from './mirror.ts';
import { interleave } from './pairs.ts';
import { usable } from './references/reference.ts';
import type { Trackio } from './references/trackio.ts';

const TAGS = 20;
const STEPS = 25_000;

/** Points a second into a real server, against its official client: a call for each scalar, and one for each step. */
export const trackio: Bench = {
  name: 'trackio',
  about: '500,000 scalars into a Trackio server: how many times the speed of `trackio.log` is ours, where each point is read back',
  async run(context) {
    await againstTrackioLog(context, 1);
    await againstTrackioLog(context, TAGS);
  },
};

/** Against `trackio.log` over the same server. */
async function againstTrackioLog({ scratch, references, pairs, scaled, row, note }: BenchContext, perCall: number): Promise<void> {
  const server = usable(await references.trackio(), note);
  if (server === undefined) return;
  const log = scratch.log({ tags: TAGS, steps: scaled(STEPS) });
  let round = 0;
  const measured = await interleave(
    pairs,
    async () => log.points / (await mirror(log, server, `beside_${perCall}_${++round}`, scratch.folder('home'))),
    async () => log.points / (await server.log(log.points, perCall)),
  );
  row({
    what: `${count(log.points)} points`,
    ours: perSecond(measured.map(([a]) => a)),
    reference: perSecond(measured.map(([, b]) => b)),
    against: perCall === 1 ? 'trackio.log, a scalar a call' : `trackio.log, ${perCall} scalars a call`,
    multipleOf: 'rate',
    figure: spread(measured.map(([a, b]) => a / b)),
    format: times,
    target: { bound: 'least', reach: perCall === 1 ? 2 : 0.5, moonshot: perCall === 1 ? 10 : 1 },
  });
}

function mirror(log: BigLog, { url, writeToken }: Trackio, group: string, home: string): Promise<number> {
  return secondsToMirror(log, { type: tracker, section: { url, write_token: writeToken }, group, home });
}
