/** Resolves links part by part, without touching parts of a file system that must not be touched. */
import type { BigIntStats } from 'node:fs';
import { dirname, isAbsolute, posix, relative, sep } from 'node:path';
import { inDirectory, isWithin, type RootDirectory } from './directory.ts';
import { isOfTheKernel, type Mounts, mountsNow } from './mounts.ts';
import { refusal, shown } from './refusal.ts';
import { doNow, lstat, readlink, type Steps } from './steps.ts';

/** The target of a link. */
export interface LinkFinding {
  readonly real: string;
  readonly stat: BigIntStats;
  /** True if the target is below the root. */
  readonly isInside: boolean;
  /** The reason why the link is not followed; undefined if it is. */
  readonly refused: string | undefined;
}

/** The number of links that the system follows for one name. */
const MOST_LINKS = 40;
/** The largest number of directories remembered not to be links, while many links into the same one are followed. */
const MOST_KNOWN = 100_000;

/** Follows links of one root as its rule says. */
export class LinkFollower {
  readonly #root: RootDirectory;
  readonly #mounts: Mounts;
  /**
   * Parts of paths that are directories, for a walk with many links; files that are opened later are checked again.
   */
  readonly #known: Set<string> | undefined;

  constructor(root: RootDirectory, { mounts = mountsNow(), isRemembering = false } = {}) {
    this.#root = root;
    this.#mounts = mounts;
    this.#known = isRemembering ? new Set() : undefined;
  }

  /**
   * Follows a link and waits for it. Throws the system's error if the target is missing, and MB2010 if following the
   * link is harmful.
   */
  followNow(link: string): LinkFinding {
    return doNow(this.#followFound(link));
  }

  *#followFound(link: string): Steps<LinkFinding> {
    return yield* this.follow(link, yield* lstat(link));
  }

  /** Follows a link. `link` is its path through its real directory; `stat` is that of the link itself. */
  *follow(link: string, stat: BigIntStats): Steps<LinkFinding> {
    const text = yield* readlink(link);
    const { real, stat: found } = yield* this.#resolve(link, text);
    const isInside = isWithin(real, this.#root.path);
    return { real, stat: found, isInside, refused: this.#whyNot(link, stat, real, found, isInside) };
  }

  #whyNot(link: string, own: BigIntStats, real: string, there: BigIntStats, isInside: boolean): string | undefined {
    const { links } = this.#root;
    const name = this.#name(link);
    if (links === 'none') return `${name} is a link, and no links are followed here (links: none)`;
    if (isInside || links === 'all') return undefined;
    if (links === 'inside') return `the link ${name} leads out of the root, to ${shown(real)} (links: inside)`;
    if (own.uid === there.uid) return undefined;
    return `the link ${name} belongs to user ${own.uid}, but its target ${shown(real)} belongs to user ${there.uid} (links: owner)`;
  }

  /** Returns the real path that a link leads to, and its `stat`. */
  *#resolve(link: string, text: string): Steps<{ readonly real: string; readonly stat: BigIntStats }> {
    const pending = partsOf(text);
    let at = isAbsolute(text) ? sep : dirname(link);
    let stat: BigIntStats | undefined;
    let links = 1;
    for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
      if (part === '.') continue;
      if (part === '..') {
        at = dirname(at);
        stat = undefined;
        continue;
      }
      const next = inDirectory(at, part);
      this.#checkMount(link, at, next);
      const isLast = pending.length === 0;
      if (isLast && this.#mounts.at(next) === 'autofs') throw this.#unmounted(link, next);
      // The mount point of an automount cannot even be checked without triggering the mount.
      if (!isLast && (this.#known?.has(next) === true || this.#mounts.at(next) === 'autofs')) {
        at = next;
        stat = undefined;
        continue;
      }
      stat = yield* lstat(next);
      if (stat.isSymbolicLink()) {
        if (++links > MOST_LINKS) throw Object.assign(new Error(`too many links after ${this.#name(link)}`), { code: 'ELOOP' });
        const more = yield* readlink(next);
        for (const each of partsOf(more)) pending.push(each);
        if (isAbsolute(more)) at = sep;
        stat = undefined;
        continue;
      }
      if (!isLast && !stat.isDirectory()) throw Object.assign(new Error(`not a directory: ${shown(next)}`), { code: 'ENOTDIR' });
      if (stat.isDirectory() && this.#known !== undefined && this.#known.size < MOST_KNOWN) this.#known.add(next);
      at = next;
    }
    if (this.#mounts.at(at) === 'autofs') throw this.#unmounted(link, at);
    return { real: at, stat: stat ?? (yield* lstat(at)) };
  }

  /** Checks the list of mounts before any call on `next`. */
  #checkMount(link: string, at: string, next: string): void {
    const mounted = this.#mounts.at(next);
    if (isOfTheKernel(mounted)) {
      throw refusal(
        'MB2010',
        `the link ${this.#name(link)} leads into ${shown(next)}, a kernel file system (${mounted}): mirrorboard never follows it`,
        link,
      );
    }
    if (mounted === undefined && this.#mounts.typeOf(at) === 'autofs') throw this.#unmounted(link, next);
  }

  #unmounted(link: string, at: string) {
    return refusal('MB2010', `the link ${this.#name(link)} leads to ${shown(at)}, which is not mounted (an automount)`, link, 'later');
  }

  #name(link: string): string {
    return shown(isWithin(link, this.#root.path) ? relative(this.#root.path, link) : link);
  }
}

/** Splits a path into its parts, the last one first. */
function partsOf(path: string): string[] {
  return path
    .split(posix.sep)
    .filter((part) => part !== '')
    .reverse();
}
