import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Capabilities, Outcome, TrackerParcel } from '../../../src/contract/index.ts';
import type { Report } from '../../../src/status/index.ts';
import { backfill } from '../../../src/sync/backfill.ts';
import { until } from '../../crash/watch-kill.ts';
import { bigLog } from '../../support/event-writer.ts';
import { MEMORY_CAPABILITIES, MemoryBackend, MemoryTracker } from '../../support/memory-backend.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const NEVER = new AbortController().signal;
const MEBIBYTE = 1024 * 1024;

let folder: string;
let logs: string;
beforeEach(() => {
  folder = temporaryFolder();
  logs = join(folder, 'logs');
});
const limited = (limits: Partial<Capabilities['limits']>): Partial<Capabilities> => ({
  limits: { ...MEMORY_CAPABILITIES.limits, ...limits },
});

/** Notes what it is sent. */
class NotingBackend extends MemoryBackend {
  readonly sends: { readonly runs: number; readonly bytes: number }[] = [];
  /** Nothing is stored before this is so. */
  isDue: () => boolean = () => true;

  override async send(parcels: readonly TrackerParcel[], signal: AbortSignal): Promise<readonly Outcome[]> {
    const bytes = parcels.reduce((sum, { batch }) => sum + batch.end - batch.start, 0);
    this.sends.push({ runs: new Set(parcels.map(({ handle }) => handle)).size, bytes });
    await until(this.isDue);
    return super.send(parcels, signal);
  }
}

function pass(backends: Readonly<Record<string, MemoryBackend>>, signal = NEVER, withStore = false): Promise<Report> {
  return backfill({
    roots: [{ path: logs }],
    store: withStore ? { path: join(folder, 'store.db'), mediaPath: join(folder, 'store.media') } : undefined,
    trackers: Object.entries(backends).map(([name, backend]) => ({
      name,
      type: 'memory',
      target: `memory:${name}`,
      backend,
      namesOf: ({ path }) => ({ name: path, group: '', tags: {} }),
    })),
    statePath: join(folder, 'state.db'),
    signal,
  });
}

/** Ends a pass once something is so: lanes that get nowhere are not given up for ten minutes. */
async function passUntil(isDone: () => boolean, backends: Readonly<Record<string, MemoryBackend>>, withStore = false): Promise<Report> {
  const end = new AbortController();
  const timer = setInterval(() => {
    if (isDone()) end.abort();
  }, 5);
  try {
    return await pass(backends, end.signal, withStore);
  } finally {
    clearInterval(timer);
  }
}

describe('several lanes', () => {
  it('finish while one is down and one hangs', async () => {
    const { points } = bigLog({ dir: logs, runs: 12, tags: 5, steps: 200 });
    const [one, other, dead, silent] = ['one', 'other', 'dead', 'silent'].map((name) => new MemoryTracker(name)) as [
      MemoryTracker,
      MemoryTracker,
      MemoryTracker,
      MemoryTracker,
    ];
    dead.isDown = true;
    silent.isHanging = true;
    const backends = Object.fromEntries([dead, one, silent, other].map((tracker) => [tracker.name, new MemoryBackend(tracker)]));
    const report = await passUntil(() => one.pointCount === points && other.pointCount === points, backends, true);
    expect(report.lanes.map(({ name, state: stand, points }) => [name, stand, points])).toEqual([
      ['dead', 'interrupted', 0],
      ['one', 'done', points],
      ['silent', 'interrupted', 0],
      ['other', 'done', points],
    ]);
    // And when they are back, they have it all.
    dead.isDown = false;
    silent.isHanging = false;
    const again = await pass(Object.fromEntries([dead, one, silent, other].map((tracker) => [tracker.name, new MemoryBackend(tracker)])));
    expect(again.lanes.map(({ state: stand, points }) => [stand, points])).toEqual([
      ['done', points],
      ['done', 0],
      ['done', points],
      ['done', 0],
    ]);
    expect([dead.pointCount, silent.pointCount]).toEqual([points, points]);
  });

  it('buffer for a tracker that does not answer only one turn per send, and one more', async () => {
    const { points } = bigLog({ dir: logs, runs: 8, tags: 10, steps: 4000 });
    const wide = limited({ pointsPerSend: 10_000, bytesPerSend: 64 * MEBIBYTE, runsPerSend: 1, sendsAtOnce: 2 });
    const [well, stuck] = [new MemoryTracker('well'), new MemoryTracker('stuck', wide)];
    stuck.fail({ kind: 'hang' }, 1000);
    const backend = new NotingBackend(stuck);
    const isStuck = (): boolean => backend.sends.length >= 2 && stuck.calls.open >= 3;
    await passUntil(() => well.pointCount === points && isStuck(), { well: new MemoryBackend(well), stuck: backend });
    // Each run has two turns in it.
    expect(backend.sends.length).toBe(2);
    for (const { bytes } of backend.sends) expect(bytes).toBeLessThanOrEqual(MEBIBYTE);
    expect(stuck.calls.open).toBe(3);
  });

  it('begin at 0 if they are added later, and do not affect the others', async () => {
    const { points } = bigLog({ dir: logs, runs: 3, tags: 2, steps: 50 });
    const [first, late] = [new MemoryTracker('first'), new MemoryTracker('late')];
    await pass({ first: new MemoryBackend(first) });
    const before = { ...first.calls };
    const { lanes } = await pass({ first: new MemoryBackend(first), late: new MemoryBackend(late) });
    expect(lanes.map(({ name, points }) => [name, points])).toEqual([
      ['first', 0],
      ['late', points],
    ]);
    expect([late.pointCount, first.pointCount, first.calls]).toEqual([points, points, before]);
  });
});

describe('a lane of many runs', () => {
  it('puts several of them into one send if the tracker allows it', async () => {
    const { points } = bigLog({ dir: logs, runs: 20, tags: 2, steps: 5 });
    const tracker = new MemoryTracker('memory', limited({ runsPerSend: 8 }));
    const backend = new NotingBackend(tracker);
    // The first turns begin before all runs are known. They end when they are: another lane has them all.
    const other = new MemoryTracker('other');
    backend.isDue = () => other.pointCount === points;
    await pass({ memory: backend, other: new MemoryBackend(other) });
    expect(tracker.pointCount).toBe(points);
    const sizes = backend.sends.map(({ runs }) => runs);
    expect([Math.max(...sizes), sizes.length]).toEqual([8, 5]);
  });

  it('keeps the limit of concurrent sends, and sends one run in order', async () => {
    const { points } = bigLog({ dir: logs, runs: 9, tags: 2, steps: 300 });
    const tracker = new MemoryTracker('memory', limited({ sendsAtOnce: 3, pointsPerSend: 100, runsPerSend: 2 }));
    tracker.meets = 3;
    await pass({ memory: new MemoryBackend(tracker) });
    expect([tracker.pointCount, tracker.complaints]).toEqual([points, []]);
    expect(tracker.mostSending).toBe(3);
  });
});
