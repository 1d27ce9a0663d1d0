// A thread of the tests of room `workers`: each task says what it does.
import { MirrorError } from '../../src/errors.ts';
import { serveTasks } from '../../src/workers/index.ts';

/** What a task does after its pieces. */
export interface TestTask {
  readonly pieces: number;
  /** The time that the thread is busy before. */
  readonly busyMs?: number;
  readonly end?: 'error' | 'known error' | 'exit';
}

/** What the threads count for all to see. */
export interface TestData {
  /** The pieces that were sent by all threads. */
  readonly sent: Int32Array;
  readonly unprepared?: string;
}

serveTasks<TestData, TestTask, string, string, string>(({ sent, unprepared }, link) => ({
  prepare() {
    if (unprepared !== undefined) throw new MirrorError('MB3006', unprepared);
    link.note('prepared');
  },
  work({ pieces, busyMs = 0, end }) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, busyMs);
    for (let piece = 0; piece < pieces && !link.signal.aborted; piece++) {
      link.send(`piece ${piece}`, 1);
      Atomics.add(sent, 0, 1);
    }
    if (end === 'exit') process.exit(7);
    if (end === 'known error') throw new MirrorError('MB3006', 'a damaged store', { hint: 'Try another.', context: { path: 'a.db' } });
    if (end === 'error') throw new RangeError('a mistake');
    return `${pieces} pieces`;
  },
}));
