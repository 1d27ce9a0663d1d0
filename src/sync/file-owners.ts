/** To which tracker run a file above runs belongs: each of the runs next to each other sees it. */
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
  /** What was found, until others may have something to send. */
  readonly #owners = new Map<string, SyncedRun | undefined>();

  constructor(options: FileOwnersOptions) {
    this.#options = options;
  }

  /** Forgets what was found: other runs may have something to send now. */
  clear(): void {
    this.#owners.clear();
  }

  /** True if a directory, as seen from a tracker run's, belongs to another one. */
  isOther({ root, path }: RunRef, seen: string): boolean {
    const { tree, routes } = this.#options;
    const ref = { root, path: posix.join(path, seen) };
    return tree.has(ref) && routes.targetOf(ref) !== path;
  }

  /**
   * True if a file belongs to a run: of the tracker runs that lie as deep below the same directory as this one does,
   * to the one that was begun last before the file changed.
   */
  isOwner(run: SyncedRun, levels: number, changedAtMs: number): boolean {
    const { root, path } = run.target;
    const place = placeBelow(path, levels);
    const key = JSON.stringify([root, place, changedAtMs]);
    if (!this.#owners.has(key)) this.#owners.set(key, begunBefore(changedAtMs, this.#runsAt(root, place, levels)));
    return this.#owners.get(key) === run;
  }

  #runsAt(root: string, place: string, levels: number): SyncedRun[] {
    const { runs, laneState } = this.#options;
    return [...runs].filter(
      (run) =>
        run.target.root === root &&
        placeBelow(run.target.path, levels) === place &&
        // Nothing is ever stored in one that has nothing to send.
        (run.isBusy || run.hasWork || laneState.handle(run.target) !== undefined),
    );
  }
}

/** Of some runs, the last one that was begun before a moment; the first one if all were begun later. */
function begunBefore(ms: number, runs: readonly SyncedRun[]): SyncedRun | undefined {
  const order = runs.map((run) => ({ run, atMs: run.begunAtMs }));
  order.sort((a, b) => a.atMs - b.atMs || compareNames(a.run.target.path, b.run.target.path));
  return (order.findLast(({ atMs }) => atMs <= ms) ?? order[0])?.run;
}

/** The directory so many levels above a run, with one that differs for each depth below it. */
function placeBelow(path: string, levels: number): string {
  const parts = path.split('/');
  return [...parts.slice(0, -levels), parts.length].join('/');
}
