import { posix, sep } from 'node:path';
import type { LinkRule } from './link-rule.ts';

/** A root, and how links below it are followed. */
export interface RootDirectory {
  /** Its real path. */
  readonly path: string;
  readonly links: LinkRule;
}

/** A directory below a root, as it is reached from there: possibly by links. */
export interface Directory {
  /** The root's real path. */
  readonly root: string;
  /** Relative to it, with `/`; empty for the root itself. */
  readonly path: string;
  readonly links: LinkRule;
}

/** The directory of a run. */
export function directoryOf({ path: root, links }: RootDirectory, run: string): Directory {
  return { root, path: run === '.' ? '' : run, links };
}

/** A directory, or something below it, as the system names it. */
export function fullPath({ root, path }: Directory, below = ''): string {
  const rest = posix.join(path, below);
  if (rest === '.' || rest === '') return root;
  return inDirectory(root, rest);
}

/** A name in a directory, which may be that of the whole system. */
export function inDirectory(directory: string, name: string): string {
  return directory === sep ? `${sep}${name}` : `${directory}${sep}${name}`;
}

/** Whether `path` is `directory` or is below it; both are real paths. */
export function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory.endsWith(sep) ? directory : directory + sep);
}
