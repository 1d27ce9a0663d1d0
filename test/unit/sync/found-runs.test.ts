import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { collectGarbage } from '../../../src/memory/index.ts';
import { FoundRuns } from '../../../src/sync/found-runs.ts';

const run = (path: string) => ({ path, files: [] });

describe('FoundRuns', () => {
  test('returns its runs, and whether more will come', async () => {
    const runs = new FoundRuns();
    expect(runs.take()).toBeUndefined();
    const waiting = runs.wait();
    runs.add([run('a'), run('b')]);
    expect(await waiting).toBe(true);
    expect([runs.take()?.path, runs.take()?.path, runs.take()]).toEqual(['a', 'b', undefined]);
    runs.add([run('c')]);
    runs.end();
    expect(await runs.wait()).toBe(true);
    expect(runs.take()?.path).toBe('c');
    expect(await runs.wait()).toBe(false);
  });

  test('does not hold a run that was taken', async () => {
    const runs = new FoundRuns();
    runs.add([run('a'), run('b')]);
    const [taken] = [runs.take()].map((one) => new WeakRef(one as object));
    await nextTurn();
    collectGarbage();
    expect(taken?.deref()).toBeUndefined();
    expect(runs.take()?.path).toBe('b');
  });
});
