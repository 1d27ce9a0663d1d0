import { basename, resolve } from 'node:path';
import type { ShardRule } from '../config/index.ts';
import { filePathOf } from '../model/index.ts';
import { isApart } from './event-file-name.ts';
import { type RunFilter, runFilter } from './run-filter.ts';
import type { RootShard } from './shard-rule.ts';
import type { FoundRun } from './walk.ts';

/** Which runs are mirrored, as given by the configuration and the command line. */
export interface RunRules {
  /** Of all roots: only runs that match one of these (all, if there is none), and none that match one of those. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** Files and directories that are none of ours. */
  readonly ignore?: readonly string[];
  /** What some roots say for themselves. */
  readonly roots: readonly RootRules[];
  /** Only runs of this shard. Default: all. */
  readonly shard?: ShardRule | undefined;
}

/** What holds for one root: it can be sent to a thread. */
export interface RunGlobs {
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly ignore: readonly string[];
  readonly shard?: RootShard | undefined;
}

/** Rules of one root. */
export interface RootRules {
  readonly path: string;
  readonly name?: string;
  /** In place of those of all roots. */
  readonly include?: readonly string[];
  /** Beside those of all roots. */
  readonly exclude?: readonly string[];
  readonly ignore?: readonly string[];
}

/** No rule: all runs are taken. */
export const ALL_RUNS: RunRules = { include: [], exclude: [], roots: [] };

/** The first of some roots by name and by path: thousands of them are asked for one after the other. */
interface RootIndex {
  readonly byName: ReadonlyMap<string, number>;
  readonly byPath: ReadonlyMap<string, number>;
}

const indices = new WeakMap<readonly RootRules[], RootIndex>();

function indexOf(roots: readonly RootRules[]): RootIndex {
  const known = indices.get(roots);
  if (known !== undefined) return known;
  const [byName, byPath] = [new Map<string, number>(), new Map<string, number>()];
  for (const [i, root] of roots.entries()) {
    const path = resolve(root.path);
    const name = root.name ?? basename(path);
    if (!byName.has(name)) byName.set(name, i);
    if (!byPath.has(path)) byPath.set(path, i);
  }
  const index = { byName, byPath };
  indices.set(roots, index);
  return index;
}

/** What holds for one root. */
export function globsOf(
  { include, exclude, ignore = [], roots, shard }: RunRules,
  root: { readonly name: string; readonly path: string },
): RunGlobs {
  const { byName, byPath } = indexOf(roots);
  const own = roots[Math.min(byName.get(root.name) ?? roots.length, byPath.get(root.path) ?? roots.length)];
  return {
    include: own?.include ?? include,
    exclude: [...exclude, ...(own?.exclude ?? [])],
    ignore: [...ignore, ...(own?.ignore ?? [])],
    ...(shard === undefined ? {} : { shard: { ...shard, root: root.name } }),
  };
}

/** The same as a filter; undefined if all runs are mirrored. */
export function filterOf(rules: RunRules, root: { readonly name: string; readonly path: string }): RunFilter | undefined {
  const { include, exclude, ignore, shard } = globsOf(rules, root);
  return runFilter(include, exclude, ignore, shard);
}

/** True if a filter lets something through of a run that was found without it. */
export function isLetThrough({ path, files }: FoundRun, filter: RunFilter | undefined): boolean {
  return filter?.accepts(path) !== false && files.some(({ name }) => !isApart(filePathOf(path, name), filter));
}
