import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { Bench, BenchContext } from './bench.ts';
import { cutBySteps, feed } from './feed.ts';
import { count, megabytes, percent, seconds, spread, times } from './figures.ts';
import { expectPoints } from './product.ts';
import { HAS_PROC } from './watching.ts';

/** Many runs, and a few slow ones. */
const SHAPES = [
  { runs: 50, tags: 20 },
  { runs: 8, tags: 5 },
];
const SECONDS = 30;
/** A quick try needs some, too. */
const LEAST_SECONDS = 2;

/** Many runs that grow at the speed of a training. */
export const live: Bench = {
  name: 'live',
  about: 'A watch of 50 runs with 20 tags, and of 8 with 5: each tag gets a point a second',
  run: watchLive,
};

async function watchLive(context: BenchContext): Promise<void> {
  if (!HAS_PROC) {
    context.note('processor time and memory of a running process are read from /proc, which is on Linux only');
    return;
  }
  for (const shape of SHAPES) await watchShape(context, shape);
}

async function watchShape(
  { scratch, product, scaled, row }: BenchContext,
  shape: { readonly runs: number; readonly tags: number },
): Promise<void> {
  const { tags } = shape;
  const [runs, steps] = [scaled(shape.runs), Math.max(LEAST_SECONDS, scaled(SECONDS))];
  const source = scratch.log({ runs, tags, steps });
  const dir = scratch.folder(`live-${runs}-${tags}`);
  const files = source.files.map((from) => {
    const path = join(dir, relative(source.dir, from));
    mkdirSync(dirname(path), { recursive: true });
    return { file: openSync(path, 'a'), slices: cutBySteps(readFileSync(from), tags) };
  });
  let logBytes = 0;
  const append = (step: number): void => {
    for (const { file, slices } of files) {
      const slice = slices[step] ?? '';
      writeFileSync(file, slice);
      logBytes += slice.length;
    }
  };
  const home = product.newHome();
  const fed = await (async () => {
    await using watching = await product.watch(dir, home);
    const before = watching.writtenBytes();
    const seen = await feed(watching, { steps, pointsPerStep: runs * tags, append }, home);
    return { ...seen, peakBytes: watching.memory().peakBytes, writtenBytes: watching.writtenBytes() - before };
  })();
  for (const { file } of files) closeSync(file);
  expectPoints(home.store, source.points);

  const { cpuSeconds = Number.NaN, tookSeconds, longestSeconds, peakBytes, writtenBytes } = fed;
  row({
    what: `${count(runs * tags)} points a second in ${runs} runs: processor, of one core`,
    ours: `${seconds(cpuSeconds)} in ${seconds(tookSeconds)}`,
    figure: spread([(cpuSeconds / tookSeconds) * 100]),
    format: percent,
  });
  row({ what: '  peak memory', ours: '', figure: spread([peakBytes]), format: megabytes });
  row({
    what: '  bytes written to the disk, for each byte of logs',
    ours: `${megabytes(writtenBytes)} for ${megabytes(logBytes)}`,
    figure: spread([writtenBytes / logBytes]),
    format: times,
  });
  row({ what: '  longest lag, append to accepted', ours: '', figure: spread([longestSeconds]), format: seconds, isDetail: true });
}
