// What a tracker's lane takes over from what another lane has read.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { BatchCache, type JobReader, PieceReader, type ReadEvent } from '../../../src/reading/index.ts';
import type { LaneView } from '../../../src/state/index.ts';
import { FileWindow } from '../../../src/tail/index.ts';
import { directoryAt } from '../../support/directory.ts';
import { event, eventFile, simpleValue } from '../../support/event-writer.ts';
import { readRun } from '../../support/read-run.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const RUN = { root: 'logs', path: 'run' };
const NAME = 'events.out.tfevents.1';

test('a batch that filled a gap of another lane does not count as the rest of the file', async () => {
  const folder = temporaryFolder();
  const steps = Array.from({ length: 8 }, (_, step) => event({ wallTime: step, step, summary: [simpleValue('loss', step)] }));
  writeFileSync(join(folder, NAME), eventFile(...steps));
  const job = { run: RUN, directory: directoryAt(folder), files: [{ name: NAME }], series: [], settled: true, batchPoints: 2 };
  const isBatch = (found: ReadEvent): found is Extract<ReadEvent, { kind: 'batch' }> => found.kind === 'batch';
  const batches = [...readRun(job, new FileWindow())].filter(isBatch);
  const [first, last] = [batches[0]!, batches.at(-1)!];
  expect(first.batch.end).toBeLessThan(last.batch.end);
  const cache = new BatchCache();
  // It comes with the state of the lane whose gap it filled: that lane had read the whole file.
  cache.keep({ batch: first.batch, state: last.state, series: first.batch.newSeries });
  const laneState: Partial<LaneView> = { known: () => ({ files: [], points: 0, tags: 0, lastStep: null }), catalogue: () => [] };
  const reader: Partial<JobReader> = { read: async (asked) => [...readRun(asked, new FileWindow())] };
  const pieces = new PieceReader({
    reader: reader as JobReader,
    cache,
    laneState: laneState as LaneView,
    sizeOf: () => 0,
    pointsPerSend: () => 100,
  });
  const piece = await pieces.read({
    run: RUN,
    directory: directoryAt(folder),
    names: [NAME],
    retriesGaps: false,
    settled: true,
    mostBytes: 1 << 20,
  });
  const points = piece.pieces.map(({ batch }) => batch.scalars.count);
  expect(points.reduce((sum, count) => sum + count, 0)).toBe(8);
});
