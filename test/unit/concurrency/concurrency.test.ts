import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { each, LineByKey, withSignal } from '../../../src/concurrency/index.ts';

describe('each', () => {
  it('works on all items, so many at a time', async () => {
    let inside = 0;
    let most = 0;
    const done: number[] = [];
    await each([5, 1, 4, 2, 3], 2, async (item) => {
      most = Math.max(most, ++inside);
      await sleep(item);
      inside--;
      done.push(item);
    });
    expect(done.sort()).toEqual([1, 2, 3, 4, 5]);
    expect(most).toBe(2);
  });

  it('begins nothing after a failure, and fails when what was begun has ended', async () => {
    const begun: number[] = [];
    const ended: number[] = [];
    const all = each([1, 2, 3, 4], 2, async (item) => {
      begun.push(item);
      if (item === 1) throw new Error('one');
      await sleep(5);
      ended.push(item);
    });
    await expect(all).rejects.toThrow('one');
    expect([begun, ended]).toEqual([[1, 2], [2]]);
  });
});

describe('a line by key', () => {
  it('does one thing of a key at a time, in order, and goes on after a failure; other keys do not wait', async () => {
    const line = new LineByKey();
    const said: string[] = [];
    const work =
      (name: string, ms: number, fails = false) =>
      async () => {
        said.push(`${name} begins`);
        await sleep(ms);
        said.push(`${name} ends`);
        if (fails) throw new Error(name);
        return name;
      };
    const first = line.run('a', work('first', 20, true));
    const second = line.run('a', work('second', 1));
    const other = line.run('b', work('other', 1));
    await expect(first).rejects.toThrow('first');
    expect([await second, await other]).toEqual(['second', 'other']);
    expect(said).toEqual(['first begins', 'other begins', 'other ends', 'first ends', 'second begins', 'second ends']);
  });
});

describe('waiting with a signal', () => {
  it('ends with the reason, while the work goes on', async () => {
    const stop = new AbortController();
    const work = sleep(20, 'done');
    const waited = withSignal(work, stop.signal);
    stop.abort(new Error('enough'));
    await expect(waited).rejects.toThrow('enough');
    await expect(withSignal(work, stop.signal)).rejects.toThrow('enough');
    expect(await work).toBe('done');
    expect(await withSignal(work, new AbortController().signal)).toBe('done');
  });
});
