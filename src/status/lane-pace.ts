import { RateMeter } from '../rate-meter.ts';

/** The period over which rates are measured. */
const METER_MS = 60_000;
/** The least working time that allows an estimate of the lane's speed. */
const LEAST_BUSY_MS = 200;

/** Measures how fast a lane works, and how fast its work grows. */
export class LanePace {
  readonly #points = new RateMeter(METER_MS);
  readonly #bytes = new RateMeter(METER_MS);
  readonly #growth = new RateMeter(METER_MS);
  #taken = { points: 0, bytes: 0 };
  #grown = 0;
  /** The time during which the lane had work, and nothing prevented it. */
  #busyMs = 0;
  #busySinceMs: number | undefined;

  /** Notes that there is work. */
  started(nowMs: number): void {
    this.#busySinceMs ??= nowMs;
  }

  /** Notes that the lane rests, which does not count as work. */
  rests(): void {
    this.#busySinceMs = undefined;
  }

  /** Notes that known files grew by this many bytes. */
  grew(nowMs: number, bytes: number): void {
    this.#grown += bytes;
    this.#growth.add(nowMs, this.#grown);
  }

  /** Notes accepted data. `isBehind`: true if more work is left. */
  took(nowMs: number, points: number, bytes: number, isBehind: boolean): void {
    const sinceMs = this.#busySinceMs ?? nowMs;
    if (this.#taken.bytes === 0) {
      this.#points.add(sinceMs, 0);
      this.#bytes.add(sinceMs, 0);
    }
    this.#taken = { points: this.#taken.points + points, bytes: this.#taken.bytes + bytes };
    this.#points.add(nowMs, this.#taken.points);
    this.#bytes.add(nowMs, this.#taken.bytes);
    this.#busyMs += nowMs - sinceMs;
    this.#busySinceMs = isBehind ? nowMs : undefined;
  }

  /** Returns points and bytes per second over the last minute. */
  rate(nowMs: number): { readonly points: number; readonly bytes: number } {
    return {
      points: this.#points.perSecond(nowMs, this.#taken.points, METER_MS) ?? 0,
      bytes: this.#bytes.perSecond(nowMs, this.#taken.bytes, METER_MS) ?? 0,
    };
  }

  /**
   * Returns the time to process this many bytes at the present rate; undefined if that is never, or if it is too
   * early to know.
   */
  leftMs(nowMs: number, bytes: number): number | undefined {
    const net = this.rate(nowMs).bytes - (this.#growth.perSecond(nowMs, this.#grown, METER_MS) ?? 0);
    return net > 0 ? (1000 * bytes) / net : undefined;
  }

  /** Points and bytes per second while the lane worked; undefined if it worked too briefly. */
  get atWork(): { readonly points: number; readonly bytes: number } | undefined {
    if (this.#busyMs < LEAST_BUSY_MS || this.#taken.bytes === 0) return undefined;
    return { points: (1000 * this.#taken.points) / this.#busyMs, bytes: (1000 * this.#taken.bytes) / this.#busyMs };
  }
}
