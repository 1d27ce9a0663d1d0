/** Decides to which tracker run a file above runs belongs: all sibling runs see the file. */
import { posix } from 'node:path';
import { compareNames, type RunRef } from '../model/index.ts';
import type { RunTree } from '../route/index.ts';
import type { LaneView } from '../state/index.ts';
import type { LaneRoutes } from './lane-routes.ts';
import type { SyncedRun } from './synced-run.ts';

/** The runs that files may belong to. */
interface FileOwnersOptions {
  readonly runs: Iterable<SyncedRun>;
  readonly tree: RunTree;
  readonly routes: LaneRoutes;
  readonly laneState: LaneView;
}

/** The owners of files that lie next to runs or above them. */
export class FileOwners {
  readonly #options: FileOwnersOptions;
  /** Owners that were found. They are valid until other runs may have something to send. */
  readonly #owners = new Map<string, SyncedRun | undefined>();

  constructor(options: FileOwnersOptions) {
    this.#options = options;
  }

  /** Forgets the owners: other runs may have something to send now. */
  clear(): void {
    this.#owners.clear();
  }

  /** True if a directory, given relative to a tracker run's, belongs to another tracker run. */
  isOther({ root, path }: RunRef, seen: string): boolean {
    const { tree, routes } = this.#options;
    const ref = { root, path: posix.join(path, seen) };
    return tree.has(ref) && routes.targetOf(ref) !== path;
  }

  /**
   * True if a file belongs to a run. Of the tracker runs at the same depth below the same directory, the owner is the
   * one that was begun last before the file changed.
   */
  isOwner(run: SyncedRun, levels: number, changedAtMs: number): boolean {
    const { root, path } = run.target;
    const place = placeBelow(path, levels);
    const key = JSON.stringify([root, place, changedAtMs]);
    if (!this.#owners.has(key)) this.#owners.set(key, startedBefore(changedAtMs, this.#runsAt(root, place, levels)));
    return this.#owners.get(key) === run;
  }

  #runsAt(root: string, place: string, levels: number): SyncedRun[] {
    const { runs, laneState } = this.#options;
    return [...runs].filter(
      (run) =>
        run.target.root === root &&
        placeBelow(run.target.path, levels) === place &&
        // mirrorboard never stores anything in a tracker run that has nothing to send.
        (run.isBusy || run.hasWork || laneState.handle(run.target) !== undefined),
    );
  }
}

/** Returns the last of some runs that was begun before a given time; the first one if all were begun later. */
function startedBefore(ms: number, runs: readonly SyncedRun[]): SyncedRun | undefined {
  const order = runs.map((run) => ({ run, atMs: run.startedAtMs }));
  order.sort((a, b) => a.atMs - b.atMs || compareNames(a.run.target.path, b.run.target.path));
  return (order.findLast(({ atMs }) => atMs <= ms) ?? order[0])?.run;
}

/** Returns the directory a number of levels above a run, in a form that differs for each depth below it. */
function placeBelow(path: string, levels: number): string {
  const parts = path.split('/');
  return [...parts.slice(0, -levels), parts.length].join('/');
}
