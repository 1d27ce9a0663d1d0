import { describe, expect, it } from '@jest/globals';
import { Interrupt } from '../../../src/cli/interrupt.ts';

describe('a hangup', () => {
  it('asks to end where our terminal was closed, and never breaks the end off', () => {
    const said: string[] = [];
    using interrupt = new Interrupt((line) => said.push(line), {}, { isTerminal: true });
    process.emit('SIGHUP', 'SIGHUP');
    expect(interrupt.signal.aborted).toBe(true);
    // Had it ended the process, nobody would be here.
    process.emit('SIGHUP', 'SIGHUP');
    expect(said).toHaveLength(1);
  });

  it('ends nothing where there is no terminal, at work or at the end', () => {
    let hangups = 0;
    using interrupt = new Interrupt(() => undefined, {}, { isTerminal: false, hungUp: () => hangups++ });
    process.emit('SIGHUP', 'SIGHUP');
    expect([interrupt.signal.aborted, hangups]).toEqual([false, 1]);
    process.emit('SIGTERM', 'SIGTERM');
    process.emit('SIGHUP', 'SIGHUP');
    expect([interrupt.signal.aborted, hangups]).toEqual([true, 1]);
  });
});
