import { describe, expect, it } from '@jest/globals';
import { watchLines } from '../../../src/cli/terminal/watch-block.ts';
import type { Handle, Parcel } from '../../../src/contract/index.ts';
import { MirrorError } from '../../../src/errors.ts';
import { type Damage, keyOfRun, type RunRef, unmirroredBytes } from '../../../src/model/index.ts';
import { RateMeter } from '../../../src/rate-meter.ts';
import { LaneProgress, readSnapshot, WatchStatus } from '../../../src/status/index.ts';
import { clockAt } from '../../support/fake-clock.ts';

const RUN: RunRef = { root: 'logs', path: 'a' };
const FILE = 'events.out.tfevents.1';

interface Line {
  readonly level: string;
  readonly phrase: string;
  readonly fields: Record<string, unknown>;
}

function watching(
  roots: readonly string[] = [],
  newRoots?: ReadonlyMap<string, string>,
): { status: WatchStatus; lane: LaneProgress; lines: Line[]; at: (ms: number) => void } {
  let now = 1000;
  const lines: Line[] = [];
  const line = (level: string) => (fields: object, phrase: string) => void lines.push({ level, phrase, fields: { ...fields } });
  const log = { debug: line('debug'), info: line('info'), warn: line('warn') };
  const status = new WatchStatus({
    lanes: [{ name: 'local', type: 'local', where: 'store.db' }],
    log,
    roots,
    ...(newRoots && { newRoots }),
    clock: clockAt(() => now),
  });
  const at = (ms: number): void => {
    now = ms;
  };
  return { status, lane: status.lane('local'), lines, at };
}

/** A parcel that brings a file's watermark to `watermark`. */
function parcel(watermark: number, damage: readonly Damage[] = [], file = FILE): Parcel {
  const scalars = { count: 1 } as Parcel['batch']['scalars'];
  return {
    handle: '' as Handle,
    batch: { run: RUN, file, generation: 0, start: 0, end: watermark, records: 1, newSeries: [], scalars, objects: [], marks: [] },
    state: {
      name: file,
      generation: 0,
      position: { watermark, gaps: [] },
      guard: { first: undefined, last: undefined },
      damage,
      size: watermark,
      stamp: 's',
      records: 1,
    },
  };
}

describe('a file that cannot be read', () => {
  it('is reported by one lane, whichever reads it', () => {
    const lanes = ['local', 'mlflow'].map((name) => ({ name, type: name, where: name }));
    const status = new WatchStatus({ lanes });
    const said = (): (string | undefined)[] => status.incidents.map(({ reason }) => reason);
    // The first lane has everything of the file, and does not read it.
    status.fileRead('mlflow', RUN, FILE, 'unreadable', 'EACCES');
    status.fileRead('local', RUN, FILE, 'unreadable', 'EACCES');
    expect(said()).toEqual(['EACCES']);
    status.fileRead('mlflow', RUN, FILE, 'read');
    status.fileRead('local', RUN, FILE, 'unreadable', 'EIO');
    status.fileRead('mlflow', RUN, FILE, 'unreadable', 'EIO');
    expect(said()).toEqual(['EACCES', 'EIO']);
  });

  it('leaves the lane that could not read it behind, once another lane can', () => {
    const lanes = ['local', 'mlflow'].map((name) => ({ name, type: name, where: name }));
    const status = new WatchStatus({ lanes });
    const [local, mlflow] = lanes.map(({ name }) => status.lane(name));
    for (const lane of [local!, mlflow!]) {
      lane.fileGrew(RUN, FILE, 100);
      status.parcelAccepted(lane.name, parcel(40), 1);
      // It is tried twice.
      for (let i = 0; i < 2; i++) lane.fileUnreadable(RUN, FILE);
    }
    expect([local?.lagBytes, mlflow?.lagBytes]).toEqual([0, 0]);
    status.fileRead('local', RUN, FILE, 'read');
    expect([local?.lagBytes, mlflow?.lagBytes]).toEqual([0, 60]);
    status.parcelAccepted('mlflow', parcel(100), 1);
    expect(mlflow?.lagBytes).toBe(0);
  });
});

