/**
 * Room for pieces of work that are under way, each by its weight. Who finds none waits in line, and leaves it when it
 * is aborted; one alone always fits, however much it weighs.
 */
export class Room {
  readonly #limit: () => number;
  #used = 0;
  readonly #waiting: { readonly weight: number; readonly enter: () => void }[] = [];

  /** `limit`: of the weights of all that are inside, as it is at the moment. */
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

  /** Waits for room. Returns what gives it back. Throws the signal's reason. */
  async enter(signal: AbortSignal, weight = 1): Promise<() => void> {
    signal.throwIfAborted();
    // Who comes later does not overtake: a large one would wait forever.
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
        // Behind a large one that is gone some may fit.
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
