import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Backend, Capabilities, Handle, TrackerParcel } from '../../../src/contract/index.ts';
import { type CheckpointStore, type Settled, TrackerLane } from '../../../src/delivery/index.ts';
import { MirrorError } from '../../../src/errors.ts';
import { signOfLife } from '../../../src/sign-of-life.ts';
import { StateFile } from '../../../src/state/index.ts';
import { RunStates } from '../../../src/sync/run-states.ts';
import { untilAborted } from '../../../src/testing/fault.ts';
import { addressed, GrowingRun } from '../../../src/testing/parcels.ts';
import { event, simpleValue } from '../../support/event-writer.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { JournalBackend, JournalServer } from '../../support/journal-backend/index.ts';
import { MEMORY_CAPABILITIES, MemoryBackend, MemoryTracker } from '../../support/memory-backend.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const NEVER = new AbortController().signal;
const cleanings: (() => void)[] = [];
afterEach(() => {
  for (const clean of cleanings.splice(0)) clean();
});

const limited = (limits: Partial<Capabilities['limits']>): Partial<Capabilities> => ({
  limits: { ...MEMORY_CAPABILITIES.limits, ...limits },
});

function newRun(path: string): GrowingRun {
  const run = new GrowingRun(path);
  cleanings.push(() => run.remove());
  return run;
}

/** Parcels of a run of its own, one for each piece of so many steps. */
async function parcelsOf(backend: Backend, path: string, ...sizes: readonly number[]): Promise<TrackerParcel[]> {
  const run = newRun(path);
  let step = 0;
  const next = (): Uint8Array => event({ wallTime: 1000 + step, step, summary: [simpleValue('loss', step++)] });
  const drafts = sizes.flatMap((size) => run.append(Array.from({ length: size }, next)));
  return addressed(drafts, await backend.open(run.source(), undefined, NEVER));
}

/** A lane into a tracker in memory, with a book that only remembers what was settled. */
class Scene {
  readonly tracker: MemoryTracker;
  readonly backend: MemoryBackend;
  readonly clock = new FakeClock();
  readonly end = new AbortController();
  readonly settled: Settled[] = [];
  readonly said: string[] = [];
  readonly lane: TrackerLane;

  constructor(capabilities: Partial<Capabilities> = {}) {
    this.tracker = new MemoryTracker('memory', capabilities);
    this.backend = new MemoryBackend(this.tracker);
    this.lane = this.newLane(this.backend, {
      settled: (settled) => void this.settled.push(settled),
      journal: () => [],
      startedSend: () => undefined,
      begin: () => undefined,
      flush: () => true,
      finishSend: () => undefined,
    });
  }

  newLane(backend: Backend, book: CheckpointStore): TrackerLane {
    const events = {
      sendFailed: () => undefined,
      requestEnded: () => undefined,
      laneWaiting: () => void this.said.push('waiting'),
      laneParked: () => void this.said.push('parked'),
      laneSilent: () => void this.said.push('silent'),
      laneActive: () => void this.said.push('active'),
    };
    return new TrackerLane({ name: 'memory', backend, checkpoints: book, events, signal: this.end.signal, clock: this.clock });
  }
}

