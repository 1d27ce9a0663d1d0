import type { Outcome } from '../../contract/index.ts';

/** Counts how often in a row something meets the same answer: what passes on its own does not say the same forever. */
export class SameAnswers {
  readonly #countsSilence: boolean;
  #last = '';
  #times = 0;

  /** `countsSilence`: also if there was no answer, but a broken connection or none. */
  constructor(countsSilence: boolean) {
    this.#countsSilence = countsSilence;
  }

  count({ error, afterMs }: Extract<Outcome, { kind: 'retry' }>): number {
    const status = error.context['status'];
    // Who asks for patience says nothing of what was sent.
    const isAnswer = afterMs === undefined && status !== 429 && (status !== undefined || this.#countsSilence);
    const answer = isAnswer ? `${error.code} ${status} ${plain(error.message)}` : '';
    this.#times = isAnswer && answer === this.#last ? this.#times + 1 : isAnswer ? 1 : 0;
    this.#last = answer;
    return this.#times;
  }
}

/** Without what differs from one answer to the next: times, ids of requests, ports. */
function plain(message: string): string {
  return message.replace(/[0-9a-f-]{8,}|\d+/gi, '#');
}
