import { RateMeter } from '../rate-meter.ts';

/** The period over which the rate is measured. */
const METER_MS = 60_000;
/** A status from here on says that the request failed. */
const FIRST_FAILURE = 400;

/** Counts the requests to the tracker of a lane, as they end. */
export class LaneRequests {
  readonly #meter = new RateMeter(METER_MS);
  /** The requests that ended. */
  total: number;
  /** Those of them without an answer, or whose answer says that they failed. */
  failed: number;

  /** `before`: the counts of the same lane in the previous watch of this process. They continue. */
  constructor(before?: LaneRequests) {
    this.total = before?.total ?? 0;
    this.failed = before?.failed ?? 0;
  }

  /** Notes that a request ended, with its HTTP status; undefined: there was no answer. It began `ms` ago. */
  ended(nowMs: number, status: number | undefined, ms: number): void {
    this.#meter.add(nowMs - ms, this.total);
    this.total++;
    if (status === undefined || status >= FIRST_FAILURE) this.failed++;
    this.#meter.add(nowMs, this.total);
  }

  /** Returns the requests per second over the last minute. */
  perSecond(nowMs: number): number {
    return this.#meter.perSecond(nowMs, this.total, METER_MS) ?? 0;
  }
}
