import { type ErrorCode, type ErrorDetails, MirrorError, reasonOf } from '../../errors.ts';
import { type HttpAnswer, wordsOf } from '../../http/index.ts';
import { type Meaning, outcomeOf, Stop } from './outcomes.ts';

/** The causes that every HTTP API has. */
export type CommonCause =
  /** The server is unreachable or busy. */
  | 'transient'
  /** The credentials are missing, wrong, or not allowed to do this. */
  | 'denied'
  /** The address leads to something else. */
  | 'address'
  /** The request is too large. */
  | 'tooMuch'
  /** Something in the request is not valid. */
  | 'refused';

/** The consequences of a cause. Only an error that means `retry` can be retried later. */
export interface CauseRule {
  readonly means: Meaning;
  /** Default: the code of the HTTP client's error. */
  readonly code?: ErrorCode;
  /** The advice for the user, if the answer itself has none. */
  readonly hint?: string;
  /** The advice when this cause ends the sending of a run. Default: that of the error. */
  readonly stopHint?: string;
}

/** An answer that is not a success. */
export type FailedAnswer = Exclude<HttpAnswer, { kind: 'ok' }>;

/** An answer that is not a success, with its cause and error. */
export interface Failure<Cause extends string> {
  readonly kind: 'failed';
  readonly cause: Cause;
  readonly status?: number | undefined;
  /** The wait that the server asked for. */
  readonly afterMs?: number;
  readonly error: MirrorError;
}

/** The details that a backend reads from an answer. */
export interface Found<Cause extends string> {
  /** Missing: the status determines the cause. */
  readonly cause?: Cause | undefined;
  /** The server's message. Default: the whole text. */
  readonly detail?: string;
  /** The tracker's own code, shown in place of the status. */
  readonly code?: string | undefined;
  /** Comes before the hint of the HTTP client's error. */
  readonly hint?: string | undefined;
}

/** The rules that a backend declares for its tracker's API. */
export interface FailureRules<Own extends string> {
  /** The API's name in messages: `MLflow's API`. */
  readonly api: string;
  /** The advice when something other than the API answers. Default: the hint of `address`. */
  readonly apiHint?: string;
  /** A rule for each cause of the backend's own, and for the common causes that differ here. */
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
 * Turns the answers of one API into failures, and failures into what a send does. Messages have the same form for all
 * trackers: the action, the address, the status, and the server's message.
 */
export class Failures<Own extends string = never> {
  readonly #rules: FailureRules<Own>;

  constructor(rules: FailureRules<Own>) {
    this.#rules = rules;
  }

  /** Returns the failure of an answer. `what` names the action: `creating the run train/a`. */
  of(answer: FailedAnswer, what: string, address: string, found: Found<Own | CommonCause> = {}): Failure<Own | CommonCause> {
    const { status, error } = answer;
    const unreached = causeOfNoAnswer(answer);
    const {
      cause = causeOfStatus(answer),
      detail = answer.text,
      code = status,
      hint,
    } = unreached === undefined ? found : { cause: unreached };
    const rule = this.rule(cause);
    const words = unreached === undefined ? wordsOf(answer, detail) : '';
    const message = unreached === undefined ? `${address} answers ${code}${words === '' ? '' : `: ${words}`}` : error.message;
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

  /** Returns a failure that no status shows: the server answered 200, or mirrorboard itself found the problem. */
  make(cause: Own | CommonCause, message: string, details: ErrorDetails = {}): Failure<Own | CommonCause> {
    const rule = this.rule(cause);
    return { kind: 'failed', cause, error: errorOf(rule, 'MB4005', message, { ...hinted(rule.hint), ...details }) };
  }

  /**
   * Returns the failure for an answer of 200 that does not come from the API, but from a login page or another
   * program.
   */
  readonly notTheApi = (what: string, address: string): Failure<Own | CommonCause> => {
    const { api, apiHint } = this.#rules;
    const message = `${what}: ${address} answers with something else than ${api}`;
    return { ...this.make('address', message, { ...hinted(apiHint ?? this.rule('address').hint), context: { address } }), status: 200 };
  };

  /** Returns the rule of a cause. */
  rule(cause: Own | CommonCause): CauseRule {
    const own: Partial<CauseRule> | undefined = this.#rules.causes[cause];
    return { ...COMMON[cause as CommonCause], ...own } as CauseRule;
  }

  /** True if the cause is in the request, and not in the server, the run or the access rights. */
  readonly isAboutContent = ({ cause }: { readonly cause: Own | CommonCause }): boolean => {
    return this.rule(cause).means === 'content';
  };

  /**
   * Returns the `Stop` that ends a send with this failure. A send with refused content that the backend does not
   * search for is retried.
   */
  readonly stopOf = ({ cause, error, afterMs }: Failure<Own | CommonCause>): Stop => {
    const { means, stopHint } = this.rule(cause);
    if (means !== 'run') return new Stop(outcomeOf(means === 'content' ? 'retry' : means, error, afterMs));
    if (error.code === 'MB4006' && stopHint === undefined) return new Stop({ kind: 'runFatal', error });
    const details = { ...hinted(stopHint), context: error.context, cause: error };
    return new Stop({ kind: 'runFatal', error: new MirrorError('MB4006', reasonOf(error), details) });
  };

  /** Returns the error of a failure that even a small request meets, so that its cause cannot be what was sent. */
  readonly troubleOf = (failure: Failure<Own | CommonCause>): MirrorError => {
    return this.isAboutContent(failure) ? asLater(failure.error) : this.stopOf(failure).outcome.error;
  };
}

/** Returns the same error, marked as retryable later. */
export function asLater({ code, message, hint, context, cause }: MirrorError): MirrorError {
  return new MirrorError(code, message, { ...hinted(hint), retry: 'later', context, cause });
}

/**
 * Returns the cause if the answer does not come from the API: the server did not answer, or something in front of the
 * tracker (a redirect, a login page) did. Returns undefined if the tracker itself answered.
 */
function causeOfNoAnswer({ status, error }: FailedAnswer): 'transient' | 'denied' | 'address' | undefined {
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
