/** What ends the sending of a run for now, and what does not. */

import type { Outcome } from '../../contract/index.ts';
import { MirrorError } from '../../errors.ts';
import type { Failure } from './answers.ts';

/** What ends the sending of a run for now: an outcome for all parcels that are not done. */
export class Stop extends Error {
  readonly outcome: Exclude<Outcome, { kind: 'accepted' }>;

  constructor(outcome: Exclude<Outcome, { kind: 'accepted' }>) {
    super(outcome.kind);
    this.outcome = outcome;
  }
}

/** Whether something in the request is the cause, and not the server, the run or our rights. */
export function isAboutContent({ cause }: Failure): boolean {
  return (
    cause === 'refused' ||
    cause === 'element' ||
    cause === 'tooMuch' ||
    cause === 'immutable' ||
    cause === 'exists' ||
    cause === 'notServed'
  );
}

/** What a failure means for a run's lane. */
export function stopOf(failure: Failure): Stop {
  const { cause, error, afterMs } = failure;
  switch (cause) {
    case 'unauthorized':
    case 'address':
      return new Stop({ kind: 'fatal', error });
    case 'inactive':
    case 'missing':
      return new Stop({ kind: 'runFatal', error: new MirrorError('MB4006', error.message, { hint: RUN_HINT, cause: error }) });
    default:
      return new Stop({ kind: 'retry', ...(afterMs === undefined ? {} : { afterMs }), error });
  }
}

const RUN_HINT = 'The run or its experiment was deleted: restore it, or delete the run permanently to have it created again.';
