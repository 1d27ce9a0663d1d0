/** Which runs of a tracker have their turn: those with something to do, one after the other, some at a time. */
import type { Clock, StopTimer } from '../clock.ts';
import type { Backend } from '../contract/index.ts';
import type { SyncedRun } from './synced-run.ts';

/** Whose turns they are, and what is done in them. */
interface TurnsOptions {
  readonly backend: Backend;
  /** No process writes to the files, so a run need not wait for more data. */
  readonly isSettled: boolean;
  /** The run above a run, if it has to be opened before this one. */
  readonly parentOf: (run: SyncedRun) => SyncedRun | undefined;
  /** Nothing is to be sent for a run now: it keeps what it has to do. */
  readonly isHeld: (run: SyncedRun) => boolean;
  /** Does what some runs have to do. Does not throw. */
  readonly turn: (runs: readonly SyncedRun[]) => Promise<void>;
  /** Called when a turn is over. */
  readonly changed: () => void;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Turns that are made ready while the sends before them are under way. */
const TURNS_AHEAD = 1;

/** The turns of a tracker's runs. */
export class Turns {
  readonly #options: TurnsOptions;
  readonly #most: number;
  /** Runs whose turn it may be, in the order in which they got ready. */
  readonly #ready = new Set<SyncedRun>();
  /** Those that nothing is to be sent for now. */
  readonly #held = new Set<SyncedRun>();
  /** Runs that grow, and wait for more to send. */
  readonly #gathering = new Map<SyncedRun, StopTimer>();
  /** Turns that are under way. */
  readonly #underWay = new Set<Promise<void>>();

  constructor(options: TurnsOptions) {
    this.#options = options;
    this.#most = (options.backend.describe().limits.sendsAtOnce ?? 1) + TURNS_AHEAD;
  }

  /** Whether anything is under way or waits for its turn. A held run waits for no turn. */
  get isAtWork(): boolean {
    return this.#underWay.size > 0 || this.#ready.size > 0 || this.#gathering.size > 0;
  }

  /** Other runs are held now, or none. */
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

  /** While a run grows, a little more of it is gathered: fewer and fuller sends. */
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

  /** A run has something to do. */
  add(run: SyncedRun): void {
    if (run.isBusy || run.stoppedUntilMs > 0 || this.#options.signal.aborted) return;
    if (this.#options.isHeld(run)) {
      this.#hold(run);
      return;
    }
    this.#ready.add(run);
    // One that waits for the run above it is taken at the end of that one's turn, and changes nothing for the others.
    if (!this.#isBelowAnother(run)) this.#pump();
  }

  /** Does something in a turn of its own, so that a pass waits for it; `then` is called when it is over. */
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

  /** Drops what is not under way, and waits for what is. */
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

  /** The run above it is there, and about to be opened: with what it has itself, not with what is below it. */
  #isBelowAnother(run: SyncedRun): boolean {
    const parent = this.#options.parentOf(run);
    return parent !== undefined && (parent.isBusy || this.#ready.has(parent) || this.#gathering.has(parent));
  }
}
