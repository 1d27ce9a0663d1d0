/** Keeps the tracker runs of a lane, and the runs that go into them. Creates each when it is first needed. */
import type { Clock } from '../clock.ts';
import { keyOfRun, type RunRef } from '../model/index.ts';
import type { RootDirectory } from '../untrusted/index.ts';
import type { LaneRoutes } from './lane-routes.ts';
import { rootDirectory, SyncedRun, SyncedSource } from './synced-run.ts';

/** The roots of the runs, and their routes. */
interface SyncedRunsOptions {
  readonly routes: LaneRoutes;
  readonly places: ReadonlyMap<string, RootDirectory>;
  readonly clock: Clock;
}

/** The tracker runs of a lane. */
export class SyncedRuns implements Iterable<SyncedRun> {
  readonly #options: SyncedRunsOptions;
  readonly #runs = new Map<string, SyncedRun>();

  constructor(options: SyncedRunsOptions) {
    this.#options = options;
  }

  [Symbol.iterator](): MapIterator<SyncedRun> {
    return this.#runs.values();
  }

  /** Returns the tracker run of a target, if it is known here. */
  known(target: RunRef): SyncedRun | undefined {
    return this.#runs.get(keyOfRun(target));
  }

  /** Returns a run's part in its tracker run; undefined if the lane excludes the run. */
  sourceOf(ref: RunRef): SyncedSource | undefined {
    const { routes, places } = this.#options;
    const routed = routes.of(ref);
    if (!routed.isIncluded) return undefined;
    const run = this.runOf(ref);
    let source = run.sources.get(keyOfRun(ref));
    if (source === undefined) {
      source = new SyncedSource(routed, rootDirectory(places, ref));
      run.sources.set(keyOfRun(ref), source);
      for (const name of routed.pendingFiles) source.toRetry.add(name);
    }
    return source;
  }

  /** Returns the tracker run that a run goes into. */
  runOf(ref: RunRef): SyncedRun {
    const { target, route } = this.#options.routes.of(ref);
    const run = this.runTo(target);
    run.group ??= route.group;
    run.groupTag ??= route.groupTag;
    return run;
  }

  /** Returns the tracker run of a target. */
  runTo(target: RunRef): SyncedRun {
    const { places, clock } = this.#options;
    const key = keyOfRun(target);
    let run = this.#runs.get(key);
    if (run === undefined) {
      run = new SyncedRun(target, rootDirectory(places, target), clock.steadyMs());
      this.#runs.set(key, run);
    }
    return run;
  }

  /** True if some files can't be read because they do not answer. */
  get hasSilent(): boolean {
    for (const { sources } of this) for (const { silent } of sources.values()) if (silent.size > 0) return true;
    return false;
  }

  /** The runs that are stopped; those with the oldest try first. */
  get stopped(): readonly SyncedRun[] {
    const stopped = [...this].filter((run) => run.isStopped && run.stoppedUntilMs > 0 && !run.isBusy);
    return stopped.sort((a, b) => a.stoppedUntilMs - b.stoppedUntilMs);
  }
}