describe('a round of the watch', () => {
  it('forgets files that its scan did not find, and keeps those that it found', () => {
    const { status, lane } = watching();
    const scanned = { root: RUN.root, directories: 1, files: 1, tookMs: 1, obstacles: [], isMissing: false };
    lane.fileGrew(RUN, FILE, 100);
    lane.fileGrew(RUN, 'moved', 50);
    status.roundBegins();
    lane.fileGrew(RUN, FILE, 100);
    status.rootScanned({ ...scanned, root: 'other' });
    status.rootScanned({ ...scanned, obstacles: [{ path: 'a', reason: 'EACCES' }] });
    expect(lane.lagBytes).toBe(150);
    status.rootScanned(scanned);
    expect([lane.lagBytes, lane.filesBehind]).toEqual([100, 1]);
  });
});

describe('a run that was followed to another path', () => {
  const MOVED: RunRef = { root: 'logs', path: 'b' };
  const DAMAGE: Damage = { start: 10, end: 20, reason: 'data_checksum' };

  it('has no lag under its former path, and its damage under the present one', () => {
    const { status, lane } = watching();
    lane.fileGrew(RUN, FILE, 100);
    lane.stoppedRuns.set(keyOfRun(RUN), { run: RUN, reason: 'it was deleted', remedy: undefined });
    status.parcelAccepted('local', parcel(40, [DAMAGE]), 1);
    expect(lane.lagBytes).toBe(60);
    status.runsFollowed([{ from: RUN, to: MOVED }]);
    expect([lane.lagBytes, lane.filesBehind, lane.stoppedRuns.size]).toEqual([0, 0, 0]);
    expect(status.knownDamage.all).toEqual([{ ...DAMAGE, run: MOVED, file: FILE }]);
    expect(status.knownDamage.damagedFiles).toBe(1);
  });

  it('may have changed places with another one', () => {
    const { status } = watching();
    status.knownDamage.note(RUN, FILE, [DAMAGE]);
    status.knownDamage.note(MOVED, FILE, [{ ...DAMAGE, start: 15 }]);
    status.runsFollowed([
      { from: RUN, to: MOVED },
      { from: MOVED, to: RUN },
    ]);
    expect(status.knownDamage.all.map(({ run, start }) => [run.path, start])).toEqual([
      ['b', 10],
      ['a', 15],
    ]);
  });
});

