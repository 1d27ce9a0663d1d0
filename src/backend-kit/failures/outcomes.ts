import type { Outcome } from '../../contract/index.ts';
import { askedWaitMs, isAboutRun, MirrorError, messageOf, systemCode } from '../../errors.ts';

/** The meaning of a failure for what was sent. */
export type Meaning =
  /** Not now: mirrorboard sends it again later. */
  | 'retry'
  /** Something in the request is not valid. */
  | 'content'
  /** This tracker run takes nothing more until a person acts. */
  | 'run'
  /** The tracker takes nothing more until a person acts. */
  | 'lane';

/** The outcome of a parcel that is not stored. */
export type NotAccepted = Exclude<Outcome, { kind: 'accepted' }>;

/** Ends the sending of a run for now, with the outcome of every parcel that is not stored yet. */
export class Stop extends Error {
  readonly outcome: NotAccepted;

  constructor(outcome: NotAccepted) {
    super(outcome.error.message);
    this.outcome = outcome;
  }
}

/** Returns the outcome that follows from a meaning. `afterMs`: the wait that the tracker asked for. */
export function outcomeOf(means: Meaning, error: MirrorError, afterMs?: number): NotAccepted {
  switch (means) {
    case 'retry':
      return { kind: 'retry', error, ...(afterMs === undefined ? {} : { afterMs }) };
    case 'content':
      return { kind: 'rejected', error };
    case 'run':
      return { kind: 'runFatal', error };
    default:
      return { kind: 'fatal', error };
  }
}

/** Returns the meaning of an error by its code, or `otherwise` if the code does not determine it. */
export function meaningOf(error: MirrorError, otherwise: Meaning = 'lane'): Meaning {
  if (error.retry !== 'never') return 'retry';
  if (isAboutRun(error)) return 'run';
  return error.code === 'MB4002' || error.code === 'MB4003' ? 'lane' : otherwise;
}

/**
 * Returns the outcome of an error that a send threw. `tracker` names the tracker in messages; `otherwise` is for
 * codes that determine no meaning.
 */
export function outcomeOfThrown(thrown: unknown, signal: AbortSignal, tracker: string, otherwise?: Meaning): NotAccepted {
  if (thrown instanceof Stop) return thrown.outcome;
  if (signal.aborted)
    return { kind: 'retry', error: new MirrorError('MB4001', 'sending was interrupted', { retry: 'later', cause: thrown }) };
  if (thrown instanceof MirrorError) return outcomeOf(meaningOf(thrown, otherwise), thrown, askedWaitMs(thrown) || undefined);
  const message = `sending to ${tracker}: ${messageOf(thrown)}`;
  // The system ran out of descriptors, memory or ports.
  if (systemCode(thrown)?.startsWith('E') === true)
    return { kind: 'retry', error: new MirrorError('MB4001', message, { retry: 'later', cause: thrown }) };
  return { kind: 'fatal', error: new MirrorError('MB9001', message, { cause: thrown }) };
}
