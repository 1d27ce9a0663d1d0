import { describe, expect, it } from '@jest/globals';
import { type FailedAnswer, Failures, outcomeOfThrown, Stop } from '../../../../src/backend-kit/failures/index.ts';
import { type ErrorDetails, MirrorError } from '../../../../src/errors.ts';

const failures = new Failures<'gone' | 'stumble'>({
  api: 'the Notes API',
  apiHint: 'Check url.',
  causes: {
    denied: { hint: 'Set token.' },
    gone: { means: 'run', code: 'MB4006', stopHint: 'Restore the run.' },
    stumble: { means: 'retry' },
    tooMuch: { means: 'run' },
  },
});

const answer = (
  status: number | undefined,
  text: string,
  details: ErrorDetails = {},
  code: MirrorError['code'] = 'MB4005',
): FailedAnswer => {
  const kind = details.retry === 'later' ? 'retry' : 'refused';
  const error = new MirrorError(code, `GET http://notes/api: ${status ?? 'no route'}`, details);
  return { kind, status, headers: {}, text, error } as FailedAnswer;
};
const failed = (...args: Parameters<typeof answer>) => failures.of(answer(...args), 'reading a note', 'http://notes');

describe('an unsuccessful answer', () => {
  it('reports the operation, the address, the status, and the reason of the server', () => {
    const { cause, error } = failed(422, '  no such\nfield ');
    expect(cause).toBe('refused');
    expect(error).toMatchObject({ code: 'MB4005', retry: 'never', message: 'reading a note: http://notes answers 422: no such field' });
    expect(error.context).toEqual({ address: 'http://notes', status: 422 });
  });

  it('can be retried only if its cause allows it', () => {
    expect(failed(503, '', { retry: 'later' }, 'MB4001').error).toMatchObject({ code: 'MB4001', retry: 'later' });
    const found = failures.of(answer(503, ''), 'reading a note', 'http://notes', { cause: 'gone', detail: 'no', code: '503/7' });
    expect(found.error).toMatchObject({ code: 'MB4006', retry: 'never', message: 'reading a note: http://notes answers 503/7: no' });
  });

  it('has the hint of the answer, or else the hint of its cause', () => {
    expect(failed(401, '', {}, 'MB4002').error).toMatchObject({ code: 'MB4002', hint: 'Set token.' });
    expect(failed(401, '', { hint: 'Log in.' }, 'MB4002').error.hint).toBe('Log in.');
    const hinted = failures.of(answer(401, '', { hint: 'Log in.' }), 'x', 'y', { hint: 'Give a certificate.' });
    expect(hinted.error.hint).toBe('Give a certificate.');
  });

  it('reports a proxy before the tracker in the words of the HTTP client, even if the backend finds another cause', () => {
    const read = { cause: 'gone', detail: 'never shown', hint: 'never shown' } as const;
    const login = failures.of(answer(200, '<html>', { hint: 'Renew the token.' }, 'MB4002'), 'reading a note', 'http://notes', read);
    expect(login).toMatchObject({ cause: 'denied' });
    expect(login.error).toMatchObject({ code: 'MB4002', hint: 'Renew the token.', message: 'reading a note: GET http://notes/api: 200' });
    expect(failures.of(answer(302, '', {}, 'MB4003'), 'x', 'y', read).cause).toBe('address');
    expect(failures.of(answer(undefined, '', { retry: 'later' }, 'MB4001'), 'x', 'y', read).cause).toBe('transient');
    // A certificate that the server does not take, say.
    expect(failures.of(answer(undefined, '', {}, 'MB4002'), 'x', 'y', read).cause).toBe('denied');
  });

  it('is not an answer of the API if it is a page with status 200', () => {
    const { cause, error } = failures.notTheApi('reading a note', 'http://notes');
    expect(cause).toBe('address');
    expect(error).toMatchObject({ code: 'MB4003', hint: 'Check url.' });
    expect(error.message).toBe('reading a note: http://notes answers with something else than the Notes API');
  });
});

describe('an error that ends a send', () => {
  it('is an outcome that depends on the cause', () => {
    const kindOf = (cause: Parameters<typeof failures.make>[0]): string => failures.stopOf(failures.make(cause, 'no')).outcome.kind;
    expect([kindOf('denied'), kindOf('address'), kindOf('gone'), kindOf('tooMuch'), kindOf('stumble'), kindOf('refused')]).toEqual([
      'fatal',
      'fatal',
      'runFatal',
      'runFatal',
      'retry',
      'retry',
    ]);
    expect(failures.stopOf({ ...failures.make('stumble', 'no'), afterMs: 500 }).outcome).toMatchObject({ afterMs: 500 });
  });

  it('affects one run, with its remedy, if the cause does', () => {
    expect(failures.stopOf(failures.make('gone', 'no')).outcome.error).toMatchObject({ code: 'MB4006', hint: 'Restore the run.' });
    const large = failures.stopOf(failures.make('tooMuch', 'too large', { hint: 'Raise the limit.' })).outcome.error;
    expect(large).toMatchObject({ code: 'MB4006', message: 'too large (Raise the limit.)' });
  });

  it('is temporary if the tracker refuses even something small', () => {
    expect(failures.troubleOf(failures.make('refused', 'the disk is full'))).toMatchObject({ message: 'the disk is full', retry: 'later' });
    expect(failures.troubleOf(failures.make('denied', 'no'))).toMatchObject({ code: 'MB4002', retry: 'never' });
  });
});

describe('an exception in a send', () => {
  const signal = new AbortController().signal;
  const kindOf = (thrown: unknown, otherwise?: 'run' | 'content'): string => outcomeOfThrown(thrown, signal, 'Notes', otherwise).kind;

  it('is an outcome that depends on the code of the error', () => {
    expect(kindOf(new MirrorError('MB4005', 'busy', { retry: 'later' }))).toBe('retry');
    expect(kindOf(new MirrorError('MB4006', 'gone'))).toBe('runFatal');
    expect(kindOf(new MirrorError('MB4005', 'no'))).toBe('fatal');
    expect(kindOf(new MirrorError('MB4005', 'no'), 'content')).toBe('rejected');
    // No lane continues without a login, no matter how it classifies errors.
    expect(kindOf(new MirrorError('MB4002', 'no'), 'run')).toBe('fatal');
    expect(kindOf(new Stop({ kind: 'rejected', error: new MirrorError('MB4005', 'no') }))).toBe('rejected');
  });

  it('is retried if the system had no memory or disk space for it', () => {
    const error = Object.assign(new Error('too many open files'), { code: 'EMFILE' });
    expect(outcomeOfThrown(error, signal, 'Notes')).toMatchObject({ kind: 'retry', error: { code: 'MB4001' } });
  });

  it('is a bug if it is not a mirrorboard error, and an interruption if the signal is aborted', () => {
    expect(outcomeOfThrown(new TypeError('x is not a function'), signal, 'Notes')).toMatchObject({
      kind: 'fatal',
      error: { code: 'MB9001', message: 'sending to Notes: x is not a function' },
    });
    expect(outcomeOfThrown(new MirrorError('MB4002', 'no'), AbortSignal.abort(), 'Notes')).toMatchObject({
      kind: 'retry',
      error: { code: 'MB4001', retry: 'later' },
    });
  });
});
