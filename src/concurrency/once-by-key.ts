import { MirrorError } from '../errors.ts';

/**
 * Work that runs once per key, however many callers ask for it: its result is kept, also after a later step failed.
 * Failed work runs again for the next caller.
 */
export class OnceByKey {
  readonly #known = new Map<string, Promise<unknown>>();

  /**
   * Returns the result for a key. `signal` belongs to this caller: if another caller began the work and it was
   * interrupted, it begins again for this one.
   */
  async take<T>(key: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    for (;;) {
      const under = this.#known.get(key) as Promise<T> | undefined;
      const found = under ?? work();
      this.#known.set(key, found);
      try {
        return await found;
      } catch (error) {
        if (this.#known.get(key) === found) this.#known.delete(key);
        if (under === undefined || signal === undefined || signal.aborted || error instanceof MirrorError) throw error;
      }
    }
  }

  forget(): void {
    this.#known.clear();
  }
}
