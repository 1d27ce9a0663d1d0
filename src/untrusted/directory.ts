import { posix, sep } from 'node:path';
import type { LinkRule } from './link-rule.ts';

/** A root, and the rule for following links below it. */
export interface RootDirectory {
  /** Its real path. */
  readonly path: string;
  readonly links: LinkRule;
}

/** A directory below a root, by the path from there, which may contain links. */
export interface Directory {
  /** The root's real path. */
  readonly root: string;
  /** Relative to the root, with `/`; empty for the root itself. */
  readonly path: string;
  readonly links: LinkRule;
}

/** Returns the directory of a run. */
export function directoryOf({ path: root, links }: RootDirectory, run: string): Directory {
  return { root, path: run === '.' ? '' : run, links };
}

/** Returns the system's path of a directory, or of something below it. */
export function fullPath({ root, path }: Directory, below = ''): string {
  const rest = posix.join(path, below);
  if (rest === '.' || rest === '') return root;
  return inDirectory(root, rest);
}

/** Returns the path of a name in a directory, which may be the root of the file system. */
export function inDirectory(directory: string, name: string): string {
  return directory === sep ? `${sep}${name}` : `${directory}${sep}${name}`;
}

/** True if `path` is `directory` or below it; both are real paths. */
export function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory.endsWith(sep) ? directory : directory + sep);
}
