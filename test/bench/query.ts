import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Question } from '../../src/query/index.ts';
import { bigLogRun, bigLogTag } from '../support/event-writer.ts';
import type { Bench } from './bench.ts';
import { count, seconds, spread, type Target } from './figures.ts';
import { expectPoints } from './product.ts';

const TARGET: Target = { bound: 'most', reach: 0.05 };
const CHILD = fileURLToPath(new URL('query-child.js', import.meta.url));

/** One question, and how many of what its answer must have. */
export interface Asked {
  readonly what: string;
  readonly question: Question;
  readonly expected: number;
}

/** The answer of the child process: milliseconds of each try. */
export interface Answered {
  readonly what: string;
  readonly found: number;
  readonly ms: readonly number[];
}

/** What a page asks, on the side of the server. */
export const query: Bench = {
  name: 'query',
  about: 'Questions of a page about a store of many runs, in the thread that answers them (the first of each is not counted)',
  async run({ scratch, product, scaled, row, note }) {
    const [runs, tags, steps] = [scaled(10_000), 100, 100];
    const many = scratch.log({ runs, tags, steps });
    const home = product.newHome();
    await product.backfill(many.dir, home);
    scratch.dropLog(many);
    expectPoints(home.store, many.points);
    const [tag, root] = [bigLogTag(7), many.dir.split('/').at(-1) ?? ''];
    const some = Array.from({ length: Math.min(50, runs) }, (_, i) => ({
      root,
      path: bigLogRun(i * Math.floor(runs / Math.min(50, runs))),
    }));
    const order = { by: 'metric', tag, of: 'last', descending: true } as const;
    await askAll(
      home.store,
      [
        { what: 'a page of 100 runs', question: { kind: 'runs', limit: 100 }, expected: Math.min(100, runs) },
        {
          what: 'runs by the last value of a metric',
          question: { kind: 'runs', limit: 100, order, metrics: [tag] },
          expected: Math.min(100, runs),
        },
        {
          what: 'runs by a filter on a metric',
          question: { kind: 'runs', limit: 100, select: { filter: `min:${tag}>-1000000` } },
          expected: Math.min(100, runs),
        },
        {
          what: 'runs that have a tag',
          question: { kind: 'runs', limit: 100, select: { filter: `has:${tag}` } },
          expected: Math.min(100, runs),
        },
        { what: 'all tags', question: { kind: 'tags' }, expected: tags },
        { what: `tags of ${some.length} runs`, question: { kind: 'tags', select: { runs: some } }, expected: tags },
        { what: 'the series of a run', question: { kind: 'series', run: some[0] ?? { root, path: '' } }, expected: tags },
        {
          what: `a chart of ${some.length} runs`,
          question: { kind: 'curves', runs: some, tags: [tag], width: 1000 },
          expected: some.length,
        },
        { what: 'the starts of all runs', question: { kind: 'starts' }, expected: runs },
        { what: 'the hyperparameters of all runs', question: { kind: 'hparams' }, expected: 0 },
        { what: 'damage in all files', question: { kind: 'damage' }, expected: 0 },
        { what: 'changes', question: { kind: 'changes' }, expected: 0 },
      ],
      row,
      `${count(many.points)} points, ${count(runs)} runs: `,
    );

    const long = scratch.log({ runs: 50, tags: 2, steps: scaled(100_000) });
    const other = product.newHome();
    await product.backfill(long.dir, other);
    const longRuns = Array.from({ length: 50 }, (_, i) => ({ root: long.dir.split('/').at(-1) ?? '', path: bigLogRun(i) }));
    await askAll(
      other.store,
      [
        { what: 'a chart', question: { kind: 'curves', runs: longRuns, tags: [bigLogTag(1)], width: 1000 }, expected: 50 },
        {
          what: 'a tenth of it',
          question: { kind: 'curves', runs: longRuns, tags: [bigLogTag(1)], width: 1000, from: scaled(40_000), to: scaled(50_000) },
          expected: 50,
        },
      ],
      row,
      `50 runs × ${count(scaled(100_000))} points: `,
    );
    note('The first question of a kind also reads what the others find in memory: pages of the store, and what it says of all runs.');
  },
};

async function askAll(store: string, asked: readonly Asked[], row: Parameters<Bench['run']>[0]['row'], of: string): Promise<void> {
  const child = fork(CHILD, [], { execArgv: ['--disable-warning=ExperimentalWarning'], serialization: 'advanced' });
  child.send({ store, asked });
  const [answers] = (await once(child, 'message')) as [readonly Answered[]];
  for (const [i, { what, found, ms }] of answers.entries()) {
    const expected = asked[i]?.expected;
    if (found !== expected) throw new Error(`${what}: found ${found}, expected ${expected}`);
    row({
      what: `${of}${what}`,
      ours: `first ${seconds((ms[0] ?? 0) / 1000)}`,
      figure: spread(ms.slice(1).map((one) => one / 1000)),
      format: seconds,
      target: TARGET,
    });
  }
}
