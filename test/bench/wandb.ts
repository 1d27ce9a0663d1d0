import { join } from 'node:path';
import { wandb as tracker } from '../../src/backends/wandb/index.ts';
import type { BigLog } from '../support/event-writer.ts';
import type { Bench, BenchContext } from './bench.ts';
import { count, megabytes, perSecond, spread, times } from './figures.ts';
import { secondsToMirror } from './mirror.ts';
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

async function mirror(log: BigLog, { stub }: OfficialWandb, mode: string, group: string, home: string): Promise<Written> {
  const dir = join(home, 'wandb');
  const section = { base_url: stub.url, api_key: stub.key, project: group, mode, dir };
  const seconds = await secondsToMirror(log, { type: tracker, section, group, home });
  return { seconds, bytes: mode === 'offline' ? recordBytes(dir) : 0 };
}
