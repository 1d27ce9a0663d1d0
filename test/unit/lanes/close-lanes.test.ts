import { describe, expect, it } from '@jest/globals';
import { hasAbandonedWork } from '../../../src/calls/index.ts';
import { closeLanes } from '../../../src/lanes/index.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const lane = (name: string, close: () => Promise<void>) => ({ name, backend: { close } });

describe('closing lanes', () => {
  it('abandons a lane that never closes, and closes the others at once', async () => {
    const clock = new FakeClock();
    const hanging = Promise.withResolvers<void>();
    const closed: string[] = [];
    const late: unknown[] = [];
    let isDone = false;
    const closing = closeLanes([lane('hangs', () => hanging.promise), lane('well', async () => void closed.push('well'))], {
      clock,
      late: (...said) => late.push(said),
    }).then(() => {
      isDone = true;
    });
    await clock.pass(9_000);
    expect([closed, late, isDone, hasAbandonedWork()]).toEqual([['well'], [], false, false]);
    await clock.pass(2_000);
    // So the process does not wait for it either.
    expect([late, isDone, hasAbandonedWork()]).toEqual([[['hangs', 10_000]], true, true]);
    await closing;
    hanging.resolve();
    await clock.pass(0);
    expect(hasAbandonedWork()).toBe(false);
  });

  it('passes on a failure once all others are closed', async () => {
    const closed: string[] = [];
    const lanes = [
      lane('fails', () => Promise.reject(new Error('the disk is full'))),
      lane('slow', async () => {
        await new Promise((resolve) => setImmediate(resolve));
        closed.push('slow');
      }),
    ];
    await expect(closeLanes(lanes)).rejects.toThrow('the disk is full');
    expect(closed).toEqual(['slow']);
  });
});
