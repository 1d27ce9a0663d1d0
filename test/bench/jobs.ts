import { join } from 'node:path';
import type { Bench } from './bench.ts';
import { megabytes, seconds, type Target } from './figures.ts';
import type { Measured } from './measure.ts';
import { interleave, ratioRows } from './pairs.ts';

/** On two processors, two threads should be 1.6 times as fast as one. */
const GOAL: Target = { bound: 'most', reach: 1 / 1.6 };

/** What several threads give to commands that read many runs. */
export const jobs: Bench = {
  name: 'jobs',
  about: 'inspect and export of 200 runs with two threads, in time, processor time and memory of one',
  async run({ scratch, product, pairs, scaled, row }) {
    const log = scratch.log({ runs: scaled(200), tags: 100, steps: 500 });
    const home = product.newHome();
    await product.backfill(log.dir, home);
    const commands: readonly (readonly [string, (jobs: string) => Promise<Measured>])[] = [
      ['inspect', (n) => product.inspect(log.dir, home, ['--jobs', n])],
      ['export as csv', (n) => product.export(home, 'csv', join(home.dir, 'out'), ['--jobs', n])],
      ['export as json', (n) => product.export(home, 'json', join(home.dir, 'out'), ['--jobs', n])],
    ];
    for (const [what, command] of commands) {
      const measured = await interleave(
        pairs,
        () => command('2'),
        () => command('1'),
      );
      const rowOf = ratioRows(measured);
      row(rowOf(`${what}, --jobs 2 against --jobs 1`, seconds, (one) => one.seconds, GOAL));
      row(rowOf('  processor', seconds, (one) => one.cpuSeconds));
      row(rowOf('  peak memory', megabytes, (one) => one.peakBytes));
    }
  },
};
