/** The preparation of a service's next round on request: one request after the other. */
export class Reloads<Setup> {
  readonly #prepare: (reason: string) => Promise<Setup | undefined>;
  readonly #discard: (setup: Setup) => Promise<void>;
  #round = new AbortController();
  #next: Setup | undefined;
  #isAsked = false;
  #working: Promise<void> = Promise.resolve();

  /**
   * `prepare` returns undefined if the current round continues; it never throws. `discard` gets a setup that is never
   * used.
   */
  constructor(prepare: (reason: string) => Promise<Setup | undefined>, discard: (setup: Setup) => Promise<void>) {
    this.#prepare = prepare;
    this.#discard = discard;
  }

  /** Returns the signal that is aborted when the next round is ready to begin. */
  get signal(): AbortSignal {
    return this.#round.signal;
  }

  /** Asks for another preparation. One that has not started yet covers this request. */
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

  /** Returns the setup of the next round; undefined if there is none. */
  take(): Setup | undefined {
    const next = this.#next;
    this.#next = undefined;
    this.#round = new AbortController();
    return next;
  }

  /** Waits for a preparation in progress, and drops its result. */
  async close(): Promise<void> {
    await this.#working;
    const unused = this.take();
    if (unused !== undefined) await this.#discard(unused);
  }
}