describe('a lane to a tracker', () => {
  it.each([
    [4, [3]],
    [2, [2, 1]],
    [1, [1, 1, 1]],
  ])('puts up to %i runs into one send', async (runsPerSend, expected) => {
    const { tracker, backend, lane, settled } = new Scene(limited({ runsPerSend }));
    const parcels = (await Promise.all(['a', 'b', 'c'].map((path) => parcelsOf(backend, path, 5)))).flat();
    const sizes: number[] = [];
    const send = backend.send.bind(backend);
    backend.send = (group, signal) => {
      sizes.push(new Set(group.map(({ handle }) => handle)).size);
      return send(group, signal);
    };
    const answers = await lane.deliver(parcels);
    expect([...answers.values()].map(({ kind }) => kind)).toEqual(['delivered', 'delivered', 'delivered']);
    expect([sizes, tracker.pointCount, settled.length]).toEqual([expected, 15, 3]);
  });

  it('never has more concurrent sends than the limit', async () => {
    const { tracker, backend, lane } = new Scene(limited({ sendsAtOnce: 2, runsPerSend: 1 }));
    tracker.meets = 2;
    const all = await Promise.all(Array.from({ length: 6 }, (_, i) => parcelsOf(backend, `run ${i}`, 4, 4)));
    await Promise.all(all.map((parcels) => lane.deliver(parcels)));
    expect([tracker.mostSending, tracker.complaints, tracker.pointCount]).toEqual([2, [], 48]);
  });

  it('retries at the time that the tracker named, not earlier, and sends no request meanwhile', async () => {
    const { tracker, backend, lane, clock, said } = new Scene();
    const [one, other] = [await parcelsOf(backend, 'one', 3), await parcelsOf(backend, 'other', 3)];
    tracker.fail({ kind: 'rateLimited', afterSec: 90 });
    const delivered = lane.deliver(one);
    await settle();
    const second = lane.deliver(other);
    await clock.pass(89_999);
    expect([tracker.calls.send, said]).toEqual([1, ['waiting']]);
    await clock.pass(1);
    await Promise.all([delivered, second]);
    expect([tracker.calls.send, tracker.pointCount, said]).toEqual([3, 6, ['waiting', 'active']]);
  });

  it('delays a send that was only waiting for its turn when the tracker requested a pause', async () => {
    const { tracker, backend, lane, clock } = new Scene(limited({ runsPerSend: 1, sendsAtOnce: 1 }));
    const [one, other] = [await parcelsOf(backend, 'one', 3), await parcelsOf(backend, 'other', 3)];
    tracker.fail({ kind: 'rateLimited', afterSec: 90 });
    const delivered = [lane.deliver(one), lane.deliver(other)];
    await clock.pass(89_999);
    expect(tracker.calls.send).toBe(1);
    await clock.pass(1);
    await Promise.all(delivered);
    expect([tracker.calls.send, tracker.pointCount]).toEqual([3, 6]);
  });

  it('does not retry runs one by one if the tracker requested a pause for all of them', async () => {
    const { tracker, backend, lane, clock } = new Scene();
    const parcels = [...(await parcelsOf(backend, 'one', 3)), ...(await parcelsOf(backend, 'other', 3))];
    tracker.fail({ kind: 'rateLimited', afterSec: 90 });
    const delivered = lane.deliver(parcels);
    await clock.pass(89_999);
    expect(tracker.calls.send).toBe(1);
    await clock.pass(1);
    await delivered;
    expect(tracker.pointCount).toBe(6);
  });

  it('retries waiting and parked sends immediately if a user requests it', async () => {
    const { tracker, backend, lane, said } = new Scene();
    tracker.fail({ kind: 'rateLimited', afterSec: 90 });
    const waiting = lane.deliver(await parcelsOf(backend, 'one', 3));
    await settle();
    lane.retryNow();
    await waiting;
    backend.send = ((send) => {
      let isDenied = true;
      return (parcels, signal) => {
        if (!isDenied) return send(parcels, signal);
        isDenied = false;
        throw new MirrorError('MB4002', 'it answers 401');
      };
    })(backend.send.bind(backend));
    const parked = lane.deliver(await parcelsOf(backend, 'other', 3));
    await settle();
    expect([lane.isParked, tracker.pointCount]).toEqual([true, 3]);
    lane.retryNow();
    await parked;
    expect([lane.isParked, tracker.pointCount, said]).toEqual([false, 6, ['waiting', 'active', 'parked', 'active']]);
  });

  it('sends nothing while it is paused, and everything afterwards', async () => {
    const { tracker, backend, lane } = new Scene();
    const parcels = await parcelsOf(backend, 'run', 3);
    lane.hold(true);
    const delivered = lane.deliver(parcels);
    await settle();
    lane.retryNow();
    await settle();
    expect(tracker.calls.send).toBe(0);
    lane.hold(false);
    await delivered;
    expect([tracker.calls.send, tracker.pointCount]).toEqual([1, 3]);
  });

  it('rejects an answer of the backend that leaves points out', async () => {
    const { tracker, backend, lane, settled, said, end, clock } = new Scene();
    const send = backend.send.bind(backend);
    let isSilent = true;
    backend.send = async (parcels, signal) =>
      (await send(parcels, signal)).map((outcome) => (outcome.kind === 'accepted' && isSilent ? { ...outcome, points: 0 } : outcome));
    const delivered = lane.deliver(await parcelsOf(backend, 'run', 5));
    await settle();
    expect([said, settled, lane.isParked]).toEqual([['parked'], [], true]);
    isSilent = false;
    await clock.pass(60_000);
    await delivered;
    expect([settled.map(({ points }) => points), tracker.pointCount, said]).toEqual([[5], 5, ['parked', 'active']]);
    end.abort();
  });

  it('finds the only refused point, and records only that one', async () => {
    const { tracker, backend, lane, settled } = new Scene();
    const [parcel] = await parcelsOf(backend, 'run', 40);
    tracker.rejects = ({ step }) => step === 23;
    const answers = await lane.deliver([parcel!]);
    expect([...answers.values()]).toEqual([{ kind: 'delivered' }]);
    const { batch } = parcel!;
    const refusal = { offset: batch.scalars.offset[23], index: 0, kind: 'refused', reason: expect.stringContaining('does not take') };
    expect(settled).toEqual([{ parcel, points: 39, refusals: [refusal] }]);
    const [run] = tracker.runs.values();
    expect([...run!.points.values()].map(({ step }) => step).sort((a, b) => Number(a) - Number(b))).toEqual(
      Array.from({ length: 40 }, (_, i) => i).filter((step) => step !== 23),
    );
    // Halving asks about twice the depth of the tree, and no half that was taken comes again.
    expect(tracker.calls.send).toBeLessThanOrEqual(1 + 2 * Math.ceil(Math.log2(40)));
    expect(Math.max(...run!.writes.values())).toBe(1);
  });

  it('continues the other runs of a send if the tracker lost one run', async () => {
    const { tracker, backend, lane, settled } = new Scene();
    const [gone, there] = [await parcelsOf(backend, 'gone', 3, 3), await parcelsOf(backend, 'there', 3)];
    await backend.remove(gone[0]!.handle);
    const answers = await lane.deliver([...gone, ...there]);
    expect([...answers.values()].map(({ kind }) => kind)).toEqual(['runFatal', 'delivered']);
    expect([settled.map(({ parcel }) => parcel.batch.run.path), tracker.pointCount]).toEqual([['there'], 3]);
  });

  it('keeps the order of a run, no matter how often the tracker fails', async () => {
    const { tracker, backend, lane, clock, settled } = new Scene(limited({ pointsPerSend: 5 }));
    const parcels = await parcelsOf(backend, 'run', 5, 5, 5);
    for (const kind of ['unavailable', 'answerLost', 'partStored', 'connectionLost'] as const) tracker.fail({ kind });
    const delivered = lane.deliver(parcels);
    for (let i = 0; i < 10; i++) await clock.pass(60_000);
    await delivered;
    expect(settled.map(({ parcel }) => parcel)).toEqual(parcels);
    expect([tracker.pointCount, tracker.complaints]).toEqual([15, []]);
  });

  it('sends no waiting data after it is stopped', async () => {
    const { tracker, backend, lane, end } = new Scene(limited({ runsPerSend: 1, sendsAtOnce: 1 }));
    const all = [await parcelsOf(backend, 'one', 3), await parcelsOf(backend, 'other', 3)];
    tracker.isHanging = true;
    const delivered = all.map((parcels) => lane.deliver(parcels));
    await settle();
    end.abort();
    for (const answers of await Promise.all(delivered)) expect([...answers.values()]).toEqual([{ kind: 'stopped' }]);
    expect(tracker.calls.send).toBe(1);
  });

  it('settles nothing, and ends, if it is stopped while the tracker hangs', async () => {
    const { tracker, backend, lane, end, settled } = new Scene();
    const parcels = await parcelsOf(backend, 'run', 3);
    tracker.isHanging = true;
    const delivered = lane.deliver(parcels);
    await settle();
    expect(tracker.sending).toBe(1);
    end.abort();
    expect([...(await delivered).values()]).toEqual([{ kind: 'stopped' }]);
    expect([settled, tracker.sending]).toEqual([[], 0]);
  });

  it('waits as long as the tracker requests, even if another error wraps the one with the time', async () => {
    const { lane, clock } = new Scene();
    const asked = new MirrorError('MB4005', '429', { retry: 'later', context: { retryAfterMs: 20_000 } });
    let tries = 0;
    const attempt = lane.attempt(async () => {
      if (++tries === 1) throw new MirrorError('MB4004', 'opening the run: 429', { retry: 'later', cause: asked });
      return clock.steadyMs();
    });
    const start = clock.steadyMs();
    await clock.pass(19_000);
    expect(tries).toBe(1);
    await clock.pass(1000);
    expect(await attempt).toEqual({ kind: 'done', value: start + 20_000 });
  });
});

