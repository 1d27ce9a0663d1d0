/** Failures of an Aim server, by what mirrorboard must do about them. */

import { type Meaning, outcomeOf as meaningOutcome, type NotAccepted, outcomeOfThrown } from '../../backend-kit/failures/index.ts';
import { askedWaitMs, type ErrorCode, MirrorError } from '../../errors.ts';
import { type HttpAnswer, isFields, isOddAnswer, isTooLarge, loginHint, oddAnswer } from '../../http/index.ts';
import { LOCKED_MS } from './limits.ts';
import { childOf, type Tree } from './tree.ts';

/** The meaning of an Aim server's failure for what was sent. */
export type FailureKind =
  /** The server went away, or has forgotten this client: reconnect, and resend what was not answered. */
  | 'away'
  /** The server, or a proxy in front of it, denies access. */
  | 'denied'
  /** Another process holds the run, or the server lacks a resource. */
  | 'busy'
  /** The server cannot take something that was sent. */
  | 'content'
  /** The requested object does not exist. */
  | 'absent'
  /** It is not an Aim server that mirrorboard supports. */
  | 'wrong';

/** The error of a failed call to an Aim server; `kind` decides what happens to what was sent. */
export class AimFailure extends Error {
  readonly kind: FailureKind;
  readonly error: MirrorError;
  /** The class of the exception that the server's code raised, if it raised one. */
  readonly exception: string | undefined;

  constructor(kind: FailureKind, error: MirrorError, exception?: string) {
    super(error.message, { cause: error });
    this.kind = kind;
    this.error = error;
    this.exception = exception;
  }
}

/** Returns the failure for a server that is unreachable or has closed the connection. */
export function away(message: string, cause?: unknown): AimFailure {
  return new AimFailure('away', new MirrorError('MB4001', message, { retry: 'later', ...(cause === undefined ? {} : { cause }) }));
}

/** An exception that the server's own code raised. */
export interface ServerException {
  readonly name: string;
  readonly message: string;
}

/** Reads the exception of the server's Python code from an answer (Aim's `aim/ext/transport/message_utils.py`). */
export function exceptionIn(tree: Tree): ServerException {
  const text = (key: string): string => {
    const value = childOf(tree, key);
    return typeof value === 'string' ? value : '';
  };
  return { name: text('class_name'), message: text('message') };
}

/** Returns the failure that an exception of the server means. */
export function failureOfException(what: string, { name, message }: ServerException): AimFailure {
  const text = `${what}: ${name.slice(0, 100)}${message === '' ? '' : `: ${message.slice(0, 300)}`}`;
  const failure = (kind: FailureKind, code: ErrorCode, retry: 'later' | 'never', hint?: string): AimFailure => {
    if (hint === undefined) return new AimFailure(kind, new MirrorError(code, text, { retry }), name);
    return new AimFailure(kind, new MirrorError(code, text, { retry, hint, context: { retryAfterMs: LOCKED_MS } }), name);
  };
  if (name === 'UnauthorizedRequestError') return failure('away', 'MB4001', 'later');
  if (name === 'RunLockingError' || name === 'Timeout' || /LOCK: Resource temporarily unavailable|Timeout/.test(message)) {
    return failure('busy', 'MB4005', 'later', 'Another process has the run open: end it, or wait until it is done.');
  }
  if (/Too many open files/i.test(message)) {
    return failure('busy', 'MB4005', 'later', 'Raise the descriptor limit of the server (ulimit -n), or lower open_runs.');
  }
  if (/database is locked/i.test(message) || name === 'IntegrityError' || name === 'OperationalError')
    return failure('busy', 'MB4005', 'later');
  if (name === 'StopIteration' || name === 'KeyError' || name === 'RepoIntegrityError') return failure('absent', 'MB4007', 'never');
  if (/^(?:TypeError|ValueError|NotImplementedError|Unicode\w*Error|OverflowError|AssertionError)$/.test(name)) {
    return failure('content', 'MB4007', 'never');
  }
  return failure('busy', 'MB4005', 'later');
}

/** Returns the failure that an unsuccessful answer means. */
export function failureOfAnswer(what: string, answer: Exclude<HttpAnswer, { kind: 'ok' }>): AimFailure {
  if (answer.status === 400) {
    const exception = exceptionOf(answer.text);
    if (exception !== undefined) return failureOfException(what, exception);
  }
  const { error } = answer;
  // The connection still works.
  if (isTooLarge(error) || isOddAnswer(error)) return new AimFailure('busy', error);
  // This includes failed connections: an unacceptable certificate does not become acceptable by itself.
  if (error.code === 'MB4002') return new AimFailure('denied', withAccessHint(error));
  // A proxy asks the client to wait: the connection still works.
  if (answer.kind === 'retry') return new AimFailure(answer.status === 429 ? 'busy' : 'away', error);
  return new AimFailure('wrong', error);
}

/** Returns the error with a hint. Aim has no authentication, so a proxy in front of it asked for credentials. */
export function withAccessHint(error: MirrorError): MirrorError {
  const { code, message, retry, context } = error;
  return error.hint === undefined
    ? new MirrorError(code, message, { retry, context, hint: loginHint({ address: 'server', access: 'headers' }), cause: error })
    : error;
}

/** Returns the exception of an answer; undefined if the answer does not come from Aim, but from a proxy. */
function exceptionOf(text: string): ServerException | undefined {
  try {
    const body: unknown = JSON.parse(text);
    const exception = isFields(body) ? body['exception'] : undefined;
    if (!isFields(exception)) return undefined;
    const { class_name: name, message = '' } = exception;
    return typeof name === 'string' ? { name, message: typeof message === 'string' ? message : '' } : undefined;
  } catch {
    return undefined;
  }
}

/** Returns the failure for a tree of an unexpected form. */
export function oddTree(what: string, address: string, expected: string): AimFailure {
  return new AimFailure('busy', oddAnswer({ what, address }, `expected ${expected}`));
}

const MEANINGS: Readonly<Record<FailureKind, Meaning>> = {
  away: 'retry',
  busy: 'retry',
  denied: 'lane',
  wrong: 'lane',
  content: 'content',
  absent: 'content',
};

/** Returns the outcome of a parcel that could not be stored. */
export function outcomeOf(cause: unknown, signal: AbortSignal): NotAccepted {
  if (signal.aborted || !(cause instanceof AimFailure)) return outcomeOfThrown(cause, signal, 'Aim');
  const { kind, error } = cause;
  return meaningOutcome(MEANINGS[kind], error, askedWaitMs(error) || undefined);
}

/** Returns the error that a call other than `send` throws. */
export function errorOf(cause: unknown): unknown {
  return cause instanceof AimFailure ? cause.error : cause;
}
