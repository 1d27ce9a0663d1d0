import { type FSWatcher, watch } from 'node:fs';
import { basename, sep } from 'node:path';
import { statSync } from '../calls/index.ts';
import { nameOfBytes, systemPath } from '../name-bytes.ts';
import { errorName } from '../system-error.ts';
import { hasNotifications } from './file-system.ts';

/** Requests notifications of a directory from the system: `fs.watch`, or a stub. */
export type WatchDirectory = (path: string, onEvent: (event: string, name: string | undefined) => void) => Pick<FSWatcher, 'close' | 'on'>;

/** The callbacks for changes below a root. */
export interface ListenerOptions {
  /** Called with the absolute path of a name that was created, moved or removed, or of a file that was written to. */
  readonly onName: (path: string, isWrite: boolean) => void;
  /** Called if a watched directory is gone, or another one has its name now. */
  readonly onLost: (path: string) => void;
  readonly watchDirectory?: WatchDirectory;
}

/** The result of a request to watch directories. */
export interface Added {
  readonly added: readonly string[];
  /** The reason if the system gives no more; nothing was requested after the first refusal. */
  readonly error?: unknown;
}

interface Watched {
  readonly handle: Pick<FSWatcher, 'close' | 'on'>;
  /** Device and inode: another directory may get the name later. */
  readonly id: string;
}

/**
 * Watches directories with one notification each. It only takes names from them, for a check, so a missed
 * notification costs time and nothing else. It reads no directory and keeps nothing of its content: two thousand
 * directories take 15 MB and 30 ms. A library that follows every entry takes 170 MB and a second.
 */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #watched = new Map<string, Watched>();
  /**
   * Directories on file systems that other hosts write to without notification. They are not requested again before
   * the next `renew`.
   */
  readonly #unsupported = new Set<string>();

  constructor(options: ListenerOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#watched.size;
  }

  has(path: string): boolean {
    return this.#watched.has(path);
  }

  /** Watches these directories and no others. */
  set(paths: Iterable<string>): Added {
    const wanted = new Set(paths);
    for (const path of [...this.#watched.keys()]) if (!wanted.has(path)) this.#close(path);
    return this.add(wanted);
  }

  /** Watches these directories too. */
  add(paths: Iterable<string>): Added {
    const added: string[] = [];
    for (const path of paths) {
      if (this.#watched.has(path) || this.#unsupported.has(path)) continue;
      try {
        if (this.#open(path)) added.push(path);
      } catch (error) {
        if (isOutOfWatches(error)) return { added, error };
        // The directory has become unreachable since it was found: the scan reports it.
      }
    }
    return { added };
  }

  /**
   * Drops directories that were replaced under the same name, for example when a link got another target; `set` then
   * watches them again.
   */
  renew(): void {
    this.#unsupported.clear();
    for (const [path, { id }] of this.#watched) if (idOf(path) !== id) this.forget(path);
  }

  /** Drops a directory that is gone or was moved, with everything below it. */
  forget(path: string): void {
    const below = `${path}${sep}`;
    for (const other of [...this.#watched.keys()]) if (other === path || other.startsWith(below)) this.#close(other);
  }

  close(): void {
    for (const path of [...this.#watched.keys()]) this.#close(path);
  }

  #open(path: string): boolean {
    const id = idOf(path);
    if (id === undefined) return false;
    if (!hasNotifications(path)) {
      this.#unsupported.add(path);
      return false;
    }
    const handle = (this.#options.watchDirectory ?? watchNow)(path, (event, name) => {
      // A closed watch may still deliver a notification.
      if (this.#watched.get(path)?.handle !== handle) return;
      if (name !== undefined) this.#options.onName(`${path}${sep}${name}`, event === 'change');
      // A directory names itself when it is removed or moved; nothing more comes after that.
      if (name === undefined || (event === 'rename' && name === basename(path))) this.#lose(path);
    });
    handle.on('error', () => this.#lose(path));
    this.#watched.set(path, { handle, id });
    return true;
  }

  #lose(path: string): void {
    this.forget(path);
    this.#options.onLost(path);
  }

  #close(path: string): void {
    this.#watched.get(path)?.handle.close();
    this.#watched.delete(path);
  }
}

const watchNow: WatchDirectory = (path, onEvent) =>
  watch(systemPath(path), { encoding: 'buffer' }, (event, name) => onEvent(event, name === null ? undefined : nameOfBytes(name)));

function idOf(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(systemPath(path), { bigint: true });
    return `${dev}.${ino}`;
  } catch {
    return undefined;
  }
}

/** True if the system is out of watches (ENOSPC), or of descriptors and instances (EMFILE, ENFILE). */
function isOutOfWatches(error: unknown): boolean {
  return ['ENOSPC', 'EMFILE', 'ENFILE', 'ENOMEM'].includes(errorName(error) ?? '');
}