describe('data that a tracker refuses', () => {
  const steps = (settled: readonly Settled[]): readonly [points: number, refused: readonly number[]] => [
    settled.reduce((sum, { points }) => sum + points, 0),
    settled.flatMap(({ parcel: { batch }, refusals }) =>
      refusals.map(({ offset }) => batch.scalars.step[batch.scalars.offset.subarray(0, batch.scalars.count).indexOf(offset)]!),
    ),
  ];

  /** Time passes until everything is delivered. */
  async function untilDone(clock: FakeClock, delivered: Promise<unknown>): Promise<void> {
    let isDone = false;
    void delivered.then(() => (isDone = true));
    for (let i = 0; i < 500 && !isDone; i++) await clock.pass(60_000);
    expect(isDone).toBe(true);
  }

  const OUT_OF_ORDER = new MirrorError('MB4005', 'storing something small: 500', { retry: 'later' });

  it.each(['parts of parcels', 'whole parcels'])('waits while the tracker fails, and does not count as refused (%s)', async (what) => {
    const { tracker, backend, lane, clock, settled, said } = new Scene();
    const parcels = [...(await parcelsOf(backend, 'one', 9, 4)), ...(await parcelsOf(backend, 'other', 3))];
    let isOut = true;
    if (what === 'whole parcels') tracker.rejects = ({ step }) => isOut && step === 3;
    else tracker.refuses = ({ step }) => (isOut && Number(step) % 2 === 0 ? 'refused' : undefined);
    (backend as Backend).tryOut = async () => {
      if (isOut) throw OUT_OF_ORDER;
    };
    const delivered = lane.deliver(parcels);
    for (let i = 0; i < 20; i++) await clock.pass(60_000);
    expect(settled.filter(({ refusals }) => refusals.length > 0)).toEqual([]);
    expect(said).toContain('waiting');
    isOut = false;
    await untilDone(clock, delivered);
    expect(steps(settled)).toEqual([16, []]);
    expect(settled.map(({ parcel }) => parcel)).toEqual(expect.arrayContaining(parcels));
    // Positions of one run move in order.
    const ofOne = settled.filter(({ parcel }) => parcel.batch.run.path === 'one');
    expect(ofOne.map(({ parcel }) => parcel)).toEqual(parcels.slice(0, 2));
  });

  it('is refused after a second refusal, each after other data was accepted; the rest is not sent again', async () => {
    const { tracker, backend, lane, settled } = new Scene();
    const [parcel] = await parcelsOf(backend, 'run', 40);
    tracker.refuses = ({ step }) => (step === 23 ? 'refused' : step === 5 ? 'unsupported' : undefined);
    let tries = 0;
    (backend as Backend).tryOut = async () => void tries++;
    await lane.deliver([parcel!]);
    expect(steps(settled)).toEqual([38, [5, 23]]);
    expect([tries, tracker.calls.send]).toEqual([2, 3]);
    const [run] = tracker.runs.values();
    expect(Math.max(...run!.writes.values())).toBe(1);
  });

  /** Parcels with some steps get the same answer each time, with any error code. */
  function poison(backend: Backend, isPoison: (step: number) => boolean, status?: number): void {
    const send = backend.send.bind(backend);
    let requests = 0;
    backend.send = async (parcels, signal) => {
      const isMet = parcels.some(({ batch }) => batch.scalars.step.subarray(0, batch.scalars.count).some(isPoison));
      if (!isMet) return send(parcels, signal);
      const context = status === undefined ? {} : { status };
      const error = new MirrorError('MB4001', `503: request ${++requests} of 10:00:${requests}: no`, { retry: 'later', context });
      return parcels.map(() => ({ kind: 'retry', error }));
    };
  }

  it('is also refused after repeated equal answers while other data is accepted, even if the answer looks like an outage', async () => {
    const { backend, lane, clock, settled } = new Scene();
    const parcels = await parcelsOf(backend, 'run', 40, 5);
    poison(backend, (step) => step === 23, 503);
    await untilDone(clock, lane.deliver(parcels));
    expect(steps(settled)).toEqual([44, [23]]);
  });

  it('does not include data that broke connections, unless the tracker supports a test', async () => {
    for (const canTry of [false, true]) {
      const { backend, lane, clock, settled, end } = new Scene();
      const parcels = await parcelsOf(backend, 'run', 8);
      poison(backend, (step) => step === 3);
      if (canTry) (backend as Backend).tryOut = async () => undefined;
      const delivered = lane.deliver(parcels);
      if (canTry) await untilDone(clock, delivered);
      else for (let i = 0; i < 100; i++) await clock.pass(60_000);
      expect(steps(settled)).toEqual(canTry ? [7, [3]] : [0, []]);
      end.abort();
      await delivered;
    }
  });

  it('is empty if the tracker accepts nothing, no matter how long it repeats the same refusal', async () => {
    const { backend, lane, clock, settled } = new Scene();
    const parcels = await parcelsOf(backend, 'run', 8, 3);
    let isOut = true;
    poison(backend, () => isOut, 500);
    const delivered = lane.deliver(parcels);
    for (let i = 0; i < 100; i++) await clock.pass(60_000);
    expect(settled).toEqual([]);
    isOut = false;
    await untilDone(clock, delivered);
    expect(steps(settled)).toEqual([11, []]);
  });
});