describe('the lag of a watch', () => {
  it('is all of a file that has other content, even if it is shorter than what was mirrored', () => {
    const { status, lane } = watching();
    lane.fileGrew(RUN, FILE, 100);
    status.parcelAccepted('local', parcel(100), 1);
    lane.fileGrew(RUN, FILE, 60);
    expect(lane.lagBytes).toBe(0);
    const other = { ...parcel(60), state: { ...parcel(60).state, generation: 1 } };
    lane.fileRead(RUN, other.state, 0);
    expect(lane.lagBytes).toBe(60);
    // A part of the former content, which was under way.
    status.parcelAccepted('local', parcel(100), 1);
    expect(lane.lagBytes).toBe(60);
    status.parcelAccepted('local', other, 1);
    expect(lane.lagBytes).toBe(0);
  });

  it('has nothing of a file that cannot be read, and what is left of it once it is read again', () => {
    const { status, lane } = watching();
    lane.fileGrew(RUN, FILE, 100);
    status.parcelAccepted('local', parcel(40), 1);
    lane.fileUnreadable(RUN, FILE);
    expect([lane.lagBytes, lane.filesBehind]).toEqual([0, 0]);
    lane.fileRead(RUN, parcel(100).state, 40);
    expect([lane.lagBytes, lane.filesBehind]).toEqual([60, 1]);
    status.parcelAccepted('local', parcel(100), 1);
    expect([lane.lagBytes, lane.filesBehind]).toEqual([0, 0]);
    // A file that is gone stays forgotten, also if a part of it was under way.
    lane.fileUnreadable(RUN, FILE);
    lane.fileForgotten(RUN, FILE);
    lane.fileRead(RUN, parcel(100).state, 40);
    lane.fileUnreadable(RUN, 'other');
    lane.runForgotten(RUN);
    lane.fileRead(RUN, { ...parcel(100).state, name: 'other' }, 40);
    expect([lane.lagBytes, lane.filesBehind]).toEqual([0, 0]);
  });

  it('counts known data that the lane has not accepted yet', () => {
    const { status, lane, at } = watching();
    expect([lane.lagBytes, lane.lagMs]).toEqual([0, 0]);
    lane.fileGrew(RUN, FILE, 100);
    at(1500);
    expect([lane.lagBytes, lane.lagMs]).toEqual([100, 500]);
    status.parcelAccepted('local', parcel(60), 1);
    expect(lane.lagBytes).toBe(40);
    status.parcelAccepted('local', parcel(100), 1);
    expect([lane.lagBytes, lane.lagMs]).toEqual([0, 0]);
  });

  it('counts only new data of a file that grows again', () => {
    const { status, lane } = watching();
    lane.fileGrew(RUN, FILE, 100_000);
    status.parcelAccepted('local', parcel(100_000), 1);
    lane.fileGrew(RUN, FILE, 100_050);
    expect(lane.lagBytes).toBe(50);
  });

  it('in time is the age of the oldest missing byte, no matter how long the file has been growing', () => {
    const { status, lane, at } = watching();
    // Each piece is mirrored half a second after it was heard of, when the next one is there already.
    for (let i = 1; i <= 100; i++) {
      at(1000 * i);
      lane.fileGrew(RUN, FILE, 100 * i);
      at(1000 * i + 500);
      lane.fileGrew(RUN, FILE, 100 * i + 50);
      status.parcelAccepted('local', parcel(100 * i), 1);
    }
    expect(lane.lagMs).toBeLessThanOrEqual(1000);
  });

  it('in time grows while the lane is blocked, and does not shrink when data before the oldest missing byte arrives', () => {
    const { status, lane, at } = watching();
    at(10_000);
    lane.fileGrew(RUN, FILE, 100);
    at(20_000);
    lane.fileGrew(RUN, FILE, 200);
    at(70_000);
    expect(lane.lagMs).toBe(60_000);
    // Half of what was there first is brought: the other half is as old as it was.
    status.parcelAccepted('local', parcel(50), 1);
    expect(lane.lagMs).toBe(60_000);
    status.parcelAccepted('local', parcel(100), 1);
    expect(lane.lagMs).toBe(50_000);
    status.parcelAccepted('local', parcel(200), 1);
    expect([lane.lagMs, lane.lagSinceMs]).toEqual([0, undefined]);
  });

  it('in time grows while a lane waits, is parked, hangs or retries', () => {
    const { status, lane, at } = watching();
    const error = new MirrorError('MB4001', 'nobody answers');
    lane.fileGrew(RUN, FILE, 100);
    const doings = [
      () => lane.stalled(error, 1000),
      () => lane.stalled(error, 60_000, 'parked'),
      () => lane.fellSilent(2000),
      () => lane.sendFailed(error),
      () => lane.resumed(),
    ];
    for (const [i, happens] of doings.entries()) {
      at(1000 * (i + 2));
      happens();
      expect(lane.lagMs).toBe(1000 * (i + 1));
    }
    status.parcelAccepted('local', parcel(100), 1);
    expect(lane.lagMs).toBe(0);
  });

  it('in time is correct within a few percent for a file that grows for days, and takes little memory', () => {
    const { status, lane, at } = watching();
    for (let i = 1; i <= 20_000; i++) {
      at(10_000 * i);
      lane.fileGrew(RUN, FILE, 100 * i);
    }
    expect(JSON.stringify(lane.snapshot('watch', false)).length).toBeLessThan(10_000);
    for (const done of [1, 5000, 19_000]) {
      status.parcelAccepted('local', parcel(100 * done), 1);
      const age = 10_000 * (20_000 - done - 1);
      expect(lane.lagMs).toBeGreaterThanOrEqual(age);
      expect(lane.lagMs - age).toBeLessThanOrEqual((10_000 * 20_000) / 60);
    }
  });

  it('ignores an incomplete end, which waits for its writer', () => {
    const { status, lane } = watching();
    lane.fileGrew(RUN, FILE, 100);
    status.parcelAccepted('local', parcel(80, [{ start: 80, end: 100, reason: 'torn' }]), 1);
    expect([lane.lagBytes, lane.lagMs]).toEqual([0, 0]);
  });

  it.each(['length_checksum', 'not_event_file'] as const)('leaves out a damaged end (%s), which belongs to the file', (reason) => {
    const { status, lane, at } = watching();
    lane.fileGrew(RUN, FILE, 100);
    status.parcelAccepted('local', parcel(80, [{ start: 80, end: 100, reason }]), 1);
    at(60_000);
    expect([lane.lagBytes, lane.lagMs]).toEqual([0, 0]);
  });

  it('forgets a deleted file, and a file that shrank', () => {
    const { status, lane } = watching();
    lane.fileGrew(RUN, FILE, 100);
    status.fileGone('local', RUN, FILE, 0);
    expect(lane.lagBytes).toBe(0);
    lane.fileGrew(RUN, FILE, 100);
    lane.fileGrew(RUN, FILE, 10);
    expect(lane.lagBytes).toBe(10);
    status.parcelAccepted('local', parcel(10), 1);
    expect(lane.lagBytes).toBe(0);
  });

  it('includes pending data before the watermark, and for a deleted file only unread data', () => {
    const { status, lane, at } = watching();
    lane.fileGrew(RUN, FILE, 100, 100);
    lane.filePending(RUN, FILE, 30);
    at(5000);
    expect([lane.lagBytes, lane.lagMs, lane.filesBehind, lane.unreadBytes(RUN, FILE)]).toEqual([30, 4000, 1, 0]);
    status.parcelAccepted('local', parcel(100), 1);
    expect([lane.lagBytes, lane.lagMs, lane.filesBehind]).toEqual([0, 0, 0]);
  });

  it('is the sum over all files', () => {
    const { status, lane } = watching();
    lane.fileGrew(RUN, FILE, 100);
    lane.fileGrew(RUN, 'events.out.tfevents.2', 11);
    status.parcelAccepted('local', parcel(100), 1);
    expect(lane.lagBytes).toBe(11);
  });
});

