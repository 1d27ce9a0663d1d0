import { fillIn, type ShardRule, type UnitRule } from '../config/index.ts';
import { shardOf } from '../model/index.ts';
import { Fold } from '../route/index.ts';

/** A template may climb a directory at a time, and a path has no more parts than that. */
const MOST_STEPS = 1000;

/**
 * Names the unit of a run: what is mirrored by one process as a whole. It depends on nothing but the root's name, the
 * run's path and the rule.
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

/** A shard's rule, as it is about one root. */
export type RootShard = ShardRule & { readonly root: string };

/** Whether a run of a root belongs to the shard. */
export function shardFilter({ root, ...rule }: RootShard): (run: string) => boolean {
  const unitOf = unitNames(rule);
  // Runs of one unit follow each other.
  let last: { readonly unit: string; readonly isOurs: boolean } | undefined;
  return (run) => {
    const unit = unitOf(root, run);
    if (last?.unit !== unit) last = { unit, isOurs: unitShard(root, unit, rule.count) === rule.index };
    return last.isOurs;
  };
}

/** The shard of a unit, of `count`. */
export function unitShard(root: string, unit: string, count: number): number {
  return shardOf(JSON.stringify([root, unit]), count);
}