describe('a lane with a journal', () => {
  /** One life of a process: what it leaves behind is the state file and the server's folder. */
  class Life {
    readonly state: StateFile;
    readonly server: JournalServer;
    readonly scene = new Scene();
    readonly settled: Settled[] = [];
    readonly lane: TrackerLane;

    constructor(folder: string) {
      this.state = StateFile.open(join(folder, 'state.db'), { now: Date.now });
      this.server = new JournalServer(join(folder, 'server'));
      const book = new RunStates(this.state, this.state.lane('journal', 'journal:'), (settled) => void this.settled.push(settled));
      this.lane = this.scene.newLane(new JournalBackend(this.server), book);
    }

    /** Ends without a further word to the server or the book. */
    kill(): void {
      this.scene.end.abort();
      this.state.close();
    }
  }

  it.each([
    ['all of it', undefined],
    ['a part of it', 4],
  ])('doubles nothing after a kill between the storage of %s in the tracker and its record in the state', async (_, lines) => {
    const folder = temporaryFolder();
    cleanings.push(() => rmSync(folder, { recursive: true, force: true }));
    const first = new Life(folder);
    const parcels = await parcelsOf(new JournalBackend(first.server), 'run', 10, 10);
    const id = parcels[0]!.handle as Handle;
    if (lines === undefined) first.server.faults.add({ kind: 'hangStored' }, 1);
    else first.server.dieAfter(lines);
    const delivered = first.lane.deliver(parcels);
    await settle();
    first.kill();
    await delivered;
    expect(first.settled).toEqual([]);

    const second = new Life(folder);
    expect(second.server.lines(id)?.length).toBe(lines ?? 10);
    await second.lane.deliver(parcels);
    second.kill();
    const offsets = second.server.lines(id)!.map((line) => (JSON.parse(line) as { offset: number }).offset);
    expect(offsets).toEqual(parcels.flatMap(({ batch }) => [...batch.scalars.offset.subarray(0, batch.scalars.count)]));
    expect(second.settled.map(({ points }) => points)).toEqual([10, 10]);
  });

  it('sends nothing while the state cannot record it, however often it retries', async () => {
    const folder = temporaryFolder();
    cleanings.push(() => rmSync(folder, { recursive: true, force: true }));
    const life = new Life(folder);
    const parcels = await parcelsOf(new JournalBackend(life.server), 'run', 10, 10);
    const id = parcels[0]!.handle as Handle;
    const flush = life.state.flush.bind(life.state);
    let isFull = true;
    life.state.flush = () => !isFull && flush();
    const delivered = life.lane.deliver(parcels);
    for (let i = 0; i < 10; i++) await life.scene.clock.pass(60_000);
    expect(life.server.lines(id) ?? []).toEqual([]);
    isFull = false;
    await life.scene.clock.pass(60_000);
    await delivered;
    expect(life.server.lines(id)?.length).toBe(20);
    life.kill();
  });
});

