import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { LocalBackend } from '../../src/backends/local/index.ts';
import { RunSession } from '../../src/reading/reader.ts';
import { FileWindow } from '../../src/tail/index.ts';
import { freshDirectory, remove } from '../e2e/command.ts';
import { directoryAt } from '../support/directory.ts';
import * as w from '../support/event-writer.ts';
import { testSeed } from '../support/test-seed.ts';
import { checkWatchHistories } from './watch-property.ts';

const seed = testSeed();

describe('after any changes of a log tree and any kills of watch', () => {
  it(`the store holds the points of all valid records once, in the order of their files (MIRRORBOARD_TEST_SEED=${seed})`, async () => {
    await checkWatchHistories({ runs: 60, length: 30, seed });
  });

  it.each([642_568_290, 644_708_819, 250_812_923, 31])('the same is true for histories that once lost points: seed %i', async (known) => {
    await checkWatchHistories({ runs: 60, length: 30, seed: known });
  });

  it('repaired bytes in several batches, between batches of other runs, keep a tag that only a later one has', async () => {
    const folder = freshDirectory();
    const logs = join(folder, 'logs');
    const name = 'events.out.tfevents.1';
    mkdirSync(logs);
    const records = Array.from({ length: 70_000 }, (_, step) =>
      w.frame(w.event({ wallTime: 1, step, summary: [w.simpleValue(step >= 69_000 && step < 69_999 ? 'late' : 'loss', step)] })),
    );
    const whole = w.concat(w.eventFile(), ...records);
    const broken = whole.slice();
    broken.fill(0xff, w.eventFile().length + 1, whole.length - records[69_999]!.length);
    const backend = new LocalBackend({ path: join(folder, 'store.db'), mediaPath: join(folder, 'media') });
    const run = { root: 'logs', path: '.' };
    const handle = await backend.open({ run, rootPath: logs });
    const session = new RunSession({ series: [] });
    const window = new FileWindow();
    const job = { run, directory: directoryAt(logs), files: [{ name }], series: [], settled: false, retriesGaps: true, mostBytes: 1 };
    try {
      for (const bytes of [broken, whole]) {
        writeFileSync(join(logs, name), bytes);
        for (let hasMore = true; hasMore; ) {
          for (const event of session.read(job, window)) {
            if (event.kind === 'runDone') hasMore = event.hasMore;
            if (event.kind !== 'batch') continue;
            expect(await backend.send([{ handle, batch: event.batch, state: event.state }])).toMatchObject([{ kind: 'accepted' }]);
          }
        }
      }
      let points = 0;
      for await (const chunk of backend.readBack(handle)) points += chunk.points.length;
      expect(points).toBe(70_000);
    } finally {
      await backend.close();
      remove(folder);
    }
  });
});
