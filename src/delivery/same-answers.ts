import type { Outcome } from '../contract/index.ts';

/**
 * Counts how often in a row a parcel gets the same answer: a passing problem does not give the same answer forever.
 */
export class SameAnswers {
  readonly #countsSilence: boolean;
  #last = '';
  #times = 0;

  /** `countsSilence`: also counts a broken connection, or no answer at all. */
  constructor(countsSilence: boolean) {
    this.#countsSilence = countsSilence;
  }

  count({ error, afterMs }: Extract<Outcome, { kind: 'retry' }>): number {
    const status = error.context['status'];
    // A tracker that asks for patience says nothing about what was sent.
    const isAnswer = afterMs === undefined && status !== 429 && (status !== undefined || this.#countsSilence);
    const answer = isAnswer ? `${error.code} ${status} ${plain(error.message)}` : '';
    this.#times = isAnswer && answer === this.#last ? this.#times + 1 : isAnswer ? 1 : 0;
    this.#last = answer;
    return this.#times;
  }
}

/** Removes what differs between answers: times, ids of requests, ports. */
function plain(message: string): string {
  return message.replace(/[0-9a-f-]{8,}|\d+/gi, '#');
}
