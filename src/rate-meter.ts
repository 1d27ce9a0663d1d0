interface Sample {
  readonly atMs: number;
  readonly value: number;
}

/** The recent rate of a growing number. It has no clock: the caller passes the time. */
export class RateMeter {
  /** The time that it covers, in milliseconds. */
  readonly #spanMs: number;
  /**
   * The shortest time between two samples that are kept, so that the memory does not depend on the number of calls.
   */
  readonly #spacingMs: number;
  /** The samples in the order of time; the first may be older than the span, so that they cover the whole span. */
  #samples: Sample[] = [];

  constructor(spanMs: number) {
    this.#spanMs = spanMs;
    this.#spacingMs = spanMs / 50;
  }

  add(atMs: number, value: number): void {
    // The clock was set back: older samples mean nothing any more.
    if (atMs < (this.#samples.at(-1)?.atMs ?? atMs)) this.#samples = [];
    const newest = this.#samples.at(-1);
    if (newest !== undefined && atMs - newest.atMs < this.#spacingMs) return;
    this.#samples.push({ atMs, value });
    while ((this.#samples[1]?.atMs ?? atMs) < atMs - this.#spanMs) this.#samples.shift();
  }

  /**
   * Returns the growth per second up to `value` now, over the last `windowMs`; undefined if too little time has
   * passed.
   */
  perSecond(atMs: number, value: number, windowMs: number): number | undefined {
    const since = this.#samples.findLast((sample) => sample.atMs <= atMs - windowMs) ?? this.#samples[0];
    if (since === undefined || atMs - since.atMs < Math.min(windowMs, 500)) return undefined;
    return Math.max(0, value - since.value) / ((atMs - since.atMs) / 1000);
  }
}
