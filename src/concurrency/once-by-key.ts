import { MirrorError } from '../errors.ts';

/**
 * Work that is done once a key, however many ask for it, also after a later step failed: what came of it is kept. Work
 * that failed is done again for the next one who asks.
 */
export class OnceByKey {
  readonly #known = new Map<string, Promise<unknown>>();

  /**
   * `signal`: of the one who asks now. Work that another one began, and that was interrupted, is begun again for it.
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
