import type { Bench, BenchContext } from './bench.ts';
import { count, seconds, spread, type Target, times } from './figures.ts';
import { interleave, repeat } from './pairs.ts';
import { usable } from './references/reference.ts';
import type { Tbparse } from './references/tbparse.ts';

const TARGET: Target = { bound: 'least', reach: 40, moonshot: 80 };

/** How often we are faster than tbparse, on a log that it can read in seconds. */
export const againstTbparse: Bench = {
  name: 'tbparse',
  about: 'A whole backfill against tbparse on the same log (how many times its time is ours)',
  async run(context) {
    const tbparse = usable(await context.references.tbparse(), context.note);
    if (tbparse === undefined) return;
    const startUp = spread((await repeat(context.pairs, () => context.product.startUp())).map((one) => one.seconds)).median;
    await compareForm(context, 'simple', 'scalars', tbparse, startUp);
    await compareForm(context, 'tensor', 'tensors', tbparse, startUp);
  },
};

async function compareForm(
  { scratch, product, pairs, scaled, row }: BenchContext,
  form: 'simple' | 'tensor',
  table: 'scalars' | 'tensors',
  tbparse: Tbparse,
  startUp: number,
): Promise<void> {
  const log = scratch.log({ form, tags: 20, steps: scaled(10_000) });
  await product.checkBackfill(log);
  const theirs = async () => {
    const read = await tbparse(log.dir, table);
    if (read.points !== log.points) throw new Error(`tbparse found ${read.points} points, expected ${log.points}`);
    return read;
  };
  const measured = await interleave(pairs, () => product.backfillAnew(log.dir), theirs);
  const what = `${count(log.points)} points (${form})`;
  const middle = (figures: readonly number[]) => seconds(spread(figures).median);
  row({
    what: `${what}, whole processes`,
    ours: middle(measured.map(([a]) => a.seconds)),
    reference: middle(measured.map(([, b]) => b.process.seconds)),
    figure: spread(measured.map(([a, b]) => b.process.seconds / a.seconds)),
    format: times,
    target: TARGET,
  });
  // Per point on any larger log: our start-up and its imports left out. A start-up as long as the whole would be
  // noise, not speed.
  const above = measured.map(([a, b]) => ({ ours: Math.max(a.seconds - startUp, a.seconds / 20), theirs: b.readSeconds }));
  row({
    what: `${what}, without start-up`,
    ours: middle(above.map(({ ours }) => ours)),
    reference: middle(above.map(({ theirs }) => theirs)),
    figure: spread(above.map(({ ours, theirs }) => theirs / ours)),
    format: times,
    target: TARGET,
  });
}
