import type { BigLog } from '../support/event-writer.ts';
import type { Bench, BenchContext } from './bench.ts';
import { count, megabytes, seconds, spread, type Target, times } from './figures.ts';
import { mirrorLog } from './lanes.ts';
import { interleave, ratioRows } from './pairs.ts';

const TARGET: Target = { bound: 'most', reach: 3 };

/** What many series and the less common dtypes cost per point. */
export const manyTags: Bench = {
  name: 'many-tags',
  about: 'The time per point of a whole backfill, against the big float file of 20 tags in the same form (the ratio of both)',
  async run(context) {
    const { scratch, scaled } = context;
    const simple = scratch.log({ form: 'simple', tags: 20, steps: scaled(100_000) });
    const tensor = scratch.log({ form: 'tensor', tags: 20, steps: scaled(100_000) });
    const tags = scaled(10_000);
    await compare(context, `${count(tags)} tags × 100 steps`, scratch.log({ form: 'simple', tags, steps: 100 }), simple);
    const many = scratch.log({ form: 'simple', tags: 10 * tags, steps: 100 });
    await compare(context, `${count(10 * tags)} tags × 100 steps`, many, simple);
    scratch.dropLog(many);
    await compareLanes(context, 5 * tags);
    const double = scratch.log({ form: 'double', tags: 20, steps: scaled(100_000) });
    await compare(context, `${count(double.points)} double scalars`, double, tensor);
  },
};

/** What a tracker's lane costs per point, with many tags and with few. */
async function compareLanes(context: BenchContext, tags: number): Promise<void> {
  const { scratch, pairs, row } = context;
  const [many, few] = [scratch.log({ tags, steps: 20 }), scratch.log({ tags: 20, steps: tags })];
  const mirror = (log: BigLog) => () => mirrorLog(context, log, [{ name: 'quick', latencyMs: 0 }]);
  const measured = await interleave(pairs, mirror(many), mirror(few));
  const rowOf = ratioRows(measured);
  row(rowOf(`${count(tags)} tags × 20 steps into a tracker, processor`, seconds, (one) => one.cpuSeconds, TARGET));
  row(rowOf('  peak memory', megabytes, (one) => one.peakBytes));
}

async function compare({ product, pairs, row }: BenchContext, what: string, log: BigLog, float: BigLog): Promise<void> {
  await product.checkBackfill(log);
  const perPoint = async ({ dir, points }: BigLog) => (await product.backfillAnew(dir)).seconds / points;
  const measured = await interleave(
    pairs,
    () => perPoint(log),
    () => perPoint(float),
  );
  const microseconds = (figures: readonly number[]) => `${(spread(figures).median * 1e6).toFixed(2)} µs`;
  row({
    what,
    ours: microseconds(measured.map(([a]) => a)),
    reference: microseconds(measured.map(([, b]) => b)),
    figure: spread(measured.map(([a, b]) => a / b)),
    format: times,
    target: TARGET,
  });
}