describe('the lag of a lane after a restart', () => {
  const kept = (lane: LaneProgress, now: number): LaneProgress =>
    new LaneProgress({
      name: 'local',
      type: 'local',
      where: 'store.db',
      clock: clockAt(() => now),
      kept: readSnapshot(JSON.parse(JSON.stringify(lane.snapshot('watch', true)))),
    });

  it('continues from its former value if the lane has the same position', () => {
    const { lane, at } = watching();
    lane.fileGrew(RUN, FILE, 100);
    at(61_000);
    const next = kept(lane, 100_000);
    // It has grown since.
    next.fileGrew(RUN, FILE, 300, 0, 90_000);
    expect(next.lagMs).toBe(99_000);
  });

  it('counts from the last change of a file that was up to date then, and from our last check at most', () => {
    const { lane, at } = watching();
    at(50_000);
    const [later, earlier] = [kept(lane, 100_000), kept(lane, 100_000)];
    later.fileGrew(RUN, FILE, 100, 60, 80_000);
    expect(later.lagMs).toBe(20_000);
    // A copy with the times of what it was copied from.
    earlier.fileGrew(RUN, FILE, 100, 0, 10);
    expect(earlier.lagMs).toBe(50_000);
  });

  it('is no reason for another restart: only time without progress since the start is', () => {
    const { lane, at } = watching();
    lane.fileGrew(RUN, FILE, 100);
    at(61_000);
    const next = kept(lane, 7_200_000);
    next.fileGrew(RUN, FILE, 300, 0, 90_000);
    expect([next.lagMs, next.quietMs]).toEqual([7_199_000, 0]);
  });

  it('counts from the start if there was no earlier process', () => {
    const { lane, at } = watching();
    lane.fileGrew(RUN, FILE, 100, 0, 1);
    at(3000);
    expect(lane.lagMs).toBe(2000);
  });

  it('includes the points per byte, and the former speed of the lane', () => {
    const { status, lane, at } = watching();
    lane.fileGrew(RUN, FILE, 1000);
    lane.wasGiven(100, 1000);
    at(2000);
    status.parcelAccepted('local', parcel(1000), 100);
    const next = kept(lane, 100_000);
    next.fileGrew(RUN, FILE, 1500, 1000, 100_000);
    expect([next.lagPoints, next.pace]).toEqual([50, { points: 100, bytes: 1000 }]);
  });
});

