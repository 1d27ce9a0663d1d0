import { describe, expect, it } from '@jest/globals';
import { CircuitBreaker } from '../../../src/delivery/circuit-breaker.ts';
import { MirrorError } from '../../../src/errors.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';

const ERROR = new MirrorError('MB4001', 'nobody answers', { retry: 'later' });
const MINUTE = 60_000;

/** A gate with those who stand before it, by name, in the order in which they got in. */
class Scene {
  readonly clock = new FakeClock();
  readonly said: string[] = [];
  readonly in: string[] = [];
  readonly end = new AbortController();
  readonly gate = new CircuitBreaker(this.clock, {
    sendFailed: () => undefined,
    laneWaiting: () => void this.said.push('waiting'),
    laneParked: (_, retryMs) => void this.said.push(`parked ${retryMs / MINUTE}`),
    laneSilent: () => void this.said.push('silent'),
    laneActive: () => void this.said.push('active'),
  });

  /** One is let in, and says that nothing will be taken. */
  async park(error: MirrorError): Promise<void> {
    this.come('try');
    for (let i = 0; i < 61 && !this.in.includes('try'); i++) await this.clock.pass(MINUTE);
    this.in.splice(this.in.indexOf('try'), 1);
    this.gate.parked(error);
  }

  come(...names: readonly string[]): void {
    for (const name of names) void this.gate.enter(this.end.signal).then(() => this.in.push(name));
  }
}

describe('the circuit breaker of a lane', () => {
  it('stays closed for a failure or two, reports their end, and opens after three in a row', async () => {
    const scene = new Scene();
    scene.gate.failed(ERROR);
    scene.gate.failed(ERROR);
    scene.gate.succeeded();
    scene.gate.failed(ERROR);
    scene.gate.failed(ERROR);
    scene.come('a');
    await settle();
    expect([scene.in, scene.said]).toEqual([['a'], ['active']]);
    scene.gate.failed(ERROR);
    scene.come('b');
    await settle();
    expect([scene.in, scene.said]).toEqual([['a'], ['active', 'waiting']]);
  });

  it('lets one send try after its wait, and the others only after that one succeeded', async () => {
    const scene = new Scene();
    for (let i = 0; i < 3; i++) scene.gate.failed(ERROR);
    scene.come('a', 'b', 'c');
    await scene.clock.pass(MINUTE);
    expect(scene.in.length).toBe(1);
    scene.gate.failed(ERROR);
    await settle();
    expect(scene.in.length).toBe(1);
    await scene.clock.pass(MINUTE);
    expect(scene.in.length).toBe(2);
    scene.gate.succeeded();
    await settle();
    expect([scene.in.length, scene.said.at(-1)]).toEqual([3, 'active']);
  });

  it('lets the next one try if the first one ended without an answer', async () => {
    const scene = new Scene();
    for (let i = 0; i < 3; i++) scene.gate.failed(ERROR);
    scene.come('a', 'b');
    await scene.clock.pass(MINUTE);
    expect(scene.in).toEqual(['a']);
    scene.gate.abandoned();
    await settle();
    expect(scene.in).toEqual(['a', 'b']);
  });

  it('waits longer after each failure, at most a minute, unless the tracker requests more', () => {
    const { gate } = new Scene();
    const waits = Array.from({ length: 30 }, () => gate.failed(ERROR));
    expect(Math.min(...waits)).toBeGreaterThan(0);
    expect(Math.max(...waits)).toBeLessThanOrEqual(MINUTE);
    expect(Math.max(...waits.slice(20))).toBeGreaterThan(Math.max(...waits.slice(0, 2)));
    expect(gate.failed(ERROR, 10 * MINUTE)).toBe(10 * MINUTE);
  });

  it('blocks all sends for the time that the tracker requested, after one answer', async () => {
    const scene = new Scene();
    expect(scene.gate.failed(ERROR, 30_000)).toBe(30_000);
    scene.come('a');
    await scene.clock.pass(29_999);
    expect(scene.in).toEqual([]);
    await scene.clock.pass(1);
    expect(scene.in).toEqual(['a']);
  });

  it('retries a parked lane slowly, and quickly again after it was repaired', async () => {
    const scene = new Scene();
    for (let i = 0; i < 5; i++) await scene.park(ERROR);
    expect(scene.said).toEqual(['parked 1', 'parked 5', 'parked 15', 'parked 60', 'parked 60']);
    expect(scene.gate.isParked).toBe(true);
    scene.gate.succeeded();
    expect(scene.gate.isParked).toBe(false);
    scene.gate.parked(ERROR);
    expect(scene.said.slice(5)).toEqual(['active', 'parked 1']);
  });

  it('counts a lane as parked once for any number of concurrent sends', async () => {
    const scene = new Scene();
    for (let i = 0; i < 12; i++) scene.gate.parked(ERROR);
    expect(scene.said).toEqual(['parked 1']);
    scene.come('a');
    await scene.clock.pass(MINUTE);
    expect(scene.in).toEqual(['a']);
  });

  it('retries the credentials every five minutes at the latest', async () => {
    const scene = new Scene();
    const denied = new MirrorError('MB4002', '401');
    for (let i = 0; i < 4; i++) await scene.park(denied);
    expect(scene.said).toEqual(['parked 1', 'parked 5', 'parked 5', 'parked 5']);
  });

  it('releases every aborted caller', async () => {
    const scene = new Scene();
    scene.gate.parked(ERROR);
    scene.come('a', 'b');
    await settle();
    expect(scene.in).toEqual([]);
    scene.end.abort();
    await settle();
    expect(scene.in).toEqual(['a', 'b']);
  });
});

describe('the circuit breaker for a tracker that does not answer', () => {
  it('admits nothing while a send is in flight, and everything once it succeeded', async () => {
    const scene = new Scene();
    scene.gate.fellSilent(0);
    scene.come('a', 'b');
    await scene.clock.pass(10 * MINUTE);
    expect([scene.in, scene.said]).toEqual([[], ['silent']]);
    scene.gate.succeeded();
    await settle();
    expect([scene.in, scene.said]).toEqual([
      ['a', 'b'],
      ['silent', 'active'],
    ]);
  });

  it('stays open if the send in flight failed in the end, and lets one try', async () => {
    const scene = new Scene();
    scene.gate.fellSilent(0);
    scene.come('a', 'b');
    scene.gate.failed(ERROR);
    await settle();
    expect([scene.in, scene.said]).toEqual([[], ['silent', 'waiting']]);
    await scene.clock.pass(MINUTE);
    expect(scene.in.length).toBe(1);
  });

  it('closes when the tracker answers again, unless failures have opened it', async () => {
    const scene = new Scene();
    scene.gate.fellSilent(0);
    scene.come('a');
    scene.gate.answersAgain();
    await settle();
    expect([scene.in, scene.said]).toEqual([['a'], ['silent', 'active']]);
    for (let i = 0; i < 3; i++) scene.gate.failed(ERROR);
    scene.gate.fellSilent(0);
    scene.gate.answersAgain();
    scene.come('b');
    await settle();
    expect([scene.in, scene.said.at(-1)]).toEqual([['a'], 'silent']);
  });

  it('is closed again for a lane whose call was aborted', async () => {
    const scene = new Scene();
    scene.gate.fellSilent(0);
    scene.come('a');
    scene.gate.abandoned();
    await settle();
    expect(scene.in).toEqual(['a']);
  });
});
