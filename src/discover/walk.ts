import type { BigIntStats } from 'node:fs';
import { basename, dirname, relative, sep } from 'node:path';
import { lstatSync, realpathSync } from '../calls/index.ts';
import { MirrorError } from '../errors.ts';
import { compareNames, filePathOf, fileStamp, type RunRef } from '../model/index.ts';
import { nameOfBytes, systemPath } from '../name-bytes.ts';
import { errorName, isGone, reasonOf } from '../system-error.ts';
import {
  DEFAULT_LINKS,
  inDirectory,
  isOfTheKernel,
  isWithin,
  type LinkFinding,
  LinkFollower,
  type LinkRule,
  type Mounts,
  mountsNow,
} from '../untrusted/index.ts';
import type { DirectoryCache, Entry } from './directory-cache.ts';
import { isApart, isCompanion, isEventFileName, isTheirDirectory, whyPassedOver } from './event-file-name.ts';
import { LinkQueue } from './link-queue.ts';
import { type DirectoryFs, LISTED_ONLY, namesIn, nodeFs, readEntries } from './read-entries.ts';
import type { RunFilter } from './run-filter.ts';

/** A directory with event files, in reading order. */
export interface FoundRun {
  /** Relative to the root, with `/`; `.` is the root itself. */
  readonly path: string;
  readonly files: readonly FoundFile[];
}

/** An event file found by a walk. */
export interface FoundFile {
  readonly name: string;
  readonly size: number;
  /** See `fileStamp`; empty if it is not known. */
  readonly stamp: string;
  /**
   * Device and inode of a file that may also be there under another name: it has several names, or was reached by a
   * link.
   */
  readonly id?: string;
}

/** A file that TensorBoard reads and mirrorboard does not, and why. */
export interface PassedOver {
  readonly path: string;
  readonly reason: string;
}

/** Something below a root that could not be checked. */
export interface WalkObstacle {
  readonly path: string;
  readonly reason: string;
  /**
   * Set if the reason is the root's rule for links, or something that every root has: it is reported, but is no
   * failure.
   */
  readonly isLeft?: true;
}

/** The result of a walk. */
export interface WalkResult {
  readonly runs: readonly FoundRun[];
  readonly directories: number;
  readonly obstacles: readonly WalkObstacle[];
  readonly passedOver: readonly PassedOver[];
}

/** True if something of a file was mirrored: if a file has several names, that one is kept. */
export type IsKnown = (run: string, name: string) => boolean;

/**
 * Returns a function that is true if a file of a root was mirrored under a name, according to the mirrored positions.
 */
export function isKnownTo(
  held: { positions(run: RunRef): { readonly files: readonly { readonly name: string }[] } },
  root: string,
): IsKnown {
  // The names of the last run: callers ask file by file, run by run, and a run may have many files.
  let last: { readonly run: string; readonly names: ReadonlySet<string> } | undefined;
  return (run, name) => {
    if (last?.run !== run) last = { run, names: new Set(held.positions({ root, path: run }).files.map((file) => file.name)) };
    return last.names.has(name);
  };
}

/** Keeps one name for a file with several: the one under which it is known, otherwise the first by run and name. */
export function readOnce<Some extends Pick<WalkResult, 'runs' | 'passedOver'>>(found: Some, isKnown: IsKnown): Some {
  const names = new Map<string, { readonly run: string; readonly name: string }[]>();
  for (const { path: run, files } of found.runs) {
    for (const { name, id } of files) {
      if (id === undefined) continue;
      const others = names.get(id);
      if (others === undefined) names.set(id, [{ run, name }]);
      else others.push({ run, name });
    }
  }
  const kept = new Map([...names].map(([id, all]) => [id, all.find(({ run, name }) => isKnown(run, name)) ?? all[0]]));
  const passedOver = [...found.passedOver];
  const runs = found.runs.flatMap(({ path, files }) => {
    const own = files.filter(({ name, id }) => {
      const one = id === undefined ? undefined : kept.get(id);
      if (one === undefined || (one.run === path && one.name === name)) return true;
      passedOver.push({ path: filePathOf(path, name), reason: `another name of ${filePathOf(one.run, one.name)}` });
      return false;
    });
    return own.length === 0 ? [] : [{ path, files: own }];
  });
  return { ...found, runs, passedOver };
}

