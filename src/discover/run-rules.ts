import { basename, resolve } from 'node:path';
import type { ShardRule } from '../config/index.ts';
import { filePathOf } from '../model/index.ts';
import { isApart } from './event-file-name.ts';
import { type RunFilter, runFilter } from './run-filter.ts';
import type { RootShard } from './shard-rule.ts';
import type { FoundRun } from './walk.ts';

/** The rules for which runs are mirrored, from the configuration and the command line. */
export interface RunRules {
  /** For all roots: only runs that match one of `include` (all, if it is empty) and none of `exclude`. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** Files and directories to ignore. */
  readonly ignore?: readonly string[];
  /** The rules of single roots. */
  readonly roots: readonly RootRules[];
  /** Only runs of this shard. Default: all. */
  readonly shard?: ShardRule | undefined;
}

/** The rules that apply to one root, in a form that can be sent to a thread. */
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
  /** Replaces that of all roots. */
  readonly include?: readonly string[];
  /** Added to those of all roots. */
  readonly exclude?: readonly string[];
  readonly ignore?: readonly string[];
}

/** The rules that accept all runs. */
export const ALL_RUNS: RunRules = { include: [], exclude: [], roots: [] };

/** The index of the first root by name and by path: mirrorboard looks up thousands of them one after the other. */
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

/** Returns the rules that apply to one root. */
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

/** Returns them as a filter; undefined if all runs are mirrored. */
export function filterOf(rules: RunRules, root: { readonly name: string; readonly path: string }): RunFilter | undefined {
  const { include, exclude, ignore, shard } = globsOf(rules, root);
  return runFilter(include, exclude, ignore, shard);
}

/** True if a filter accepts something of a run that was found without it. */
export function isLetThrough({ path, files }: FoundRun, filter: RunFilter | undefined): boolean {
  return filter?.accepts(path) !== false && files.some(({ name }) => !isApart(filePathOf(path, name), filter));
}
