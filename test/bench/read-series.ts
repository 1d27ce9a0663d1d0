import { DatabaseSync } from 'node:sqlite';
import { bigLogRun, bigLogTag } from '../support/event-writer.ts';
import type { Bench } from './bench.ts';
import { count, seconds, spread, type Target } from './figures.ts';
import { lastLine, measure } from './measure.ts';
import { repeat } from './pairs.ts';
import { expectPoints } from './product.ts';

const TARGET: Target = { bound: 'most', reach: 0.2 };
const QUERY = 'SELECT step, wall_time, value FROM scalars WHERE run = ? AND tag = ?';

/** Reading one series through the store's documented view must not touch the others. */
export const readSeries: Bench = {
  name: 'read-series',
  about: 'One series read with SQL from a store of 100 tags in one run',
  async run({ scratch, product, pairs, scaled, row, note }) {
    const steps = scaled(100_000);
    const log = scratch.log({ tags: 100, steps });
    const { store, dir } = product.newHome();
    await product.backfill(log.dir, { store, dir });
    scratch.dropLog(log);
    expectPoints(store, log.points);
    const [run, tag] = [bigLogRun(0), bigLogTag(42)];
    const what = `${count(steps)} of ${count(log.points)} points`;

    // A connection of its own each time, as a reader of the store would open it.
    const byNode = await repeat(pairs, async () => {
      const began = performance.now();
      const db = new DatabaseSync(store, { readOnly: true });
      const rows = db.prepare(QUERY).all(run, tag);
      db.close();
      expectSteps(rows.length, steps);
      return (performance.now() - began) / 1000;
    });
    row({ what: `${what}, node:sqlite`, ours: '', figure: spread(byNode), format: seconds, target: TARGET });

    const [quotedRun, quotedTag] = [run, tag].map((text) => `'${text.replaceAll("'", "''")}'`);
    const literal = QUERY.replace('?', quotedRun ?? '').replace('?', quotedTag ?? '');
    const counted = await measure('sqlite3', ['-readonly', store, `SELECT count(*) FROM (${literal})`]).catch((cause: unknown) =>
      String(cause),
    );
    if (typeof counted === 'string') {
      note(`the sqlite3 command line tool: ${counted}`);
      return;
    }
    if (counted.exitCode !== 0) throw new Error(`sqlite3: ${lastLine(counted.stderr)}`);
    expectSteps(Number(counted.stdout), steps);
    const byTool = await repeat(pairs, () => measure('sqlite3', ['-readonly', store, literal], { keepOutput: false }));
    row({ what: `${what}, sqlite3 tool`, ours: '', figure: spread(byTool.map((one) => one.seconds)), format: seconds, target: TARGET });
  },
};

function expectSteps(found: number, expected: number): void {
  if (found !== expected) throw new Error(`the series has ${found} points, expected ${expected}`);
}
