import type { BigIntStats, Dirent, Stats } from 'node:fs';
import { statSync } from '../calls/index.ts';
import { steadyMs } from '../clock.ts';
import { systemPath } from '../name-bytes.ts';
import { enlarged, roomFor } from './columns.ts';
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

/** The cells of a directory's stamp: modification time, change time, device and inode. */
const CELLS = 4;

/**
 * The age from which a change is settled: some file systems count in seconds, so a younger change may be followed by
 * another one unnoticed.
 */
const SETTLED_MS = 10_000;

type Kind = Entry['kind'];

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
 * directory's content, and never again after it did not. Scans discard everything from time to time. There may be a
 * hundred thousand directories, so what is known of one is in columns.
 */
export class DirectoryCache {
  /** Places in the columns, by path. */
  readonly #places = new Map<string, number>();
  /** The names of the entries. */
  readonly #names: (readonly string[])[] = [];
  /** The kinds of the entries; a single one if all have it. */
  readonly #kinds: (Kind | readonly Kind[])[] = [];
  /** Stamps, `CELLS` a directory. A link may lead to another directory whose time is the same. */
  #stamps = new BigInt64Array();
  /** The time, by `steadyMs`, when this stamp was first seen. */
  #sinceMs = new Float64Array();
  /** 1 if nothing can have been added since without another time. */
  #isSettled = new Uint8Array();
  /** The round in which the directory was read; each `clear` begins a new one. */
  #rounds = new Uint32Array();
  /** Places of directories that were forgotten. */
  readonly #free: number[] = [];
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
    const place = this.#places.get(path);
    if (place === undefined || this.#rounds[place] !== this.#round || this.#isSettled[place] === 0) return undefined;
    const stat = statSync(systemPath(path), { bigint: true });
    return this.#isSame(place, stat) && this.#beliefs.get(stat.dev) === 'believed' ? this.#entries(place) : undefined;
  }

  /** Keeps entries that were read at `readAtMs` (wall clock). */
  set(path: string, entries: readonly Entry[], readAtMs: number): void {
    const stat = statSync(systemPath(path), { bigint: true });
    const { mtimeNs, dev } = stat;
    const isLocal = this.#local.get(dev) ?? this.#isLocal(path);
    this.#local.set(dev, isLocal);
    const before = this.#places.get(path);
    const isSame = before !== undefined && this.#isSame(before, stat);
    const nowMs = this.#nowMs();
    const sinceMs = isSame ? (this.#sinceMs[before] ?? nowMs) : nowMs;
    if (!this.#beliefs.has(dev)) this.#beliefs.set(dev, isLocal ? 'believed' : 'unknown');
    if (before !== undefined && !haveSameNames(this.#names[before] ?? [], entries)) {
      // The clocks of file servers differ from ours, and ours may be set. So only what was seen counts, and for how
      // long.
      if (!isSame && this.#beliefs.get(dev) === 'unknown') this.#beliefs.set(dev, 'believed');
      if (isSame && this.#isSettled[before] === 1) this.#beliefs.set(dev, 'doubted');
    }
    const age = isLocal ? readAtMs - Number(mtimeNs / 1_000_000n) : nowMs - sinceMs;
    const place = before ?? this.#newPlace(path);
    this.#names[place] = entries.map(({ name }) => name);
    this.#kinds[place] = kindsOf(entries);
    this.#stamps.set([mtimeNs, this.#changeTimeOf(stat), dev, stat.ino], place * CELLS);
    this.#sinceMs[place] = sinceMs;
    this.#isSettled[place] = age > SETTLED_MS ? 1 : 0;
    this.#rounds[place] = this.#round;
  }

  /** Has every directory read again, to check that its time was right. */
  clear(): void {
    this.#round++;
    for (const [path, place] of this.#places) {
      if ((this.#rounds[place] ?? 0) >= this.#round - 1) continue;
      this.#places.delete(path);
      this.#names[place] = [];
      this.#kinds[place] = 'file';
      this.#free.push(place);
    }
  }

  #newPlace(path: string): number {
    const place = this.#free.pop() ?? this.#names.length;
    if (place >= this.#rounds.length) {
      const room = roomFor(place + 1);
      this.#stamps = enlarged(this.#stamps, room * CELLS);
      this.#sinceMs = enlarged(this.#sinceMs, room);
      this.#isSettled = enlarged(this.#isSettled, room);
      this.#rounds = enlarged(this.#rounds, room);
    }
    this.#places.set(path, place);
    return place;
  }

  #entries(place: number): Entry[] {
    const kinds = this.#kinds[place] ?? 'file';
    const names = this.#names[place] ?? [];
    return names.map((name, i) => ({ name, kind: typeof kinds === 'string' ? kinds : (kinds[i] ?? 'file') }));
  }

  /** True if a directory still has its stamp. */
  #isSame(place: number, stat: BigIntStats): boolean {
    const at = place * CELLS;
    const stamps = this.#stamps;
    return (
      stamps[at] === stat.mtimeNs &&
      stamps[at + 1] === this.#changeTimeOf(stat) &&
      stamps[at + 2] === stat.dev &&
      stamps[at + 3] === stat.ino
    );
  }

  /**
   * Returns the change time of a directory if our kernel keeps it. Unpacking or copying into a directory may set its
   * modification time back. Nothing can set the change time.
   */
  #changeTimeOf({ ctimeNs, dev }: BigIntStats): bigint {
    return this.#local.get(dev) === true ? ctimeNs : 0n;
  }

  /** Returns the trust in the times of a directory's file system. */
  belief(path: string): Belief {
    return this.#beliefs.get(statSync(systemPath(path), { bigint: true }).dev) ?? 'unknown';
  }
}

function haveSameNames(before: readonly string[], entries: readonly Entry[]): boolean {
  if (before.length !== entries.length) return false;
  const names = new Set(before);
  return entries.every(({ name }) => names.has(name));
}

function kindsOf(entries: readonly Entry[]): Kind | readonly Kind[] {
  const first = entries[0]?.kind ?? 'file';
  return entries.every(({ kind }) => kind === first) ? first : entries.map(({ kind }) => kind);
}
