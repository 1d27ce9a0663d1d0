import { type BigIntStats, type Dirent, type Stats, statSync } from 'node:fs';
import { systemPath } from '../model/index.ts';
import { isEventFileName } from './event-file-name.ts';
import { isPassedOver } from './passed-over.ts';

/** What matters of a directory's entry. */
export interface Entry {
  readonly name: string;
  readonly kind: 'directory' | 'link' | 'file';
}

/** Directories, links, and files with the name of an event file; everything else is passed over. */
export function entryOf(name: string, entry: Dirent | Stats): Entry[] {
  if (entry.isDirectory()) return isPassedOver(name) ? [] : [{ name, kind: 'directory' }];
  if (entry.isSymbolicLink()) return [{ name, kind: 'link' }];
  return entry.isFile() && isEventFileName(name) ? [{ name, kind: 'file' }] : [];
}

interface Cached {
  /** Of the directory: a link may lead to another one whose time is the same. */
  readonly stamp: string;
  readonly entries: readonly Entry[];
}

/** Clocks of file servers and of ours differ, and some file systems count in seconds: a younger change may be followed by another unseen. */
const SETTLED_NS = 10_000_000_000n;

/**
 * Entries of directories, good for as long as the directory's modification time stays the same: one `stat` in place of
 * reading a directory. Some file systems lie about it, so whoever scans forgets it all now and then.
 */
export class DirectoryCache {
  readonly #directories = new Map<string, Cached>();

  /** The entries, if nothing was made, renamed or removed there since. Throws where the directory is gone. */
  get(path: string): readonly Entry[] | undefined {
    const cached = this.#directories.get(path);
    if (cached === undefined) return undefined;
    return stampOf(statSync(systemPath(path), { bigint: true })) === cached.stamp ? cached.entries : undefined;
  }

  /** Keeps entries that were read at `readAtMs`, unless the directory had changed just then. */
  set(path: string, entries: readonly Entry[], readAtMs: number): void {
    const stat = statSync(systemPath(path), { bigint: true });
    if (BigInt(readAtMs) * 1_000_000n - stat.mtimeNs > SETTLED_NS) this.#directories.set(path, { stamp: stampOf(stat), entries });
    else this.#directories.delete(path);
  }

  clear(): void {
    this.#directories.clear();
  }
}

function stampOf({ mtimeNs, dev, ino }: BigIntStats): string {
  return `${mtimeNs}.${dev}.${ino}`;
}
