import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from '@jest/globals';
import { OrderedWorkers } from '../../../src/workers/index.ts';
import type { TestData, TestTask } from '../../support/task-worker.ts';

const AHEAD = 3;
type Workers = OrderedWorkers<TestData, TestTask, string, string, string>;
const open: Workers[] = [];
afterEach(() => Promise.all(open.splice(0).map((workers) => workers.close())));

function start(tasks: Iterable<TestTask>, jobs: number, more: Partial<TestData> & { signal?: AbortSignal; notes?: string[] } = {}) {
  const { signal = new AbortController().signal, notes = [], ...data } = more;
  const sent = new Int32Array(new SharedArrayBuffer(4));
  const workers: Workers = new OrderedWorkers({
    module: new URL('../../support/task-worker.js', import.meta.url),
    does: 'tests',
    data: { sent, ...data },
    jobs,
    tasks,
    mostAhead: AHEAD,
    signal,
    onNote: (note: string) => notes.push(note),
  });
  open.push(workers);
  return { workers, sent: () => Atomics.load(sent, 0) };
}

/** Everything that comes, in its order. */
async function all(workers: Workers): Promise<string[]> {
  const lines: string[] = [];
  for (;;) {
    const result = await workers.next((piece) => void lines.push(piece));
    if (result === undefined) return lines;
    lines.push(result);
  }
}

describe('tasks in several threads', () => {
  // The earlier a task, the longer it takes.
  const tasks: TestTask[] = Array.from({ length: 9 }, (_, i) => ({ pieces: i * 2, busyMs: (9 - i) * 5 }));

  test('give their pieces and results in the order of the tasks', async () => {
    const expected = tasks.flatMap(({ pieces }) => [...Array.from({ length: pieces }, (_, i) => `piece ${i}`), `${pieces} pieces`]);
    expect(await all(start(tasks, 1).workers)).toEqual(expected);
    expect(await all(start(tasks, 3).workers)).toEqual(expected);
    expect(await all(start([], 2).workers)).toEqual([]);
  });

  test('wait before they send more than may be ahead', async () => {
    const { workers, sent } = start([{ pieces: 100 }, { pieces: 100 }], 2);
    let most = 0;
    let taken = 0;
    for (let task = 0; task < 2; task++) {
      await workers.next(async () => {
        await sleep(1);
        taken++;
        most = Math.max(most, sent() - taken);
      });
    }
    expect(taken).toBe(200);
    expect(most).toBeLessThanOrEqual(2 * AHEAD);
  });

  test('are asked for only a few at a time, also while the first one takes long', async () => {
    let asked = 0;
    function* many(): Generator<TestTask> {
      for (; asked < 1000; asked++) yield { pieces: 0, busyMs: asked === 0 ? 200 : 0 };
    }
    const { workers } = start(many(), 2);
    await workers.next(() => undefined);
    expect(asked).toBeLessThan(100);
    expect(await all(workers)).toHaveLength(999);
  });

  test('pass an error on when it is its turn, and go on after it', async () => {
    const { workers } = start(
      [{ pieces: 1, busyMs: 50 }, { pieces: 2, end: 'known error' }, { pieces: 0, end: 'error' }, { pieces: 3 }],
      3,
    );
    const pieces: string[] = [];
    const take = (piece: string): void => void pieces.push(piece);
    expect(await workers.next(take)).toBe('1 pieces');
    await expect(workers.next(take)).rejects.toMatchObject({
      code: 'MB3006',
      message: 'a damaged store',
      hint: 'Try another.',
      context: { path: 'a.db' },
    });
    expect(pieces).toHaveLength(3);
    await expect(workers.next(take)).rejects.toMatchObject({ code: 'MB9001', message: 'a mistake' });
    expect(await workers.next(take)).toBe('3 pieces');
  });

  test('report a thread that ends', async () => {
    const { workers } = start([{ pieces: 1 }, { pieces: 0, end: 'exit' }, { pieces: 1 }], 1);
    const seen: string[] = [];
    await expect(
      (async () => {
        for (;;) seen.push((await workers.next(() => undefined)) ?? 'the end');
      })(),
    ).rejects.toMatchObject({ code: 'MB9001', message: 'the thread that tests ended: exit code 7' });
    expect(seen).toEqual(['1 pieces']);
  });

  test('end early when they are aborted, also while nobody takes their pieces', async () => {
    const aborter = new AbortController();
    const { workers, sent } = start([{ pieces: 1_000_000_000 }, { pieces: 1_000_000_000 }], 2, { signal: aborter.signal });
    let count = 0;
    while (
      (await workers.next(() => {
        if (++count === 5) aborter.abort();
      })) !== undefined
    );
    await workers.close();
    expect(sent()).toBeLessThan(1_000_000);
  });

  test('get ready first, each thread, as often as asked', async () => {
    const notes: string[] = [];
    const { workers } = start([{ pieces: 0 }], 3, { notes });
    await workers.prepare();
    expect(notes).toHaveLength(3);
    await workers.prepare();
    expect(notes).toHaveLength(6);
    expect(await all(workers)).toEqual(['0 pieces']);
    await expect(start([], 2, { unprepared: 'no store' }).workers.prepare()).rejects.toMatchObject({ code: 'MB3006', message: 'no store' });
  });
});
