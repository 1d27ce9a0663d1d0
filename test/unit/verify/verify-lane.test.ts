import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Handle, ReadBackChunk, ReadBackOptions } from '../../../src/contract/index.ts';
import { MirrorError } from '../../../src/errors.ts';
import { type TrackerLaneOptions, wholeRouting } from '../../../src/lanes/lane-options.ts';
import { StateFile } from '../../../src/state/index.ts';
import type { Progress } from '../../../src/status/index.ts';
import { backfill } from '../../../src/sync/backfill.ts';
import { untilAborted } from '../../../src/testing/fault.ts';
import { type Difference, equalOf, exitCodeOf, totalsOf, type Verification } from '../../../src/verify/compare/index.ts';
import { type VerifyLanesOptions, verifyBetween, verifyLanes } from '../../../src/verify/verify-lanes.ts';
import { until } from '../../crash/watch-kill.ts';
import { concat, event, eventFile, frame, image, simpleValue, tensorScalar, text } from '../../support/event-writer.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { LIARS } from '../../support/lying-backends.ts';
import { MemoryBackend, type MemoryRun, MemoryTracker } from '../../support/memory-backend.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

let folder = '';
let tracker: MemoryTracker;
let differences: (Difference & { readonly lane: string })[] = [];

beforeEach(() => {
  folder = temporaryFolder();
  tracker = new MemoryTracker('one');
  differences = [];
});
const PNG = Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 1, 2, 3, 4]);
const logs = (): string => join(folder, 'logs');
const statePath = (): string => join(folder, 'a.state');
const store = { path: () => join(folder, 'a.db'), mediaPath: () => join(folder, 'a.media') };

function fileOf(run: string, name = 'events.out.tfevents.1'): string {
  mkdirSync(join(logs(), run), { recursive: true });
  return join(logs(), run, name);
}

