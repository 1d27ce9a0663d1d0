import { ExitCode } from '../errors.ts';

/** What a log says of a signal, where the line for people would stand among lines for programs. */
export const ENDING = 'asked to end, storing what was read';

/**
 * The first Ctrl-C (or SIGTERM) asks the work to end cleanly, the second ends the process at once. Either way a later start
 * goes on where this one was.
 */
export class Interrupt {
  readonly #controller = new AbortController();
  readonly #say: (line: string, signal: NodeJS.Signals) => void;
  readonly #handler = (signal: NodeJS.Signals): void => this.#interrupted(signal);

  constructor(say: (line: string, signal: NodeJS.Signals) => void) {
    this.#say = say;
    process.on('SIGINT', this.#handler);
    process.on('SIGTERM', this.#handler);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    process.off('SIGINT', this.#handler);
    process.off('SIGTERM', this.#handler);
  }

  #interrupted(signal: NodeJS.Signals): void {
    if (this.#controller.signal.aborted) process.exit(ExitCode.interrupted);
    this.#say(`${signal === 'SIGINT' ? 'Interrupted' : 'Asked to end'}: storing what was read; once more to stop at once.`, signal);
    this.#controller.abort();
  }
}
