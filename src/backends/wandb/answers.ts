import { type CommonCause, type FailedAnswer, type Failure, Failures, type Found } from '../../backend-kit/failures/index.ts';
import { MirrorError } from '../../errors.ts';
import { type Reply as HttpReply, isFields, oneLine, plainText, valueOrThrow } from '../../http/index.ts';

/** What is behind an answer that is no success. */
export type WandbCause =
  | CommonCause
  /** The run or the project is not there (any more). */
  | 'gone'
  /** The id was used by a run that was deleted: it can't be used again. */
  | 'deleted'
  /** The server names an address for a file that can't be used. */
  | 'unusable';

/** An answer that is no success, with what it means. */
export type WandbFailure = Failure<WandbCause>;

/** What a call gives. */
export type WandbReply<T> = HttpReply<T, WandbFailure>;

/** The remedy when the key is not accepted. */
export const KEY_HINT = 'Set api_key, api_key_file or the variable WANDB_API_KEY, and check that the key may write into the entity.';
/** The remedy when a run's lines don't fit the state. */
export const REBUILD_HINT =
  'Restore the state (or the run), or run once with --rebuild to send everything to a new run; the old one stays.';
/** The remedy when a run can't be written to. */
export const RUN_HINT = 'Run once with --rebuild to send everything to a new run; the old one stays.';

/** A refused run stops, because rows are never left out. */
const failures = new Failures<Exclude<WandbCause, CommonCause>>({
  api: 'the W&B API',
  causes: {
    denied: { hint: KEY_HINT },
    address: { hint: 'Check base_url: it is the address of the server, without a path of a page.' },
    gone: { means: 'run', code: 'MB4006', hint: RUN_HINT },
    deleted: { means: 'run', code: 'MB4006', hint: RUN_HINT },
    unusable: { means: 'run', code: 'MB4011' },
    tooMuch: { means: 'run' },
    refused: { means: 'run' },
  },
});

/** What a failure means for what was sent, see `backend-kit/failures`. */
export const { notTheApi, stopOf } = failures;

/** `what` was being done: `sending rows to the run mb01`. */
export function failureOf(answer: FailedAnswer, what: string, address: string): WandbFailure {
  return failures.of(answer, what, address, foundIn(answer));
}

/** A failure of this cause, with its error code and remedy. `why`: the error that it comes from. */
export function failed(cause: WandbCause, message: string, context: MirrorError['context'], why?: MirrorError): WandbFailure {
  return failures.make(cause, message, {
    context,
    ...(why === undefined ? {} : { cause: why }),
    ...(why?.hint === undefined ? {} : { hint: why.hint }),
  });
}

/** Errors in an answer with status 200. Only their message identifies them. */
export function graphFailure(messages: readonly string[], what: string, address: string): WandbFailure {
  const detail = oneLine(messages.join('; '));
  const cause = /permission|not authori[sz]ed|unauthori[sz]ed|forbidden|api.?key|access denied/i.test(detail)
    ? 'denied'
    : /previously created and deleted/i.test(detail)
      ? 'deleted'
      : 'refused';
  return failed(cause, `${what}: ${address} answers: ${detail}`, { address });
}

function foundIn({ kind, status, text }: FailedAnswer): Found<WandbCause> {
  const detail = messageIn(text);
  if (kind === 'retry') return { detail };
  if (status === 409) return { detail, cause: /deleted/i.test(detail) ? 'deleted' : 'gone' };
  return status === 404 || status === 410 ? { detail, cause: 'gone' } : { detail };
}

/** The value of a reply about one run: what is refused there stops that run alone. */
export function runValueOrThrow<T>(reply: WandbReply<T>): T {
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
      const detail = all.length > 0 ? all.join('; ') : (body['error'] ?? body['message']);
      if (typeof detail === 'string') return oneLine(detail);
    }
  } catch {
    // A page, or a plain text.
  }
  return oneLine(plainText(text));
}
