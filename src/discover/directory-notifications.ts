import { steadyMs } from '../clock.ts';
import { errorName } from '../system-error.ts';
import { WARM_MS } from './heat.ts';
import { Listener, type ListenerOptions } from './listener.ts';
import type { RootWatch } from './root-watch.ts';

/** The settings for watching directories. */
interface DirectoryNotificationsOptions extends ListenerOptions {
  readonly watch: Pick<RootWatch, 'directoriesToWatch'>;
  /** Returns how many directories may be watched now; other roots have their share. */
  readonly most: () => number;
  /** Called when their number changes. `reason` is set if the system has no more notifications. */
  readonly onChanged: (directories: number, reason: string) => void;
  readonly nowMs?: () => number;
}

/** Keeps the notifications of a root on the most valuable directories, within the limits. */
export class DirectoryNotifications {
  readonly #options: DirectoryNotificationsOptions;
  readonly #listener: Listener;
  readonly #nowMs: () => number;
  /**
   * The number that the system gave, minus those returned for others; undefined while the system gives all that are
   * requested.
   */
  #granted: number | undefined;
  #refusedAtMs = 0;
  #reason = '';
  #warned = '';

  constructor(options: DirectoryNotificationsOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? steadyMs;
    this.#listener = new Listener(options);
  }

  get size(): number {
    return this.#listener.size;
  }

  has(path: string): boolean {
    return this.#listener.has(path);
  }

  /** Rearranges the notifications after a full check. Returns the directories that were not watched before. */
  arrange(): readonly string[] {
    this.#listener.renew();
    if (this.#nowMs() - this.#refusedAtMs >= WARM_MS) this.#granted = undefined;
    return this.#arrange();
  }

  /**
   * Watches new directories. If there is no room, drops less valuable ones. Returns those that were not watched
   * before.
   */
  add(paths: readonly string[]): readonly string[] {
    const unwatched = paths.filter((path) => !this.#listener.has(path));
    if (unwatched.length === 0) return [];
    if (this.#listener.size + unwatched.length > this.#most()) return this.#arrange();
    return this.#added(this.#listener.add(unwatched));
  }

  forget(path: string): void {
    this.#listener.forget(path);
    this.#report();
  }

  close(): void {
    this.#listener.close();
    this.#report();
  }

  #most(): number {
    return Math.min(this.#options.most(), this.#granted ?? Number.POSITIVE_INFINITY);
  }

  #arrange(): readonly string[] {
    const most = this.#most();
    return this.#added(this.#listener.set(most === 0 ? [] : this.#options.watch.directoriesToWatch(this.#nowMs(), most)));
  }

  #added({ added, error }: ReturnType<Listener['add']>): readonly string[] {
    if (error !== undefined) {
      // Returns half of them: other programs of this user need some, and the most valuable ones are kept.
      this.#granted = Math.floor(this.#listener.size / 2);
      this.#refusedAtMs = this.#nowMs();
      this.#reason = `the system provides no more notifications (${errorName(error) ?? 'an error'})`;
      this.#arrange();
    }
    if (this.#granted === undefined) this.#reason = '';
    this.#report();
    return added.filter((path) => this.#listener.has(path));
  }

  #report(): void {
    const now = `${this.#listener.size} ${this.#reason}`;
    if (now === this.#warned) return;
    this.#warned = now;
    this.#options.onChanged(this.#listener.size, this.#reason);
  }
}
