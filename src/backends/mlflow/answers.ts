import { type CommonCause, type FailedAnswer, type Failure, Failures, type Found } from '../../backend-kit/failures/index.ts';
import { isFields, isPage, loginHint } from '../../http/index.ts';

/**
 * The cause of a failed answer. mirrorboard decides by status and error code, and by the message only if nothing else
 * tells.
 */
export type MlflowCause =
  | CommonCause
  /** Status 500: the server failed, over our request or by itself. */
  | 'internal'
  /** The run or experiment is deleted. */
  | 'inactive'
  | 'missing'
  | 'exists'
  /** The database already holds a part of the request, or treats it as equal to what it holds. */
  | 'clash'
  /** The server names an element of the request. */
  | 'element'
  /** The param already has another value. */
  | 'immutable'
  /** The server stores nothing at this address, and that will not change by itself. */
  | 'notServed';

/** A failed answer, with its meaning. */
export interface MlflowFailure extends Failure<MlflowCause> {
  /** The element that the server named, for `element`. */
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

/** The functions that tell what a failure means for the sent data, see `backend-kit/failures`. */
export const { isAboutContent, notTheApi, stopOf, troubleOf } = failures;

/** Messages of proxies with the status 400. */
const NO_CERTIFICATE = /No required SSL certificate was sent|The SSL certificate error/;

/** Messages of SQLite, PostgreSQL, MySQL and SQL Server about a row that already exists. */
const CLASH = /IntegrityError|UniqueViolation|Duplicate entry|UNIQUE constraint|PRIMARY KEY constraint/i;

const NO_ARTIFACTS = /Artifact serving is disabled|--no-serve-artifacts/;

/** True if a 503 is MLflow's own answer. MLflow's errors are JSON, except the one about artifacts. */
export function isOwnWord(text: string): boolean {
  return text.trimStart().startsWith('{') || NO_ARTIFACTS.test(text);
}

/** MLflow's message about a tag whose name the database treats as equal to another one of the run. */
const TAG_CLASH = /Failed to set tags .*within \d+ retries/;

/** MySQL's messages about a text that the database's character set lacks. */
const UNSTORABLE = /Illegal mix of collations|Incorrect string value/i;

const UNSTORABLE_HINT = 'The database cannot hold these characters (is it latin1?). Convert it to utf8mb4, or use ASCII names.';

const HOST_HINT =
  'The server must allow this host name: start it with --allowed-hosts HOST:PORT (or the variable ' +
  'MLFLOW_SERVER_ALLOWED_HOSTS), the port included.';

/**
 * Reads a failed answer. `what` names the action, like `creating the run train/a`; `access` is the source of the
 * credentials.
 */
export function failureOf(answer: FailedAnswer, what: string, address: string, access = ACCESS): MlflowFailure {
  const body = apiError(answer.text);
  const failure = failures.of(answer, what, address, foundIn(answer, body, access));
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

function foundIn(answer: FailedAnswer, body: ApiError, access: string): Found<MlflowCause> {
  const cause = causeOf(answer, body);
  const reason = body.message;
  if (cause === 'denied') return { cause, detail: reason, hint: deniedHint(answer, access) };
  return { cause, detail: reason, hint: UNSTORABLE.test(reason) ? UNSTORABLE_HINT : undefined };
}

function deniedHint({ status, text, error }: FailedAnswer, access: string): string {
  if (NO_CERTIFICATE.test(text)) return 'Give a certificate that the server knows (client_cert_path).';
  if (text.includes('Invalid Host header')) return HOST_HINT;
  if (error.hint !== undefined) return error.hint;
  if (status === 401) return loginHint({ address: 'tracking_uri', access });
  return 'Ask for the right to write into the experiment (EDIT), or use another one.';
}

function causeOf(answer: FailedAnswer, { code, message }: ApiError): MlflowCause {
  const { kind, status, text } = answer;
  // Whatever the status: old versions answer 503 for it, but it never passes.
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

/** Returns the element that a message names, like `metrics[12].key`; undefined if it names none. */
function namedElement(message: string): MlflowFailure['element'] {
  const found = /\b(metrics|params|tags)\[(\d+)\]/.exec(message);
  return found === null ? undefined : { list: found[1] as 'metrics' | 'params' | 'tags', index: Number(found[2]) };
}
