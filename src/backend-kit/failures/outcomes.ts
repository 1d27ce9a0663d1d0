import type { Outcome } from '../../contract/index.ts';
import { askedWaitMs, isAboutRun, MirrorError, messageOf, systemCode } from '../../errors.ts';

/** What a failure means for what was sent. */
export type Meaning =
  /** Not now: it is sent again later. */
  | 'retry'
  /** Something in the request is wrong. */
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

/** The outcome that follows from a meaning. `afterMs`: how long the tracker asked us to wait. */
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

/** What an error means by its code; `otherwise` if the code does not tell. */
export function meaningOf(error: MirrorError, otherwise: Meaning = 'lane'): Meaning {
  if (error.retry !== 'never') return 'retry';
  if (isAboutRun(error)) return 'run';
  return error.code === 'MB4002' || error.code === 'MB4003' ? 'lane' : otherwise;
}

/** The outcome of what a send threw. `tracker` names it for messages; `otherwise` is for codes that do not tell. */
export function outcomeOfThrown(thrown: unknown, signal: AbortSignal, tracker: string, otherwise?: Meaning): NotAccepted {
  if (thrown instanceof Stop) return thrown.outcome;
  if (signal.aborted)
    return { kind: 'retry', error: new MirrorError('MB4001', 'sending was interrupted', { retry: 'later', cause: thrown }) };
  if (thrown instanceof MirrorError) return outcomeOf(meaningOf(thrown, otherwise), thrown, askedWaitMs(thrown) || undefined);
  const message = `sending to ${tracker}: ${messageOf(thrown)}`;
  // The system had no room for it: descriptors, memory, ports.
  if (systemCode(thrown)?.startsWith('E') === true)
    return { kind: 'retry', error: new MirrorError('MB4001', message, { retry: 'later', cause: thrown }) };
  return { kind: 'fatal', error: new MirrorError('MB9001', message, { cause: thrown }) };
}