/**
 * Reports every run below a root when it is found, directory by directory in the order of names, without keeping
 * them. Follows links as the rule says. A directory that is reached twice is reported once: under its real path if
 * that is below the root, otherwise by the first link in the order of paths. Links that lead back up are cut.
 * Unreadable paths and links that are not followed are listed, and never fatal. A file with several names is reported
 * under each of them: see `readOnce`.
 */
export function visit(root: string, below: string, options: WalkOptions, onRun: (run: FoundRun) => void): Visited {
  let real: string;
  try {
    real = nameOfBytes(realpathSync(systemPath(root), { encoding: 'buffer' }));
  } catch (error) {
    if (errorName(error) === undefined) throw error;
    const missing = isGone(error) ? 'gone' : errorName(error) === 'MB2030' ? 'silent' : 'shut';
    return { directories: 0, obstacles: [{ path: '.', reason: reasonOf(error) }], missing };
  }
  return new Walk(real, options, onRun).all(below);
}

/** The findings of a walk in addition to the runs. */
export interface Visited extends Omit<WalkResult, 'runs' | 'passedOver'> {
  /** Set if the root itself is missing or cannot be read: the system denies access, or does not answer. */
  readonly missing?: 'gone' | 'shut' | 'silent';
}

/** The options of a walk. */
export interface WalkOptions {
  /** Receives every file that TensorBoard reads and mirrorboard does not. */
  readonly onPassedOver?: ((passed: PassedOver) => void) | undefined;
  /** Selects the wanted runs. Default: all. */
  readonly filter?: RunFilter;
  /** The result of an earlier walk of the same root: directories that have not changed since are not read again. */
  readonly cache?: DirectoryCache;
  /** The rule for following links. Default: `owner`. */
  readonly links?: LinkRule;
  /**
   * True to leave links out of the root to a full walk, because only that one decides the name of a directory behind
   * several links. Default false.
   */
  readonly isPartial?: boolean;
  /** Receives every directory that is read, relative to the root. */
  readonly onDirectory?: ((path: string) => void) | undefined;
  /** Receives every link to a directory, relative to the root. */
  readonly onLink?: ((path: string) => void) | undefined;
  /** Default: the file system of this machine. */
  readonly fs?: DirectoryFs;
}

/** The report about a link to an event file that does not exist. */
export const DANGLING = 'a broken link';

interface Pending {
  /** The path under which it is reached: relative to the root, empty for the root itself. */
  readonly path: string;
  readonly real: string;
}

class Walk {
  readonly #root: string;
  readonly #onRun: (run: FoundRun) => void;
  readonly #obstacles: WalkObstacle[] = [];
  /** Entries that were missing though their directory had listed them, by the directory's path. */
  readonly #notThere = new Map<string, string[]>();
  /** Real paths of trees that are walked separately: the root, and the targets of links. */
  readonly #started = new Set<string>();
  readonly #links = new LinkQueue();
  readonly #follower: LinkFollower;
  readonly #mounts: Mounts = mountsNow();
  readonly #isPartial: boolean;
  #directories = 0;

  readonly #filter: RunFilter | undefined;
  readonly #cache: DirectoryCache | undefined;
  readonly #onDirectory: ((path: string) => void) | undefined;
  readonly #onLink: ((path: string) => void) | undefined;
  readonly #fs: DirectoryFs;
  readonly #onPassedOver: ((passed: PassedOver) => void) | undefined;

  constructor(
    root: string,
    { filter, cache, links = DEFAULT_LINKS, isPartial = false, onDirectory, onLink, fs = nodeFs, onPassedOver }: WalkOptions,
    onRun: (run: FoundRun) => void,
  ) {
    this.#root = root;
    this.#onRun = onRun;
    this.#filter = filter;
    this.#cache = cache;
    this.#isPartial = isPartial;
    this.#follower = new LinkFollower({ path: root, links }, { mounts: this.#mounts, isRemembering: true });
    this.#onDirectory = onDirectory;
    this.#onLink = onLink;
    this.#fs = fs;
    this.#onPassedOver = onPassedOver;
  }

