import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Rounds } from '../../../src/backend-kit/index.ts';

describe('work in repeated rounds', () => {
  afterEach(() => void jest.useRealTimers());

  it('runs one round at a time, and continues after a failed one', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    const ends: PromiseWithResolvers<void>[] = [];
    const rounds = new Rounds(1000, () => {
      const end = Promise.withResolvers<void>();
      ends.push(end);
      return end.promise;
    });
    jest.advanceTimersByTime(3000);
    expect(ends).toHaveLength(1);
    ends[0]!.reject(new Error('no'));
    await nextTurn();
    jest.advanceTimersByTime(1000);
    expect(ends).toHaveLength(2);
    ends[1]!.resolve();
    await rounds.close();
    jest.advanceTimersByTime(5000);
    expect(ends).toHaveLength(2);
  });

  it('ends its current round when it is closed', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    let isEnded = false;
    const rounds = new Rounds(1000, async (signal) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      isEnded = true;
    });
    jest.advanceTimersByTime(1000);
    await rounds.close();
    expect(isEnded).toBe(true);
  });
});
