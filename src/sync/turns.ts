/**
 * Decides which runs of a tracker have their turn: those with work, one after the other, a limited number at a time.
 */
import type { Clock, StopTimer } from '../clock.ts';
import type { Backend } from '../contract/index.ts';
import type { SyncedRun } from './synced-run.ts';

/** The runs that take turns, and the work of a turn. */
interface TurnsOptions {
  readonly backend: Backend;
  /** True if no process writes to the files, so that a run need not wait for more data. */
  readonly isSettled: boolean;
  /** Returns the parent of a run, if it must be opened before the run. */
  readonly parentOf: (run: SyncedRun) => SyncedRun | undefined;
  /** True if nothing may be sent for a run now: the run keeps its work. */
  readonly isHeld: (run: SyncedRun) => boolean;
  /** Does the work of some runs. Does not throw. */
  readonly turn: (runs: readonly SyncedRun[]) => Promise<void>;
  /** Called when a turn is over. */
  readonly changed: () => void;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Turns that are prepared while the sends before them are under way. */
const TURNS_AHEAD = 1;

/** The turns of a tracker's runs. */
export class Turns {
  readonly #options: TurnsOptions;
  readonly #most: number;
  /** Runs that may have their turn, in the order in which they became ready. */
  readonly #ready = new Set<SyncedRun>();
  /** Runs for which nothing may be sent now. */
  readonly #held = new Set<SyncedRun>();
  /** Runs that grow, and wait for more to send. */
  readonly #gathering = new Map<SyncedRun, StopTimer>();
  /** Turns that are under way. */
  readonly #underWay = new Set<Promise<void>>();

  constructor(options: TurnsOptions) {
    this.#options = options;
    this.#most = (options.backend.describe().limits.sendsAtOnce ?? 1) + TURNS_AHEAD;
  }

  /** True if anything is under way or waits for its turn. A held run waits for no turn. */
  get isAtWork(): boolean {
    return this.#underWay.size > 0 || this.#ready.size > 0 || this.#gathering.size > 0;
  }

  /** Notes that the set of held runs has changed. */
  holdsChanged(): void {
    const { changed, isHeld } = this.#options;
    for (const run of this.#ready) if (isHeld(run)) this.#hold(run);
    for (const run of [...this.#held]) {
      if (isHeld(run)) continue;
      this.#held.delete(run);
      this.add(run);
    }
    changed();
  }

  #hold(run: SyncedRun): void {
    this.#ready.delete(run);
    this.#held.add(run);
  }

  /** Waits until a growing run has a little more data: this makes fewer and fuller sends. */
  gather(run: SyncedRun): void {
    const { backend, clock, isSettled } = this.#options;
    const { gatherMs = 0 } = backend.describe().limits;
    if (isSettled || gatherMs === 0) {
      this.add(run);
      return;
    }
    if (this.#gathering.has(run) || this.#ready.has(run)) return;
    this.#gathering.set(
      run,
      clock.after(gatherMs, () => {
        this.#gathering.delete(run);
        this.add(run);
      }),
    );
  }

  /** Adds a run that has work. */
  add(run: SyncedRun): void {
    if (run.isBusy || run.stoppedUntilMs > 0 || this.#options.signal.aborted) return;
    if (this.#options.isHeld(run)) {
      this.#hold(run);
      return;
    }
    this.#ready.add(run);
    // A run that waits for its parent is taken at the end of the parent's turn, and changes nothing for the others.
    if (!this.#isBelowAnother(run)) this.#pump();
  }

  /** Does some work in a turn of its own, so that a pass waits for it. `then` is called when the turn is over. */
  take(work: () => Promise<void>, then?: () => void): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#underWay.add(promise);
    void work().finally(() => {
      this.#underWay.delete(promise);
      then?.();
      this.#options.changed();
      this.#pump();
      resolve();
    });
  }

  /** Drops turns that have not begun, and waits for those under way. */
  async finish(): Promise<void> {
    for (const stopTimer of this.#gathering.values()) stopTimer();
    this.#gathering.clear();
    this.#ready.clear();
    this.#held.clear();
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  #pump(): void {
    const { backend, signal, turn } = this.#options;
    const { runsPerSend } = backend.describe().limits;
    while (this.#ready.size > 0 && this.#underWay.size < this.#most && !signal.aborted) {
      const runs: SyncedRun[] = [];
      for (const run of this.#ready) {
        if (runs.length >= runsPerSend) break;
        if (this.#isBelowAnother(run)) continue;
        this.#ready.delete(run);
        run.isBusy = true;
        runs.push(run);
      }
      if (runs.length === 0) return;
      const rest = (): void => {
        for (const run of runs) {
          run.isBusy = false;
          if (run.hasWork) this.add(run);
        }
      };
      this.take(() => turn(runs), rest);
    }
  }

  /**
   * True if the parent of a run is about to be opened. The parent is opened for its own data, not for that of its
   * children.
   */
  #isBelowAnother(run: SyncedRun): boolean {
    const parent = this.#options.parentOf(run);
    return parent !== undefined && (parent.isBusy || this.#ready.has(parent) || this.#gathering.has(parent));
  }
}
