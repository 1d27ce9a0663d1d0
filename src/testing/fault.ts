// Faults of a tracker in a test, in the words of the contract suite; each tracker translates them into its own
// protocol.

/** The faults of a send. */
export type FaultKind =
  /** Asks to retry later, stores nothing. */
  | 'rateLimited'
  /** Answers that it is unavailable, stores nothing. */
  | 'unavailable'
  /** Ends the connection before an answer, stores nothing. */
  | 'connectionLost'
  /** Stores, and ends the connection before the answer. */
  | 'answerLost'
  /** Stores a part, and answers with a failure. */
  | 'partStored'
  /** Stores nothing and never answers. */
  | 'hang'
  /** Stores, and never answers. */
  | 'hangStored'
  /** Denies access. */
  | 'noAccess';

/** A single fault. */
export interface Fault {
  readonly kind: FaultKind;
  /** The seconds of Retry-After, for `rateLimited`; undefined: no such header. */
  readonly afterSec?: number;
  /** True for Retry-After as a date, for `rateLimited`. Default: seconds. */
  readonly asDate?: boolean;
}

/** Faults that wait for the next writes, in their order. */
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

/** Waits until the signal is aborted, as a call that hangs does. Keeps no process alive. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
