// Another checkout beside this one: the same benchmarks of both in turns, so that a change can show that nothing got
// slower.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Bench, type BenchContext, gather, type Setting } from './bench.ts';
import { decodeOnce } from './decode.ts';
import { megabytes, seconds } from './figures.ts';
import { mirrorLanes, mirrorLog } from './lanes.ts';
import { interleave, ratioRows } from './pairs.ts';
import { Product } from './product.ts';
import { renderTable } from './table.ts';

/** A built checkout. */
export interface Checkout {
  readonly product: Product;
  /** Its compiled benchmarks. */
  readonly benches: string;
}

interface Sample {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakBytes: number;
}

/** A benchmark of one checkout alone: what is returned measures it once. */
interface CheckoutBench {
  readonly name: string;
  readonly what: string;
  prepare(context: BenchContext, checkout: Checkout): Promise<() => Promise<Sample>>;
}

/** What is compared. */
export const CHECKOUT_BENCHES: readonly CheckoutBench[] = [
  {
    name: 'decode',
    what: 'decode, a warm pass over one file',
    async prepare({ scratch, scaled }, { benches }) {
      const log = scratch.log({ form: 'simple', tags: 20, steps: scaled(100_000) });
      return async () => {
        const { seconds, process } = await decodeOnce(log, benches);
        return { ...process, seconds };
      };
    },
  },
  {
    name: 'backfill',
    what: 'backfill of one file',
    prepare: ({ scratch, scaled }, { product }) => backfilling(product, scratch.log({ form: 'simple', tags: 20, steps: scaled(100_000) })),
  },
  {
    name: 'many-runs',
    what: 'backfill of many runs',
    prepare: ({ scratch, scaled }, { product }) => backfilling(product, scratch.log({ runs: scaled(500), tags: 1, steps: 5 })),
  },
  {
    name: 'many-tags',
    what: 'backfill of a run with 100,000 tags',
    prepare: ({ scratch, scaled }, { product }) => backfilling(product, scratch.log({ form: 'simple', tags: scaled(100_000), steps: 20 })),
  },
  {
    name: 'many-tags-lane',
    what: 'a tracker in memory, 50,000 tags',
    async prepare(context, { benches }) {
      const log = context.scratch.log({ form: 'simple', tags: context.scaled(50_000), steps: 20 });
      return () => mirrorLog(context, log, [{ name: 'quick', latencyMs: 0 }], benches);
    },
  },
  {
    name: 'verify',
    what: 'verify of one file',
    async prepare({ scratch, scaled }, { product }) {
      const log = scratch.log({ form: 'simple', tags: 20, steps: scaled(100_000) });
      const home = product.newHome();
      await product.backfill(log.dir, home);
      return () => product.verify(home);
    },
  },
  {
    name: 'start',
    what: 'backfill with nothing new',
    async prepare({ scratch }, { product }) {
      const log = scratch.log({ form: 'simple', tags: 20, steps: 100 });
      const home = product.newHome();
      await product.backfill(log.dir, home);
      return () => product.backfill(log.dir, home);
    },
  },
  {
    name: 'lanes',
    what: 'two trackers in memory',
    prepare:
      async (context, { benches }) =>
      () =>
        mirrorLanes(context, undefined, benches),
  },
];

async function backfilling(product: Product, log: { readonly dir: string; readonly points: number }): Promise<() => Promise<Sample>> {
  await product.checkBackfill(log);
  return () => product.backfillAnew(log.dir);
}

/** The checkout in a folder. Throws if it is none, or not built. */
export function checkoutAt(folder: string, setting: Setting): Checkout {
  const [command, benches] = [resolve(folder, 'bin/mirrorboard'), resolve(folder, 'dist/test/bench')];
  if (!existsSync(command) || !existsSync(join(benches, 'lanes-child.js'))) throw new Error(`${folder}: expected a checkout that is built`);
  return { product: new Product(command, setting.scratch), benches };
}

/**
 * A benchmark of both checkouts in turns. The figures are this one's as a multiple of the other's: above 1, it became
 * slower.
 */
export function compareCheckouts({ what, prepare }: CheckoutBench, ours: Checkout, other: Checkout): Bench['run'] {
  return async (context) => {
    const measured = await interleave(context.pairs, await prepare(context, ours), await prepare(context, other));
    const rowOf = ratioRows(measured);
    context.row(rowOf(what, seconds, (sample) => sample.seconds));
    context.row(rowOf('  processor', seconds, (sample) => sample.cpuSeconds));
    context.row(rowOf('  peak memory', megabytes, (sample) => sample.peakBytes));
  };
}

/** Compares this checkout with another one and prints a table for each benchmark. Answers how many could not run. */
export async function againstCheckout(folder: string, benches: readonly CheckoutBench[], setting: Setting): Promise<number> {
  const ours = { product: setting.product, benches: import.meta.dirname };
  const other = checkoutAt(folder, setting);
  let failures = 0;
  for (const bench of benches) {
    process.stderr.write(`… ${bench.name}\n`);
    const { rows, failure } = await gather(compareCheckouts(bench, ours, other), setting);
    if (rows.length > 0) process.stdout.write(`\n${renderTable(rows)}\n`);
    if (failure === undefined) continue;
    failures++;
    process.stdout.write(`\n  ${bench.name} could not run: ${failure}\n`);
  }
  return failures;
}
