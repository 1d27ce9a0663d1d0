import { matcher } from '../pattern/index.ts';
import { type RootShard, shardFilter } from './shard-rule.ts';

/** Selects the mirrored runs of a root by globs over their paths, and names what else below it is ignored. */
export interface RunFilter {
  accepts(run: string): boolean;
  /** True if no run at or below a directory can be accepted, so that it need not be read. */
  prunes(directory: string): boolean;
  /** True if a rule ignores a file or directory, by its path. */
  ignores(path: string): boolean;
}

/**
 * Accepts runs that match one of `include` (all, if it is empty) and none of `exclude`. A glob matches a run's path
 * relative to its root; a glob that matches a directory applies to everything below it. `ignore` matches files and
 * directories, by their paths or by their last names. A shard accepts only its own runs. Undefined if there is
 * nothing to filter.
 */
export function runFilter(
  include: readonly string[],
  exclude: readonly string[],
  ignore: readonly string[] = [],
  shard?: RootShard,
): RunFilter | undefined {
  if (include.length + exclude.length + ignore.length === 0 && shard === undefined) return undefined;
  const includes = include.length === 0 ? () => true : matcher(include);
  const excludes = exclude.length === 0 ? () => false : matcher(exclude);
  const ignored = ignore.length === 0 ? () => false : matcher(ignore);
  const isOurs = shard === undefined ? () => true : shardFilter(shard);
  return {
    accepts: (run) => includes(run) && !excludes(run) && isOurs(run),
    prunes: (directory) => excludes(directory),
    ignores: (path) => ignored(path) || ignored(path.slice(path.lastIndexOf('/') + 1)),
  };
}
