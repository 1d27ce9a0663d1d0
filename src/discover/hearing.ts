import { steadyMs } from '../clock.ts';
import { errorName } from '../system-error.ts';
import { WARM_MS } from './heat.ts';
import { Listener, type ListenerOptions } from './listener.ts';
import type { RootWatch } from './root-watch.ts';

/** Which directories are listened to. */
interface HearingOptions extends ListenerOptions {
  readonly watch: Pick<RootWatch, 'directoriesToHear'>;
  /** How many directories may be listened to now; other roots have their share. */
  readonly most: () => number;
  /** Called when there are more or fewer; with the reason, if the system has no more. */
  readonly onChanged: (directories: number, reason: string) => void;
  readonly nowMs?: () => number;
}

/** Keeps the notifications of a root for the most valuable directories, within the limits. */
export class Hearing {
  readonly #options: HearingOptions;
  readonly #listener: Listener;
  readonly #nowMs: () => number;
  /** How many the system gave, less what was given back to others; undefined while it gives all that is asked for. */
  #given: number | undefined;
  #refusedAtMs = 0;
  #reason = '';
  #warned = '';

  constructor(options: HearingOptions) {
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

  /** After a check of everything: the directories that were not listened to before. */
  arrange(): readonly string[] {
    this.#listener.renew();
    if (this.#nowMs() - this.#refusedAtMs >= WARM_MS) this.#given = undefined;
    return this.#arrange();
  }

  /**
   * Listens to directories that are new, and to less of what is worth less if there is no room: those that were
   * not listened to before.
   */
  add(paths: readonly string[]): readonly string[] {
    const unheard = paths.filter((path) => !this.#listener.has(path));
    if (unheard.length === 0) return [];
    if (this.#listener.size + unheard.length > this.#most()) return this.#arrange();
    return this.#added(this.#listener.add(unheard));
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
    return Math.min(this.#options.most(), this.#given ?? Number.POSITIVE_INFINITY);
  }

  #arrange(): readonly string[] {
    const most = this.#most();
    return this.#added(this.#listener.set(most === 0 ? [] : this.#options.watch.directoriesToHear(this.#nowMs(), most)));
  }

  #added({ added, error }: ReturnType<Listener['add']>): readonly string[] {
    if (error !== undefined) {
      // Half is given back: other programs of this user need some, and what is worth most is kept.
      this.#given = Math.floor(this.#listener.size / 2);
      this.#refusedAtMs = this.#nowMs();
      this.#reason = `the system provides no more notifications (${errorName(error) ?? 'an error'})`;
      this.#arrange();
    }
    if (this.#given === undefined) this.#reason = '';
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
