import { describe, expect, test } from '@jest/globals';
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
});
