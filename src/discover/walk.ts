import { type Dirent, readdirSync, realpathSync, type Stats, statSync } from 'node:fs';
import { join, sep } from 'node:path';
import { messageOf, systemCode } from '../errors.ts';
import { compareNames } from '../model/index.ts';

/** A directory with event files, in the order in which they are read. */
export interface FoundRun {
  /** Relative to the root, with `/`; `.` is the root itself. */
  readonly path: string;
  readonly files: readonly FoundFile[];
}

export interface FoundFile {
  readonly name: string;
  readonly size: number;
}

/** Something below a root that could not be looked at. */
export interface Obstacle {
  readonly path: string;
  readonly reason: string;
}

export interface Found {
  readonly runs: readonly FoundRun[];
  readonly directories: number;
  readonly obstacles: readonly Obstacle[];
}

/** TensorBoard's rule: the name contains `tfevents` anywhere, and is not the mark of a profile without events. */
export function isEventFileName(name: string): boolean {
  return name.includes('tfevents') && !name.endsWith('.profile-empty');
}

/**
 * Every run below a root. Links are followed; a directory reached twice is listed once, under its real path where that
 * lies below the root; links that lead back up are cut. What can't be read is listed, never fatal.
 */
export function walk(root: string, below = ''): Found {
  return new Walk(realpathSync(root)).all(below);
}

interface Pending {
  /** Where it is reached: relative to the root, empty for the root itself. */
  readonly path: string;
  readonly real: string;
}

class Walk {
  readonly #root: string;
  readonly #runs: FoundRun[] = [];
  readonly #obstacles: Obstacle[] = [];
  /** Real paths at which a tree begins that is walked from elsewhere: the root, and the targets of links. */
  readonly #begun = new Set<string>();
  readonly #links: string[] = [];
  #directories = 0;

  constructor(root: string) {
    this.#root = root;
  }

  all(below: string): Found {
    this.#begun.add(this.#root);
    this.#tree({ path: below, real: below === '' ? this.#root : join(this.#root, below) });
    // Links come last, so that a directory is listed under its real path wherever it has one below the root.
    for (let link = this.#links.shift(); link !== undefined; link = this.#links.shift()) {
      const target = this.#target(link);
      if (target !== undefined) this.#tree({ path: link, real: target });
    }
    this.#runs.sort((a, b) => compareNames(a.path, b.path));
    return { runs: this.#runs, directories: this.#directories, obstacles: this.#obstacles };
  }

  #tree(start: Pending): void {
    const pending: Pending[] = [start];
    for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
      const entries = this.#entries(at.path);
      if (entries === undefined) continue;
      this.#directories++;
      const files: FoundFile[] = [];
      const links: string[] = [];
      for (const entry of entries) {
        const path = at.path === '' ? entry.name : `${at.path}/${entry.name}`;
        if (entry.isDirectory()) {
          const real = `${at.real === sep ? '' : at.real}${sep}${entry.name}`;
          if (!this.#begun.has(real)) pending.push({ path, real });
        } else if (entry.isSymbolicLink()) {
          const stat = this.#stat(path, isEventFileName(entry.name));
          if (stat?.isDirectory()) links.push(path);
          else if (stat?.isFile() && isEventFileName(entry.name)) files.push({ name: entry.name, size: stat.size });
        } else if (entry.isFile() && isEventFileName(entry.name)) {
          files.push({ name: entry.name, size: this.#stat(path, false)?.size ?? 0 });
        }
      }
      this.#links.push(...links.sort(compareNames));
      if (files.length > 0)
        this.#runs.push({ path: at.path === '' ? '.' : at.path, files: files.sort((a, b) => compareNames(a.name, b.name)) });
    }
  }

  #entries(path: string): Dirent[] | undefined {
    try {
      return readdirSync(this.#absolute(path), { withFileTypes: true });
    } catch (error) {
      // Gone since its parent was read: nothing is wrong.
      if (systemCode(error) !== 'ENOENT') this.#obstacles.push({ path: path === '' ? '.' : path, reason: messageOf(error) });
      return undefined;
    }
  }

  #stat(path: string, matters: boolean): Stats | undefined {
    try {
      return statSync(this.#absolute(path));
    } catch (error) {
      if (matters) this.#obstacles.push({ path, reason: `a link that leads nowhere: ${messageOf(error)}` });
      return undefined;
    }
  }

  /** Where a link to a directory leads, unless that is walked anyway or leads back up. */
  #target(link: string): string | undefined {
    let real: string;
    try {
      real = realpathSync(this.#absolute(link));
    } catch {
      return undefined;
    }
    if (isWithin(this.#root, real)) return undefined; // the link leads up: a loop
    for (const begun of this.#begun) if (isWithin(real, begun)) return undefined;
    this.#begun.add(real);
    return real;
  }

  #absolute(path: string): string {
    return path === '' ? this.#root : `${this.#root}${sep}${path}`;
  }
}

/** Whether `path` is `directory` or lies below it; both are real paths. */
export function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory.endsWith(sep) ? directory : directory + sep);
}
