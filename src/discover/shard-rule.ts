import { fillIn, type ShardRule, type UnitRule } from '../config/index.ts';
import { shardOf } from '../model/index.ts';
import { Fold } from '../route/index.ts';

/** The limit of steps: a template may climb one directory at a time, and a path has no more parts than that. */
const MOST_STEPS = 1000;

/**
 * Returns a function that names the unit of a run. One process mirrors a unit as a whole. The name depends only on
 * the root's name, the run's path and the rule.
 */
export function unitNames({ fold, parent, project }: UnitRule): (root: string, run: string) => string {
  const folds = new Fold(fold);
  return (root, run) => {
    let path = folds.unit(run);
    for (let step = 0; parent !== undefined && step < MOST_STEPS; step++) {
      const above = fillIn(parent, { root, path, project });
      const next = above === '' ? path : above === root ? '.' : above;
      if (next === path) break;
      path = next;
    }
    return path;
  };
}

/** A shard's rule for one root. */
export type RootShard = ShardRule & { readonly root: string };

/** Returns a function that is true if a run of the root belongs to the shard. */
export function shardFilter({ root, ...rule }: RootShard): (run: string) => boolean {
  const unitOf = unitNames(rule);
  // Runs of one unit follow each other, so the last unit is kept.
  let last: { readonly unit: string; readonly isOurs: boolean } | undefined;
  return (run) => {
    const unit = unitOf(root, run);
    if (last?.unit !== unit) last = { unit, isOurs: unitShard(root, unit, rule.count) === rule.index };
    return last.isOurs;
  };
}

/** Returns the shard of a unit, out of `count`. */
export function unitShard(root: string, unit: string, count: number): number {
  return shardOf(JSON.stringify([root, unit]), count);
}
