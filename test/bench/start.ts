import type { Bench, BenchContext } from './bench.ts';
import { seconds, spread, times } from './figures.ts';
import { type Measured, measure } from './measure.ts';
import { interleave } from './pairs.ts';
import { expectPoints } from './product.ts';

/** What commands take that have nothing to do. */
export const start: Bench = {
  name: 'start',
  about: "The processor time of commands with nothing to do, against Node's own start (node -e 0)",
  async run(context) {
    const { scratch, product } = context;
    await compare(context, '--version', () => product.startUp());
    const log = scratch.log({ form: 'simple', tags: 20, steps: 100 });
    const home = product.newHome();
    await product.backfill(log.dir, home);
    await compare(context, 'backfill, nothing new', () => product.backfill(log.dir, home));
    expectPoints(home.store, log.points);
  },
};

async function compare({ pairs, row }: BenchContext, what: string, ours: () => Promise<Measured>): Promise<void> {
  const measured = await interleave(pairs, ours, () => measure(process.execPath, ['-e', '0']));
  row({
    what,
    ours: seconds(spread(measured.map(([a]) => a.cpuSeconds)).median),
    reference: seconds(spread(measured.map(([, b]) => b.cpuSeconds)).median),
    figure: spread(measured.map(([a, b]) => a.cpuSeconds / b.cpuSeconds)),
    format: times,
    target: { bound: 'most', reach: 2 },
  });
}
