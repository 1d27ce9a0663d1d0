import { type ErrorCode, type ErrorDetails, MirrorError, reasonOf } from '../../errors.ts';
import { type HttpAnswer, wordsOf } from '../../http/index.ts';
import { type Meaning, outcomeOf, Stop } from './outcomes.ts';

/** The causes that every API over HTTP has. */
export type CommonCause =
  /** Out of reach or busy. */
  | 'transient'
  /** The credentials are missing, wrong, or have no right to do this. */
  | 'denied'
  /** The address of something else. */
  | 'address'
  /** More than fits into one request. */
  | 'tooMuch'
  /** Something in the request is wrong. */
  | 'refused';

/** What follows from a cause. An error that means `retry` can be retried later; no other can. */
export interface CauseRule {
  readonly means: Meaning;
  /** Default: the code of the HTTP client's error. */
  readonly code?: ErrorCode;
  /** What to do, if the answer itself does not tell. */
  readonly hint?: string;
  /** What to do when it ends the sending of a run. Default: what the error says. */
  readonly stopHint?: string;
}

/** An answer that is not a success. */
export type FailedAnswer = Exclude<HttpAnswer, { kind: 'ok' }>;

/** An answer that is not a success, with what is after it. */
export interface Failure<Cause extends string> {
  readonly kind: 'failed';
  readonly cause: Cause;
  readonly status?: number | undefined;
  /** How long the server asked us to wait. */
  readonly afterMs?: number;
  readonly error: MirrorError;
}

/** What a backend reads in an answer. */
export interface Found<Cause extends string> {
  /** Missing: the status tells. */
  readonly cause?: Cause | undefined;
  /** What the server says, for the message. Default: the whole text. */
  readonly detail?: string;
  /** The tracker's own code, shown in place of the status. */
  readonly code?: string | undefined;
  /** Stands before the hint of the HTTP client's error. */
  readonly hint?: string | undefined;
}

/** What a backend declares of its tracker's API. */
export interface FailureRules<Own extends string> {
  /** How messages name the API: `MLflow's API`. */
  readonly api: string;
  /** What to do when something else than the API answers. Default: the hint of `address`. */
  readonly apiHint?: string;
  /** A rule for each cause of its own, and for common ones that differ here. */
  readonly causes: Readonly<Record<Own, CauseRule>> & Readonly<Partial<Record<CommonCause, Partial<CauseRule>>>>;
}

const COMMON: Readonly<Record<CommonCause, CauseRule>> = {
  transient: { means: 'retry' },
  denied: { means: 'lane', code: 'MB4002' },
  address: { means: 'lane', code: 'MB4003' },
  tooMuch: { means: 'content' },
  refused: { means: 'content' },
};

/**
 * Turns the answers of one API into failures, and failures into what a send does. Messages are the same for all
 * trackers: what was being done, the address, the status, and what the server says.
 */
export class Failures<Own extends string = never> {
  readonly #rules: FailureRules<Own>;

  constructor(rules: FailureRules<Own>) {
    this.#rules = rules;
  }

  /** `what` was being done: `creating the run train/a`. */
  of(answer: FailedAnswer, what: string, address: string, found: Found<Own | CommonCause> = {}): Failure<Own | CommonCause> {
    const { status, error } = answer;
    const told = notTold(answer);
    const { cause = causeOfStatus(answer), detail = answer.text, code = status, hint } = told === undefined ? found : { cause: told };
    const rule = this.rule(cause);
    const words = told === undefined ? wordsOf(answer, detail) : '';
    const message = told === undefined ? `${address} answers ${code}${words === '' ? '' : `: ${words}`}` : error.message;
    const afterMs = answer.kind === 'retry' ? answer.afterMs : undefined;
    return {
      kind: 'failed',
      cause,
      status,
      ...(afterMs === undefined ? {} : { afterMs }),
      error: errorOf(rule, error.code, `${what}: ${message}`, {
        ...hinted(hint ?? error.hint ?? rule.hint),
        context: { address, ...(status === undefined ? {} : { status }) },
        cause: error,
      }),
    };
  }

  /** A failure that no status tells of: it is in an answer of 200, or we found it ourselves. */
  make(cause: Own | CommonCause, message: string, details: ErrorDetails = {}): Failure<Own | CommonCause> {
    const rule = this.rule(cause);
    return { kind: 'failed', cause, error: errorOf(rule, 'MB4005', message, { ...hinted(rule.hint), ...details }) };
  }

  /** An answer of 200 that is not what the API says: a login page, another program. */
  readonly notTheApi = (what: string, address: string): Failure<Own | CommonCause> => {
    const { api, apiHint } = this.#rules;
    const message = `${what}: ${address} answers with something else than ${api}`;
    return { ...this.make('address', message, { ...hinted(apiHint ?? this.rule('address').hint), context: { address } }), status: 200 };
  };

  /** What follows from a cause. */
  rule(cause: Own | CommonCause): CauseRule {
    const own: Partial<CauseRule> | undefined = this.#rules.causes[cause];
    return { ...COMMON[cause as CommonCause], ...own } as CauseRule;
  }

  /** Whether something in the request is the cause, and not the server, the run or our rights. */
  readonly isAboutContent = ({ cause }: { readonly cause: Own | CommonCause }): boolean => {
    return this.rule(cause).means === 'content';
  };

  /** What ends a send when it meets this failure. What nobody searches for is sent again. */
  readonly stopOf = ({ cause, error, afterMs }: Failure<Own | CommonCause>): Stop => {
    const { means, stopHint } = this.rule(cause);
    if (means !== 'run') return new Stop(outcomeOf(means === 'content' ? 'retry' : means, error, afterMs));
    if (error.code === 'MB4006' && stopHint === undefined) return new Stop({ kind: 'runFatal', error });
    const details = { ...hinted(stopHint), context: error.context, cause: error };
    return new Stop({ kind: 'runFatal', error: new MirrorError('MB4006', reasonOf(error), details) });
  };

  /** The error of a failure that even something small meets: it is no matter of what was sent. */
  readonly troubleOf = (failure: Failure<Own | CommonCause>): MirrorError => {
    return this.isAboutContent(failure) ? asLater(failure.error) : this.stopOf(failure).outcome.error;
  };
}

/** The same error, for something that may pass. */
export function asLater({ code, message, hint, context, cause }: MirrorError): MirrorError {
  return new MirrorError(code, message, { ...hinted(hint), retry: 'later', context, cause });
}

/**
 * The cause of what is no word of the API: nothing answered, or something that is before the tracker (a redirect,
 * a login page) did. Undefined if the tracker itself answered.
 */
function notTold({ status, error }: FailedAnswer): 'transient' | 'denied' | 'address' | undefined {
  if (status !== undefined && status >= 400) return undefined;
  if (error.code === 'MB4002') return 'denied';
  return status === undefined ? 'transient' : 'address';
}

function causeOfStatus({ kind, status }: FailedAnswer): CommonCause {
  if (kind === 'retry') return 'transient';
  if (status === 401 || status === 403 || status === 407) return 'denied';
  return status === 413 ? 'tooMuch' : 'refused';
}

function errorOf({ means, code }: CauseRule, otherwise: ErrorCode, message: string, details: ErrorDetails): MirrorError {
  return new MirrorError(code ?? otherwise, message, { ...(means === 'retry' ? { retry: 'later' } : {}), ...details });
}

function hinted(hint: string | undefined): { readonly hint?: string } {
  return hint === undefined ? {} : { hint };
}
