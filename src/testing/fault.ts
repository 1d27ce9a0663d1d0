// What a tracker in a test does wrong, in the words of the contract suite; each tracker translates it into its own
// wire.

/** What may go wrong with a send. */
export type FaultKind =
  /** Asks to come back later, nothing stored. */
  | 'rateLimited'
  /** Answers that it cannot at the moment, nothing stored. */
  | 'unavailable'
  /** The connection ends before an answer, nothing stored. */
  | 'connectionLost'
  /** Stores, and the connection ends before the answer. */
  | 'answerLost'
  /** Stores a part, and answers that it failed. */
  | 'partStored'
  /** Stores nothing and never answers. */
  | 'hang'
  /** Stores, and never answers. */
  | 'hangStored'
  /** Denies access. */
  | 'noAccess';

/** One thing that goes wrong. */
export interface Fault {
  readonly kind: FaultKind;
  /** Of `rateLimited`: what Retry-After says, seconds; undefined: there is none. */
  readonly afterSec?: number;
  /** Of `rateLimited`: Retry-After as a date. Default: seconds. */
  readonly asDate?: boolean;
}

/** Faults that wait for the next writes, first come first served. */
export class FaultQueue {
  readonly #waiting: Fault[] = [];

  add(fault: Fault, times: number): void {
    for (let i = 0; i < times; i++) this.#waiting.push(fault);
  }

  get left(): number {
    return this.#waiting.length;
  }

  next(): Fault | undefined {
    return this.#waiting.shift();
  }

  clear(): void {
    this.#waiting.length = 0;
  }
}

/** Waits until the signal says stop: what a call that hangs does. Keeps no process alive. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
