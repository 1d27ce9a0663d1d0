import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { each, inOrder, LineByKey, OnceByKey, Room, withSignal } from '../../../src/concurrency/index.ts';
import { MirrorError } from '../../../src/errors.ts';

describe('each', () => {
  it('processes all items, with a limit on concurrent ones', async () => {
    let inside = 0;
    let most = 0;
    const done: number[] = [];
    await each([5, 1, 4, 2, 3], 2, async (item) => {
      most = Math.max(most, ++inside);
      for (let turn = 0; turn < item; turn++) await nextTurn();
      inside--;
      done.push(item);
    });
    expect(done.sort()).toEqual([1, 2, 3, 4, 5]);
    expect(most).toBe(2);
  });

  it('starts nothing after a failure, and fails when the started work has ended', async () => {
    const begun: number[] = [];
    const ended: number[] = [];
    const all = each([1, 2, 3, 4], 2, async (item) => {
      begun.push(item);
      if (item === 1) throw new Error('one');
      await nextTurn();
      ended.push(item);
    });
    await expect(all).rejects.toThrow('one');
    expect([begun, ended]).toEqual([[1, 2], [2]]);
  });
});

describe('work in order', () => {
  it('yields the results in the order of the items, with a limit on those that were not taken', async () => {
    const begun: number[] = [];
    const busy = new Set<string>();
    const yielded: number[] = [];
    const items = [9, 1, 0, 4, 2, 0, 3];
    for await (const item of inOrder(items, ['a', 'b'], 3, async (turns, worker) => {
      expect(busy.has(worker)).toBe(false);
      busy.add(worker);
      begun.push(turns);
      for (let turn = 0; turn < turns; turn++) await nextTurn();
      busy.delete(worker);
      return turns;
    })) {
      yielded.push(item);
      await nextTurn();
      expect(begun.length - yielded.length).toBeLessThanOrEqual(3);
    }
    expect(yielded).toEqual(items);
  });

  it('fails when it is the turn of the failure, and begins nothing after it', async () => {
    const begun: number[] = [];
    const yielded: number[] = [];
    const all = async (): Promise<void> => {
      for await (const item of inOrder([1, 2, 3, 4, 5], ['a', 'b'], 4, async (item) => {
        begun.push(item);
        if (item === 2) throw new Error('two');
        for (let turn = 0; turn < 5; turn++) await nextTurn();
        return item;
      })) {
        yielded.push(item);
      }
    };
    await expect(all()).rejects.toThrow('two');
    expect([begun, yielded]).toEqual([[1, 2], [1]]);
  });
});

describe('a queue by key', () => {
  it('runs one task of a key at a time, in order, and continues after a failure; other keys do not wait', async () => {
    const line = new LineByKey();
    const said: string[] = [];
    const work =
      (name: string, until: Promise<unknown> = nextTurn(), fails = false) =>
      async () => {
        said.push(`${name} begins`);
        await until;
        said.push(`${name} ends`);
        if (fails) throw new Error(name);
        return name;
      };
    const go = Promise.withResolvers<void>();
    const first = line.run('a', work('first', go.promise, true));
    const second = line.run('a', work('second'));
    const other = line.run('b', work('other'));
    await other;
    go.resolve();
    await expect(first).rejects.toThrow('first');
    expect([await second, await other]).toEqual(['second', 'other']);
    expect(said).toEqual(['first begins', 'other begins', 'other ends', 'first ends', 'second begins', 'second ends']);
  });
});

describe('work that runs once for each key', () => {
  it('is run by the first caller, and again after a failure', async () => {
    const once = new OnceByKey();
    let done = 0;
    const work = async (): Promise<number> => {
      if (++done === 1) throw new Error('no');
      return done;
    };
    await expect(once.take('a', work)).rejects.toThrow('no');
    expect(await Promise.all([once.take('a', work), once.take('a', work)])).toEqual([2, 2]);
    expect(await once.take('b', work)).toBe(3);
    once.forget();
    expect(await once.take('a', work)).toBe(4);
  });

  it('is started again by a waiting caller if the first one was interrupted, but not after an error of ours', async () => {
    const once = new OnceByKey();
    const { signal } = new AbortController();
    const interrupted = once.take('a', () => Promise.reject(new Error('aborted')), signal);
    const waiting = once.take('a', async () => 'done', signal);
    await expect(interrupted).rejects.toThrow('aborted');
    expect(await waiting).toBe('done');
    const failed = once.take('b', () => Promise.reject(new MirrorError('MB4004', 'no such project')), signal);
    const other = once.take('b', async () => 'done', signal);
    await expect(failed).rejects.toThrow('no such project');
    await expect(other).rejects.toThrow('no such project');
  });
});

describe('waiting with a signal', () => {
  it('ends with the reason, while the work continues', async () => {
    const stop = new AbortController();
    const { promise: work, resolve } = Promise.withResolvers<string>();
    const waited = withSignal(work, stop.signal);
    stop.abort(new Error('enough'));
    await expect(waited).rejects.toThrow('enough');
    await expect(withSignal(work, stop.signal)).rejects.toThrow('enough');
    resolve('done');
    expect(await work).toBe('done');
    expect(await withSignal(work, new AbortController().signal)).toBe('done');
  });
});

describe('a room', () => {
  const { signal } = new AbortController();

  it('admits tasks that fit, in order of arrival, and a single one of any size', async () => {
    const room = new Room(() => 10);
    const said: string[] = [];
    const enter = async (name: string, weight: number): Promise<() => void> => {
      const leave = await room.enter(signal, weight);
      said.push(name);
      return leave;
    };
    const leaveLarge = await enter('large', 25);
    const [first, wide, small] = [enter('first', 4), enter('wide', 8), enter('small', 1)];
    await nextTurn();
    expect(said).toEqual(['large']);
    leaveLarge();
    await nextTurn();
    expect(said).toEqual(['large', 'first']);
    (await first)();
    await Promise.all([wide, small]);
    expect(said).toEqual(['large', 'first', 'wide', 'small']);
  });

  it('admits the next tasks if a waiting one is aborted, and releases the space of failed work', async () => {
    const room = new Room(() => 2);
    const leave = await room.enter(signal, 1);
    const end = new AbortController();
    const gone = room.run(async () => 'never', end.signal, 2);
    const behind = room.run(() => Promise.reject(new Error('work')), signal, 1);
    end.abort(new Error('aborted'));
    await expect(gone).rejects.toThrow('aborted');
    await expect(behind).rejects.toThrow('work');
    leave();
    expect(await room.run(async () => 'in', signal, 2)).toBe('in');
  });
});
