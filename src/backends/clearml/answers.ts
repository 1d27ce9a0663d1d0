import { type CommonCause, type FailedAnswer, type Failure, Failures, type Found } from '../../backend-kit/failures/index.ts';
import type { AnswerFields, Reply as HttpReply } from '../../http/index.ts';

/** The cause of a failed answer. mirrorboard decides by status and result code. */
export type ClearmlCause =
  | CommonCause
  /** Status 500: the server failed, over our request or by itself. */
  | 'internal'
  /** Our token is no longer valid. */
  | 'token'
  /** The task does not exist. */
  | 'gone'
  /** The status of the task does not allow the call. */
  | 'status'
  /** The project of a new task does not exist. */
  | 'noProject'
  /** The parent of a new task does not exist. */
  | 'noParent'
  /** A project of this name already exists. */
  | 'exists'
  /** The server added no event of a batch. */
  | 'notAdded';

/** A failed answer, with its meaning. */
export type ClearmlFailure = Failure<ClearmlCause>;

/** The result of a call. */
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
    // These are about one task: no other task must wait for it.
    status: { means: 'content', code: 'MB4006' },
    noProject: { means: 'content', code: 'MB4006' },
    noParent: { means: 'content', code: 'MB4006' },
    exists: { means: 'content' },
    notAdded: { means: 'content' },
  },
});

/** The functions that tell what a failure means for the sent data, see `backend-kit/failures`. */
export const { notTheApi, stopOf } = failures;

/**
 * Reads a failed answer. `what` names the action, like `creating the task train/a`. `extraRetry`: more statuses that
 * count as busy.
 */
export function failureOf(answer: FailedAnswer, what: string, address: string, extraRetry: ReadonlySet<number>): ClearmlFailure {
  return failures.of(answer, what, address, foundIn(answer, extraRetry));
}

interface Meta {
  readonly code: number | undefined;
  readonly subcode: number | undefined;
  readonly message: string;
}

/** Reads result code and message of an answer. The text may be cut, so it is searched, not parsed. */
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
    // Then the message is the text as it is.
  }
  return { code: numberOf('result_code'), subcode: numberOf('result_subcode'), message };
}

function foundIn(answer: FailedAnswer, extraRetry: ReadonlySet<number>): Found<ClearmlCause> {
  const meta = metaOf(answer.text);
  const cause = extraRetry.has(answer.status ?? 0) ? 'transient' : causeOf(answer, meta);
  return { cause, detail: meta.message, code: meta.code === undefined ? undefined : `${meta.code}/${meta.subcode ?? 0}` };
}

/** Returns the cause of an answer; undefined if the status tells it. */
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
  // Only `tasks.started` has its own words for it.
  if (subcode === 101 || (subcode === 10 && message.includes('task='))) return 'gone';
  if (subcode === 110) return 'status';
  if (subcode === 131) return 'notAdded';
  return subcode === 801 ? 'exists' : 'refused';
}

/** Returns the artifacts that a task lists. */
export function artifactsIn(task: AnswerFields): readonly AnswerFields[] {
  return task.object('execution').list('artifacts');
}
