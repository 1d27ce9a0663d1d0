import type { Bench } from './bench.ts';
import { count, seconds, spread } from './figures.ts';
import { interleave } from './pairs.ts';
import { expectPoints } from './product.ts';

/** A backfill that finds everything done. */
export const again: Bench = {
  name: 'again',
  about: 'A second backfill with nothing new, in seconds above start-up (--version)',
  async run({ scratch, product, pairs, scaled, row }) {
    const logs = [scratch.log({ form: 'simple', tags: 20, steps: scaled(100_000) }), scratch.log({ runs: scaled(500), tags: 1, steps: 5 })];
    for (const log of logs) {
      const home = product.newHome();
      await product.backfill(log.dir, home);
      const measured = await interleave(
        pairs,
        () => product.backfill(log.dir, home),
        () => product.startUp(),
      );
      expectPoints(home.store, log.points);
      row({
        what: `${count(log.points)} points in ${count(log.files.length)} ${log.files.length === 1 ? 'file' : 'files'}`,
        ours: seconds(spread(measured.map(([a]) => a.seconds)).median),
        reference: seconds(spread(measured.map(([, b]) => b.seconds)).median),
        figure: spread(measured.map(([a, b]) => a.seconds - b.seconds)),
        format: seconds,
      });
    }
  },
};
