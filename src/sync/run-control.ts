/**
 * Opens the tracker runs of a lane. Decides what happens to a run that its tracker does not accept: it is stopped and
 * tried again later, sent from the beginning, or set aside for a moment.
 */
import type { Clock } from '../clock.ts';
import type { Handle } from '../contract/index.ts';
import type { MirrorError } from '../errors.ts';
import { keyOfRun } from '../model/index.ts';
import type { LaneView } from '../state/index.ts';
import type { LaneProgress } from '../status/index.ts';
import type { LaneRoutes } from './lane-routes.ts';
import type { RunOpener } from './run-opener.ts';
import { isSessionOver } from './session-end.ts';
import type { SourcePiece, SyncedRun } from './synced-run.ts';
import type { SyncedRuns } from './synced-runs.ts';

/** The runs of a lane, and the object that opens them. */
interface RunControlOptions {
  readonly runs: SyncedRuns;
  readonly opener: RunOpener;
  readonly routes: LaneRoutes;
  readonly laneState: LaneView;
  readonly progress: LaneProgress;
  /** Notes that a run has work. */
  readonly ready: (run: SyncedRun) => void;
  /** Notes that a tracker run was created: the lane makes progress. */
  readonly onNew: () => void;
  readonly clock: Clock;
}

/** How often a stopped run is retried, in case a person has changed something. */
const STOPPED_MS = 30 * 60_000;
/**
 * How often a few of the stopped runs are tried: one run's cause often applies to all, for example when an experiment
 * was deleted.
 */
const TRIAL_MS = 20_000;
const TRIALS = 4;

/** Decides what happens to runs that their tracker does not accept. */
export class RunControl {
  readonly #options: RunControlOptions;
  /** The time when stopped runs were last tried, by the steady clock. */
  #triedAtMs: number;

  constructor(options: RunControlOptions) {
    this.#options = options;
    this.#triedAtMs = options.clock.steadyMs();
  }

  /**
   * Returns the run's handle. Finds or creates the tracker run when there is something to send for the first time.
   */
  async open(run: SyncedRun, pieces: readonly SourcePiece[]): Promise<Handle | undefined> {
    const opening = await this.#options.opener.open(run, pieces);
    switch (opening.kind) {
      case 'open':
        if (opening.isNew) this.#options.onNew();
        return opening.handle;
      case 'runFatal':
        this.stopOrRebuild(run, opening.error);
        return undefined;
      case 'restart':
        this.#restart(run, opening.ms);
        return undefined;
      case 'wait':
        if (opening.ms === 0) this.#restart(run);
        else this.#setAside(run, opening.ms);
        return undefined;
      case 'stopped':
        return undefined;
      default:
        return opening satisfies never;
    }
  }

  /**
   * Handles a tracker run that can't be continued: another one gets everything, if that is configured. Otherwise the
   * run is stopped.
   */
  stopOrRebuild(run: SyncedRun, error: MirrorError): void {
    if (this.#options.opener.rebuild(run, error)) this.#restart(run);
    else this.stop(run, error);
  }

  /** Stops a run for now, because the tracker accepts nothing for it. */
  stop(run: SyncedRun, error: MirrorError): void {
    this.#setAside(run, STOPPED_MS);
    run.isStopped = true;
    run.handle = undefined;
    this.#options.progress.runStopped(run.target, error);
  }

  /** Notes that the tracker accepted data of a run: the cause that stopped it, and others, is over. */
  delivered(run: SyncedRun): void {
    if (run.isStopped && run.handle !== undefined) this.#continue(run);
  }

  /** Notes that the tracker has taken the end of a run with nothing left to send: what stopped the run is over. */
  ended(run: SyncedRun): void {
    if (!run.isStopped) return;
    this.#options.progress.runContinues(run.target);
    this.#continue(run);
  }

  /** True if the hparams of a run say that its sessions have ended. */
  isOver({ sources, target }: SyncedRun): boolean {
    const { laneState, routes } = this.#options;
    const ends = new Map([...sources].map(([key, { sessionEnd }]) => [key, sessionEnd]));
    if ([...ends.values()].every((end) => end === undefined)) return false;
    return isSessionOver(
      routes.sourcesOf(target).map((ref) => ({
        sessionEnd: ends.get(keyOfRun(ref)),
        lastStep: laneState.delivered(ref).lastStep,
        hasSession: laneState.catalogue(ref).some(({ plugin }) => plugin === 'hparams'),
      })),
    );
  }

  /** Tries all stopped or set-aside runs now. */
  retryNow(): void {
    for (const run of this.#options.runs) {
      if (run.stoppedUntilMs === 0) continue;
      run.stoppedUntilMs = 0;
      this.#options.ready(run);
    }
  }

  /** Retries runs whose time has come. */
  tick(nowMs: number): void {
    const { runs, ready } = this.#options;
    for (const run of runs) {
      if (run.stoppedUntilMs === 0 || run.stoppedUntilMs > nowMs) continue;
      run.stoppedUntilMs = 0;
      ready(run);
    }
    if (nowMs - this.#triedAtMs < TRIAL_MS) return;
    this.#triedAtMs = nowMs;
    this.#resume(runs.stopped.slice(0, TRIALS));
  }

  #continue(run: SyncedRun): void {
    run.isStopped = false;
    this.#resume(this.#options.runs.stopped);
  }

  #resume(runs: readonly SyncedRun[]): void {
    for (const run of runs) {
      run.stoppedUntilMs = 0;
      this.#options.ready(run);
    }
  }

  /** Restarts a run: all runs that go into it are sent again, also those without changes. */
  #restart(run: SyncedRun, ms = 0): void {
    const { routes, runs } = this.#options;
    for (const ref of routes.sourcesOf(run.target)) runs.sourceOf(ref);
    this.#setAside(run, ms);
  }

  /** Leaves a run alone for a while. After that, everything of it is read again from the positions. */
  #setAside(run: SyncedRun, ms: number): void {
    const { clock, laneState } = this.#options;
    run.stoppedUntilMs = ms === 0 ? 0 : clock.steadyMs() + ms;
    for (const source of run.sources.values()) {
      for (const { name } of laneState.known(source.ref).files) source.dirty.add(name);
      for (const name of source.read) source.dirty.add(name);
    }
  }
}
