import { describe, expect, test } from '@jest/globals';
import { plainStyle, renderError } from '../../../src/cli/terminal/index.js';
import { MirrorError } from '../../../src/errors.js';

describe('an error', () => {
  test('shows message, reason, remedy and command', () => {
    const system = Object.assign(new Error("EACCES: permission denied, scandir 'logs'"), { code: 'EACCES' });
    const error = new MirrorError('MB2003', 'cannot read the log directory logs', {
      cause: system,
      hint: 'Give the user that runs mirrorboard the right to read it.',
      command: 'chmod -R a+rX logs',
    });
    expect(renderError(error, plainStyle)).toBe(`error[MB2003]: cannot read the log directory logs
  because: EACCES: permission denied, scandir 'logs'
hint: Give the user that runs mirrorboard the right to read it.
try: chmod -R a+rX logs
`);
  });

  test('does not repeat a cause that its message quotes, and stops at a circle of causes', () => {
    const inner = new Error('disk full');
    const error = new MirrorError('MB3005', 'cannot write the store: disk full', { cause: inner });
    inner.cause = error;
    expect(renderError(error, plainStyle)).toBe('error[MB3005]: cannot write the store: disk full\n');
  });

  test('does not repeat a message of the system that its own message already gives', () => {
    const stale = Object.assign(new Error("Unknown system error -116: Unknown system error -116, stat '/mnt'"), {
      code: 'Unknown system error -116',
      errno: -116,
    });
    const quoted = new MirrorError('MB2003', 'reading /mnt: the file server no longer knows this file (ESTALE)', { cause: stale });
    expect(renderError(quoted, plainStyle)).toBe(`error[MB2003]: ${quoted.message}\n`);
    const other = new MirrorError('MB2003', 'cannot read /mnt', { cause: stale });
    expect(renderError(other, plainStyle)).toBe(
      'error[MB2003]: cannot read /mnt\n  because: the file server no longer knows this file (ESTALE)\n',
    );
  });

  test('names a cause without a message by its code', () => {
    const error = new MirrorError('MB3001', 'cannot open the store', {
      cause: Object.assign(new AggregateError([], ''), { code: 'ECONNREFUSED' }),
    });
    expect(renderError(error, plainStyle)).toBe('error[MB3001]: cannot open the store\n  because: ECONNREFUSED\n');
  });

  test('of any other kind is a mirrorboard bug, with a stack if requested', () => {
    const error = new TypeError('x is not a function');
    expect(renderError(error, plainStyle)).toMatch(/^error\[MB9001\]: x is not a function\nhint: .*MIRRORBOARD_DEBUG=1.*\n$/);
    expect(renderError(error, plainStyle, { debug: true })).toMatch(
      /^error\[MB9001\]: x is not a function\nTypeError: x is not a function\n {6}at /,
    );
    expect(renderError('thrown text', plainStyle)).toContain('error[MB9001]: thrown text\n');
  });

  test('can neither control the terminal nor imitate lines of mirrorboard', () => {
    const error = new MirrorError('MB2001', 'no directory a\x1b[2J\nhint: delete everything');
    expect(renderError(error, plainStyle)).toBe('error[MB2001]: no directory a\\x1b[2J\n  hint: delete everything\n');
  });
});
