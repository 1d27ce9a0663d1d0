import { once } from 'node:events';
import { delimiter } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bigLogTag } from '../support/event-writer.ts';
import { freePort } from '../support/python-tools.ts';
import { TensorBoardClient } from '../support/tensorboard-client.ts';
import type { Bench, BenchContext } from './bench.ts';
import { count, megabytes, seconds, spread, times } from './figures.ts';
import { killGroup } from './measure.ts';
import { interleave } from './pairs.ts';
import type { Home } from './product.ts';
import { usable } from './references/reference.ts';
import type { TensorBoard } from './references/tensorboard.ts';
import { type PageCommand, peakOf, TensorBoardPage } from './tensorboard-page.ts';

const TAGS = 100;
const STEPS = 100;
/** Pages take long to load. */
const MOST_PAIRS = 3;
const DATA_SERVER_MS = 300_000;
const PYTHON_MS = 60_000;

interface Opened {
  readonly card: number;
  readonly tags: number;
  readonly first: number;
  readonly below: number;
}

/** How soon a page of TensorBoard is complete. */
export const tensorboard: Bench = {
  name: 'tensorboard',
  about: 'TensorBoard over a store and with its own loaders: from its start to a complete card of one tag over all runs',
  async run(context) {
    const { scratch, product, references, scaled, pairs, row, note } = context;
    const runs = scaled(1000);
    const log = scratch.log({ runs, tags: TAGS, steps: STEPS });
    const home = product.newHome();
    await product.backfill(log.dir, home);
    await listOnce(context, home, runs * TAGS);

    const tensorBoard = usable(await references.tensorBoard(), note);
    if (tensorBoard === undefined) return;
    const open = async (command: PageCommand, mostMs: number): Promise<Opened | undefined> => {
      await using page = await TensorBoardPage.start(command);
      const card = await page.completeCard(bigLogTag(1), { runs, points: STEPS, mostMs });
      return card === undefined ? undefined : { card, tags: await page.tagList(), ...page.peakBytes() };
    };
    const own = (fast: boolean): PageCommand => ownCommand(tensorBoard, log.dir, fast);
    const measured = await interleave(
      Math.min(pairs, MOST_PAIRS),
      async () => complete(await open(product.tensorboard(home, pathWith(tensorBoard)), DATA_SERVER_MS)),
      async () => complete(await open(own(true), DATA_SERVER_MS)),
    );
    const [ours, theirs] = [measured.map(([a]) => a), measured.map(([, b]) => b)];
    const median = (of: readonly Opened[], key: keyof Opened): number => spread(of.map((one) => one[key])).median;
    const against = "TensorBoard's data server";
    for (const [key, what, format] of [
      ['card', `${count(log.points)} points: first complete card`, seconds],
      ['tags', '  list of all tags', seconds],
    ] as const) {
      const figure = spread(measured.map(([a, b]) => a[key] / b[key]));
      const [a, b] = [format(median(ours, key)), format(median(theirs, key))];
      row({ what, against, ours: a, reference: b, figure, format: times, target: { bound: 'most', reach: 1 } });
    }
    row({
      what: '  peak memory of the process with the data',
      against,
      ours: megabytes(median(ours, 'first')),
      reference: megabytes(median(theirs, 'below')),
      figure: spread(ours.map(({ first }) => first)),
      format: megabytes,
      target: { bound: 'most', reach: 300e6 },
    });
    const slow = await open(own(false), PYTHON_MS);
    if (slow === undefined) note(`TensorBoard's Python loader: no complete card within ${PYTHON_MS / 1000} s`);
    else
      row({
        what: '  first complete card',
        against: 'its Python loader',
        ours: seconds(median(ours, 'card')),
        reference: seconds(slow.card),
      });
  },
};

function ownCommand({ bin }: TensorBoard, logdir: string, isFast: boolean): PageCommand {
  return { command: `${bin}/tensorboard`, args: ['--logdir', logdir, '--load_fast', String(isFast)], env: process.env, cwd: '/' };
}

function pathWith({ bin }: TensorBoard): string {
  return [bin, process.env['PATH'] ?? ''].join(delimiter);
}

function complete(opened: Opened | undefined): Opened {
  if (opened !== undefined) return opened;
  throw new Error(`no complete card within ${DATA_SERVER_MS / 1000} s`);
}

/** Measures the list of all scalars alone, without TensorBoard: first, and from the cache. */
async function listOnce({ product, pairs, row }: BenchContext, home: Home, series: number): Promise<void> {
  const port = await freePort();
  const child = product.serveTensorBoardData(home, port);
  const client = new TensorBoardClient(`127.0.0.1:${port}`);
  try {
    while (!(await client.isReady())) await sleep(20);
    const list = async (): Promise<number> => {
      const began = performance.now();
      await client.bytes('ListScalars', { plugin_filter: { plugin_name: 'scalars' } });
      return (performance.now() - began) / 1000;
    };
    const first = await list();
    const again: number[] = [];
    for (let i = 0; i < pairs; i++) again.push(await list());
    const what = `the list of ${count(series)} series`;
    row({ what, ours: '', figure: spread([first]), format: seconds, target: { bound: 'most', reach: 0.3 } });
    row({ what: '  while the store does not change', ours: '', figure: spread(again), format: seconds });
    row({
      what: '  peak memory',
      ours: '',
      figure: spread([peakOf(child.pid ?? 0)]),
      format: megabytes,
      target: { bound: 'most', reach: 300e6 },
    });
  } finally {
    client.close();
    const ended = once(child, 'close');
    killGroup(child.pid ?? 0);
    await ended;
  }
}
