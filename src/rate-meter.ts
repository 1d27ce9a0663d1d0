interface Sample {
  readonly atMs: number;
  readonly value: number;
}

/** The recent rate of a growing number. It has no clock: the caller passes the time. */
export class RateMeter {
  /** How far back it remembers, in milliseconds. */
  readonly #spanMs: number;
  /** Samples closer together than this are not kept, so that memory does not depend on how often it is asked. */
  readonly #spacingMs: number;
  /** In the order of time; the first may be older than the span, to cover all of it. */
  #samples: Sample[] = [];

  constructor(spanMs: number) {
    this.#spanMs = spanMs;
    this.#spacingMs = spanMs / 50;
  }

  add(atMs: number, value: number): void {
    // A clock that was set back: what was before it says nothing any more.
    if (atMs < (this.#samples.at(-1)?.atMs ?? atMs)) this.#samples = [];
    const newest = this.#samples.at(-1);
    if (newest !== undefined && atMs - newest.atMs < this.#spacingMs) return;
    this.#samples.push({ atMs, value });
    while ((this.#samples[1]?.atMs ?? atMs) < atMs - this.#spanMs) this.#samples.shift();
  }

  /**
   * Growth per second up to `value` now, over the last `windowMs`; undefined while too little time has passed to
   * tell.
   */
  perSecond(atMs: number, value: number, windowMs: number): number | undefined {
    const since = this.#samples.findLast((sample) => sample.atMs <= atMs - windowMs) ?? this.#samples[0];
    if (since === undefined || atMs - since.atMs < Math.min(windowMs, 500)) return undefined;
    return Math.max(0, value - since.value) / ((atMs - since.atMs) / 1000);
  }
}