describe('a tracker that accepts a send and does not answer', () => {
  it('is reported after 15 seconds, gets nothing more until it answers, and then everything', async () => {
    const { tracker, backend, lane, clock, said } = new Scene(limited({ runsPerSend: 1, sendsAtOnce: 4 }));
    const [one, other] = [await parcelsOf(backend, 'one', 3), await parcelsOf(backend, 'other', 3)];
    const answer = Promise.withResolvers<void>();
    const send = backend.send.bind(backend);
    backend.send = async (parcels, signal) => {
      await answer.promise;
      return send(parcels, signal);
    };
    const delivered = lane.deliver(one);
    await clock.pass(14_999);
    expect(said).toEqual([]);
    await clock.pass(1);
    const second = lane.deliver(other);
    await clock.pass(60_000);
    expect([said, tracker.calls.send]).toEqual([['silent'], 0]);
    answer.resolve();
    await Promise.all([delivered, second]);
    expect([said, tracker.calls.send, tracker.pointCount]).toEqual([['silent', 'active'], 2, 6]);
  });

  it('is no longer silent when it answers that it refuses everything', async () => {
    const { tracker, backend, lane, clock, said } = new Scene();
    const parcels = await parcelsOf(backend, 'run', 2);
    tracker.rejects = () => true;
    const answer = Promise.withResolvers<void>();
    const send = backend.send.bind(backend);
    backend.send = async (group, signal) => {
      await answer.promise;
      return send(group, signal);
    };
    const delivered = lane.deliver(parcels);
    await clock.pass(15_000);
    answer.resolve();
    expect([[...(await delivered).values()].map(({ kind }) => kind), said]).toEqual([['delivered'], ['silent', 'active']]);
  });

  it('is silent in any call: opening a run, ending one', async () => {
    const { lane, clock, said, end } = new Scene();
    const attempt = lane.attempt(untilAborted);
    await clock.pass(15_000);
    expect(said).toEqual(['silent']);
    end.abort();
    await attempt;
  });

  it('is not silent if it sometimes shows a sign of life, for any duration', async () => {
    const { lane, clock, said } = new Scene();
    const attempt = lane.attempt(async (signal) => {
      for (let i = 0; i < 10; i++) {
        await clock.sleep(10_000, signal);
        signOfLife();
      }
    });
    for (let i = 0; i < 10; i++) await clock.pass(10_000);
    expect([await attempt, said]).toEqual([{ kind: 'done', value: undefined }, []]);
  });
});
