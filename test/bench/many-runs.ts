import type { Bench } from './bench.ts';
import { seconds, spread } from './figures.ts';
import { interleave } from './pairs.ts';

/** What a run costs, however little is in it. */
export const manyRuns: Bench = {
  name: 'many-runs',
  about: 'A backfill of 500 runs with 5 points each, in seconds above start-up (--version)',
  async run({ scratch, product, pairs, scaled, row }) {
    const runs = scaled(500);
    const log = scratch.log({ runs, tags: 1, steps: 5 });
    await product.checkBackfill(log);
    const measured = await interleave(
      pairs,
      () => product.backfillAnew(log.dir),
      () => product.startUp(),
    );
    row({
      what: `${runs} runs × 5 points`,
      ours: seconds(spread(measured.map(([a]) => a.seconds)).median),
      reference: seconds(spread(measured.map(([, b]) => b.seconds)).median),
      figure: spread(measured.map(([a, b]) => a.seconds - b.seconds)),
      format: seconds,
      target: { bound: 'most', reach: 1 },
    });
  },
};
