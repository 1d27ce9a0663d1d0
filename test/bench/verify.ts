import { availableParallelism } from 'node:os';
import type { Bench } from './bench.ts';
import { count, megabytes, seconds, spread, times } from './figures.ts';
import { interleave, ratioRows } from './pairs.ts';
import { expectPoints } from './product.ts';

/** What it costs to prove that a store holds what the files hold. */
export const verify: Bench = {
  name: 'verify',
  about: 'verify of a store in which nothing differs, in time of the backfill that filled it',
  async run({ scratch, product, pairs, scaled, row }) {
    const logs = [scratch.log({ form: 'simple', tags: 20, steps: scaled(100_000) }), scratch.log({ runs: scaled(500), tags: 1, steps: 5 })];
    for (const log of logs) {
      const home = product.newHome();
      await product.backfill(log.dir, home);
      expectPoints(home.store, log.points);
      const measured = await interleave(
        pairs,
        () => product.verify(home),
        () => product.backfillAnew(log.dir),
      );
      row({
        what: `${count(log.points)} points in ${count(log.files.length)} ${log.files.length === 1 ? 'file' : 'files'}`,
        ours: seconds(spread(measured.map(([a]) => a.seconds)).median),
        reference: seconds(spread(measured.map(([, b]) => b.seconds)).median),
        figure: spread(measured.map(([a, b]) => a.seconds / b.seconds)),
        format: times,
      });
    }
    const many = scratch.log({ runs: scaled(200), tags: 100, steps: 500 });
    const home = product.newHome();
    await product.backfill(many.dir, home);
    expectPoints(home.store, many.points);
    const sideBySide = await interleave(
      pairs,
      () => product.verify(home, ['--jobs', String(availableParallelism())]),
      () => product.verify(home, ['--jobs', '1']),
    );
    const rowOf = ratioRows(sideBySide);
    row(
      rowOf(`${count(many.points)} points in 200 runs, against --jobs 1`, seconds, (one) => one.seconds, { bound: 'most', reach: 1 / 1.6 }),
    );
    row(rowOf('  processor', seconds, (one) => one.cpuSeconds));
    row(rowOf('  peak memory', megabytes, (one) => one.peakBytes));
  },
};
