import { MirrorError } from '../../errors.ts';
import { type HttpAnswer, isFields, isPage, loginHint, wordsOf } from '../../http/index.ts';

/**
 * What stands behind an answer that is no success: decided by status and error code, by the message only where
 * nothing else tells.
 */
export type Cause =
  /** Out of reach, busy, or a race on the server's side. */
  | 'transient'
  /** 500: the server stumbled; over our request, or by itself. */
  | 'internal'
  | 'unauthorized'
  /** Not the address of a tracking server. */
  | 'address'
  /** The run or experiment is deleted. */
  | 'inactive'
  | 'missing'
  | 'exists'
  /** The database holds something of it already, or takes it for that. */
  | 'clash'
  /** More than fits into one request. */
  | 'tooMuch'
  /** An element of the request is named. */
  | 'element'
  /** A param has another value already. */
  | 'immutable'
  /** Nothing is stored behind this address, and it will not change by itself. */
  | 'notServed'
  | 'refused';

/** An answer that is no success, with what it means. */
export interface Failure {
  readonly kind: 'failed';
  readonly cause: Cause;
  readonly status?: number | undefined;
  readonly afterMs?: number;
  /** The element that was named, for `element`. */
  readonly element?: { readonly list: 'metrics' | 'params' | 'tags'; readonly index: number };
  readonly error: MirrorError;
}

/** The settings that hold credentials, as users know them. */
export const ACCESS =
  'token_file (MLFLOW_TRACKING_TOKEN), username and password (MLFLOW_TRACKING_USERNAME, MLFLOW_TRACKING_PASSWORD) or headers';

/** What proxies say with a status of 400. */
const NO_CERTIFICATE = /No required SSL certificate was sent|The SSL certificate error/;

/** What SQLite, PostgreSQL, MySQL and SQL Server say of a row that is there. */
const CLASH = /IntegrityError|UniqueViolation|Duplicate entry|UNIQUE constraint|PRIMARY KEY constraint/i;

const NO_ARTIFACTS = /Artifact serving is disabled|--no-serve-artifacts/;

/** Whether a 503 is MLflow's own word on what was asked: its errors are JSON, but for the one on artifacts. */
export function isOwnWord(text: string): boolean {
  return text.trimStart().startsWith('{') || NO_ARTIFACTS.test(text);
}

/** What MLflow says of a tag whose name the database takes for another one of the run. */
const TAG_CLASH = /Failed to set tags .*within \d+ retries/;

/** What MySQL says of a text that its database's character set does not have. */
const UNSTORABLE = /Illegal mix of collations|Incorrect string value/i;

const UNSTORABLE_HINT = 'The database holds no such characters (latin1?): convert it to utf8mb4, or use names of plain letters.';

const HOST_HINT =
  'The server must allow this host name: start it with --allowed-hosts HOST:PORT (or the variable MLFLOW_SERVER_ALLOWED_HOSTS), the port included.';

/** `what` was being done: `creating the run train/a`. */
export function failureOf(answer: Exclude<HttpAnswer, { kind: 'ok' }>, what: string, address: string): Failure {
  const { status, text } = answer;
  const body = apiError(text);
  // No certificate that fits, or a page to log in at: it was no answer, and will not be one.
  const isLocked = (status === undefined || status < 400) && answer.error.code === 'MB4002';
  const cause = isLocked ? 'unauthorized' : causeOf(status, answer.kind === 'retry', body, isPage(answer), text);
  const element = cause === 'element' ? namedElement(body.message) : undefined;
  const afterMs = answer.kind === 'retry' ? answer.afterMs : undefined;
  return {
    kind: 'failed',
    cause,
    status,
    ...(afterMs === undefined ? {} : { afterMs }),
    ...(element === undefined ? {} : { element }),
    error: errorOf(cause, answer, body, what, address),
  };
}

/** An answer of 200 that is not what the API says: a login page, another program. */
export function notTheApi(what: string, address: string): Failure {
  const error = new MirrorError('MB4003', `${what}: ${address} answers with something else than MLflow's API`, {
    hint: 'Check tracking_uri: it is the address of the tracking server, without /api or a page behind it.',
    context: { address },
  });
  return { kind: 'failed', cause: 'address', status: 200, error };
}

interface ApiError {
  readonly code: string;
  readonly message: string;
}