describe('the state of a lane', () => {
  const error = new MirrorError('MB4002', 'nobody is let in', { hint: 'Renew the key.' });

  it('shows rate and time to catch up while the lane works, and neither while it is blocked', () => {
    const { status, lane, at } = watching();
    lane.fileGrew(RUN, FILE, 10_000);
    lane.wasGiven(1000, 10_000);
    at(11_000);
    status.parcelAccepted('local', parcel(2000), 200);
    expect(lane.document()).toMatchObject({
      lag_points_estimate: 800,
      points_per_second: 20,
      bytes_per_second: 200,
      catch_up_seconds: 40,
    });
    lane.stalled(error, 1000);
    expect(lane.document()).toMatchObject({ catch_up_seconds: null });
  });

  it('counts the requests to its tracker, those that failed, and their rate over the last minute', () => {
    const { lane, at } = watching();
    at(2000);
    expect(lane.document()).toMatchObject({ requests: 0, requests_failed: 0, requests_per_second: 0 });
    for (let i = 1; i <= 20; i++) {
      at(2000 + i * 500);
      lane.requestEnded(i === 3 ? undefined : i === 4 ? 503 : 200, 100);
    }
    expect(lane.document()).toMatchObject({ requests: 20, requests_failed: 2, requests_per_second: 2.1 });
    at(2000 + 130_000);
    lane.requestEnded(200, 0);
    expect(lane.document()).toMatchObject({ requests: 21, requests_failed: 2, requests_per_second: 0 });
  });

  it('has no time to catch up with files that grow faster than the lane', () => {
    const { status, lane, at } = watching();
    lane.fileGrew(RUN, FILE, 1000);
    for (let i = 1; i < 30; i++) {
      at(1000 + 1000 * i);
      lane.fileGrew(RUN, FILE, 1000 + 200 * i);
      status.parcelAccepted('local', { ...parcel(100 * i), batch: { ...parcel(100 * i).batch, start: 100 * (i - 1) } }, 1);
    }
    expect(lane.document()).toMatchObject({ catch_up_seconds: null, bytes_per_second: expect.any(Number) });
  });

  it('includes the last error with its code, also when it is over, and the next retry while one is due', () => {
    const { lane, at } = watching();
    at(2000);
    lane.stalled(error, 60_000, 'parked');
    const last_error = {
      code: 'MB4002',
      reason: 'nobody is let in',
      remedy: 'Renew the key.',
      at: '1970-01-01T00:00:02.000Z',
      over: false,
    };
    expect(lane.document()).toMatchObject({
      state: 'parked',
      code: 'MB4002',
      remedy: 'Renew the key.',
      last_error,
      next_try_at: '1970-01-01T00:01:02.000Z',
    });
    lane.resumed();
    expect(lane.document()).toMatchObject({
      state: 'active',
      code: null,
      reason: null,
      remedy: null,
      last_error: { ...last_error, over: true },
      next_try_at: null,
    });
  });

  it('shows since when the lane waits for an answer, until it has one', () => {
    const { lane, lines, at } = watching();
    lane.fileGrew(RUN, FILE, 100);
    at(16_000);
    lane.fellSilent(1000);
    expect(lane.document()).toMatchObject({
      state: 'waiting',
      code: 'MB4001',
      reason: 'waiting for an answer for 15 s',
      unanswered_seconds: 15,
    });
    at(31_000);
    expect(lane.reason).toBe('waiting for an answer for 30 s');
    lane.resumed();
    expect(lane.document()).toMatchObject({ state: 'active', reason: null, unanswered_seconds: null });
    expect(lines).toMatchObject([
      { level: 'warn', phrase: 'lane waiting', fields: { reason: 'waiting for an answer for 15 s', lagMs: 15_000, lagBytes: 100 } },
      { level: 'info', phrase: 'lane active' },
    ]);
  });

  it('is logged every minute while it is behind without progress', () => {
    const { status, lane, lines, at } = watching();
    lane.fileGrew(RUN, FILE, 100);
    for (let ms = 2000; ms <= 182_000; ms += 1000) {
      at(ms);
      status.tick(ms);
    }
    const said = lines.filter(({ phrase }) => phrase === 'behind');
    expect(said.map(({ fields }) => [fields['lane'], fields['lagBytes']])).toEqual([
      ['local', 100],
      ['local', 100],
      ['local', 100],
    ]);
    expect(said.at(-1)?.fields['lagMs']).toBeGreaterThan(170_000);
  });
});

