import { join } from 'node:path';
import { wandb as tracker } from '../../src/backends/wandb/index.ts';
import type { BigLog } from '../support/event-writer.ts';
import type { Bench, BenchContext } from './bench.ts';
import { count, perSecond, spread, times } from './figures.ts';
import { secondsToMirror } from './mirror.ts';
import { interleave } from './pairs.ts';
import { usable } from './references/reference.ts';
import { type OfficialWandb, recordBytes } from './references/wandb.ts';

/** One tag, so that a point is a row for both. */
const POINTS = 100_000;
/** The official client takes its time: it is asked for fewer. */
const CLIENT_POINTS = 25_000;

/** Points a second: ours from event files to stored rows, the official client's from memory, a `run.log` each. */
export const wandb: Bench = {
  name: 'wandb',
  about: "Rows a second into a stand-in of W&B, and into offline folders: a backfill against the official client's run.log, point by point",
  async run(context) {
    for (const mode of ['online', 'offline'] as const) await compareWandb(context, mode);
  },
};

interface Written {
  readonly seconds: number;
  readonly bytes: number;
}

/** Against `run.log` in one of its modes. */
export async function compareWandb(context: BenchContext, mode: 'online' | 'offline'): Promise<void> {
  const { scratch, references, pairs, scaled, row, note } = context;
  const official = usable(await references.wandb(), note);
  if (official === undefined) return;
  const log = scratch.log({ tags: 1, steps: scaled(POINTS) });
  const clientPoints = scaled(CLIENT_POINTS);
  let round = 0;
  const measured = await interleave(
    pairs,
    () => mirror(log, official, mode, `ours-${mode}-${++round}`, scratch.folder('home')),
    () => official.write(mode, clientPoints, scratch.folder('official')),
  );
  row({
    what: `${count(log.points)} points ${mode}`,
    ours: perSecond(measured.map(([{ seconds }]) => log.points / seconds)),
    reference: perSecond(measured.map(([, { seconds }]) => clientPoints / seconds)),
    against: 'run.log',
    multipleOf: 'rate',
    figure: spread(measured.map(([a, b]) => log.points / a.seconds / (clientPoints / b.seconds))),
    format: times,
    target: { bound: 'least', reach: 10 },
  });
  const { violations } = official.stub;
  if (violations.length > 0) throw new Error(violations.slice(0, 3).join('; '));
  if (mode === 'online') return;
  row({
    what: '  bytes in the file of records, each point',
    ours: count(Math.round(spread(measured.map(([{ bytes }]) => bytes / log.points)).median)),
    reference: count(Math.round(spread(measured.map(([, { bytes }]) => bytes / clientPoints)).median)),
    figure: spread(measured.map(([a, b]) => a.bytes / log.points / (b.bytes / clientPoints))),
    format: times,
    target: { bound: 'most', reach: 0.5 },
    isDetail: true,
  });
}

async function mirror(log: BigLog, { stub }: OfficialWandb, mode: string, group: string, home: string): Promise<Written> {
  const dir = join(home, 'wandb');
  const section = { base_url: stub.url, api_key: stub.key, project: group, mode, dir };
  const seconds = await secondsToMirror(log, { type: tracker, section, group, home });
  return { seconds, bytes: mode === 'offline' ? recordBytes(dir) : 0 };
}
