// The watch as a library: into trackers in memory.
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from '@jest/globals';
import { type Clock, systemClock } from '../../../src/clock.ts';
import { until } from '../../../src/testing/bench.ts';
import { event, frame, hparamsSessionEnd, hparamsSessionStart, simpleValue } from '../../support/event-writer.ts';
import { WatchScene } from '../../support/watch-scene.ts';

const loss = simpleValue('loss', 1);

describe('the end of a run under watch', () => {
  it('comes when the run has not grown for the time that its root sets', async () => {
    using scene = new WatchScene();
    scene.write('run', 1, loss);
    const seen: string[] = [];
    const runEndedAfterOf = (path: string): number => {
      seen.push(path);
      return 1;
    };
    await scene.watch({ runEndedAfterOf }, () => until(() => scene.ended().length > 0, 'the run has ended'));
    expect(scene.ended()).toEqual(['run finished']);
    expect(new Set(seen)).toEqual(new Set([scene.logs]));
  });

  it('comes at once with the end of its session, and not earlier', async () => {
    using scene = new WatchScene();
    scene.write('plain', 1, loss);
    scene.write('run', 1, hparamsSessionStart({ lr: 0.1 }), loss);
    await scene.watch({}, async () => {
      await until(() => scene.tracker.pointCount === 3, 'all is mirrored');
      expect(scene.ended()).toEqual([]);
      scene.write('run', 2, hparamsSessionEnd('failure', 1_700_000_002));
      await until(() => scene.ended().length > 0, 'the run has ended');
      expect(scene.ended()).toEqual(['run failed']);
      scene.write('run', 3, loss);
      await until(() => scene.ended().length === 0, 'the run continues');
    });
    expect(scene.ended()).toEqual([]);
  });

  it('does not come with the end that a framework writes at the start', async () => {
    using scene = new WatchScene();
    scene.write('early', 0, hparamsSessionStart({ lr: 0.1 }), hparamsSessionEnd('success'));
    scene.write('late', 5, hparamsSessionStart({ lr: 0.1 }), loss);
    scene.write('late', 5, hparamsSessionEnd('success'));
    await scene.watch({}, () => until(() => scene.ended().length > 0, 'the late one has ended'));
    expect(scene.ended()).toEqual(['late finished']);
  });
});

describe('an incomplete end under watch', () => {
  it('is searched once the run is quiet, also if the former watch ended before', async () => {
    using scene = new WatchScene();
    scene.write('run', 1, loss);
    // Another program goes on behind a record that its writer left incomplete: it seems to lack only its checksum.
    const next = frame(event({ wallTime: 1_700_000_002, step: 2, summary: [loss] }));
    const torn = frame(new Uint8Array(next.length + 6)).subarray(0, 20);
    appendFileSync(join(scene.logs, 'run', 'events.out.tfevents.1.host'), Buffer.concat([torn, next]));
    const only = { trackers: [], store: scene.store };
    await scene.watch(only, (status) => until(() => status.lane('local').points === 1, 'the first point is in the store'));
    await scene.watch({ ...only, runEndedAfterOf: () => 1 }, (status) =>
      until(() => status.lane('local').points === 1, 'the other point is in the store'),
    );
    using db = new DatabaseSync(scene.store.path, { readOnly: true });
    expect(db.prepare('SELECT step FROM scalars ORDER BY step').all()).toEqual([{ step: 1 }, { step: 2 }]);
  });
});

describe('the end of a watch', () => {
  it('comes, and the next one can begin, even if a backend never closes', async () => {
    using scene = new WatchScene();
    scene.write('run', 1, loss);
    const lane = scene.lane();
    const warnings: unknown[] = [];
    const log = { debug() {}, info() {}, warn: (fields: object, message: string) => void warnings.push([message, fields]) };
    // Time for closing passes at once.
    const clock: Clock = { ...systemClock, after: (ms, work, options) => systemClock.after(ms === 10_000 ? 0 : ms, work, options) };
    const hanging = Promise.withResolvers<void>();
    lane.backend.close = () => hanging.promise;
    const arrived = (points: number) => (): Promise<void> => until(() => scene.tracker.pointCount === points, 'all is mirrored');
    await scene.watch({ trackers: [lane], clock, log }, arrived(1));
    expect(warnings).toEqual([['lane not closed in time, continuing', { lane: 'memory', afterMs: 10_000 }]]);
    scene.write('run', 2, loss);
    await scene.watch({}, arrived(2));
    hanging.resolve();
  });
});
