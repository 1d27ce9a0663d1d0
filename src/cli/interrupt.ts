import { Worker } from 'node:worker_threads';
import { ExitCode } from '../errors.ts';
import { endProcess } from './end-process.ts';

/** The log line about a signal, in place of the line for people, when the output is for programs. */
export const ENDING = 'stopping: storing what was read';

/** The default time to end: less than the 30 s after which Kubernetes kills. */
const GRACE_MS = 25_000;
/**
 * The time after the grace period at which another thread kills the process, in case the main thread is in a call
 * that blocks.
 */
const LAST_RESORT_MS = 2000;
/**
 * The script of that thread. It is a text, so nothing must be loaded from a disk that may hang, and it takes no turn
 * of the main thread.
 */
const LAST_RESORT = `
const { workerData } = require('node:worker_threads');
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, workerData);
process.kill(process.pid, 'SIGKILL');
`;

/** The options for handling signals. */
interface InterruptOptions {
  /** Handles a SIGHUP that does not come from a closed terminal. Default: nothing. */
  readonly hungUp?: () => void;
  /** True if the process has a terminal. Default: standard error decides. */
  readonly isTerminal?: boolean;
  /** The time that the process may take to end, in milliseconds. Default 25,000. */
  readonly graceMs?: number;
}

/** Notes a hangup that comes before `Interrupt` listens: it must not end a service, which acts on it later. */
export class EarlyHangup {
  readonly #handler = (): void => {
    this.wasReceived = true;
  };
  readonly #isTerminal: boolean;
  wasReceived = false;

  /** A closed terminal ends the process, as usual. */
  constructor(isTerminal: boolean = process.stderr.isTTY === true) {
    this.#isTerminal = isTerminal;
    if (!isTerminal) process.on('SIGHUP', this.#handler);
  }

  [Symbol.dispose](): void {
    if (!this.#isTerminal) process.off('SIGHUP', this.#handler);
  }
}

let wasAsked = false;

/** The most causes that a search follows: longer chains add nothing, and a chain can be a circle. */
const MOST_CAUSES = 8;

/** True if an error only means that work was aborted, after the process was asked to end. */
export function isInterruption(error: unknown): boolean {
  let cause = error;
  for (let i = 0; wasAsked && i < MOST_CAUSES && typeof cause === 'object' && cause !== null; i++) {
    const { name, cause: next } = cause as { readonly name?: unknown; readonly cause?: unknown };
    if (name === 'AbortError') return true;
    cause = next;
  }
  return false;
}

/**
 * Handles signals. The first Ctrl-C (or SIGTERM) asks the work to end cleanly; the second ends the process at once,
 * and so does the end of the grace period. Either way, a later start resumes.
 */
export class Interrupt {
  readonly #controller = new AbortController();
  readonly #report: (line: string, signal: NodeJS.Signals) => void;
  /** The time that the process may take to end, in milliseconds. */
  graceMs: number;
  readonly #handler = (signal: NodeJS.Signals): void => this.#interrupted(signal);
  readonly #hungUp: () => void;
  readonly #isTerminal: boolean;
  /**
   * Handles a hangup. A closed terminal asks the process to end, once: the signal may come several times, and never
   * cuts an end short. A service has no terminal, nor does a process that `nohup` started: there the signal means
   * something else, or nothing.
   */
  readonly #hangup = (): void => {
    if (this.#controller.signal.aborted) return;
    if (this.#isTerminal) this.#interrupted('SIGHUP');
    else this.#hungUp();
  };
  #timer: NodeJS.Timeout | undefined;
  #lastResort: Worker | undefined;

  constructor(
    report: (line: string, signal: NodeJS.Signals) => void,
    { hungUp = () => undefined, isTerminal = process.stderr.isTTY === true, graceMs = GRACE_MS }: InterruptOptions = {},
  ) {
    this.#report = report;
    this.#hungUp = hungUp;
    this.#isTerminal = isTerminal;
    this.graceMs = graceMs;
    process.on('SIGINT', this.#handler);
    process.on('SIGTERM', this.#handler);
    process.on('SIGHUP', this.#hangup);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    void this.#lastResort?.terminate();
    process.off('SIGINT', this.#handler);
    process.off('SIGTERM', this.#handler);
    process.off('SIGHUP', this.#hangup);
  }

  #interrupted(signal: NodeJS.Signals): void {
    if (this.#controller.signal.aborted) endProcess(ExitCode.interrupted);
    this.#timer = setTimeout(() => endProcess(ExitCode.interrupted), this.graceMs);
    this.#lastResort = new Worker(LAST_RESORT, { eval: true, workerData: this.graceMs + LAST_RESORT_MS });
    this.#lastResort.unref();
    this.#report(
      `${signal === 'SIGINT' ? 'Interrupted' : 'Stopping'}: storing what was read; interrupt again to stop immediately.`,
      signal,
    );
    wasAsked = true;
    this.#controller.abort();
  }
}
