// What a tracker's lane takes over from what another lane has read.
import { renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { fileStamp, inodeOf, type Series } from '../../../src/model/index.ts';
import { BatchCache, type CachedBatch, type JobReader, PieceReader, type ReadEvent } from '../../../src/reading/index.ts';
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
  const reader: Partial<JobReader> = { read: async (asked) => [...readRun(asked, new FileWindow())] };
  const pieces = pieceReader(cache, reader, 0);
  const piece = await pieces.read(requestIn(folder));
  const points = piece.pieces.map(({ batch }) => batch.scalars.count);
  expect(points.reduce((sum, count) => sum + count, 0)).toBe(8);
});

test.each([
  ['as long as the cached content', 0, 0],
  ['shorter than the cached content', -10, 1],
  ['longer than the cached content', 10, 1],
])('a file that is %s now', async (_, more, times) => {
  const folder = temporaryFolder();
  const bytes = eventFile(...Array.from({ length: 4 }, (_, step) => event({ wallTime: step, step, summary: [simpleValue('loss', step)] })));
  writeFileSync(join(folder, NAME), bytes);
  const job = { run: RUN, directory: directoryAt(folder), files: [{ name: NAME }], series: [], settled: true };
  const cache = new BatchCache();
  for (const found of readRun(job, new FileWindow())) if (found.kind === 'batch') cache.keep({ ...found, series: found.batch.newSeries });
  let asked = 0;
  const reader: Partial<JobReader> = {
    read: async () => {
      asked++;
      return [];
    },
  };
  const pieces = pieceReader(cache, reader, bytes.length + more);
  const request = requestIn(folder);
  const { pieces: found } = await pieces.read(request);
  expect(found.reduce((sum, { batch }) => sum + batch.scalars.count, 0)).toBe(4);
  expect(asked).toBe(times);
});

test('a piece of a run with many series is longer, so that its catalogue is not read for every few points', async () => {
  const folder = temporaryFolder();
  const steps = Array.from({ length: 2000 }, (_, step) => event({ wallTime: step, step, summary: [simpleValue('loss', step)] }));
  const bytes = eventFile(...steps);
  writeFileSync(join(folder, NAME), bytes);
  const known = Array.from({ length: 500 }, (_, id) => seriesOf(id));
  const asked: (number | undefined)[] = [];
  const reader: Partial<JobReader> = {
    read: async (job) => {
      asked.push(job.mostBytes);
      return [...readRun(job, new FileWindow())];
    },
  };
  const read = async (catalogue: readonly Series[]): Promise<number> => {
    const pieces = pieceReader(new BatchCache(), reader, 0, catalogue);
    const request = { ...requestIn(folder), mostBytes: 1000 };
    const { pieces: found } = await pieces.read(request);
    return found.reduce((sum, { batch }) => sum + batch.end - batch.start, 0);
  };
  const few = await read(known.slice(0, 1));
  const many = await read(known);
  expect(asked).toEqual([1000, 128 * 500]);
  expect(few).toBeLessThan(10_000);
  expect(many).toBeGreaterThanOrEqual(128 * 500);
  expect(many).toBeLessThan(bytes.length);
});

test('the catalogues of kept batches count as memory, each once', () => {
  const [first, second] = keptBatches();
  const catalogue = Array.from({ length: 1000 }, (_, id) => seriesOf(id));
  const alone = new BatchCache(1 << 24);
  alone.keep({ ...first, series: [] });
  const { bytes } = alone;
  const cache = new BatchCache(1 << 24);
  cache.keep({ ...first, series: catalogue });
  const one = cache.bytes;
  expect(one).toBeGreaterThan(bytes + 1000 * 100);
  catalogue.push(seriesOf(1000));
  cache.keep({ ...second, series: catalogue });
  expect(cache.bytes - one).toBeGreaterThan(bytes);
  expect(cache.bytes - one).toBeLessThan(bytes + 1000);
  cache.forget(RUN);
  expect(cache.bytes).toBe(0);
  // A catalogue that is too large for the cache is not kept.
  const small = new BatchCache(1 << 16);
  small.keep({ ...first, series: catalogue });
  expect(small.bytes).toBe(0);
  expect(small.at(RUN, NAME, 0, 0)).toBeUndefined();
});

/** A reader of pieces for a lane that has nothing of the run but a catalogue. */
function pieceReader(cache: BatchCache, reader: Partial<JobReader>, size: number, catalogue: readonly Series[] = []): PieceReader {
  const laneState: Partial<LaneView> = { known: () => ({ files: [], points: 0, tags: 0, lastStep: null }), catalogue: () => catalogue };
  return new PieceReader({
    reader: reader as JobReader,
    cache,
    laneState: laneState as LaneView,
    sizeOf: () => size,
    pointsPerSend: () => 100,
  });
}

function requestIn(folder: string): Parameters<PieceReader['read']>[0] {
  return { run: RUN, directory: directoryAt(folder), files: [{ name: NAME }], retriesGaps: false, settled: true, mostBytes: 1 << 20 };
}

/** Two batches of equal size, as a reader brings them. */
function keptBatches(): [CachedBatch, CachedBatch] {
  const folder = temporaryFolder();
  const steps = Array.from({ length: 4 }, (_, step) => event({ wallTime: step, step, summary: [simpleValue('loss', step)] }));
  writeFileSync(join(folder, NAME), eventFile(...steps));
  const job = { run: RUN, directory: directoryAt(folder), files: [{ name: NAME }], series: [], settled: true, batchPoints: 2 };
  const kept = [...readRun(job, new FileWindow())].flatMap((found) => (found.kind === 'batch' ? [{ ...found, series: [] }] : []));
  expect(kept[0]?.batch.scalars.series.length).toBe(kept[1]?.batch.scalars.series.length);
  return [kept[0]!, kept[1]!];
}

function seriesOf(id: number): Series {
  return {
    id,
    tag: id === 0 ? 'loss' : `loss/${id}`,
    plugin: 'scalars',
    dataClass: 'scalar',
    metadata: new Uint8Array(),
    displayName: '',
    description: '',
    form: 'simple_value',
    firstFile: NAME,
    firstOffset: 0,
  };
}

test('a file that was replaced by one of the same length since the cache has it is read', async () => {
  const folder = temporaryFolder();
  const put = (from: number, name = NAME): void =>
    writeFileSync(
      join(folder, name),
      eventFile(...[0, 1].map((i) => event({ wallTime: 1, step: from + i, summary: [simpleValue('loss', from + i)] }))),
    );
  put(1);
  const job = { run: RUN, directory: directoryAt(folder), files: [{ name: NAME }], series: [], settled: true };
  const cache = new BatchCache();
  for (const found of readRun(job, new FileWindow())) if (found.kind === 'batch') cache.keep({ ...found, series: found.batch.newSeries });
  put(5, 'other');
  renameSync(join(folder, 'other'), join(folder, NAME));
  const stat = statSync(join(folder, NAME), { bigint: true });
  const reader: Partial<JobReader> = { read: async (asked) => [...readRun(asked, new FileWindow())] };
  const pieces = pieceReader(cache, reader, Number(stat.size));
  const stamp = fileStamp(stat);
  const found = await pieces.read({ ...requestIn(folder), files: [{ name: NAME, inode: inodeOf(stamp), stamp }] });
  expect(found.pieces.flatMap(({ batch }) => [...batch.scalars.step.subarray(0, batch.scalars.count)])).toEqual([1, 2, 5, 6]);
  expect(found.outcomes.map(({ outcome }) => outcome)).toEqual(['replaced']);
});
