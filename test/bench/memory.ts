import { rmSync } from 'node:fs';
import type { Bench, BenchContext } from './bench.ts';
import { count, megabytes, seconds, spread, type Target } from './figures.ts';
import { type Tree, writeHistograms, writeImages, writeRuns } from './memory-trees.ts';
import { expectListed, expectPoints } from './product.ts';
import type { LogShape } from './scratch.ts';

const TARGET: Target = { bound: 'most', reach: 300e6, moonshot: 150e6 };

/** Logs and store of the large case, with room to spare. */
const NEEDED_BYTES = 12e9;

/** Peak memory must not follow the size of the logs. */
export const memory: Bench = {
  name: 'memory',
  about: 'Peak resident memory of a backfill into a fresh store, and of its verification',
  async run(context) {
    const { scaled, scratch, note } = context;
    await measurePeak(context, '100 MB of logs', { tags: 20, steps: scaled(95_000) }, 3);
    const free = await scratch.freeBytes();
    if (free < NEEDED_BYTES) note(`3 GB of logs: ${megabytes(NEEDED_BYTES)} of free disk are needed, ${megabytes(free)} are there`);
    else await measurePeak(context, '3 GB of logs', { runs: 8, tags: 20, steps: scaled(350_000) }, 1);
    await measureTree(context, 'histograms', writeHistograms(scratch.folder('histograms'), scaled(200_000)));
    await measureTree(context, 'images of 50 kB', writeImages(scratch.folder('images'), scaled(4000), 50_000));
    await measureTree(context, 'runs with a file each', writeRuns(scratch.folder('runs'), scaled(100_000)));
  },
};

async function measurePeak({ scratch, product, row }: BenchContext, what: string, shape: LogShape, times: number): Promise<void> {
  const log = scratch.log(shape);
  const peaks: number[] = [];
  const took: number[] = [];
  for (let i = 0; i < times; i++) {
    const home = product.newHome();
    const measured = await product.backfill(log.dir, home);
    expectPoints(home.store, log.points);
    rmSync(home.dir, { recursive: true });
    peaks.push(measured.peakBytes);
    took.push(measured.seconds);
  }
  scratch.dropLog(log);
  row({
    what: `${what} (${megabytes(log.bytes)}, ${count(log.points)} points)`,
    ours: `in ${seconds(spread(took).median)}`,
    figure: spread(peaks),
    format: megabytes,
    target: TARGET,
  });
}

/** Measures a backfill and a verification once: there is no reference, and both take long. */
async function measureTree({ product, row }: BenchContext, what: string, { dir, points }: Tree): Promise<void> {
  const home = product.newHome();
  const filled = await product.backfill(dir, home);
  expectListed(home.store, points);
  const verified = await product.verify(home);
  rmSync(home.dir, { recursive: true });
  rmSync(dir, { recursive: true });
  const rowOf = (name: string, { seconds: took, peakBytes }: typeof filled): void =>
    row({ what: name, ours: `in ${seconds(took)}`, figure: spread([peakBytes]), format: megabytes, target: TARGET });
  rowOf(`${count(points)} ${what}`, filled);
  rowOf('  verify', verified);
}
