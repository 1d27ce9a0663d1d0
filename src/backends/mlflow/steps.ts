/**
 * Steps that several ask for at the same time, or again after a later one failed: each is taken by one of them, and
 * what came of it is kept. One that failed is taken again by the next caller.
 */
export class Steps {
  readonly #taken = new Map<string, Promise<unknown>>();

  /** The result of a step. */
  async take<T>(name: string, step: () => Promise<T>): Promise<T> {
    const known = this.#taken.get(name) as Promise<T> | undefined;
    if (known !== undefined) return known;
    const taking = step();
    this.#taken.set(name, taking);
    try {
      return await taking;
    } catch (error) {
      this.#taken.delete(name);
      throw error;
    }
  }
}