describe('the status of a watch', () => {
  it('counts accepted points', () => {
    const { status, lane } = watching();
    status.parcelAccepted('local', parcel(60), 3);
    expect(lane).toMatchObject({ points: 3, records: 1, bytes: 60 });
    expect(status.document()).toMatchObject({ lanes: [{ name: 'local', state: 'active', points: 3, lag_bytes: 0 }], ready: false });
    expect(() => JSON.stringify(status.document())).not.toThrow();
  });

  it('reports a file as lost if it was deleted before it was read, and not if it was read', () => {
    const { status, lines } = watching();
    status.fileGone('local', RUN, FILE, 12);
    expect(status.incidents).toMatchObject([{ kind: 'lost', path: `a/${FILE}` }]);
    status.fileGone('local', RUN, 'events.out.tfevents.2', 0);
    expect(status.incidents.length).toBe(1);
    expect(lines.map(({ level }) => level)).toEqual(['warn', 'info']);
  });

  it('names the first thousand places of damage in its document, for any number of places', () => {
    const { status } = watching();
    const damage = Array.from({ length: 1500 }, (_, i): Damage => ({ start: i * 10, end: i * 10 + 1, reason: 'data_checksum' }));
    status.parcelAccepted('local', parcel(60, damage), 1);
    expect(status.damage).toHaveLength(1500);
    expect(status.document()['damage']).toHaveLength(1000);
  });

  it('keeps damage and counts of incidents from the watch before it, for the roots that it still watches', () => {
    const { status, at } = watching(['logs', 'other']);
    const damage: Damage = { start: 10, end: 20, reason: 'data_checksum' };
    const obstacle = { path: 'locked', reason: 'no permission' };
    const scan = { root: 'logs', directories: 1, files: 1, tookMs: 1, obstacles: [obstacle], isMissing: false };
    status.rootScanned(scan);
    status.fileGone('local', RUN, 'events.out.tfevents.2', 12);
    status.parcelAccepted('local', parcel(60, [damage]), 1);
    at(5000);
    const lines: string[] = [];
    const line = (_: object, phrase: string): void => void lines.push(phrase);
    const next = (roots: readonly string[]): WatchStatus =>
      new WatchStatus({
        lanes: [{ name: 'local', type: 'local', where: 'store.db' }],
        log: { debug: line, info: line, warn: line },
        roots,
        before: status,
      });
    const same = next(['logs']);
    same.rootScanned(scan);
    expect(same.document()).toMatchObject({ damage: [{ root: 'logs', run: 'a', file: FILE, start: 10 }] });
    expect([...same.incidentCounts]).toEqual([
      ['folder', 1],
      ['lost', 1],
    ]);
    // The file is read again: what was known of it is no news.
    same.parcelAccepted('local', parcel(70, [damage]), 1);
    const { found, places, damagedFiles } = same.knownDamage;
    expect([[...found], [...places], damagedFiles]).toEqual([[['data_checksum', 1]], [['data_checksum', 1]], 1]);
    expect(lines).toEqual(['root scanned', 'batch accepted']);
    same.parcelAccepted('local', parcel(80), 1);
    expect([same.knownDamage.damagedFiles, same.damage, status.knownDamage.damagedFiles]).toEqual([0, [], 1]);
    const without = next(['other']).knownDamage;
    expect([[...without.found], without.damagedFiles, without.all]).toEqual([[['data_checksum', 1]], 0, []]);
  });

  it('reports damage once, and its repair', () => {
    const { status, lines } = watching();
    const damage: Damage = { start: 10, end: 20, reason: 'data_checksum' };
    status.parcelAccepted('local', parcel(60, [damage]), 1);
    status.parcelAccepted('local', parcel(70, [damage]), 1);
    expect(status.damage).toMatchObject([{ ...damage, run: RUN, file: FILE }]);
    status.parcelAccepted('local', parcel(70), 1);
    expect(status.damage).toEqual([]);
    expect(lines.filter(({ phrase }) => phrase.startsWith('damage')).map(({ phrase }) => phrase)).toEqual([
      'damage found',
      'damage repaired',
    ]);
  });

  it('names the reason and the remedy while the lane waits', () => {
    const { status, lane } = watching();
    lane.stalled(undefined, 1000);
    expect(lane.state).toBe('waiting');
    status.parcelAccepted('local', parcel(100), 1);
    expect(lane).toMatchObject({ state: 'active', reason: undefined, remedy: undefined });
  });

  it('has one line for the scan of many roots, and one for each that is missing or unreadable', () => {
    const roots = Array.from({ length: 100 }, (_, i) => `r${i}`);
    const { status, lines } = watching(roots);
    const fact = { directories: 1, files: 2, tookMs: 1, obstacles: [], isMissing: false };
    for (const root of roots.slice(0, 98)) status.rootScanned({ ...fact, root });
    status.rootScanned({ ...fact, root: 'r98', isMissing: true, files: 0, obstacles: [{ path: 'a', reason: 'EACCES' }] });
    const said = (): readonly string[] => lines.filter(({ level }) => level !== 'debug').map(({ level, phrase }) => `${level} ${phrase}`);
    expect(said()).toEqual(['warn root missing, waiting for it', expect.stringMatching(/^warn /)]);
    status.fellSilent({ root: 'r99', path: '/mnt/r99', sinceMs: 0 });
    expect(said().slice(2)).toEqual(['warn does not answer', 'info roots scanned']);
    expect(lines.at(-1)?.fields).toMatchObject({ roots: 99, directories: 99, files: 196 });
    status.answersAgain({ root: 'r99', path: '/mnt/r99' });
    status.rootScanned({ ...fact, root: 'r99' });
    expect(said().slice(4)).toEqual(['info answers again', 'info root scanned']);
    expect(lines.filter(({ phrase }) => phrase === 'root scanned')).toHaveLength(100);
  });

  it('reports each scan if there are few roots', () => {
    const roots = Array.from({ length: 20 }, (_, i) => `r${i}`);
    const { status, lines } = watching(roots);
    for (const root of roots) status.rootScanned({ root, directories: 1, files: 2, tookMs: 1, obstacles: [], isMissing: false });
    expect(lines.map(({ level, phrase }) => `${level} ${phrase}`)).toEqual(roots.map(() => 'info root scanned'));
  });

  it('reports a missing root once, and its return once', () => {
    const { status, lines } = watching();
    const fact = { root: 'logs', directories: 1, files: 1, tookMs: 1, obstacles: [], isMissing: false };
    status.rootScanned(fact);
    expect(status.isReady).toBe(true);
    for (const isMissing of [true, true, false, false]) status.rootScanned({ ...fact, isMissing });
    expect(lines.map(({ phrase }) => phrase)).toEqual(['root scanned', 'root missing, waiting for it', 'root is back']);
  });

  it('distinguishes a root that was never seen from a missing one, with its path', () => {
    const { status, lines } = watching(['new', 'old'], new Map([['new', '/mnt/nwe']]));
    const fact = { directories: 0, files: 0, tookMs: 1, obstacles: [] };
    for (const root of ['new', 'old']) status.rootScanned({ ...fact, root, isMissing: true });
    expect([status.absentRoots, status.isReady]).toEqual([[{ name: 'new', path: '/mnt/nwe' }], true]);
    expect(status.remarks).toEqual(['new: /mnt/nwe does not exist yet']);
    expect(watchLines(status, new RateMeter(1000), 0).filter((line) => /root/.test(line))).toEqual([
      'root new does not exist yet: /mnt/nwe (check the path)',
      'waiting for missing roots: old',
    ]);
    const obstacle = { path: '.', reason: '/logs is given twice (MB2005)' };
    status.rootScanned({ ...fact, root: 'new', isMissing: true, obstacles: [obstacle] });
    expect(status.remarks).toEqual(['new: /logs is given twice (MB2005)']);
    expect(watchLines(status, new RateMeter(1000), 0)).toContain('root new is not mirrored: /logs is given twice (MB2005)');
    for (const isMissing of [false, true]) status.rootScanned({ ...fact, root: 'new', isMissing });
    expect(status.absentRoots).toEqual([]);
    expect(lines.flatMap(({ phrase }) => (/exist|missing/.test(phrase) ? [phrase] : []))).toEqual([
      'root does not exist yet, waiting for it',
      'root missing, waiting for it',
      'root exists now',
      'root missing, waiting for it',
    ]);
  });

  it('reports an unreadable folder once while that lasts, and again the next time', () => {
    const { status } = watching();
    const fact = { root: 'logs', directories: 1, files: 1, tookMs: 1, isMissing: false };
    const obstacles = [{ path: 'a', reason: 'EACCES' }];
    for (const now of [obstacles, obstacles, [], obstacles]) status.rootScanned({ ...fact, obstacles: now });
    expect(status.incidents.length).toBe(2);
  });

  it('keeps a limited number of incidents', () => {
    const { status } = watching();
    for (let i = 0; i < 1000; i++) status.fileGone('local', RUN, `events.out.tfevents.${i}`, 1);
    expect(status.incidents.length).toBe(100);
    expect(status.incidents.at(-1)?.path).toBe('a/events.out.tfevents.999');
  });

  it('logs its counts every ten seconds, as long as they change', () => {
    const { status, lines, at } = watching();
    status.parcelAccepted('local', parcel(60), 3);
    for (let ms = 1000; ms <= 41_000; ms += 1000) {
      at(ms);
      status.tick(ms);
    }
    expect(lines.filter(({ phrase }) => phrase === 'mirrored')).toMatchObject([{ fields: { points: 3, newPoints: 3 } }]);
  });
});

