import { type CommonCause, type FailedAnswer, type Failure, Failures, type Found } from '../../backend-kit/failures/index.ts';
import { MirrorError } from '../../errors.ts';
import { type Reply as HttpReply, isFields, oneLine, plainText, valueOrThrow } from '../../http/index.ts';

/** The cause of an answer that is not a success. */
export type WandbCause =
  | CommonCause
  /** The run or the project does not exist (any more). */
  | 'gone'
  /** The id belonged to a run that was deleted: it cannot be used again. */
  | 'deleted'
  /** The server returned an unusable address for a file. */
  | 'unusable';

/** An answer that is not a success, with its cause and error. */
export type WandbFailure = Failure<WandbCause>;

/** The result of a call. */
export type WandbReply<T> = HttpReply<T, WandbFailure>;

/** The hint for a key that the server does not accept. */
export const KEY_HINT = 'Set api_key, api_key_file or the variable WANDB_API_KEY, and check that the key may write into the entity.';
/** The hint for a run whose lines do not match the state. */
export const REBUILD_HINT =
  'Restore the state (or the run), or run once with --rebuild to send everything to a new run; the old one stays.';
/** The hint for a run that cannot be written to. */
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

/** Functions that create failures and map them to outcomes, see `backend-kit/failures`. */
export const { notTheApi, stopOf } = failures;

/** Returns the failure of an answer. `what` names the action: `sending rows to the run mb01`. */
export function failureOf(answer: FailedAnswer, what: string, address: string): WandbFailure {
  return failures.of(answer, what, address, foundIn(answer));
}

/** Returns a failure of this cause, with its error code and hint. `why`: the error that caused it. */
export function failed(cause: WandbCause, message: string, context: MirrorError['context'], why?: MirrorError): WandbFailure {
  return failures.make(cause, message, {
    context,
    ...(why === undefined ? {} : { cause: why }),
    ...(why?.hint === undefined ? {} : { hint: why.hint }),
  });
}

/** Returns the failure for errors in an answer with status 200. Only their message identifies them. */
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

/** Returns the value of a reply about one run: a refusal there stops only that run. */
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
    // The text is a page, or plain.
  }
  return oneLine(plainText(text));
}
