import type { BigIntStats, Dirent, Stats } from 'node:fs';
import { statSync } from '../calls/index.ts';
import { steadyMs } from '../clock.ts';
import { systemPath } from '../model/index.ts';
import { isEventFileName, whyPassedOver } from './event-file-name.ts';
import { hasNotifications } from './file-system.ts';
import { isPassedOver } from './passed-over.ts';

/** What matters of a directory's entry. */
export interface Entry {
  readonly name: string;
  /** `passedOver`: a file that TensorBoard would read, but that is on its way, or put aside. */
  readonly kind: 'directory' | 'link' | 'file' | 'passedOver';
}

/**
 * Directories, links, and files with the name of an event file; of what is skipped only what TensorBoard would
 * read is kept.
 */
export function entryOf(name: string, entry: Dirent | Stats): Entry[] {
  if (entry.isDirectory()) return isPassedOver(name) ? [] : [{ name, kind: 'directory' }];
  if (entry.isSymbolicLink()) return [{ name, kind: 'link' }];
  if (!entry.isFile()) return [];
  if (isEventFileName(name)) return [{ name, kind: 'file' }];
  return whyPassedOver(name) === undefined ? [] : [{ name, kind: 'passedOver' }];
}

interface Cached {
  /** Of the directory: a link may lead to another one whose time is the same. */
  readonly stamp: string;
  readonly entries: readonly Entry[];
  /** When this time of it was seen first, by `steadyMs`. */
  readonly sinceMs: number;
  /** Nothing can have been added since without another time. */
  readonly isSettled: boolean;
  /** Read since everything was doubted last. */
  readonly round: number;
}

/** Some file systems count in seconds: a younger change may be followed by another unseen. */
const SETTLED_MS = 10_000;

/** What is known about the directory times of a file system. */
type Belief = 'believed' | 'unknown' | 'doubted';

/** Which directories' times are believed. */
interface DirectoryCacheOptions {
  /** True if a directory is on a file system whose kernel keeps its times; the others must be seen to keep them. */
  readonly isLocal?: (path: string) => boolean;
  /** Intervals, by `steadyMs`. */
  readonly nowMs?: () => number;
}

/**
 * Entries of directories, good for as long as the directory's modification time stays the same: one `stat` in place
 * of reading a directory. Shares lie about it: there it is believed only once it was seen to change together with
 * what is in the directory, and never again after it did not. Scans doubt all of it now and then.
 */
export class DirectoryCache {
  readonly #directories = new Map<string, Cached>();
  /** By device. */
  readonly #beliefs = new Map<bigint, Belief>();
  readonly #local = new Map<bigint, boolean>();
  readonly #isLocal: (path: string) => boolean;
  readonly #nowMs: () => number;
  #round = 0;

  constructor({ isLocal = hasNotifications, nowMs = steadyMs }: DirectoryCacheOptions = {}) {
    this.#isLocal = isLocal;
    this.#nowMs = nowMs;
  }

  /** The entries, if nothing was created, renamed or removed there since. Throws if the directory is gone. */
  get(path: string): readonly Entry[] | undefined {
    const cached = this.#directories.get(path);
    if (cached === undefined || cached.round !== this.#round || !cached.isSettled) return undefined;
    const stat = statSync(systemPath(path), { bigint: true });
    return this.#stampOf(stat) === cached.stamp && this.#beliefs.get(stat.dev) === 'believed' ? cached.entries : undefined;
  }

  /** Keeps entries that were read at `readAtMs` (wall clock). */
  set(path: string, entries: readonly Entry[], readAtMs: number): void {
    const stat = statSync(systemPath(path), { bigint: true });
    const { mtimeNs, dev } = stat;
    const isLocal = this.#local.get(dev) ?? this.#isLocal(path);
    this.#local.set(dev, isLocal);
    const stamp = this.#stampOf(stat);
    const before = this.#directories.get(path);
    const isSame = before?.stamp === stamp;
    const nowMs = this.#nowMs();
    const sinceMs = before !== undefined && isSame ? before.sinceMs : nowMs;
    if (!this.#beliefs.has(dev)) this.#beliefs.set(dev, isLocal ? 'believed' : 'unknown');
    if (before !== undefined && !haveSameNames(before.entries, entries)) {
      // The clocks of file servers and ours differ, and ours may be set: what counts is what we saw, and for how long.
      if (!isSame && this.#beliefs.get(dev) === 'unknown') this.#beliefs.set(dev, 'believed');
      if (isSame && before.isSettled) this.#beliefs.set(dev, 'doubted');
    }
    const age = isLocal ? readAtMs - Number(mtimeNs / 1_000_000n) : nowMs - sinceMs;
    this.#directories.set(path, { stamp, entries, sinceMs, isSettled: age > SETTLED_MS, round: this.#round });
  }

  /** Everything is to be read again, to check that it is as its time indicated. */
  clear(): void {
    this.#round++;
    for (const [path, { round }] of this.#directories) if (round < this.#round - 1) this.#directories.delete(path);
  }

  /**
   * Unpacking or copying into a directory may set its time back. Nothing can set when it was changed, which our
   * kernel keeps.
   */
  #stampOf({ mtimeNs, ctimeNs, dev, ino }: BigIntStats): string {
    const changed = this.#local.get(dev) === true ? ctimeNs : '';
    return `${mtimeNs}.${changed}.${dev}.${ino}`;
  }

  /** What we know about the times of a directory's file system. */
  belief(path: string): Belief {
    return this.#beliefs.get(statSync(systemPath(path), { bigint: true }).dev) ?? 'unknown';
  }
}

function haveSameNames(a: readonly Entry[], b: readonly Entry[]): boolean {
  if (a.length !== b.length) return false;
  const names = new Set(a.map(({ name }) => name));
  return b.every(({ name }) => names.has(name));
}