describe('a run that its tracker refuses', () => {
  it('is named until the tracker accepts some of it again', () => {
    const { lane } = watching();
    lane.runStopped(RUN, new MirrorError('MB4006', 'the run was deleted', { hint: 'Restore it.' }));
    expect(lane.document()).toMatchObject({
      stopped_runs: [{ root: 'logs', run: 'a', reason: 'the run was deleted', remedy: 'Restore it.' }],
    });
    lane.parcelAccepted(parcel(60), 1);
    expect(lane.document()).toMatchObject({ stopped_runs: [] });
  });
});

describe('the loss with a deleted file', () => {
  const { state } = parcel(80, [{ start: 80, end: 100, reason: 'torn' }]);

  it('is its incomplete end, its gaps, and known data that was not read', () => {
    expect(unmirroredBytes(state, 0)).toBe(20);
    expect(unmirroredBytes(state, 7)).toBe(27);
    const position = { ...state.position, gaps: [{ start: 10, end: 15, reason: 'damage' as const }] };
    expect(unmirroredBytes({ ...state, position }, 0)).toBe(25);
  });

  it('is its data after the watermark if its size is unknown; 0 for an unknown file', () => {
    expect(unmirroredBytes({ ...state, size: 130 }, undefined)).toBe(50);
    expect(unmirroredBytes(undefined, undefined)).toBe(0);
  });
});

