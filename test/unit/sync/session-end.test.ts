import { describe, expect, it } from '@jest/globals';
import { isSessionOver, type SessionSource } from '../../../src/sync/session-end.ts';

const source = (sessionEnd: SessionSource['sessionEnd'], lastStep: number | null = 10, hasSession = true): SessionSource => ({
  sessionEnd,
  lastStep,
  hasSession,
});

describe('the sessions of a tracker run', () => {
  it.each<[string, readonly SessionSource[], boolean]>([
    ['one that says when it ended', [source('timed', null)], true],
    ['one that ended after some steps', [source('untimed', 1)], true],
    ['one whose end stands before all steps', [source('untimed', 0)], false],
    ['none', [source(undefined, 10, false)], false],
    ['one that continues', [source(undefined)], false],
    ['one of two', [source('timed'), source(undefined)], false],
    ['both of two', [source('timed'), source('timed')], true],
    ['that of a run, beside directories without one', [source('timed'), source(undefined, 10, false)], true],
  ])('have ended: %s', (_, sources, isOver) => {
    expect(isSessionOver(sources)).toBe(isOver);
  });
});
