import { type FSWatcher, watch } from 'node:fs';
import { basename, sep } from 'node:path';
import { statSync } from '../calls/index.ts';
import { nameOfBytes, systemPath } from '../model/index.ts';
import { errorName } from '../system-error.ts';
import { hasNotifications } from './file-system.ts';

/** Asks the system for notifications of a directory: `fs.watch`, or a stub. */
export type WatchDirectory = (path: string, onEvent: (event: string, name: string | undefined) => void) => Pick<FSWatcher, 'close' | 'on'>;

/** Who hears of changes below a root. */
export interface ListenerOptions {
  /** A name that was made, moved or removed, or a file that was written to, by its absolute path. */
  readonly onName: (path: string, isWrite: boolean) => void;
  /** A directory that was listened to is another one now, or gone. */
  readonly onLost: (path: string) => void;
  readonly watchDirectory?: WatchDirectory;
}

/** What happened to a wish to listen. */
export interface Added {
  readonly added: readonly string[];
  /** Why the system gives no more, if it does not: nothing was asked for behind the first that was refused. */
  readonly error?: unknown;
}

interface Heard {
  readonly handle: Pick<FSWatcher, 'close' | 'on'>;
  /** Device and inode: the name may be that of another directory later. */
  readonly id: string;
}

/**
 * Listens to directories, one notification each. It only takes names from them, for a check, so a missed one costs time
 * and nothing else. It reads no directory and keeps nothing of its content: two thousand of them take 15 MB and 30 ms;
 * a library that follows every entry takes 170 MB and a second.
 */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #heard = new Map<string, Heard>();
  /** On file systems that other hosts write to unheard: they are not asked for again before the next `renew`. */
  readonly #deaf = new Set<string>();

  constructor(options: ListenerOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#heard.size;
  }

  has(path: string): boolean {
    return this.#heard.has(path);
  }

  /** Listens to these directories and to no others. */
  set(paths: Iterable<string>): Added {
    const wanted = new Set(paths);
    for (const path of [...this.#heard.keys()]) if (!wanted.has(path)) this.#close(path);
    return this.add(wanted);
  }

  /** Listens to these directories too. */
  add(paths: Iterable<string>): Added {
    const added: string[] = [];
    for (const path of paths) {
      if (this.#heard.has(path) || this.#deaf.has(path)) continue;
      try {
        if (this.#open(path)) added.push(path);
      } catch (error) {
        if (isOutOfRoom(error)) return { added, error };
        // Gone or out of reach since it was found: the scan says so.
      }
    }
    return { added };
  }

  /**
   * Drops directories that others replaced under the same name, as when a link gets another target: `set` starts again.
   */
  renew(): void {
    this.#deaf.clear();
    for (const [path, { id }] of this.#heard) if (idOf(path) !== id) this.forget(path);
  }

  /** A directory is gone, or moved, and what was below it with it. */
  forget(path: string): void {
    const below = `${path}${sep}`;
    for (const other of [...this.#heard.keys()]) if (other === path || other.startsWith(below)) this.#close(other);
  }

  close(): void {
    for (const path of [...this.#heard.keys()]) this.#close(path);
  }

  #open(path: string): boolean {
    const id = idOf(path);
    if (id === undefined) return false;
    if (!hasNotifications(path)) {
      this.#deaf.add(path);
      return false;
    }
    const handle = (this.#options.watchDirectory ?? watchNow)(path, (event, name) => {
      // One that was closed may still have something on its way.
      if (this.#heard.get(path)?.handle !== handle) return;
      if (name !== undefined) this.#options.onName(`${path}${sep}${name}`, event === 'change');
      // Its own name is what it says of itself when it is removed or moved, and nothing comes after that.
      if (name === undefined || (event === 'rename' && name === basename(path))) this.#lose(path);
    });
    handle.on('error', () => this.#lose(path));
    this.#heard.set(path, { handle, id });
    return true;
  }

  #lose(path: string): void {
    this.forget(path);
    this.#options.onLost(path);
  }

  #close(path: string): void {
    this.#heard.get(path)?.handle.close();
    this.#heard.delete(path);
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

/** Out of watches (ENOSPC), or of descriptors and instances (EMFILE, ENFILE). */
function isOutOfRoom(error: unknown): boolean {
  return ['ENOSPC', 'EMFILE', 'ENFILE', 'ENOMEM'].includes(errorName(error) ?? '');
}
