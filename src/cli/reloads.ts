/** Gets what a service needs for its next round, whenever it is asked to: one time after the other. */
export class Reloads<Setup> {
  readonly #prepare: (reason: string) => Promise<Setup | undefined>;
  readonly #discard: (setup: Setup) => Promise<void>;
  #round = new AbortController();
  #next: Setup | undefined;
  #isAsked = false;
  #working: Promise<void> = Promise.resolve();

  /**
   * `prepare`: undefined if the present round continues; it never throws. `discard`: for a setup that is never used.
   */
  constructor(prepare: (reason: string) => Promise<Setup | undefined>, discard: (setup: Setup) => Promise<void>) {
    this.#prepare = prepare;
    this.#discard = discard;
  }

  /** Aborted when the next round is ready to begin. */
  get signal(): AbortSignal {
    return this.#round.signal;
  }

  /** Asks for another look. One that has not begun to look yet sees everything. */
  ask(reason: string): void {
    if (this.#isAsked) return;
    this.#isAsked = true;
    this.#working = this.#working.then(async () => {
      this.#isAsked = false;
      const next = await this.#prepare(reason);
      if (next === undefined) return;
      const unused = this.#next;
      this.#next = next;
      if (unused !== undefined) await this.#discard(unused);
      this.#round.abort();
    });
  }

  /** What the next round begins with; undefined if there is none. */
  take(): Setup | undefined {
    const next = this.#next;
    this.#next = undefined;
    this.#round = new AbortController();
    return next;
  }

  /** Waits for what is under way, and drops what came of it. */
  async close(): Promise<void> {
    await this.#working;
    const unused = this.take();
    if (unused !== undefined) await this.#discard(unused);
  }
}
