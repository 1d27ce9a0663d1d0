import { closeSync, copyFileSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { LocalBackend, storeBytes } from '../../src/backends/local/index.ts';
import { bigLogRun } from '../support/event-writer.ts';
import type { Bench, BenchContext } from './bench.ts';
import { cutBySteps, feed } from './feed.ts';
import { count, megabytes, percent, seconds, spread } from './figures.ts';
import { expectPoints, type Home } from './product.ts';

const TAGS = 10_000;
const SECONDS = 60;
/** Fewer segments a series than this are not worth bringing together. */
const LEAST_SECONDS = 12;

/** Many series that grow slowly: each wake-up brings one point of each. */
export const slowTags: Bench = {
  name: 'slow-tags',
  about: 'A watch of one run with many tags, each of which gets a point a second; then the store of it brought together',
  async run(context) {
    const { scratch, product, scaled, row, note } = context;
    const tags = scaled(TAGS);
    const steps = Math.max(LEAST_SECONDS, scaled(SECONDS));
    const source = scratch.log({ tags, steps });
    const [from = ''] = source.files;
    const slices = cutBySteps(readFileSync(from), tags);
    const dir = scratch.folder('logs');
    const path = join(dir, bigLogRun(0), basename(from));
    mkdirSync(dirname(path), { recursive: true });
    const home = product.newHome();
    const file = openSync(path, 'a');
    const append = (step: number): void => writeFileSync(file, slices[step] ?? '');
    const fed = await (async () => {
      await using watching = await product.watch(dir, home);
      return await feed(watching, { steps: slices.length, pointsPerStep: tags, append }, home);
    })();
    closeSync(file);

    row({
      what: `${count(tags)} tags, ${steps} s: points at the end`,
      ours: '',
      figure: spread([fed.points]),
      format: count,
      target: { bound: 'least', reach: source.points },
    });
    row({
      what: '  bytes behind, a second after the last',
      ours: `at most ${count(fed.mostLagBytes)} of ${count(source.bytes)}`,
      figure: spread([fed.lagBytes]),
      format: count,
      target: { bound: 'most', reach: 0 },
    });
    row({
      what: '  longest lag, append to accepted',
      ours: `by its own account ${seconds(fed.mostLagSeconds)}`,
      figure: spread([fed.longestSeconds]),
      format: seconds,
      // A second's points are in before the next second's come.
      target: { bound: 'most', reach: 1 },
    });
    if (fed.cpuSeconds === undefined) note('processor time of a running process is read from /proc, which is on Linux only');
    else {
      const ours = `${seconds(fed.cpuSeconds)} in ${seconds(fed.tookSeconds)}`;
      row({ what: '  processor, of one core', ours, figure: spread([(fed.cpuSeconds / fed.tookSeconds) * 100]), format: percent });
    }
    row({
      what: '  store',
      ours: `${megabytes(fed.storeBytes)}, ${megabytes(fed.walBytes)} of it written ahead (at most ${megabytes(fed.mostWalBytes)})`,
    });
    expectPoints(home.store, source.points);
    await bringTogether(context, home, tags);
  },
};

/** What a watch does with a run that has gone quiet, on a copy of its store. */
async function bringTogether({ scratch, row }: BenchContext, home: Home, tags: number): Promise<void> {
  const dir = scratch.folder('copy');
  const store = join(dir, 'store.db');
  for (const end of ['', '-wal']) if (existsSync(home.store + end)) copyFileSync(home.store + end, store + end);
  const before = contentOf(store);
  const bytesBefore = storeBytes(store);
  const backend = new LocalBackend({ path: store, mediaPath: join(dir, 'media') });
  let took = 0;
  let longest = 0;
  try {
    const [root] = backend.roots();
    for (let isMore = true; isMore; ) {
      const began = performance.now();
      isMore = backend.compact({ root: root?.name ?? '', path: bigLogRun(0) });
      const part = (performance.now() - began) / 1000;
      took += part;
      longest = Math.max(longest, part);
    }
  } finally {
    await backend.close();
  }
  const after = contentOf(store);
  if (after.scalars !== before.scalars) {
    throw new Error(`scalars before it was brought together: ${before.scalars}, after: ${after.scalars}`);
  }
  row({
    what: '  segments, brought together',
    ours: `of ${count(before.segments)} in ${seconds(took)}, at most ${seconds(longest)} at a time`,
    figure: spread([after.segments]),
    format: count,
    // One for each series.
    target: { bound: 'most', reach: tags },
  });
  row({ what: '  store, brought together', ours: `${megabytes(storeBytes(store))}, was ${megabytes(bytesBefore)}` });
}

/** Segments, and what the documented view holds: sums of integers, which do not depend on the order of the points. */
function contentOf(store: string): { readonly segments: number; readonly scalars: string } {
  const db = new DatabaseSync(store, { readOnly: true });
  const segments = Number(db.prepare('SELECT count(*) AS n FROM segment').get()?.['n']);
  const scalars = db
    .prepare(
      `SELECT count(*) AS points, sum(step) AS steps, sum(CAST(value * ${2 ** 24} AS INTEGER)) AS "values",
        sum(CAST((wall_time - 1700000000) * 1e6 AS INTEGER)) AS times FROM scalars`,
    )
    .get();
  db.close();
  return { segments, scalars: JSON.stringify(scalars) };
}
