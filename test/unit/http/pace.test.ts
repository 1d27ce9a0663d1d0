import { describe, expect, test } from '@jest/globals';
import { Pace } from '../../../src/http/pace.ts';

const { signal } = new AbortController();

/** A server that takes so many requests a second, with a small store of them, and a clock that only we move. */
class Scene {
  nowMs = 0;
  taken = 0;
  refused = 0;
  readonly pace = new Pace({
    now: () => this.nowMs,
    sleep: async (ms) => {
      this.nowMs += ms;
    },
  });
  readonly #perMs: number;
  readonly #burst: number;
  #level = 0;
  #lastMs = 0;

  constructor(perSecond: number, burst: number) {
    this.#perMs = perSecond / 1000;
    this.#burst = burst;
  }

  async ask(): Promise<boolean> {
    const beganMs = await this.pace.turn(signal);
    this.#level = Math.max(0, this.#level - (this.nowMs - this.#lastMs) * this.#perMs);
    this.#lastMs = this.nowMs;
    if (this.#level > this.#burst) {
      this.refused++;
      this.pace.tooFast(beganMs);
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
  test('is that of whoever asks, as long as no server says that it is too fast', async () => {
    const scene = new Scene(1e9, 1000);
    for (let i = 0; i < 1000; i++) await scene.ask();
    expect([scene.taken, scene.nowMs, scene.pace.isSlow]).toEqual([1000, 2000, false]);
  });

  test.each([
    [5, 2],
    [1, 0],
    [50, 10],
  ])('becomes what the server takes: %i a second', async (perSecond, burst) => {
    const scene = new Scene(perSecond, burst);
    for (let i = 0; i < 1000; i++) await scene.ask();
    expect(scene.refused).toBeLessThan(60);
    // At least a third of what would be possible.
    expect(scene.taken / (scene.nowMs / 1000)).toBeGreaterThan(perSecond / 3);
  });

  test('comes back where the server takes more again', async () => {
    const scene = new Scene(1e9, 1e9);
    scene.pace.tooFast(0);
    expect(scene.pace.isSlow).toBe(true);
    for (let i = 0; i < 200; i++) await scene.ask();
    expect(scene.pace.isSlow).toBe(false);
  });

  test('slows down once for requests that were under way together', async () => {
    const scene = new Scene(1e9, 1e9);
    const began = await Promise.all(Array.from({ length: 8 }, () => scene.pace.turn(signal)));
    scene.nowMs += 5;
    for (const beganMs of began) scene.pace.tooFast(beganMs);
    const [first, second] = [await scene.pace.turn(signal), await scene.pace.turn(signal)];
    expect(second - first).toBe(100);
  });
});
