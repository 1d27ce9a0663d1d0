import { join } from 'node:path';
import { wandb as tracker } from '../../src/backends/wandb/index.ts';
import { backfill } from '../../src/pipeline.ts';
import type { BigLog } from '../support/event-writer.ts';
import type { Bench, BenchContext } from './bench.ts';
import { count, megabytes, spread, times } from './figures.ts';
import { interleave } from './pairs.ts';
import { type OfficialWandb, recordBytes } from './references/wandb.ts';

/** One tag, so that a point is a row for both. */
const POINTS = 100_000;

/** Points a second: ours from event files to stored rows, the official client's from memory, a `run.log` each. */
export const wandb: Bench = {
  name: 'wandb',
  about: "Rows a second into a stand-in of W&B, and into offline folders: a backfill against the official client's run.log, point by point",
  async run(context) {
    const reference = await context.references.wandb();
    if (reference.kind === 'absent') {
      context.note(reference.reason);
      return;
    }
    try {
      for (const mode of ['online', 'offline'] as const) await compare(context, reference.use, mode);
      if (reference.use.stub.violations.length > 0) throw new Error(reference.use.stub.violations.slice(0, 3).join('; '));
    } finally {
      await reference.use.stop();
    }
  },
};

interface Written {
  readonly seconds: number;
  readonly bytes: number;
}

async function compare({ scratch, pairs, scaled, row }: BenchContext, official: OfficialWandb, mode: 'online' | 'offline'): Promise<void> {
  const log = scratch.log({ tags: 1, steps: scaled(POINTS) });
  let round = 0;
  const measured = await interleave(
    pairs,
    () => mirror(log, official, mode, `ours-${mode}-${++round}`, scratch.folder('home')),
    () => official.write(mode, log.points, scratch.folder('official')),
  );
  row({
    what: `${count(log.points)} points ${mode}, against run.log`,
    ours: perSecond(measured.map(([{ seconds }]) => log.points / seconds)),
    reference: perSecond(measured.map(([, { seconds }]) => log.points / seconds)),
    figure: spread(measured.map(([a, b]) => b.seconds / a.seconds)),
    format: times,
    target: { bound: 'least', reach: 10 },
  });
  if (mode === 'online') return;
  row({
    what: '  size of the file of records',
    ours: megabytes(spread(measured.map(([{ bytes }]) => bytes)).median),
    reference: megabytes(spread(measured.map(([, { bytes }]) => bytes)).median),
    figure: spread(measured.map(([a, b]) => a.bytes / b.bytes)),
    format: times,
    target: { bound: 'most', reach: 0.5 },
  });
}

/** From the first look at the files to the last row stored. */
async function mirror(log: BigLog, { stub }: OfficialWandb, mode: string, project: string, home: string): Promise<Written> {
  const dir = join(home, 'wandb');
  const parsed = tracker.parse({ base_url: stub.url, api_key: stub.key, project, mode, dir }, {});
  if (parsed.kind === 'problems') throw new Error(JSON.stringify(parsed.problems));
  const backend = await tracker.create(parsed.settings, { lane: 'wandb', env: {}, warn: () => {} });
  const namesOf = () => ({ name: 'bench', group: project, tags: {} });
  const lane = { name: 'wandb', type: 'wandb', target: tracker.target(parsed.settings), backend, namesOf };
  const began = performance.now();
  const { lanes } = await backfill({
    roots: [{ path: log.dir }],
    store: undefined,
    trackers: [lane],
    statePath: join(home, 'state'),
    signal: new AbortController().signal,
  });
  const seconds = (performance.now() - began) / 1000;
  if (lanes?.[0]?.points !== log.points) throw new Error(`${lanes?.[0]?.points} points were stored, expected ${log.points}`);
  return { seconds, bytes: mode === 'offline' ? recordBytes(dir) : 0 };
}

function perSecond(figures: readonly number[]): string {
  return `${count(Math.round(spread(figures).median))}/s`;
}
