import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { event, eventFile, frame, simpleValue } from '../support/event-writer.ts';
import type { Bench, BenchContext } from './bench.ts';
import { percentile, seconds, spread, type Target } from './figures.ts';

const TARGET: Target = { bound: 'most', reach: 1, moonshot: 0.1 };

const RUN = 'hot/train';
const TAG = 'loss';
/** The query with which a reader of the store sees a point. */
const QUERY = 'SELECT max(step) AS step FROM scalars WHERE run = ? AND tag = ?';
const APPEND_MS = 50;
const LOOK_MS = 2;
/** Appended before the measured ones: the file has to be known as one that grows. */
const WARM_UP = 40;
const LOST_MS = 60_000;

/** How long a point is on its way. */
export const latency: Bench = {
  name: 'latency',
  about: `From the append of a record to its point being read from the store: one local file, a record every ${APPEND_MS} ms`,
  async run(context) {
    await followNotified(context);
    await follow(context, '--poll', ['--poll']);
  },
};

/** The usual way alone. */
export function followNotified(context: BenchContext): Promise<void> {
  return follow(context, 'notifications', []);
}

async function follow({ scratch, product, scaled, row }: BenchContext, what: string, flags: readonly string[]): Promise<void> {
  const dir = scratch.folder('logs');
  const path = join(dir, RUN, 'events.out.tfevents.1700000000.bench.1.0');
  mkdirSync(dirname(path), { recursive: true });
  const file = openSync(path, 'a');
  writeSync(file, eventFile(record(0)));
  const home = product.newHome();
  const records = scaled(200);
  const sorted = await (async () => {
    await using _watching = await product.watch(dir, home, flags);
    return await appendAndLook(file, home.store, records);
  })();
  closeSync(file);
  const [p50, p99, most] = [percentile(sorted, 0.5), percentile(sorted, 0.99), percentile(sorted, 1)];
  row({ what: `${what}, ${records} records: p99`, ours: '', figure: spread([p99]), format: seconds, target: TARGET });
  row({ what: '  p50', ours: '', figure: spread([p50]), format: seconds });
  row({ what: '  max', ours: '', figure: spread([most]), format: seconds, isDetail: true });
}

/** The seconds from append to sight of each measured record, from the shortest to the longest. */
async function appendAndLook(file: number, store: string, records: number): Promise<readonly number[]> {
  const last = WARM_UP + records;
  const appendedAt: number[] = [performance.now()];
  const took: number[] = [];
  const db = new DatabaseSync(store, { readOnly: true });
  try {
    const query = db.prepare(QUERY);
    let dueAt = performance.now();
    for (let seen = -1; seen < last; ) {
      const step = query.get(RUN, TAG)?.['step'];
      const now = performance.now();
      // Points of one file come in order: the latest brings all before it.
      for (; typeof step === 'number' && seen < step; seen++) took[seen + 1] = (now - (appendedAt[seen + 1] ?? now)) / 1000;
      if (now - (appendedAt.at(-1) ?? now) > LOST_MS) throw new Error(`step ${seen + 1} is not in the store after ${LOST_MS / 1000} s`);
      // Nothing is measured before the first point is there.
      if (seen < 0) dueAt = now;
      if (now >= dueAt && appendedAt.length <= last) {
        const bytes = frame(record(appendedAt.length));
        appendedAt.push(performance.now());
        writeSync(file, bytes);
        dueAt += APPEND_MS;
      }
      await sleep(LOOK_MS);
    }
  } finally {
    db.close();
  }
  return took.slice(WARM_UP + 1).sort((a, b) => a - b);
}

function record(step: number): Uint8Array {
  return event({ wallTime: Date.now() / 1000, step, summary: [simpleValue(TAG, step)] });
}