  all(below: string): Visited {
    this.#started.add(this.#root);
    const real = this.#realOf(below);
    if (real !== undefined) this.#tree({ path: below, real });
    // Links come last, so that a directory is listed under its real path if it has one below the root.
    for (let link = this.#links.take(); link !== undefined; link = this.#links.take()) {
      if (this.#isStarted(link.real)) continue;
      this.#started.add(link.real);
      this.#tree(link);
    }
    this.#lookAgain();
    return { directories: this.#directories, obstacles: this.#obstacles };
  }

  #tree(start: Pending): void {
    const pending: Pending[] = [start];
    for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
      const entries = this.#entries(at.path);
      if (entries === undefined) continue;
      this.#directories++;
      this.#onDirectory?.(at.path);
      const files: FoundFile[] = [];
      const below: Pending[] = [];
      for (const { name, kind } of entries) {
        const path = at.path === '' ? name : `${at.path}/${name}`;
        const real = inDirectory(at.real, name);
        if (kind === 'passedOver') {
          this.#onPassedOver?.({ path, reason: whyPassedOver(name) ?? '' });
          continue;
        }
        if (this.#isIgnored(path, name, kind)) continue;
        if (kind === 'directory') {
          if (this.#started.has(real) || this.#filter?.prunes(path) === true) continue;
          const type = this.#mounts.at(real);
          if (isOfTheKernel(type)) this.#leave(path, `a file system of the kernel (${type}): it is never read`);
          else below.push({ path, real });
        } else if (kind === 'link') {
          const file = this.#link(path, real, name);
          if (file !== undefined) files.push(file);
        } else {
          const stat = this.#stat(path);
          if (stat !== undefined) files.push(foundFile(name, stat));
        }
      }
      for (let next = below.pop(); next !== undefined; next = below.pop()) pending.push(next);
      const run = at.path === '' ? '.' : at.path;
      if (files.length === 0 || this.#filter?.accepts(run) === false) continue;
      const names = new Set(files.map(({ name }) => name));
      const own = files.filter(({ name }) => {
        if (!isCompanion(name, (other) => names.has(other))) return true;
        this.#onPassedOver?.({ path: at.path === '' ? name : `${at.path}/${name}`, reason: 'it belongs to the file next to it' });
        return false;
      });
      this.#onRun({ path: run, files: own.sort((a, b) => compareNames(a.name, b.name)) });
    }
  }

  /** True if a rule of the configuration ignores a path, or a directory or link is the folder of a sync tool. */
  #isIgnored(path: string, name: string, kind: Entry['kind']): boolean {
    if (kind !== 'file' && isTheirDirectory(path)) {
      this.#onPassedOver?.({ path, reason: 'the folder of a sync tool or an editor' });
      return true;
    }
    if (this.#filter?.ignores(path) !== true) return false;
    if (kind === 'directory' || isEventFileName(name)) this.#onPassedOver?.({ path, reason: 'the setting `ignore`' });
    return true;
  }

  /** True if a link leads to a file that is read under its own name. */
  #isReadElsewhere(path: string, real: string): boolean {
    if (!isWithin(real, this.#root)) return false;
    const own = relative(this.#root, real).split(sep).join('/');
    const run = dirname(own);
    if (!isEventFileName(basename(own)) || this.#filter?.accepts(run) === false || isApart(own, this.#filter)) return false;
    this.#onPassedOver?.({ path, reason: `a link to ${own}` });
    return true;
  }

  #entries(path: string): readonly Entry[] | undefined {
    const absolute = this.#absolute(path);
    try {
      const cached = this.#cache?.get(absolute);
      if (cached !== undefined) return cached;
      const startedAtMs = Date.now();
      const { entries: found, unknown } = readEntries(absolute, this.#fs);
      // Sorts the entries, so that runs are found, and created in trackers, in the same order on every file system.
      const entries = found.toSorted((a, b) => compareNames(a.name, b.name));
      for (const { name, reason } of unknown) this.#obstacles.push({ path: path === '' ? name : `${path}/${name}`, reason });
      if (unknown.length === 0) this.#cache?.set(absolute, entries, startedAtMs);
      return entries;
    } catch (error) {
      this.#miss(path, error);
      return undefined;
    }
  }

  /** Notes something that should exist but cannot be checked. */
  #miss(path: string, error: unknown): void {
    if (path === '') this.#obstacles.push({ path: '.', reason: reasonOf(error) });
    else if (errorName(error) !== 'ENOENT') this.#obstacles.push({ path, reason: reasonOf(error) });
    else {
      const parent = dirname(path);
      const others = this.#notThere.get(parent);
      if (others === undefined) this.#notThere.set(parent, [path]);
      else others.push(path);
    }
  }

  /**
   * Checks missing entries again. An entry that was removed after its directory was read is fine, unless the
   * directory still lists it.
   */
  #lookAgain(): void {
    for (const [parent, paths] of this.#notThere) {
      let listed: ReadonlySet<string>;
      try {
        listed = namesIn(this.#absolute(parent === '.' ? '' : parent), this.#fs);
      } catch (error) {
        if (errorName(error) !== 'ENOENT') for (const path of paths) this.#obstacles.push({ path, reason: reasonOf(error) });
        continue;
      }
      for (const path of paths) if (listed.has(basename(path))) this.#obstacles.push({ path, reason: LISTED_ONLY });
    }
  }

  #stat(path: string): BigIntStats | undefined {
    try {
      return lstatSync(systemPath(this.#absolute(path)), { bigint: true });
    } catch (error) {
      this.#miss(path, error);
      return undefined;
    }
  }

  /** Follows a link. A link to a directory is walked later; a link with the name of an event file may be one. */
  #link(path: string, real: string, name: string): FoundFile | undefined {
    const isEventFile = isEventFileName(name);
    if (!isEventFile && this.#filter?.prunes(path) === true) return undefined;
    let found: LinkFinding;
    try {
      found = this.#follower.followNow(real);
    } catch (error) {
      if (isLeftAlone(error)) this.#leave(path, error.message);
      else this.#brokenLink(path, isEventFile, error);
      return undefined;
    }
    const isDirectory = found.stat.isDirectory();
    if (!isDirectory && !(isEventFile && found.stat.isFile())) return undefined;
    if (isDirectory && this.#filter?.prunes(path) === true) return undefined;
    if (!isDirectory && this.#isReadElsewhere(path, found.real)) return undefined;
    if (found.refused !== undefined) {
      // A directory below the root is found there by its real path.
      if (!isDirectory || !found.isInside) this.#leave(path, found.refused);
    } else if (!isDirectory) return foundFile(name, found.stat, true);
    else {
      this.#onLink?.(path);
      if (!found.isInside && !this.#isPartial) this.#links.add({ path, real: found.real });
    }
    return undefined;
  }

  #brokenLink(path: string, isEventFile: boolean, error: unknown): void {
    // Links with missing targets, and circular ones, are common. A link to something out of reach may hide runs.
    const isBroken = ['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errorName(error) ?? '');
    if (isBroken && !isEventFile) return;
    this.#obstacles.push({ path, reason: `${isBroken ? DANGLING : 'a link'}: ${reasonOf(error)}` });
  }

  #leave(path: string, reason: string): void {
    this.#obstacles.push({ path, reason, isLeft: true });
  }

  /** Returns the real path where the walk begins; undefined if it is reached by a link that is not followed. */
  #realOf(below: string): string | undefined {
    let real = this.#root;
    let path = '';
    for (const part of below === '' ? [] : below.split('/')) {
      path = path === '' ? part : `${path}/${part}`;
      real = inDirectory(real, part);
      try {
        if (!lstatSync(systemPath(real)).isSymbolicLink()) continue;
        const found = this.#follower.followNow(real);
        if (found.refused !== undefined) this.#leave(path, found.refused);
        if (found.refused !== undefined) return undefined;
        ({ real } = found);
      } catch (error) {
        if (isLeftAlone(error)) this.#leave(path, error.message);
        else this.#miss(path, error);
        return undefined;
      }
    }
    return real;
  }

  /** True if a directory is in a tree that is walked anyway, or contains the root: a link up would be a loop. */
  #isStarted(real: string): boolean {
    if (isWithin(this.#root, real)) return true;
    for (let at = real; ; at = dirname(at)) {
      if (this.#started.has(at)) return true;
      if (at === dirname(at)) return false;
    }
  }

  #absolute(path: string): string {
    return path === '' ? this.#root : inDirectory(this.#root, path);
  }
}

/** True if a rule prevents a check. Something that only does not answer may hide runs. */
function isLeftAlone(error: unknown): error is MirrorError {
  return error instanceof MirrorError && error.code !== 'MB2030';
}

/** Returns a file as found. `isLinked`: it was reached by a link, so its number of names says nothing. */
function foundFile(name: string, stat: BigIntStats, isLinked = false): FoundFile {
  const file = { name, size: Number(stat.size), stamp: fileStamp(stat) };
  return isLinked || stat.nlink > 1n ? { ...file, id: fileId(stat) } : file;
}

/** Returns the identity by which two names of one file are recognized. */
function fileId({ dev, ino }: Pick<BigIntStats, 'dev' | 'ino'>): string {
  return `${dev}.${ino}`;
}
