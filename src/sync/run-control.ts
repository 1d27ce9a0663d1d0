/**
 * Opens the tracker runs of a lane, and decides what becomes of a run that its tracker does not take: it is stopped
 * and tried again later, sent from the beginning, or set aside for a moment.
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

/** The runs of a lane, and who opens them. */
interface RunControlOptions {
  readonly runs: SyncedRuns;
  readonly opener: RunOpener;
  readonly routes: LaneRoutes;
  readonly laneState: LaneView;
  readonly progress: LaneProgress;
  /** A run has something to do. */
  readonly ready: (run: SyncedRun) => void;
  /** A tracker run was made: the lane gets somewhere. */
  readonly onNew: () => void;
  readonly clock: Clock;
}

/** A run that its tracker does not take is retried in case a person changed that. */
const STOPPED_MS = 30 * 60_000;
/**
 * A few of those that are stopped are tried so often: what one of them meets was most often the same for all, as when
 * an experiment was deleted.
 */
const TRIAL_MS = 20_000;
const TRIALS = 4;

/** Decides what becomes of runs. */
export class RunControl {
  readonly #options: RunControlOptions;
  /** When runs that are stopped were tried last, by the steady clock. */
  #triedAtMs: number;

  constructor(options: RunControlOptions) {
    this.#options = options;
    this.#triedAtMs = options.clock.steadyMs();
  }

  /** The run's handle: the tracker run is searched for, or made, when there is something to send for the first time. */
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

  /** A tracker run can't be continued: another one gets everything, if that is wanted. Else the run is stopped. */
  stopOrRebuild(run: SyncedRun, error: MirrorError): void {
    if (this.#options.opener.rebuild(run, error)) this.#restart(run);
    else this.stop(run, error);
  }

  /** The tracker takes nothing for a run for now. */
  stop(run: SyncedRun, error: MirrorError): void {
    this.#setAside(run, STOPPED_MS);
    run.isStopped = true;
    run.handle = undefined;
    this.#options.progress.runStopped(run.target, error);
  }

  /** The tracker took something of a run: what stopped it, and others, is over. */
  delivered(run: SyncedRun): void {
    if (!run.isStopped || run.handle === undefined) return;
    run.isStopped = false;
    this.#resume(this.#options.runs.stopped);
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

  /** Tries all runs that are stopped, or set aside, now. */
  retryNow(): void {
    for (const run of this.#options.runs) {
      if (run.stoppedUntilMs === 0) continue;
      run.stoppedUntilMs = 0;
      this.#options.ready(run);
    }
  }

  /** Tries runs again whose time has come. */
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

  #resume(runs: readonly SyncedRun[]): void {
    for (const run of runs) {
      run.stoppedUntilMs = 0;
      this.#options.ready(run);
    }
  }

  /** All of it again: runs that nothing was heard of are part of that. */
  #restart(run: SyncedRun, ms = 0): void {
    const { routes, runs } = this.#options;
    for (const ref of routes.sourcesOf(run.target)) runs.sourceOf(ref);
    this.#setAside(run, ms);
  }

  /** Leaves a run alone for a while; then all of it again, from the positions. */
  #setAside(run: SyncedRun, ms: number): void {
    const { clock, laneState } = this.#options;
    run.stoppedUntilMs = ms === 0 ? 0 : clock.steadyMs() + ms;
    for (const source of run.sources.values()) {
      for (const { name } of laneState.known(source.ref).files) source.dirty.add(name);
      for (const name of source.read) source.dirty.add(name);
    }
  }
}
