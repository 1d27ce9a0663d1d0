import type { BigLogForm } from '../support/event-writer.ts';
import type { Bench, BenchContext } from './bench.ts';
import { count, megabytes, millionsPerSecond, seconds, spread, type Target, times } from './figures.ts';
import type { Measured } from './measure.ts';
import { interleave, repeat } from './pairs.ts';
import { usable } from './references/reference.ts';

const TARGET: Target = { bound: 'most', reach: 1.5, moonshot: 1 };

/** The whole command into a fresh store. */
export const backfill: Bench = {
  name: 'backfill',
  about:
    "A whole backfill of one file into a fresh store, against the load of TensorBoard's data server, which stores nothing (the ratio of both times)",
  async run(context) {
    await backfillSimple(context);
    await compareForm(context, 'tensor', 'float tensors');
  },
};

/** The most common form alone. */
export function backfillSimple(context: BenchContext): Promise<void> {
  return compareForm(context, 'simple', 'simple values');
}

async function compareForm(
  { scratch, product, references, pairs, scaled, row, note }: BenchContext,
  form: BigLogForm,
  name: string,
): Promise<void> {
  const log = scratch.log({ form, tags: 20, steps: scaled(100_000) });
  const what = `${count(log.points)} ${name}`;
  await product.checkBackfill(log);
  const ours = () => product.backfillAnew(log.dir);
  const describe = (all: readonly Measured[]) => {
    const middle = spread(all.map((one) => one.seconds)).median;
    return `${seconds(middle)} (${millionsPerSecond(log.points / middle)})`;
  };
  const peak = (all: readonly { readonly peakBytes?: number }[]) => {
    const known = all.flatMap(({ peakBytes }) => peakBytes ?? []);
    return known.length > 0 ? megabytes(spread(known).median) : '';
  };
  const load = usable(await references.dataServer(), note);
  if (load === undefined) {
    const alone = await repeat(pairs, ours);
    row({ what, ours: describe(alone) });
    row({ what: '  peak memory', ours: peak(alone) });
    return;
  }
  const measured = await interleave(pairs, ours, () => load(log.dir));
  const [a, b] = [measured.map(([one]) => one), measured.map(([, one]) => one)];
  row({
    what,
    ours: describe(a),
    reference: seconds(spread(b.map((one) => one.seconds)).median),
    against: "TensorBoard's data server",
    multipleOf: 'time',
    figure: spread(measured.map(([x, y]) => x.seconds / y.seconds)),
    format: times,
    target: TARGET,
  });
  row({ what: '  peak memory', ours: peak(a), reference: peak(b) });
}
