import { type CommonCause, type FailedAnswer, type Failure, Failures, type Found } from '../../backend-kit/failures/index.ts';
import type { AnswerFields, Reply as HttpReply } from '../../http/index.ts';

/** What is behind an answer that is no success: decided by status and result code. */
export type ClearmlCause =
  | CommonCause
  /** 500: the server stumbled; over our request, or by itself. */
  | 'internal'
  /** Our token is not valid any more. */
  | 'token'
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
  | 'notAdded';

/** An answer that is no success, with what it means. */
export type ClearmlFailure = Failure<ClearmlCause>;

/** What a call gives. */
export type ClearmlReply<T> = HttpReply<T, ClearmlFailure>;

export type { Fields } from '../../http/index.ts';

const KEYS_HINT =
  'Check CLEARML_API_ACCESS_KEY and CLEARML_API_SECRET_KEY (or CLEARML_AUTH_TOKEN, token_file): make new ones in the ' +
  'web page under Settings, Workspace.';

const failures = new Failures<Exclude<ClearmlCause, CommonCause>>({
  api: "ClearML's API",
  causes: {
    denied: { hint: KEYS_HINT },
    token: { means: 'lane', code: 'MB4002', hint: KEYS_HINT },
    address: {
      hint: 'Check api_server (CLEARML_API_HOST): it is the address of the API server, usually port 8008, not that of the web page.',
    },
    internal: { means: 'retry' },
    gone: {
      means: 'run',
      code: 'MB4006',
      hint: 'It was deleted. Set recreate_deleted: true to create a new one and fill it from the beginning.',
    },
    // About one task: no other is to wait for it.
    status: { means: 'content', code: 'MB4006' },
    noProject: { means: 'content', code: 'MB4006' },
    noParent: { means: 'content', code: 'MB4006' },
    exists: { means: 'content' },
    notAdded: { means: 'content' },
  },
});

/** What a failure means for what was sent, see `backend-kit/failures`. */
export const { notTheApi, stopOf } = failures;

/** `what` was being done: `creating the task train/a`. `extraRetry`: statuses that count as busy too. */
export function failureOf(answer: FailedAnswer, what: string, address: string, extraRetry: ReadonlySet<number>): ClearmlFailure {
  return failures.of(answer, what, address, foundIn(answer, extraRetry));
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

function foundIn(answer: FailedAnswer, extraRetry: ReadonlySet<number>): Found<ClearmlCause> {
  const meta = metaOf(answer.text);
  const cause = extraRetry.has(answer.status ?? 0) ? 'transient' : causeOf(answer, meta);
  return { cause, detail: meta.message, code: meta.code === undefined ? undefined : `${meta.code}/${meta.subcode ?? 0}` };
}

/** Undefined: the status tells. */
function causeOf({ kind, status }: FailedAnswer, { code, subcode, message }: Meta): ClearmlCause | undefined {
  if (code === undefined) {
    // No envelope: a proxy, the file server, or another program.
    if (status === 404 || status === 405) return 'address';
    if (status === 500) return 'internal';
    return status === 509 ? 'transient' : undefined;
  }
  if (code === 401) return subcode === 30 ? 'token' : 'denied';
  if (code === 403) return 'denied';
  if (code === 404) return 'address';
  if (code === 500) return 'internal';
  if (code === 413) return 'tooMuch';
  // Another process changed the status at the same moment.
  if (kind === 'retry' || subcode === 121) return 'transient';
  if (subcode === 401 || (subcode === 16 && message.includes('Project id'))) return 'noProject';
  if ((subcode === 16 && message.includes('Task id')) || (subcode === 101 && message.includes('parent'))) return 'noParent';
  // `tasks.started` alone has words of its own for it.
  if (subcode === 101 || (subcode === 10 && message.includes('task='))) return 'gone';
  if (subcode === 110) return 'status';
  if (subcode === 131) return 'notAdded';
  return subcode === 801 ? 'exists' : 'refused';
}

/** The artifacts that a task lists. */
export function artifactsIn(task: AnswerFields): readonly AnswerFields[] {
  return task.object('execution').list('artifacts');
}
