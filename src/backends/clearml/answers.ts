import { MirrorError } from '../../errors.ts';
import { type HttpAnswer, type Reply as HttpReply, type Said, wordsOf } from '../../http/index.ts';

/** What stands behind an answer that is no success: decided by status and result code. */
export type Cause =
  /** Out of reach or busy. */
  | 'transient'
  /** 500: the server stumbled; over our request, or by itself. */
  | 'internal'
  /** Our token is not valid any more. */
  | 'token'
  | 'unauthorized'
  /** Not the address of an API server, or one that is too old. */
  | 'address'
  /** The task is not there. */
  | 'gone'
  /** Not in this status of the task. */
  | 'status'
  /** What a task was to lie in is not there. */
  | 'noProject'
  /** What a task was to lie below is not there. */
  | 'noParent'
  /** A project of this name is there already. */
  | 'exists'
  /** Nothing of a batch was added. */
  | 'notAdded'
  | 'tooMuch'
  /** Something in the request is wrong. */
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

export type { Fields } from '../../http/index.ts';

const KEYS_HINT =
  'Check CLEARML_API_ACCESS_KEY and CLEARML_API_SECRET_KEY (or CLEARML_AUTH_TOKEN, token_file): make new ones in the web page under Settings, Workspace.';
const ADDRESS_HINT =
  'Check api_server (CLEARML_API_HOST): it is the address of the API server, usually port 8008, not that of the web page.';
const GONE_HINT = 'It was deleted. Set recreate_deleted: true to create a new one and fill it from the beginning.';

type Refused = Exclude<HttpAnswer, { kind: 'ok' }>;

/** `what` was being done: `creating the task train/a`. `extraRetry`: statuses that count as busy too. */
export function failureOf(answer: Refused, what: string, address: string, extraRetry: ReadonlySet<number>): Failure {
  const meta = metaOf(answer.text);
  const cause = causeOf(answer, meta, extraRetry);
  const afterMs = answer.kind === 'retry' ? answer.afterMs : undefined;
  return { kind: 'failed', cause, ...(afterMs === undefined ? {} : { afterMs }), error: errorOf(cause, answer, meta, what, address) };
}

/** An answer of 200 that is not what the API says: a login page, another program. */
export function notTheApi(what: string, address: string): Failure {
  const error = new MirrorError('MB4003', `${what}: ${address} answers with something else than ClearML's API`, {
    hint: ADDRESS_HINT,
    context: { address },
  });
  return { kind: 'failed', cause: 'address', error };
}

interface Meta {
  readonly code: number | undefined;
  readonly subcode: number | undefined;
  readonly message: string;
}

/** The text may be cut, so it is looked into rather than parsed. */
function metaOf(text: string): Meta {
  const numberOf = (name: string): number | undefined => {
    const found = new RegExp(`"${name}"\\s*:\\s*(\\d+)`).exec(text)?.[1];
    return found === undefined ? undefined : Number(found);
  };
  const quoted = /"result_msg"\s*:\s*("(?:[^"\\]|\\.)*")/.exec(text)?.[1];
  let message = text;
  try {
    if (quoted !== undefined) message = JSON.parse(quoted) as string;
  } catch {
    // The text as it is, then.
  }
  return { code: numberOf('result_code'), subcode: numberOf('result_subcode'), message };
}

function causeOf({ kind, status, error }: Refused, { code, subcode, message }: Meta, extraRetry: ReadonlySet<number>): Cause {
  // Where no connection comes to stand for want of a certificate that fits, it was no answer, and will not be one.
  if (status === undefined) return error.retry === 'never' ? 'unauthorized' : 'transient';
  if (extraRetry.has(status)) return 'transient';
  if (status < 400 && error.code === 'MB4002') return 'unauthorized';
  const isRetry = kind === 'retry';
  if (code === undefined) {
    // No envelope: a proxy, the file server, or another program.
    if (status === 413) return 'tooMuch';
    if (status === 401 || status === 403 || status === 407) return 'unauthorized';
    if (status === 404 || (status >= 300 && status < 400) || status === 405) return 'address';
    if (status === 500 || status === 509) return status === 500 ? 'internal' : 'transient';
    return isRetry ? 'transient' : 'refused';
  }
  if (code === 401) return subcode === 30 ? 'token' : 'unauthorized';
  if (code === 403) return 'unauthorized';
  if (code === 404) return 'address';
  if (code === 500) return 'internal';
  if (code === 413) return 'tooMuch';
  if (isRetry) return 'transient';
  // Another process changed the status at the same moment.
  if (subcode === 121) return 'transient';
  if (subcode === 401 || (subcode === 16 && message.includes('Project id'))) return 'noProject';
  if ((subcode === 16 && message.includes('Task id')) || (subcode === 101 && message.includes('parent'))) return 'noParent';
  // `tasks.started` alone has words of its own for it.
  if (subcode === 101 || (subcode === 10 && message.includes('task='))) return 'gone';
  if (subcode === 110) return 'status';
  if (subcode === 131) return 'notAdded';
  return subcode === 801 ? 'exists' : 'refused';
}

function errorOf(cause: Cause, answer: Refused, meta: Meta, what: string, address: string): MirrorError {
  const { status, error } = answer;
  const context = { address, ...(status === undefined ? {} : { status }) };
  if (status === undefined) {
    const hint = error.hint === undefined ? {} : { hint: error.hint };
    return new MirrorError(error.code, `${what}: ${error.message}`, { retry: error.retry, ...hint, context, cause: error });
  }
  const code = meta.code === undefined ? String(status) : `${meta.code}/${meta.subcode ?? 0}`;
  const said = wordsOf(answer, meta.message);
  // What stands there instead of a server has said where it leads.
  const message = status < 400 ? `${what}: ${error.message}` : `${what}: ${address} answers ${code}${said === '' ? '' : `: ${said}`}`;
  switch (cause) {
    case 'token':
    case 'unauthorized':
      return new MirrorError('MB4002', message, { hint: error.hint ?? KEYS_HINT, context, cause: error });
    case 'address':
      return new MirrorError('MB4003', message, { hint: error.hint ?? ADDRESS_HINT, context, cause: error });
    case 'gone':
      return new MirrorError('MB4006', message, { hint: GONE_HINT, context, cause: error });
    // About one task: no other is to wait for it.
    case 'status':
    case 'noProject':
    case 'noParent':
      return new MirrorError('MB4006', message, { context, cause: error });
    case 'transient':
    case 'internal':
      return new MirrorError(error.code, message, { retry: 'later', context, cause: error });
    default:
      return new MirrorError(error.code, message, { context, cause: error, ...(error.hint === undefined ? {} : { hint: error.hint }) });
  }
}

/** The artifacts that a task lists. */
export function artifactsIn(task: Said): readonly Said[] {
  return task.object('execution').list('artifacts');
}
