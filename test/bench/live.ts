import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { Bench, BenchContext } from './bench.ts';
import { cutBySteps, feed } from './feed.ts';
import { count, megabytes, percent, seconds, spread } from './figures.ts';
import { expectPoints } from './product.ts';
import { HAS_PROC } from './watching.ts';

const RUNS = 50;
const TAGS = 20;
const SECONDS = 30;
/** A quick try needs some, too. */
const LEAST_SECONDS = 2;

/** Many runs that grow at the speed of a training. */
export const live: Bench = {
  name: 'live',
  about: `A watch of ${RUNS} runs with ${TAGS} tags, each of which gets a point a second`,
  run: watchLive,
};

async function watchLive({ scratch, product, scaled, row, note }: BenchContext): Promise<void> {
  if (!HAS_PROC) {
    note('processor time and memory of a running process are read from /proc, which is on Linux only');
    return;
  }
  const [runs, steps] = [scaled(RUNS), Math.max(LEAST_SECONDS, scaled(SECONDS))];
  const source = scratch.log({ runs, tags: TAGS, steps });
  const dir = scratch.folder('logs');
  const files = source.files.map((from) => {
    const path = join(dir, relative(source.dir, from));
    mkdirSync(dirname(path), { recursive: true });
    return { file: openSync(path, 'a'), slices: cutBySteps(readFileSync(from), TAGS) };
  });
  const append = (step: number): void => {
    for (const { file, slices } of files) writeFileSync(file, slices[step] ?? '');
  };
  const home = product.newHome();
  const fed = await (async () => {
    await using watching = await product.watch(dir, home);
    const seen = await feed(watching, { steps, pointsPerStep: runs * TAGS, append }, home);
    return { ...seen, peakBytes: watching.memory().peakBytes };
  })();
  for (const { file } of files) closeSync(file);
  expectPoints(home.store, source.points);

  const { cpuSeconds = Number.NaN, tookSeconds, longestSeconds, peakBytes } = fed;
  row({
    what: `${count(runs * TAGS)} points a second in ${runs} runs: processor, of one core`,
    ours: `${seconds(cpuSeconds)} in ${seconds(tookSeconds)}`,
    figure: spread([(cpuSeconds / tookSeconds) * 100]),
    format: percent,
  });
  row({ what: '  peak memory', ours: '', figure: spread([peakBytes]), format: megabytes });
  row({ what: '  longest lag, append to accepted', ours: '', figure: spread([longestSeconds]), format: seconds, isDetail: true });
}