function apiError(text: string): ApiError {
  try {
    const body: unknown = JSON.parse(text);
    if (isFields(body)) {
      const { error_code: code, message, detail } = body;
      const said = message ?? detail ?? '';
      return { code: typeof code === 'string' ? code : '', message: typeof said === 'string' ? said : text };
    }
  } catch {
    // A cut JSON text still names its code.
    const code = /"error_code"\s*:\s*"(\w+)"/.exec(text)?.[1];
    if (code !== undefined) return { code, message: text };
  }
  return { code: '', message: text };
}

function causeOf(status: number | undefined, isRetry: boolean, { code, message }: ApiError, html: boolean, text: string): Cause {
  if (status === undefined) return 'transient';
  // Whatever the status: old versions say 503 for it, and it never passes.
  if (UNSTORABLE.test(message)) return 'refused';
  if ((status === 503 || status === 404) && NO_ARTIFACTS.test(text)) return 'notServed';
  if (status === 501 || status === 405) return 'notServed';
  if (TAG_CLASH.test(message)) return 'clash';
  if (status === 500) return 'internal';
  if (isRetry) return 'transient';
  if (status === 401 || status === 403 || status === 407 || NO_CERTIFICATE.test(text)) return 'unauthorized';
  if (status === 413) return 'tooMuch';
  if (status >= 300 && status < 400) return 'address';
  if (status === 404) return code === '' && html ? 'address' : 'missing';
  if (code === 'RESOURCE_ALREADY_EXISTS') return 'exists';
  if (code === 'RESOURCE_DOES_NOT_EXIST') return 'missing';
  if (code === 'TEMPORARILY_UNAVAILABLE' || code === 'REQUEST_LIMIT_EXCEEDED') return 'transient';
  if (CLASH.test(message)) return 'clash';
  if (/database is locked|deadlock/i.test(message)) return 'transient';
  if (message.includes("must be in the 'active' state") || /must be in 'active' lifecycle/.test(message)) return 'inactive';
  if (message.includes('Changing param values')) return 'immutable';
  if (namedElement(message) !== undefined) return 'element';
  if (/at most \d+|must be at most|exceeds? (?:the )?(?:maximum|limit)/i.test(message)) return 'tooMuch';
  return 'refused';
}

/** `metrics[12].key`, or the list alone with what is wrong in it. */
function namedElement(message: string): Failure['element'] {
  const found = /\b(metrics|params|tags)\[(\d+)\]/.exec(message);
  return found === null ? undefined : { list: found[1] as 'metrics' | 'params' | 'tags', index: Number(found[2]) };
}

function errorOf(cause: Cause, answer: Exclude<HttpAnswer, { kind: 'ok' }>, body: ApiError, what: string, address: string): MirrorError {
  const { status, error } = answer;
  const context = { address, ...(status === undefined ? {} : { status }) };
  const said = wordsOf(answer, body.message);
  // What stands there instead of a server has said where it leads.
  const answers =
    status !== undefined && status >= 400
      ? `${what}: ${address} answers ${status}${said === '' ? '' : `: ${said}`}`
      : `${what}: ${error.message}`;
  if (cause === 'unauthorized' && (status === undefined || status < 400)) {
    return new MirrorError('MB4002', answers, {
      context,
      cause: error,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  }
  if (cause === 'unauthorized') {
    const hint = NO_CERTIFICATE.test(answer.text)
      ? 'Give a certificate that the server knows (client_cert_path).'
      : answer.text.includes('Invalid Host header')
        ? HOST_HINT
        : status === 401
          ? (error.hint ?? loginHint({ address: 'tracking_uri', access: ACCESS }))
          : (error.hint ?? 'Ask for the right to write into the experiment (EDIT), or use another one.');
    return new MirrorError('MB4002', answers, { hint, context, cause: error });
  }
  if (cause === 'address') {
    return new MirrorError('MB4003', answers, {
      hint: error.hint ?? 'Check tracking_uri: is it a tracking server, and is the path before /api right (--static-prefix)?',
      context,
      cause: error,
    });
  }
  if (cause === 'inactive' || cause === 'missing') {
    return new MirrorError('MB4006', answers, { context, cause: error });
  }
  const isLater = cause === 'transient' || cause === 'internal' || cause === 'clash';
  const hint = cause === 'refused' && UNSTORABLE.test(body.message) ? UNSTORABLE_HINT : error.hint;
  return new MirrorError(error.code, status === undefined ? `${what}: ${error.message}` : answers, {
    ...(isLater ? { retry: 'later' } : {}),
    ...(hint === undefined ? {} : { hint }),
    context,
    cause: error,
  });
}
