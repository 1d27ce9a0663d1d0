import type { Outcome } from '../../contract/index.ts';
import { MirrorError, reasonOf } from '../../errors.ts';
import { type HttpAnswer, type Reply as HttpReply, isFields, oneLine, plainText, valueOrThrow } from '../../http/index.ts';

/** What stands behind an answer that is no success. */
export type Cause =
  /** Out of reach, busy, or asked to come back later. */
  | 'transient'
  | 'denied'
  /** The run or the project is not there (any more). */
  | 'gone'
  /** The id was used by a run that was deleted: it can't be used again. */
  | 'deleted'
  | 'tooMuch'
  /** The server names an address for a file that can't be used. */
  | 'unusable'
  /** The address of something else. */
  | 'address'
  | 'refused';

/** An answer that is no success, with what it means. */
export interface Failure {
  readonly kind: 'failed';
  readonly cause: Cause;
  readonly afterMs?: number;
  readonly error: MirrorError;
}

/** What a call gives. */
export type Reply<T> = HttpReply<T, Failure>;

/** The remedy when the key is not accepted. */
export const KEY_HINT = 'Set api_key, api_key_file or the variable WANDB_API_KEY, and check that the key may write into the entity.';
/** The remedy when a run's lines don't fit the state. */
export const REBUILD_HINT =
  'Restore the state (or the run), or run once with --rebuild to send everything to a new run; the old one stays.';
/** The remedy when a run can't be written to. */
export const RUN_HINT = 'Run once with --rebuild to send everything to a new run; the old one stays.';

/** `what` was being done: `sending rows to the run mb01`. */
export function failureOf(answer: Exclude<HttpAnswer, { kind: 'ok' }>, what: string, address: string): Failure {
  const { status, text } = answer;
  const said = messageIn(text);
  const context = { address, ...(status === undefined ? {} : { status }) };
  const message =
    status === undefined || status < 400
      ? `${what}: ${answer.error.message}`
      : `${what}: ${address} answers ${status}${said === '' ? '' : `: ${said}`}`;
  const cause = causeOf(answer, said);
  if (status === undefined || cause === 'transient') {
    const afterMs = answer.kind === 'retry' ? answer.afterMs : undefined;
    const { code, hint } = answer.error;
    const retry = cause === 'transient' ? 'later' : 'never';
    const error = new MirrorError(code, message, { retry, context, cause: answer.error, ...(hint === undefined ? {} : { hint }) });
    return { kind: 'failed', cause, ...(afterMs === undefined ? {} : { afterMs }), error };
  }
  return failed(cause, message, context, answer.error);
}

/** A failure of this cause, with its error code and remedy. */
export function failed(cause: Exclude<Cause, 'transient'>, message: string, context: MirrorError['context'], why?: unknown): Failure {
  const hint = why instanceof MirrorError && why.hint !== undefined ? { hint: why.hint } : {};
  const details = { context, ...(why === undefined ? {} : { cause: why }), ...hint };
  switch (cause) {
    case 'denied':
      return { kind: 'failed', cause, error: new MirrorError('MB4002', message, { hint: KEY_HINT, ...details }) };
    case 'address':
      return {
        kind: 'failed',
        cause,
        error: new MirrorError('MB4003', message, {
          hint: 'Check base_url: it is the address of the server, without a path of a page.',
          ...details,
        }),
      };
    case 'gone':
    case 'deleted':
      return { kind: 'failed', cause, error: new MirrorError('MB4006', message, { ...details, hint: RUN_HINT }) };
    case 'unusable':
      return { kind: 'failed', cause, error: new MirrorError('MB4011', message, details) };
    case 'tooMuch':
    case 'refused':
      return { kind: 'failed', cause, error: new MirrorError('MB4005', message, details) };
    default:
      return cause satisfies never;
  }
}

/** Errors that stand in an answer of 200: by their message, nothing else tells. */
export function graphFailure(messages: readonly string[], what: string, address: string): Failure {
  const said = oneLine(messages.join('; '));
  const cause = /permission|not authori[sz]ed|unauthori[sz]ed|forbidden|api.?key|access denied/i.test(said)
    ? 'denied'
    : /previously created and deleted/i.test(said)
      ? 'deleted'
      : 'refused';
  return failed(cause, `${what}: ${address} answers: ${said}`, { address });
}

function causeOf({ kind, status, error }: Exclude<HttpAnswer, { kind: 'ok' }>, said: string): Cause {
  // Where no connection comes to stand for want of a certificate that fits, it was no answer, and will not be one.
  if (status === undefined) return error.retry === 'never' ? 'denied' : 'transient';
  if (kind === 'retry') return 'transient';
  if (status === 401 || status === 403 || status === 407 || (status < 400 && error.code === 'MB4002')) return 'denied';
  if (status === 413) return 'tooMuch';
  if (status === 409) return /deleted/i.test(said) ? 'deleted' : 'gone';
  if (status === 404 || status === 410) return 'gone';
  return status >= 300 && status < 400 ? 'address' : 'refused';
}

/**
 * What becomes of a parcel, where something of it failed. A run that is refused stands still: rows are never left
 * out.
 */
export function outcomeOf({ cause, error, afterMs }: Failure): Outcome {
  switch (cause) {
    case 'transient':
      return { kind: 'retry', error, ...(afterMs === undefined ? {} : { afterMs }) };
    case 'denied':
    case 'address':
      return { kind: 'fatal', error };
    case 'gone':
    case 'deleted':
      return { kind: 'runFatal', error };
    case 'unusable':
    case 'tooMuch':
    case 'refused':
      return { kind: 'runFatal', error: new MirrorError('MB4006', reasonOf(error), { context: error.context, cause: error }) };
    default:
      return cause satisfies never;
  }
}

/** The same of what is about one run: what is refused there stops that run alone. */
export function runValueOrThrow<T>(reply: Reply<T>): T {
  if (reply.kind === 'ok' || (reply.cause !== 'refused' && reply.cause !== 'tooMuch')) return valueOrThrow(reply);
  const { message, context } = reply.error;
  throw new MirrorError('MB4006', message, { context, cause: reply.error });
}

function messageIn(text: string): string {
  try {
    const body: unknown = JSON.parse(text);
    if (isFields(body)) {
      const errors: readonly unknown[] = Array.isArray(body['errors']) ? body['errors'] : [];
      const all = errors.flatMap((error) => (isFields(error) && typeof error['message'] === 'string' ? [error['message']] : []));
      const said = all.length > 0 ? all.join('; ') : (body['error'] ?? body['message']);
      if (typeof said === 'string') return oneLine(said);
    }
  } catch {
    // A page, or a plain text.
  }
  return oneLine(plainText(text));
}
