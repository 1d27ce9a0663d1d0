import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { LocalBackend } from '../../../src/backends/local/index.ts';
import type { ReadBackChunk } from '../../../src/contract/index.ts';
import { MirrorError } from '../../../src/errors.ts';
import type { TrackerLaneOptions } from '../../../src/lanes/index.ts';
import type { Progress } from '../../../src/status/index.ts';
import { backfill } from '../../../src/sync/backfill.ts';
import { exitCodeOf, type Verification } from '../../../src/verify/compare/index.ts';
import { type VerifyLanesOptions, verifyBetween, verifyLanes } from '../../../src/verify/index.ts';
import { event, eventFile, simpleValue } from '../../support/event-writer.ts';
import { MemoryBackend, MemoryTracker } from '../../support/memory-backend.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const RECORDS = 2000;
let folder = '';
let tracker: MemoryTracker;
let store: { path: string; mediaPath: string };

beforeEach(async () => {
  folder = temporaryFolder();
  tracker = new MemoryTracker('one');
  store = { path: join(folder, 'a.db'), mediaPath: join(folder, 'a.media') };
  mkdirSync(join(folder, 'logs/a'), { recursive: true });
  const records = Array.from({ length: RECORDS }, (_, step) =>
    event({ wallTime: step, step, summary: [simpleValue('loss', step), simpleValue('acc', -step)] }),
  );
  writeFileSync(join(folder, 'logs/a/events.out.tfevents.1'), eventFile(...records));
  const { signal } = new AbortController();
  await backfill({ roots: [{ path: join(folder, 'logs') }], store, trackers: [lane()], statePath: join(folder, 'a.state'), signal });
});
function lane(): TrackerLaneOptions {
  const namesOf: TrackerLaneOptions['namesOf'] = ({ path }) => ({ name: path, group: '', tags: {} });
  return { name: 'one', type: 'memory', target: 'memory:one', backend: new MemoryBackend(tracker), namesOf };
}

function options(more: Partial<VerifyLanesOptions> = {}): VerifyLanesOptions {
  const { signal } = new AbortController();
  return { roots: [], store, trackers: [lane()], statePath: join(folder, 'a.state'), signal, ...more };
}

function damageStore(): void {
  const bytes = readFileSync(store.path);
  bytes.fill(0xff, 16_384);
  writeFileSync(store.path, bytes);
}

describe('the local store as a lane', () => {
  test('counts points of it and of a tracker in the same way', async () => {
    const seen: Progress[] = [];
    await verifyLanes(options({ onStart: (progress) => seen.push(progress) }));
    expect(seen).toHaveLength(2);
    const [own, other] = seen.map(({ points, records, bytes, runs, files }) => ({ points, records, bytes, runs, files }));
    expect(own).toMatchObject({ points: 2 * RECORDS, records: RECORDS + 1, runs: { total: 1, done: 1 }, files: { total: 1, done: 1 } });
    expect(own?.bytes.read).toBe(own?.bytes.total);
    expect(other).toEqual(own);
  });

  test('cannot be judged by a root that was never mirrored into it', async () => {
    mkdirSync(join(folder, 'more'));
    const backend = new LocalBackend(store);
    backend.noteUnread({ name: 'more', path: join(folder, 'more') }, 'EACCES');
    await backend.close();
    const [verification] = (await verifyLanes(options({ trackers: [] }))) as [Verification];
    expect(verification.obstacles).toEqual([
      { what: join(folder, 'more'), reason: 'nothing of more is mirrored into local yet', isUnmirrored: true },
    ]);
    expect(exitCodeOf(verification, false)).toBe(3);
  });

  test('cannot be judged by deleted files, also if they held no points', async () => {
    mkdirSync(join(folder, 'empty/a'), { recursive: true });
    writeFileSync(join(folder, 'empty/a/events.out.tfevents.1'), eventFile());
    const { signal } = new AbortController();
    await backfill({ roots: [{ path: join(folder, 'empty') }], store, signal });
    rmSync(join(folder, 'empty/a'), { recursive: true });
    const [verification] = (await verifyLanes(options({ trackers: [] }))) as [Verification];
    expect(verification.obstacles).toEqual([
      { what: join(folder, 'empty'), reason: 'all mirrored files of empty are missing or changed: is it mounted?' },
    ]);
  });

  test('is an obstacle when it is damaged, also between two lanes and as the second one', async () => {
    damageStore();
    const obstacle = expect.objectContaining({ what: store.path, reason: expect.stringContaining(store.path) });
    const [own] = (await verifyLanes(options({ trackers: [] }))) as [Verification];
    expect(own.obstacles).toEqual([obstacle]);
    const between = await verifyBetween(['one', 'local'], options());
    expect(between.obstacles).toEqual([obstacle]);
    expect(exitCodeOf(between, false)).toBe(3);
  });

  test('is not blamed for a tracker that does not answer', async () => {
    class Failing extends MemoryBackend {
      // biome-ignore lint/correctness/useYield: it fails before the first chunk
      override async *readBack(): AsyncGenerator<ReadBackChunk, void, void> {
        throw new MirrorError('MB4001', 'nobody answers');
      }
    }
    tracker.isDown = true;
    const { obstacles } = await verifyBetween(['local', 'one'], options({ trackers: [{ ...lane(), backend: new Failing(tracker) }] }));
    expect(obstacles).toEqual([{ what: 'one', reason: 'nobody answers' }]);
  });
});
