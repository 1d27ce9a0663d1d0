import { RateMeter } from '../rate-meter.ts';

/** What rates are judged by. */
const METER_MS = 60_000;
/** A lane that was at work for less says little of what it can do. */
const LEAST_BUSY_MS = 200;

/** How fast a lane takes what it must take, and how fast that grows. */
export class LanePace {
  readonly #points = new RateMeter(METER_MS);
  readonly #bytes = new RateMeter(METER_MS);
  readonly #growth = new RateMeter(METER_MS);
  #taken = { points: 0, bytes: 0 };
  #grown = 0;
  /** For how long there was something to do, and nothing that kept the lane from it. */
  #busyMs = 0;
  #busySinceMs: number | undefined;

  /** There is something to do. */
  began(nowMs: number): void {
    this.#busySinceMs ??= nowMs;
  }

  /** Standing still is no work. */
  rests(): void {
    this.#busySinceMs = undefined;
  }

  /** Files that are known have so many more bytes. */
  grew(nowMs: number, bytes: number): void {
    this.#grown += bytes;
    this.#growth.add(nowMs, this.#grown);
  }

  /** `isBehind`: more is left to do. */
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

  /** Points and bytes a second, of the last minute. */
  rate(nowMs: number): { readonly points: number; readonly bytes: number } {
    return {
      points: this.#points.perSecond(nowMs, this.#taken.points, METER_MS) ?? 0,
      bytes: this.#bytes.perSecond(nowMs, this.#taken.bytes, METER_MS) ?? 0,
    };
  }

  /** Time to process this many bytes at the present rate; undefined if that is never, or too early to tell. */
  leftMs(nowMs: number, bytes: number): number | undefined {
    const net = this.rate(nowMs).bytes - (this.#growth.perSecond(nowMs, this.#grown, METER_MS) ?? 0);
    return net > 0 ? (1000 * bytes) / net : undefined;
  }

  /** Points and bytes per second while it was active; undefined if that was too short. */
  get atWork(): { readonly points: number; readonly bytes: number } | undefined {
    if (this.#busyMs < LEAST_BUSY_MS || this.#taken.bytes === 0) return undefined;
    return { points: (1000 * this.#taken.points) / this.#busyMs, bytes: (1000 * this.#taken.bytes) / this.#busyMs };
  }
}
