import { describe, expect, test } from '@jest/globals';
import { nextRetry } from '../../../src/state/next-retry.ts';

describe('nextRetry', () => {
  test('waits a minute, then twice as long each time, up to an hour', () => {
    const minutes = [0, 1, 2, 3, 4, 5, 6, 7, 50, 5000].map((attempts) => (nextRetry(attempts, 1000) - 1000) / 60_000);
    expect(minutes).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60, 60]);
  });
});
