import { type CommonCause, type FailedAnswer, type Failure, Failures, type Found } from '../../backend-kit/failures/index.ts';
import { isFields, isPage, loginHint } from '../../http/index.ts';

/**
 * What is behind an answer that is no success: decided by status and error code, by the message only if nothing else
 * tells.
 */
export type MlflowCause =
  | CommonCause
  /** 500: the server stumbled; over our request, or by itself. */
  | 'internal'
  /** The run or experiment is deleted. */
  | 'inactive'
  | 'missing'
  | 'exists'
  /** The database holds something of it already, or takes it for that. */
  | 'clash'
  /** An element of the request is named. */
  | 'element'
  /** A param has another value already. */
  | 'immutable'
  /** Nothing is stored behind this address, and it will not change by itself. */
  | 'notServed';

/** An answer that is no success, with what it means. */
export interface MlflowFailure extends Failure<MlflowCause> {
  /** The element that was named, for `element`. */
  readonly element?: { readonly list: 'metrics' | 'params' | 'tags'; readonly index: number };
}

/** The settings that hold credentials, as users know them. */
export const ACCESS =
  'token_file (MLFLOW_TRACKING_TOKEN), username and password (MLFLOW_TRACKING_USERNAME, MLFLOW_TRACKING_PASSWORD) or headers';

const stopHint = 'The run or its experiment was deleted: restore it, or delete the run permanently to have it created again.';

const failures = new Failures<Exclude<MlflowCause, CommonCause>>({
  api: "MLflow's API",
  apiHint: 'Check tracking_uri: it is the address of the tracking server, without /api or a page behind it.',
  causes: {
    address: { hint: 'Check tracking_uri: is it a tracking server, and is the path before /api right (--static-prefix)?' },
    internal: { means: 'retry' },
    clash: { means: 'retry' },
    inactive: { means: 'run', code: 'MB4006', stopHint },
    missing: { means: 'run', code: 'MB4006', stopHint },
    exists: { means: 'content' },
    element: { means: 'content' },
    immutable: { means: 'content' },
    notServed: { means: 'content' },
  },
});

/** What a failure means for what was sent, see `backend-kit/failures`. */
export const { isAboutContent, notTheApi, stopOf, troubleOf } = failures;

/** What proxies say with a status of 400. */
const NO_CERTIFICATE = /No required SSL certificate was sent|The SSL certificate error/;

/** What SQLite, PostgreSQL, MySQL and SQL Server say of a row that is there. */
const CLASH = /IntegrityError|UniqueViolation|Duplicate entry|UNIQUE constraint|PRIMARY KEY constraint/i;

const NO_ARTIFACTS = /Artifact serving is disabled|--no-serve-artifacts/;

/** True if a 503 is MLflow's own word on what was asked: its errors are JSON, but for the one on artifacts. */
export function isOwnWord(text: string): boolean {
  return text.trimStart().startsWith('{') || NO_ARTIFACTS.test(text);
}

/** What MLflow says of a tag whose name the database takes for another one of the run. */
const TAG_CLASH = /Failed to set tags .*within \d+ retries/;

/** What MySQL says of a text that its database's character set does not have. */
const UNSTORABLE = /Illegal mix of collations|Incorrect string value/i;

const UNSTORABLE_HINT = 'The database cannot hold these characters (is it latin1?). Convert it to utf8mb4, or use ASCII names.';

const HOST_HINT =
  'The server must allow this host name: start it with --allowed-hosts HOST:PORT (or the variable ' +
  'MLFLOW_SERVER_ALLOWED_HOSTS), the port included.';

/** `what` was being done: `creating the run train/a`. */
export function failureOf(answer: FailedAnswer, what: string, address: string): MlflowFailure {
  const body = apiError(answer.text);
  const failure = failures.of(answer, what, address, foundIn(answer, body));
  const element = failure.cause === 'element' ? namedElement(body.message) : undefined;
  return element === undefined ? failure : { ...failure, element };
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
      const reason = message ?? detail ?? '';
      return { code: typeof code === 'string' ? code : '', message: typeof reason === 'string' ? reason : text };
    }
  } catch {
    // A cut JSON text still names its code.
    const code = /"error_code"\s*:\s*"(\w+)"/.exec(text)?.[1];
    if (code !== undefined) return { code, message: text };
  }
  return { code: '', message: text };
}

function foundIn(answer: FailedAnswer, body: ApiError): Found<MlflowCause> {
  const cause = causeOf(answer, body);
  const reason = body.message;
  if (cause === 'denied') return { cause, detail: reason, hint: deniedHint(answer) };
  return { cause, detail: reason, hint: UNSTORABLE.test(reason) ? UNSTORABLE_HINT : undefined };
}

function deniedHint({ status, text, error }: FailedAnswer): string {
  if (NO_CERTIFICATE.test(text)) return 'Give a certificate that the server knows (client_cert_path).';
  if (text.includes('Invalid Host header')) return HOST_HINT;
  if (error.hint !== undefined) return error.hint;
  if (status === 401) return loginHint({ address: 'tracking_uri', access: ACCESS });
  return 'Ask for the right to write into the experiment (EDIT), or use another one.';
}

function causeOf(answer: FailedAnswer, { code, message }: ApiError): MlflowCause {
  const { kind, status, text } = answer;
  // Whatever the status: old versions say 503 for it, and it never passes.
  if (UNSTORABLE.test(message)) return 'refused';
  if ((status === 503 || status === 404) && NO_ARTIFACTS.test(text)) return 'notServed';
  if (status === 501 || status === 405) return 'notServed';
  if (TAG_CLASH.test(message)) return 'clash';
  if (status === 500) return 'internal';
  if (kind === 'retry') return 'transient';
  if (status === 401 || status === 403 || status === 407 || NO_CERTIFICATE.test(text)) return 'denied';
  if (status === 413) return 'tooMuch';
  if (status === 404) return code === '' && isPage(answer) ? 'address' : 'missing';
  if (code === 'RESOURCE_ALREADY_EXISTS') return 'exists';
  if (code === 'RESOURCE_DOES_NOT_EXIST') return 'missing';
  if (code === 'TEMPORARILY_UNAVAILABLE' || code === 'REQUEST_LIMIT_EXCEEDED') return 'transient';
  if (CLASH.test(message)) return 'clash';
  if (/database is locked|deadlock/i.test(message)) return 'transient';
  if (message.includes("must be in the 'active' state") || /must be in 'active' lifecycle/.test(message)) return 'inactive';
  if (message.includes('Changing param values')) return 'immutable';
  if (namedElement(message) !== undefined) return 'element';
  return /at most \d+|must be at most|exceeds? (?:the )?(?:maximum|limit)/i.test(message) ? 'tooMuch' : 'refused';
}

/** `metrics[12].key`, or the list alone with what is wrong in it. */
function namedElement(message: string): MlflowFailure['element'] {
  const found = /\b(metrics|params|tags)\[(\d+)\]/.exec(message);
  return found === null ? undefined : { list: found[1] as 'metrics' | 'params' | 'tags', index: Number(found[2]) };
}
