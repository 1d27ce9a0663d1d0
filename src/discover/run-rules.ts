import { basename, resolve } from 'node:path';
import { type RunFilter, runFilter } from './run-filter.ts';

/** Which runs are mirrored, as a configuration and a command line say it. */
export interface RunRules {
  /** Of all roots: only runs that match one of these (all, where there is none), and none that match one of those. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** Files and directories that are none of ours. */
  readonly ignore?: readonly string[];
  /** What some roots say for themselves. */
  readonly roots: readonly RootRules[];
}

export interface RootRules {
  readonly path: string;
  readonly name?: string;
  /** In place of those of all roots. */
  readonly include?: readonly string[];
  /** Beside those of all roots. */
  readonly exclude?: readonly string[];
  readonly ignore?: readonly string[];
}

export const ALL_RUNS: RunRules = { include: [], exclude: [], roots: [] };

/** What holds for one root. */
export function globsOf({ include, exclude, ignore = [], roots }: RunRules, root: { readonly name: string; readonly path: string }) {
  const own = roots.find(({ name, path }) => (name ?? basename(resolve(path))) === root.name || resolve(path) === root.path);
  return {
    include: own?.include ?? include,
    exclude: [...exclude, ...(own?.exclude ?? [])],
    ignore: [...ignore, ...(own?.ignore ?? [])],
  };
}

/** The same as a filter; undefined where all runs are mirrored. */
export function filterOf(rules: RunRules, root: { readonly name: string; readonly path: string }): RunFilter | undefined {
  const { include, exclude, ignore } = globsOf(rules, root);
  return runFilter(include, exclude, ignore);
}
