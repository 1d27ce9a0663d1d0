/** Finds the parent of a run, if the configured parent exists. */
import type { RunNames, TrackerLaneOptions } from '../lanes/index.ts';
import { keyOfRun, type RunRef } from '../model/index.ts';
import type { LaneRoutes } from './lane-routes.ts';

/** The parent of a run in its tracker. */
export type Above =
  /** The run has no parent. */
  | { readonly kind: 'none' }
  /** No run of the lane has that path: the parent only holds other runs. */
  | { readonly kind: 'holder'; readonly parent: NonNullable<RunNames['parent']> }
  | { readonly kind: 'run'; readonly target: RunRef };

/** The most levels that are searched for a cycle. */
const MOST_LEVELS = 100;
const NONE: Above = { kind: 'none' };

/** Finds the parent of each run. */
export class Parents {
  readonly #routes: LaneRoutes;
  readonly #namesOf: TrackerLaneOptions['namesOf'];

  constructor(routes: LaneRoutes, namesOf: TrackerLaneOptions['namesOf']) {
    this.#routes = routes;
    this.#namesOf = namesOf;
  }

  /** `names`: the names of the run. A run is not its own parent, nor the parent of one of its ancestors. */
  of(target: RunRef, { parent }: RunNames = this.#namesOf(target)): Above {
    if (parent === undefined) return NONE;
    const above = this.#runAt(target.root, parent.name);
    if (above === undefined) return { kind: 'holder', parent };
    let at: RunRef | undefined = above;
    for (let level = 0; at !== undefined && level < MOST_LEVELS; level++) {
      if (keyOfRun(at) === keyOfRun(target)) return NONE;
      const next: RunNames['parent'] = this.#namesOf(at).parent;
      const over: RunRef | undefined = next === undefined ? undefined : this.#runAt(at.root, next.name);
      at = over !== undefined && keyOfRun(over) === keyOfRun(at) ? undefined : over;
    }
    return at === undefined ? { kind: 'run', target: above } : NONE;
  }

  #runAt(root: string, path: string): RunRef | undefined {
    return this.#routes.trackerRunAt({ root, path }) ?? (path === root ? this.#routes.trackerRunAt({ root, path: '.' }) : undefined);
  }
}
