import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { FIRST_DEADLINE_MS } from '../../../src/calls/index.ts';
import { type Ask, close, doLater, fstat, open, type Steps } from '../../../src/untrusted/steps.ts';

/** Descriptors that were opened and not closed. */
let opened: Set<number>;
/** Calls that hang until they are let go. */
let hanging: PromiseWithResolvers<void>[];
beforeEach(() => {
  opened = new Set();
  hanging = [];
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
});
afterEach(() => {
  jest.useRealTimers();
});

/** A file system of which these calls hang. */
function fileSystem(...hung: readonly Ask['call'][]): (ask: Ask) => Promise<unknown> {
  let last = 100;
  return async (ask) => {
    if (hung.includes(ask.call)) {
      const waiting = Promise.withResolvers<void>();
      hanging.push(waiting);
      await waiting.promise;
    }
    if (ask.call === 'open') opened.add(++last);
    if (ask.call === 'close') opened.delete(ask.fd);
    return last;
  };
}

function* looked(path: string): Steps<void> {
  const fd = yield* open(path);
  try {
    yield* fstat(fd);
  } finally {
    yield* close(fd);
  }
}

/** Lets go of what hangs, and what was waiting for it. */
async function letGo(): Promise<void> {
  for (const { resolve } of hanging.splice(0)) resolve();
  await nextTurn();
}

test('a file that opens after the caller gave up is closed', async () => {
  const opening = expect(doLater(looked('a'), fileSystem('open'))).rejects.toMatchObject({ code: 'MB2030' });
  await jest.advanceTimersByTimeAsync(FIRST_DEADLINE_MS);
  await opening;
  await letGo();
  expect([...opened]).toEqual([]);
});

test('a file is closed even if as many calls hang as allowed', async () => {
  const call = fileSystem('fstat');
  const failed = ['a', 'b', 'c', 'd'].map((path) => expect(doLater(looked(path), call)).rejects.toMatchObject({ code: 'MB2030' }));
  await jest.advanceTimersByTimeAsync(FIRST_DEADLINE_MS);
  await Promise.all(failed);
  expect([...opened]).toEqual([]);
  await letGo();
});
