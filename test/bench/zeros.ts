import { statSync, truncateSync } from 'node:fs';
import { bigLog } from '../support/event-writer.ts';
import type { Bench } from './bench.ts';
import { count, megabytes, seconds, spread } from './figures.ts';
import { interleave } from './pairs.ts';

/** Zeros behind the records are either a tail that is not written yet or damage; both answers are right here. */
const EXIT_CODES = [0, 1];

/** A file that was preallocated, or that a crash of the machine filled with zeros. */
export const zeros: Bench = {
  name: 'zeros',
  about: 'A backfill of a file whose records are followed by zeros, in seconds above start-up (--version)',
  async run({ scratch, product, pairs, scaled, row }) {
    const bytes = scaled(1_000_000_000);
    const log = bigLog({ dir: scratch.folder('zeros'), tags: 10, steps: 100 });
    const [file = ''] = log.files;
    // A hole: the zeros cost no disk.
    truncateSync(file, statSync(file).size + bytes);
    await product.checkBackfill(log, EXIT_CODES);
    const measured = await interleave(
      pairs,
      () => product.backfillAnew(log.dir, EXIT_CODES),
      () => product.startUp(),
    );
    row({
      what: `${count(log.points)} records, ${megabytes(bytes)} of zeros`,
      ours: seconds(spread(measured.map(([a]) => a.seconds)).median),
      reference: seconds(spread(measured.map(([, b]) => b.seconds)).median),
      figure: spread(measured.map(([a, b]) => a.seconds - b.seconds)),
      format: seconds,
    });
  },
};
