/** Notes which runs grew recently, and which of them have become quiet. */
import type { Clock } from '../clock.ts';
import { keyOfRun, type RunRef } from '../model/index.ts';
import type { StateFile } from '../state/index.ts';

/**
 * Runs that grew recently. A run that has not grown for long is quiet: then lanes search incomplete ends, and
 * trackers learn that the run ended.
 */
export class QuietRuns {
  readonly #state: Pick<StateFile, 'noteGrowth'>;
  readonly #clock: Clock;
  readonly #quietAfterMs: (run: RunRef) => number;
  /** The time when each run last grew, by the steady clock. */
  readonly #grew = new Map<string, { readonly run: RunRef; atMs: number }>();

  /** `quietAfterMs`: how long a run must not have grown to be quiet. */
  constructor(state: Pick<StateFile, 'noteGrowth'>, quietAfterMs: (run: RunRef) => number, clock: Clock) {
    this.#state = state;
    this.#quietAfterMs = quietAfterMs;
    this.#clock = clock;
  }

  /** Notes that a run grew. */
  noteGrowth(run: RunRef): void {
    const atMs = this.#clock.steadyMs();
    const key = keyOfRun(run);
    const known = this.#grew.get(key);
    if (known === undefined) this.#grew.set(key, { run, atMs });
    else known.atMs = atMs;
    this.#state.noteGrowth(run, this.#clock.wallMs());
  }

  /**
   * Notes a run with a file that was incomplete or damaged when the previous process ended. That process may have ended
   * before the run was quiet.
   */
  noteIncomplete(run: RunRef): void {
    const key = keyOfRun(run);
    if (!this.#grew.has(key)) this.#grew.set(key, { run, atMs: this.#clock.steadyMs() });
  }

  /** Yields the runs that have become quiet, each once. */
  *due(nowMs: number): Generator<RunRef, void, void> {
    for (const [key, { run, atMs }] of this.#grew) {
      if (nowMs - atMs < this.#quietAfterMs(run)) continue;
      this.#grew.delete(key);
      yield run;
    }
  }
}
