import { describe, expect, test } from '@jest/globals';
import { Pace } from '../../../src/http/pace.ts';
import { clockAt } from '../../support/fake-clock.ts';

const { signal } = new AbortController();

/** A server that takes so many requests a second, with a small store of them, and a clock that only we move. */
class Scene {
  nowMs = 0;
  taken = 0;
  refused = 0;
  readonly pace = new Pace({
    ...clockAt(() => this.nowMs),
    sleep: async (ms) => {
      this.nowMs += ms;
    },
  });
  readonly #says: 429 | 503;
  readonly #perMs: number;
  readonly #burst: number;
  #level = 0;
  #lastMs = 0;

  constructor(perSecond: number, burst: number, says: 429 | 503 = 429) {
    this.#says = says;
    this.#perMs = perSecond / 1000;
    this.#burst = burst;
  }

  async ask(): Promise<boolean> {
    const beganMs = await this.pace.turn(signal);
    this.#level = Math.max(0, this.#level - (this.nowMs - this.#lastMs) * this.#perMs);
    this.#lastMs = this.nowMs;
    if (this.#level > this.#burst) {
      this.refused++;
      if (this.#says === 429) this.pace.tooFast(beganMs);
      else this.pace.busy(beganMs);
      return false;
    }
    this.#level++;
    this.taken++;
    this.pace.wasTaken();
    // An answer takes a moment.
    this.nowMs += 2;
    return true;
  }
}

describe('a pace', () => {
  test('is that of the caller until a server asks to slow down', async () => {
    const scene = new Scene(1e9, 1000);
    for (let i = 0; i < 1000; i++) await scene.ask();
    expect([scene.taken, scene.nowMs, scene.pace.isSlow]).toEqual([1000, 2000, false]);
  });

  test.each([
    [5, 2, 429],
    [1, 0, 429],
    [50, 10, 429],
    [5, 2, 503],
    [1, 0, 503],
    [50, 10, 503],
  ] as const)('becomes the limit of the server: %i a second (%i, %i)', async (perSecond, burst, says) => {
    const scene = new Scene(perSecond, burst, says);
    for (let i = 0; i < 1000; i++) await scene.ask();
    // A refused request costs one gap, and no data.
    expect(scene.refused).toBeLessThan(200);
    expect(scene.taken / (scene.nowMs / 1000)).toBeGreaterThan(perSecond / 2);
  });

  test('does not help against an outage, and soon forgets the effects of one', async () => {
    const scene = new Scene(1e9, 1e9, 503);
    await scene.ask();
    const busy: boolean[] = [];
    for (let i = 0; i < 100; i++) {
      const beganMs = await scene.pace.turn(signal);
      scene.nowMs += 2;
      busy.push(scene.pace.busy(beganMs));
    }
    // Nothing is taken any more: after some tries it is an outage, and was the reason for one small gap.
    expect([busy[0], busy.at(-1)]).toEqual([true, false]);
    const sinceMs = scene.nowMs;
    for (let i = 0; i < 60; i++) await scene.ask();
    expect(scene.nowMs - sinceMs).toBeLessThan(3000);
    expect(scene.pace.isSlow).toBe(false);
  });

  test('does not stall while slow requests are active', async () => {
    const scene = new Scene(1e9, 1e9, 503);
    for (let i = 0; i < 200; i++) {
      await scene.ask();
      const beganMs = await scene.pace.turn(signal);
      scene.pace.busy(beganMs);
    }
    const [first, second] = [await scene.pace.turn(signal), await scene.pace.turn(signal)];
    expect(second - first).toBeLessThanOrEqual(2000);
  });

  test('recovers when the server accepts more again', async () => {
    const scene = new Scene(1e9, 1e9);
    scene.pace.tooFast(0);
    expect(scene.pace.isSlow).toBe(true);
    for (let i = 0; i < 200; i++) await scene.ask();
    expect(scene.pace.isSlow).toBe(false);
  });

  test.each([
    [30, 1000],
    [15, 3000],
  ])('stays fast enough if every %ith request is refused because of others', async (each, mostMs) => {
    const scene = new Scene(1e9, 1e9);
    for (let i = 1; i <= 3000; i++) {
      await scene.ask();
      // Whatever our own pace is.
      if (i % each === 0) scene.pace.tooFast(await scene.pace.turn(signal));
    }
    const [first, second] = [await scene.pace.turn(signal), await scene.pace.turn(signal)];
    expect(second - first).toBeLessThan(mostMs);
    const sinceMs = scene.nowMs;
    while (scene.pace.isSlow) await scene.ask();
    expect(scene.nowMs - sinceMs).toBeLessThan(10 * 60_000);
  });

  test('slows down once for concurrent requests', async () => {
    const scene = new Scene(1e9, 1e9);
    const began = await Promise.all(Array.from({ length: 8 }, () => scene.pace.turn(signal)));
    scene.nowMs += 5;
    for (const beganMs of began) scene.pace.tooFast(beganMs);
    const [first, second] = [await scene.pace.turn(signal), await scene.pace.turn(signal)];
    expect(second - first).toBe(100);
  });
});
