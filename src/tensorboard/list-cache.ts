import { createHash } from 'node:crypto';

/** The most bytes of lists that are kept. */
const MOST_BYTES = 32 * 1024 * 1024;
/** About what an entry takes besides its list. */
const ENTRY_BYTES = 200;

/** Keeps encoded lists until the store changes: each reload of the page asks for all of them. */
export class ListCache {
  #version = '';
  #bytes = 0;
  readonly #lists = new Map<string, Uint8Array>();
  /** Lists of this version that are not complete yet. */
  #making = new Map<string, Promise<Uint8Array>>();

  /**
   * Returns a list of this version of the store; makes it if it is not known. Requests that come meanwhile wait for
   * it: the page asks for the same list more than once when it opens.
   */
  async get(version: string, request: string, make: () => Promise<Uint8Array>): Promise<Uint8Array> {
    this.#turnTo(version);
    // A request may name millions of runs.
    const key = createHash('sha256').update(request).digest('base64');
    const known = this.#lists.get(key) ?? this.#making.get(key);
    if (known !== undefined) return await known;
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    // The first caller gets a failure in any case.
    promise.catch(() => undefined);
    const making = this.#making;
    making.set(key, promise);
    try {
      const made = await make();
      this.#keep(version, key, made);
      resolve(made);
      return made;
    } catch (error) {
      reject(error);
      throw error;
    } finally {
      making.delete(key);
    }
  }

  #keep(version: string, key: string, made: Uint8Array): void {
    // Another request may have seen a newer version meanwhile.
    const bytes = made.length + ENTRY_BYTES;
    if (this.#version !== version || this.#bytes + bytes > MOST_BYTES) return;
    this.#bytes += bytes;
    this.#lists.set(key, made);
  }

  #turnTo(version: string): void {
    if (version === this.#version) return;
    this.#version = version;
    this.#bytes = 0;
    this.#lists.clear();
    this.#making = new Map();
  }
}