/** Odd numbers, and a wall time that no millisecond holds. */
function scalars(step: number): Uint8Array {
  const loss = [step + 0.25, -0, Infinity, NaN][step % 4] as number;
  return event({ wallTime: 1000 + step / 7, step, summary: [simpleValue('loss', loss), simpleValue('acc', -step)] });
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

function write(): void {
  writeFileSync(fileOf('a'), eventFile(...range(0, 20).map(scalars)));
  const media = event({
    wallTime: 1,
    step: 1,
    summary: [image('picture', { width: 2, height: 2, encoded: PNG }), text('note', ['hello'])],
  });
  writeFileSync(fileOf('b'), eventFile(...range(0, 5).map(scalars), media));
}

function lane(of = tracker): TrackerLaneOptions {
  const backend = new MemoryBackend(of);
  return {
    name: of.name,
    type: 'memory',
    target: `memory:${of.name}`,
    backend,
    namesOf: ({ path }) => ({ name: path, group: '', tags: {} }),
  };
}

async function mirror(trackers = [lane()], withStore = false): Promise<void> {
  await backfill({
    roots: [{ path: logs() }],
    store: withStore ? { path: store.path(), mediaPath: store.mediaPath() } : undefined,
    trackers,
    statePath: statePath(),
    signal: new AbortController().signal,
  });
}

function options(more: Partial<VerifyLanesOptions> = {}): VerifyLanesOptions {
  differences = [];
  return {
    roots: [],
    store: undefined,
    trackers: [lane()],
    statePath: statePath(),
    signal: new AbortController().signal,
    onDifference: (difference, name) => differences.push({ ...difference, lane: name }),
    ...more,
  };
}

async function verified(more: Partial<VerifyLanesOptions> = {}): Promise<Verification> {
  const [verification] = await verifyLanes(options(more));
  return verification as Verification;
}

function runOf(path: string, of = tracker): MemoryRun {
  return [...of.runs.values()].find(({ source }) => source.run.path === path) as MemoryRun;
}

/** The key and the point of a series at a step. */
function entry(run: MemoryRun, tag: string, step: number): [string, NonNullable<ReturnType<MemoryRun['points']['get']>>] {
  return [...run.points].find(([, point]) => point.tag === tag && point.step === step) as ReturnType<typeof entry>;
}

describe('verify of a tracker', () => {
  test('finds nothing if everything arrived', async () => {
    write();
    await mirror();
    const verification = await verified();
    expect(totalsOf(verification)).toMatchObject({ runs: 2, points: 52, missing: 0, extra: 0, changed: 0, allowed: 0, differences: 0 });
    expect([verification.lane, exitCodeOf(verification, true)]).toEqual(['one', 0]);
  });

  test('names points that were removed, changed and added in the tracker', async () => {
    write();
    await mirror();
    const run = runOf('a');
    run.points.delete(entry(run, 'loss', 4)[0]);
    const [key, point] = entry(run, 'acc', 7);
    run.points.set(key, { ...point, value: 5 });
    run.points.set('mine', { ...point, step: 99, offset: 1e9 });
    run.writes.set('mine', 1);
    const verification = await verified();
    expect(differences.map(({ kind, run: { path }, tag, ...rest }) => [kind, path, tag, 'step' in rest && rest.step])).toEqual([
      ['missing', 'a', 'loss', 4],
      ['changed', 'a', 'acc', 7],
      ['extra', 'a', 'acc', 99],
    ]);
    expect(differences[1]).toMatchObject({ mine: -7, theirs: 5, lane: 'one' });
    expect(exitCodeOf(verification, false)).toBe(1);
  });

  test.each(Object.entries(LIARS))('finds out a backend that %s', async (_, make) => {
    write();
    const doubles = range(0, 4).map((step) =>
      event({ wallTime: 1000 + step, step, summary: [tensorScalar('exact', 1 / (step + 3), 'double')] }),
    );
    writeFileSync(fileOf('c'), eventFile(...doubles));
    await mirror([{ ...lane(), backend: make(tracker) }]);
    const verification = await verified({ trackers: [{ ...lane(), backend: make(tracker) }] });
    expect(exitCodeOf(verification, false)).toBe(1);
  });

  test('counts points that the tracker rounds, clamps and cannot store as allowed', async () => {
    const { keeps, holds } = tracker.capabilities;
    tracker.capabilities = {
      ...tracker.capabilities,
      keeps: { ...keeps, wallTime: false, negativeZero: false },
      holds: { ...holds, images: 'none' },
    };
    write();
    await mirror();
    const verification = await verified();
    const { losses, allowed, unsupported, differences: found, points } = totalsOf(verification);
    expect({ points, allowed, unsupported, found }).toEqual({ points: 52, allowed: 44, unsupported: 1, found: 0 });
    // Steps 0, 7 and 14 have whole seconds; -0 stands at `acc` of step 0, and at `loss` of every fourth from 1 on.
    expect(losses).toMatchObject({ time: 42, value: 8, notHeld: 0, merged: 0 });
    const held = runOf('a');
    const [key, point] = entry(held, 'loss', 1);
    held.points.set(key, { ...point, value: 1 });
    await verified();
    expect(differences).toMatchObject([{ kind: 'changed', tag: 'loss', step: 1, mine: 0, theirs: 1 }]);
  });

  test('accepts one point for several equal ones if the tracker merges them, and reports it', async () => {
    const { keeps } = tracker.capabilities;
    tracker.capabilities = { ...tracker.capabilities, keeps: { ...keeps, equalPoints: false } };
    const twice = event({ wallTime: 1, step: 1, summary: [simpleValue('loss', 1)] });
    writeFileSync(fileOf('a'), eventFile(twice, twice, scalars(3)));
    await mirror();
    const run = runOf('a');
    run.points.delete(entry(run, 'loss', 1)[0]);
    const { losses, differences: found, allowed } = totalsOf(await verified());
    expect({ found, allowed, merged: losses.merged }).toEqual({ found: 0, allowed: 1, merged: 1 });
    run.points.delete(entry(run, 'loss', 1)[0]);
    expect(totalsOf(await verified())).toMatchObject({ missing: 2, allowed: 0 });
  });

  test('counts refused points separately, and ignores points that are pending or after the position', async () => {
    tracker.refuses = ({ tag, step }) => (tag === 'acc' && step === 3 ? 'refused' : undefined);
    write();
    await mirror();
    appendFileSync(fileOf('a'), concat(...range(20, 25).map((step) => frame(scalars(step)))));
    const verification = await verified();
    expect(totalsOf(verification)).toMatchObject({ refused: 2, unsupported: 0, points: 52, differences: 0 });
    expect(totalsOf(verification).incompleteBytes).toBeGreaterThan(0);
    expect([exitCodeOf(verification, false), exitCodeOf(verification, true)]).toEqual([1, 1]);

    // It arrived, and the sender was killed before it noted that.
    const run = runOf('a');
    const [, point] = entry(run, 'loss', 19);
    run.points.set('late', { ...point, step: 20, wallTime: 1000 + 20 / 7, value: 20.25, offset: 1e9 });
    run.writes.set('late', 1);
    expect(totalsOf(await verified()).differences).toBe(0);
    run.points.set('late', { ...point, step: 20, wallTime: 1000 + 20 / 7, value: 20.5, offset: 1e9 });
    expect(totalsOf(await verified()).differences).toBe(1);
  });

  test.each(['MB4001', 'MB4003', 'MB4005'] as const)(
    'judges the other runs if a tracker that answers fails with %s for one',
    async (code) => {
      write();
      await mirror();
      const { source } = runOf('a');
      class Failing extends MemoryBackend {
        override async *readBack(handle: Handle, options?: ReadBackOptions): AsyncGenerator<ReadBackChunk, void, void> {
          if (tracker.runs.get(handle)?.source.key === source.key) throw new MirrorError(code, 'listing metrics: 404');
          yield* super.readBack(handle, options);
        }
      }
      const verification = await verified({ trackers: [{ ...lane(), backend: new Failing(tracker) }] });
      expect(verification.runs.map(({ run }) => run.path)).toEqual(['b']);
      expect(verification.obstacles).toEqual([{ what: 'one, logs/a', reason: 'listing metrics: 404', isAboutRun: true }]);
      expect(exitCodeOf(verification, false)).toBe(3);

      tracker.isDown = true;
      const away = await verified({ trackers: [{ ...lane(), backend: new Failing(tracker) }] });
      expect(away.obstacles).toEqual([{ what: 'one', reason: 'listing metrics: 404' }]);
    },
  );

  test('reports a run that was removed, a missing handle and a tracker that is down as obstacles', async () => {
    write();
    await mirror();
    for (const [id, { source }] of tracker.runs) if (source.run.path === 'a') tracker.runs.delete(id);
    const gone = await verified();
    expect(gone.obstacles).toMatchObject([{ what: expect.stringContaining('logs/a'), reason: expect.stringContaining('is not there') }]);
    expect([exitCodeOf(gone, false), gone.runs.length]).toEqual([3, 1]);

    const other = { ...lane(), target: 'memory:elsewhere' };
    const never = await verified({ trackers: [other] });
    expect(never.obstacles[0]?.reason).toContain('nothing of logs is mirrored into one yet');
    expect(exitCodeOf(never, false)).toBe(3);

    expect(exitCodeOf(await verified({ statePath: join(folder, 'none.state') }), false)).toBe(3);
  });

  test('marks missing points as pending, for their tags, and then compares without them', async () => {
    write();
    await mirror();
    const run = runOf('a');
    const lost = range(4, 8).map((step) => entry(run, 'loss', step)[0]);
    for (const key of lost) run.points.delete(key);
    const verification = await verified({ repair: true });
    expect(verification.repairs).toMatchObject({ gaps: 1, missingPoints: 4, left: [] });
    const state = StateFile.openForReading(statePath());
    const [file] = state.lane('one', 'memory:one').known({ root: 'logs', path: 'a' }).files;
    expect([state.check(), file?.position.gaps]).toMatchObject([[], [{ reason: 'repair', tags: ['loss'] }]]);
    state.close();
    const pending = await verified();
    expect(totalsOf(pending).pendingBytes).toBeGreaterThan(0);
    expect(totalsOf(pending).differences).toBe(0);
  });

  test('does not repair while another process uses the state', async () => {
    write();
    await mirror();
    const state = StateFile.open(statePath(), { now: Date.now });
    await expect(verified({ repair: true })).rejects.toMatchObject({ code: 'MB3106', exitCode: 4 });
    expect(totalsOf(await verified()).differences).toBe(0);
    state.close();
  });

  test('compares only a sample of the series', async () => {
    write();
    await mirror();
    const { points } = totalsOf(await verified({ sample: { percent: 40, seed: 'a' } }));
    expect(points).toBeGreaterThan(0);
    expect(points).toBeLessThan(52);
  });

  test('does not report points of a deleted file as extra', async () => {
    write();
    writeFileSync(fileOf('a', 'events.out.tfevents.2'), eventFile(scalars(40)));
    await mirror();
    rmSync(fileOf('a', 'events.out.tfevents.2'));
    const verification = await verified();
    expect(totalsOf(verification)).toMatchObject({ differences: 0, unjudged: { gone: 2 } });
    expect(verification.troubled).toMatchObject([{ why: 'gone' }]);
  });
});

describe('a tracker that hangs while mirrorboard reads it back', () => {
  class Hanging extends MemoryBackend {
    override async *readBack(_: unknown, { signal }: ReadBackOptions = {}): AsyncGenerator<ReadBackChunk, void, void> {
      tracker.calls.readBack++;
      yield await untilAborted(signal ?? new AbortController().signal).then(() => ({ tag: '', plugin: '', points: [] }));
    }
  }

  test('is reported as waiting after 15 seconds, not earlier', async () => {
    write();
    await mirror();
    const [clock, end] = [new FakeClock(), new AbortController()];
    let progress: Progress | undefined;
    const trackers = [{ ...lane(), backend: new Hanging(tracker) }];
    const onStart = (started: Progress): void => {
      progress = started;
    };
    const verified = verifyLanes(options({ trackers, clock, signal: end.signal, onStart }));
    expect(await until(() => tracker.calls.readBack === 1)).toBe(true);
    await clock.pass(14_999);
    expect(progress?.unanswered).toBeUndefined();
    await clock.pass(1);
    expect(progress?.unanswered).toMatchObject({ lane: 'one', words: expect.stringMatching(/^waiting for an answer for /) });
    end.abort();
    expect((await verified).map(({ interrupted }) => interrupted)).toEqual([true]);
  });
});

describe('verify between two lanes', () => {
  test('compares each in the form of the other one', async () => {
    const { keeps } = tracker.capabilities;
    tracker.capabilities = { ...tracker.capabilities, keeps: { ...keeps, wallTime: false } };
    const two = new MemoryTracker('two');
    write();
    await mirror([lane(), lane(two)], true);
    const both = { trackers: [lane(), lane(two)], store: { path: store.path(), mediaPath: store.mediaPath() } };
    for (const names of [
      ['local', 'one'],
      ['one', 'two'],
      ['two', 'local'],
    ] as const) {
      const verification = await verifyBetween([...names], options(both));
      expect([names, totalsOf(verification).differences, exitCodeOf(verification, false)]).toEqual([names, 0, 0]);
      expect(totalsOf(verification).points).toBe(52);
    }
    const run = runOf('a', two);
    run.points.delete(entry(run, 'loss', 4)[0]);
    const verification = await verifyBetween(['one', 'two'], options(both));
    expect(differences).toMatchObject([{ kind: 'missing', tag: 'loss', step: 4 }]);
    expect([verification.lane, verification.other]).toEqual(['one', 'two']);
  });

  test('never reports points as equal if only the first one has them, and reports why', async () => {
    const two = new MemoryTracker('two');
    two.refuses = ({ tag, step }) => (tag === 'acc' && step === 3 ? 'refused' : undefined);
    two.capabilities = { ...two.capabilities, holds: { ...two.capabilities.holds, images: 'none' } };
    write();
    await mirror([lane(), lane(two)]);
    appendFileSync(fileOf('a'), frame(scalars(20)));
    await mirror([lane()]);
    const verification = await verifyBetween(['one', 'two'], options({ trackers: [lane(), lane(two)] }));
    const totals = totalsOf(verification);
    expect(totals).toMatchObject({
      points: 54,
      differences: 0,
      notYet: 2,
      refused: 2,
      absent: { pending: { scalars: 2 }, refused: { scalars: 2 }, noPlace: { images: 1 }, leftOut: {}, gone: {} },
    });
    expect([equalOf(totals), exitCodeOf(verification, false)]).toEqual([49, 1]);
    // What is pending for the first one is no lack of the second one.
    const turned = await verifyBetween(['two', 'one'], options({ trackers: [lane(), lane(two)] }));
    expect([totalsOf(turned).differences, equalOf(totalsOf(turned)), exitCodeOf(turned, false)]).toEqual([0, 49, 0]);
  });

  test.each([
    ['a root that was mirrored into the first one alone', true],
    ['a lane that took nothing at all', false],
  ])('has no equal points of %s', async (_, isSecondUsed) => {
    const two = new MemoryTracker('two');
    write();
    await mirror([lane()], false);
    if (isSecondUsed) {
      mkdirSync(join(folder, 'more/c'), { recursive: true });
      writeFileSync(join(folder, 'more/c/events.out.tfevents.1'), eventFile(scalars(0)));
      await backfill({
        roots: [{ path: join(folder, 'more') }],
        store: undefined,
        trackers: [lane(), lane(two)],
        statePath: statePath(),
        signal: new AbortController().signal,
      });
    }
    const verification = await verifyBetween(['one', 'two'], options({ trackers: [lane(), lane(two)] }));
    const totals = totalsOf(verification);
    expect({ equal: equalOf(totals), notYet: totals.notYet, exitCode: exitCodeOf(verification, false) }).toEqual({
      equal: isSecondUsed ? 2 : 0,
      notYet: 52,
      exitCode: 1,
    });
  });

  test('names the runs of the first one that were not compared', async () => {
    const two = new MemoryTracker('two');
    write();
    await mirror([lane(), lane(two)]);
    const both = { trackers: [lane(), lane(two)] };
    const withRoots = async (more: Partial<VerifyLanesOptions>) =>
      (await verifyBetween(['one', 'two'], options({ ...both, ...more }))).uncompared;
    expect(await withRoots({})).toEqual([]);
    expect(await withRoots({ roots: [{ path: join(logs(), 'a') }] })).toEqual([
      { run: { root: 'logs', path: 'b' }, root: logs(), points: 12, why: 'elsewhere' },
    ]);
    expect(await withRoots({ rules: { include: [], exclude: ['a'], roots: [] } })).toMatchObject([
      { run: { path: 'a' }, points: 40, why: 'rules' },
    ]);
  });

  test('names points of deleted files as missing, and as impossible to restore', async () => {
    const two = new MemoryTracker('two');
    write();
    writeFileSync(fileOf('a', 'events.out.tfevents.2'), eventFile(scalars(40)));
    await mirror([lane()], true);
    rmSync(fileOf('a', 'events.out.tfevents.2'));
    await mirror([lane(), lane(two)], true);
    const both = { trackers: [lane(), lane(two)], store: { path: store.path(), mediaPath: store.mediaPath() } };
    for (const first of ['local', 'one']) {
      const totals = totalsOf(await verifyBetween([first, 'two'], options(both)));
      expect(totals).toMatchObject({ missing: 2, absent: { gone: { scalars: 2 }, pending: {} } });
    }
    // What is in the files, and was to be there, is another matter.
    const run = runOf('a', two);
    run.points.delete(entry(run, 'loss', 4)[0]);
    expect(totalsOf(await verifyBetween(['one', 'two'], options(both)))).toMatchObject({ missing: 3, absent: { gone: { scalars: 2 } } });
  });

  test('distinguishes series that were never in an event file from points that are no longer in one', async () => {
    write();
    const two = new MemoryTracker('two');
    await mirror([lane(), lane(two)]);
    const run = runOf('a');
    const [, point] = entry(run, 'acc', 7);
    for (const step of [1, 2]) run.points.set(`mine ${step}`, { ...point, tag: 'user/acc', step, offset: 1e9 + step });
    run.points.set('more', { ...point, step: 99, offset: 2e9 });
    const verification = await verifyBetween(['one', 'two'], options({ trackers: [lane(), lane(two)] }));
    expect(totalsOf(verification)).toMatchObject({ missing: 3, absent: { foreign: { scalars: 2 }, gone: { scalars: 1 } } });
    expect(verification.runs.flatMap(({ foreignTags = [] }) => foreignTags)).toEqual(['user/acc']);
  });

  test('does not judge points that a tracker still has from a replaced file', async () => {
    write();
    await mirror([lane()], true);
    writeFileSync(fileOf('b'), eventFile(...range(50, 60).map(scalars)));
    await backfill({
      roots: [{ path: logs() }],
      store: { path: store.path(), mediaPath: store.mediaPath() },
      trackers: [{ ...lane(), routing: { ...wholeRouting('one'), replacedOf: () => 'same_run' } }],
      statePath: statePath(),
      signal: new AbortController().signal,
    });
    const both = { store: { path: store.path(), mediaPath: store.mediaPath() } };
    const verification = await verifyBetween(['local', 'one'], options(both));
    expect(totalsOf(verification)).toMatchObject({ differences: 0, unjudged: { replaced: 12 } });
    // A point twice is one too many, even if a file was replaced.
    const run = runOf('b');
    run.points.set('twice', { ...entry(run, 'loss', 52)[1] });
    run.writes.set('twice', 1);
    expect(totalsOf(await verifyBetween(['local', 'one'], options(both)))).toMatchObject({ differences: 1, extra: 1 });
  });
});
