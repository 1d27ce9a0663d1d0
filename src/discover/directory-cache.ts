import type { BigIntStats, Dirent, Stats } from 'node:fs';
import { statSync } from '../calls/index.ts';
import { steadyMs } from '../clock.ts';
import { systemPath } from '../name-bytes.ts';
import { isEventFileName, whyPassedOver } from './event-file-name.ts';
import { hasNotifications } from './file-system.ts';
import { isPassedOver } from './passed-over.ts';

/** The relevant facts about a directory's entry. */
export interface Entry {
  readonly name: string;
  /** `passedOver`: a file that TensorBoard would read, but that is still being transferred, or put aside. */
  readonly kind: 'directory' | 'link' | 'file' | 'passedOver';
}

/**
 * Returns directories, links, and files with the name of an event file. Of skipped entries it returns only those that
 * TensorBoard would read.
 */
export function entryOf(name: string, entry: Dirent | Stats): Entry[] {
  if (entry.isDirectory()) return isPassedOver(name) ? [] : [{ name, kind: 'directory' }];
  if (entry.isSymbolicLink()) return [{ name, kind: 'link' }];
  if (!entry.isFile()) return [];
  if (isEventFileName(name)) return [{ name, kind: 'file' }];
  return whyPassedOver(name) === undefined ? [] : [{ name, kind: 'passedOver' }];
}

interface Cached {
  /** The stamp of the directory: a link may lead to another one whose time is the same. */
  readonly stamp: string;
  readonly entries: readonly Entry[];
  /** The time, by `steadyMs`, when this stamp was first seen. */
  readonly sinceMs: number;
  /** True if nothing can have been added since without another time. */
  readonly isSettled: boolean;
  /** The round in which the directory was read; each `clear` begins a new one. */
  readonly round: number;
}

/**
 * The age from which a change is settled: some file systems count in seconds, so a younger change may be followed by
 * another one unnoticed.
 */
const SETTLED_MS = 10_000;

/** The trust in the directory times of a file system. */
type Belief = 'believed' | 'unknown' | 'doubted';

/** The directories whose times are believed. */
interface DirectoryCacheOptions {
  /**
   * True if a directory is on a file system whose kernel keeps its times. On others, the cache must first see that
   * they are kept.
   */
  readonly isLocal?: (path: string) => boolean;
  /** Returns the current time for intervals, by `steadyMs`. */
  readonly nowMs?: () => number;
}

/**
 * Entries of directories, valid while the directory's modification time stays the same: one `stat` instead of reading
 * a directory. Shares may report a wrong time. There it is believed only once it was seen to change together with the
 * directory's content, and never again after it did not. Scans discard everything from time to time.
 */
export class DirectoryCache {
  readonly #directories = new Map<string, Cached>();
  /** Trust by device. */
  readonly #beliefs = new Map<bigint, Belief>();
  readonly #local = new Map<bigint, boolean>();
  readonly #isLocal: (path: string) => boolean;
  readonly #nowMs: () => number;
  #round = 0;

  constructor({ isLocal = hasNotifications, nowMs = steadyMs }: DirectoryCacheOptions = {}) {
    this.#isLocal = isLocal;
    this.#nowMs = nowMs;
  }

  /** Returns the entries, if nothing was created, renamed or removed there since. Throws if the directory is gone. */
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
      // The clocks of file servers differ from ours, and ours may be set. So only what was seen counts, and for how
      // long.
      if (!isSame && this.#beliefs.get(dev) === 'unknown') this.#beliefs.set(dev, 'believed');
      if (isSame && before.isSettled) this.#beliefs.set(dev, 'doubted');
    }
    const age = isLocal ? readAtMs - Number(mtimeNs / 1_000_000n) : nowMs - sinceMs;
    this.#directories.set(path, { stamp, entries, sinceMs, isSettled: age > SETTLED_MS, round: this.#round });
  }

  /** Has every directory read again, to check that its time was right. */
  clear(): void {
    this.#round++;
    for (const [path, { round }] of this.#directories) if (round < this.#round - 1) this.#directories.delete(path);
  }

  /**
   * Returns the stamp of a directory. Unpacking or copying into a directory may set its modification time back.
   * Nothing can set the change time, which our kernel keeps.
   */
  #stampOf({ mtimeNs, ctimeNs, dev, ino }: BigIntStats): string {
    const changed = this.#local.get(dev) === true ? ctimeNs : '';
    return `${mtimeNs}.${changed}.${dev}.${ino}`;
  }

  /** Returns the trust in the times of a directory's file system. */
  belief(path: string): Belief {
    return this.#beliefs.get(statSync(systemPath(path), { bigint: true }).dev) ?? 'unknown';
  }
}

function haveSameNames(a: readonly Entry[], b: readonly Entry[]): boolean {
  if (a.length !== b.length) return false;
  const names = new Set(a.map(({ name }) => name));
  return b.every(({ name }) => names.has(name));
}
