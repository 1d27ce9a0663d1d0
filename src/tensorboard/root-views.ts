/** Decides which runs an experiment shows, and under which names. Pure. */
import { isAbsolute, relative, sep } from 'node:path';
import type { RunRef } from '../model/index.ts';
import type { RootSummary } from '../query/index.ts';

/** The part of a root that is shown. */
export interface RootView {
  readonly root: string;
  /** Precedes the names of its runs; empty for none. */
  readonly prefix: string;
  /** Only the runs at this path of the root and below it are shown; empty for all. Names begin after it. */
  readonly below: string;
}

/** Returns the name of a run in a view; undefined if the view does not show it. */
export function nameIn({ prefix, below }: RootView, path: string): string | undefined {
  const rest = restOf(path, below);
  if (rest === undefined || prefix === '') return rest;
  return rest === '.' ? prefix : `${prefix}/${rest}`;
}

/** Returns the run that may have this name in a view; undefined if no run of the view has. */
export function runNamed({ root, prefix, below }: RootView, name: string): RunRef | undefined {
  const rest = restOf(name, prefix);
  if (rest === undefined) return undefined;
  if (below === '') return { root, path: rest };
  return { root, path: rest === '.' ? below : `${below}/${rest}` };
}

/** Returns the part of a path after a directory; `.` for the directory itself. */
function restOf(path: string, directory: string): string | undefined {
  if (directory === '') return path;
  if (path === directory) return '.';
  return path.startsWith(`${directory}/`) ? path.slice(directory.length + 1) : undefined;
}

/** Returns the views of whole roots: under plain names if there is only one, otherwise each with its name before. */
export function wholeRoots(roots: readonly RootSummary[]): RootView[] {
  return roots.map(({ name }) => ({ root: name, prefix: roots.length === 1 ? '' : name, below: '' }));
}

/**
 * Returns the views of a log directory: runs have the names that TensorBoard gives them there. It can be a root, a
 * directory above roots, or one in a root. `forms`: its paths, with and without links.
 */
export function viewsOfDirectory(roots: readonly RootSummary[], forms: readonly string[]): RootView[] {
  const seen = roots
    .filter(({ path }) => path !== '')
    .flatMap(({ name, path }) => {
      const view = forms.map((form) => viewOf(name, path, form)).find((found) => found !== undefined);
      return view === undefined ? [] : [{ view, path }];
    })
    .sort((a, b) => a.path.length - b.path.length);
  // A root inside another one, which is shown, has the same files.
  return seen
    .filter(({ path }, i) => !seen.slice(0, i).some((outer) => pathInside(outer.path, path) !== undefined))
    .map(({ view }) => view);
}

function viewOf(root: string, path: string, directory: string): RootView | undefined {
  const prefix = pathInside(directory, path);
  if (prefix !== undefined) return { root, prefix, below: '' };
  const below = pathInside(path, directory);
  return below === undefined ? undefined : { root, prefix: '', below };
}

/** Returns the path of something relative to a directory, with `/`; empty for the directory; undefined outside. */
function pathInside(directory: string, path: string): string | undefined {
  const inside = relative(directory, path);
  if (inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside)) return undefined;
  return inside.split(sep).join('/');
}
