/**
 * Room for pieces of work that are in progress, each by its weight. A piece that finds no room waits in line, and
 * leaves the line when it is aborted. A single piece always fits, however much it weighs.
 */
export class Room {
  readonly #limit: () => number;
  #used = 0;
  readonly #waiting: { readonly weight: number; readonly enter: () => void }[] = [];

  /** `limit` returns the most that all weights inside may be, as it is at the moment. */
  constructor(limit: () => number) {
    this.#limit = limit;
  }

  async run<T>(work: () => Promise<T>, signal: AbortSignal, weight = 1): Promise<T> {
    const leave = await this.enter(signal, weight);
    try {
      return await work();
    } finally {
      leave();
    }
  }

  /** Waits for room. Returns the call that gives the room back. Throws the signal's reason. */
  async enter(signal: AbortSignal, weight = 1): Promise<() => void> {
    signal.throwIfAborted();
    // A later piece does not overtake: otherwise a large one would wait without end.
    if (this.#waiting.length === 0 && this.#fits(weight)) this.#used += weight;
    else await this.#turn(signal, weight);
    return () => {
      this.#used -= weight;
      this.#admit();
    };
  }

  #fits(weight: number): boolean {
    return this.#used === 0 || this.#used + weight <= this.#limit();
  }

  #turn(signal: AbortSignal, weight: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const enter = (): void => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const slot = { weight, enter };
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(slot), 1);
        reject(signal.reason);
        // Pieces that waited behind a large one may fit now that it is gone.
        this.#admit();
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.push(slot);
    });
  }

  #admit(): void {
    for (let [first] = this.#waiting; first !== undefined && this.#fits(first.weight); [first] = this.#waiting) {
      this.#waiting.shift();
      this.#used += first.weight;
      first.enter();
    }
  }
}
