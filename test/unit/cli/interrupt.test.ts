import { describe, expect, it } from '@jest/globals';
import { EarlyHangup, Interrupt, isInterruption } from '../../../src/cli/interrupt.ts';
import { MirrorError } from '../../../src/errors.ts';

describe('an error', () => {
  it('is an interruption if a request to end the process aborted it', () => {
    const aborted = new DOMException('This operation was aborted', 'AbortError');
    const wrapped = new MirrorError('MB4001', 'listing runs: it was aborted', { cause: aborted });
    expect([aborted, wrapped].map(isInterruption)).toEqual([false, false]);
    using interrupt = new Interrupt(() => undefined, { isTerminal: false });
    process.emit('SIGTERM', 'SIGTERM');
    expect(interrupt.signal.aborted).toBe(true);
    expect([aborted, wrapped, new Error('a bug'), 'text', undefined].map(isInterruption)).toEqual([true, true, false, false, false]);
  });
});

describe('a hangup', () => {
  it('is recorded before anything can react to it, except if a terminal caused it', () => {
    const before = process.listenerCount('SIGHUP');
    {
      using early = new EarlyHangup(false);
      expect(early.wasReceived).toBe(false);
      process.emit('SIGHUP', 'SIGHUP');
      expect(early.wasReceived).toBe(true);
      using _terminal = new EarlyHangup(true);
      expect(process.listenerCount('SIGHUP')).toBe(before + 1);
    }
    expect(process.listenerCount('SIGHUP')).toBe(before);
  });

  it('ends the process if its terminal was closed, and a second one does not interrupt that end', () => {
    const said: string[] = [];
    using interrupt = new Interrupt((line) => said.push(line), { isTerminal: true });
    process.emit('SIGHUP', 'SIGHUP');
    expect(interrupt.signal.aborted).toBe(true);
    // Had it ended the process, nobody would be here.
    process.emit('SIGHUP', 'SIGHUP');
    expect(said).toHaveLength(1);
  });

  it('is ignored without a terminal, during work and at the end', () => {
    let hangups = 0;
    using interrupt = new Interrupt(() => undefined, { isTerminal: false, hungUp: () => hangups++ });
    process.emit('SIGHUP', 'SIGHUP');
    expect([interrupt.signal.aborted, hangups]).toEqual([false, 1]);
    process.emit('SIGTERM', 'SIGTERM');
    process.emit('SIGHUP', 'SIGHUP');
    expect([interrupt.signal.aborted, hangups]).toEqual([true, 1]);
  });
});