describe('the message of a watch about notifications', () => {
  const scanned = (directories: number): Parameters<WatchStatus['rootScanned']>[0] => ({
    root: 'logs',
    directories,
    files: 1,
    tookMs: 1,
    obstacles: [],
    isMissing: false,
  });
  const shortOf = (status: WatchStatus): unknown =>
    (status.document()['roots'] as readonly Record<string, unknown>[])[0]?.['notifications_short'];

  it('is empty while every directory has one, or if none was requested', () => {
    const { status, lines } = watching();
    status.rootScanned(scanned(9));
    expect(shortOf(status)).toBeNull();
    status.notificationsChanged({ root: 'logs', directories: 9, reason: '' });
    expect(shortOf(status)).toBeNull();
    expect(lines.filter(({ level }) => level === 'warn')).toEqual([]);
  });

  it('shows that there are more directories than notifications', () => {
    const { status } = watching();
    status.rootScanned(scanned(5000));
    status.notificationsChanged({ root: 'logs', directories: 2000, reason: '' });
    expect(shortOf(status)).toBe('mirrorboard does not request more');
  });

  it('has the reason of the system for its limit, once in the log', () => {
    const { status, lines } = watching();
    status.rootScanned(scanned(5000));
    status.notificationsChanged({ root: 'logs', directories: 40, reason: 'the system gives no more' });
    status.rootScanned(scanned(5000));
    status.notificationsChanged({ root: 'logs', directories: 39, reason: 'the system gives no more' });
    expect(shortOf(status)).toBe('the system gives no more');
    expect(lines.filter(({ level }) => level === 'warn').map(({ phrase }) => phrase)).toEqual(['fewer notifications, polling continues']);
  });
});
