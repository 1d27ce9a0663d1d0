import { type Clock, systemClock } from '../clock.ts';

/** Between two requests, once they have come too fast for the first time. */
const FIRST_GAP_MS = 100;
const MOST_GAP_MS = 10_000;
/**
 * A pace that was too fast is not retried soon: so much slower it stays, and comes nearer with every request that is
 * taken, and with time. A slow pace has few requests: by them alone it would stay slow for more than an hour.
 */
const MARGIN = 1.25;
const FASTER = 0.95;
const FORGETS = 0.998;
const FORGETS_HALF_MS = 120_000;
/** Below this nobody would notice a gap. */
const LEAST_GAP_MS = 5;
/** A server that is busy and took something so short a time ago is so for being asked too fast. */
const JUST_NOW_MS = 2000;
/** It says less than one that names the reason: so slow it makes requests at most. */
const MOST_BUSY_GAP_MS = 2000;

/**
 * How fast requests go to one server: as fast as they come, until it says that this is too fast (429, or 503 between
 * requests that it takes). From then on they go one after the other with a gap between them, which doubles as long as
 * it says so, and shrinks while it takes them.
 */
export class Pace {
  readonly #clock: Clock;
  #gapMs = 0;
  /** Gaps as short as this were too short. */
  #floorMs = 0;
  #nextMs = 0;
  #slowedAtMs = Number.NEGATIVE_INFINITY;
  #takenAtMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** Whether there is a gap between requests. */
  get isSlow(): boolean {
    return this.#gapMs > 0;
  }

  /** Waits for the turn of a request. Returns when it began. Throws the signal's reason. */
  async turn(signal: AbortSignal): Promise<number> {
    const now = this.#clock.steadyMs();
    if (!this.isSlow) return now;
    const atMs = Math.max(now, this.#nextMs);
    this.#nextMs = atMs + this.#gapMs;
    if (atMs > now) await this.pause(atMs - now, signal);
    return this.#clock.steadyMs();
  }

  /** Waits as long as the server asked. Throws the signal's reason. */
  async pause(ms: number, signal: AbortSignal): Promise<void> {
    await this.#clock.sleep(ms, signal);
    signal.throwIfAborted();
  }

  /**
   * A request that began then was refused for coming too fast. Those that were under way with it say the same once
   * more.
   */
  tooFast(beganMs: number, mostMs = MOST_GAP_MS): void {
    if (beganMs <= this.#slowedAtMs) return;
    const most = Math.max(mostMs, this.#gapMs);
    this.#floorMs = Math.min(this.#gapMs * MARGIN, most);
    this.#gapMs = this.isSlow ? Math.min(2 * this.#gapMs, most) : FIRST_GAP_MS;
    this.#slowedAtMs = this.#clock.steadyMs();
    this.#nextMs = Math.max(this.#nextMs, this.#slowedAtMs + this.#gapMs);
  }

  /**
   * A request that began then met a server that is busy (503). Some say that to clients that come too fast: then others
   * are taken in between. Whether it is so; if nothing is taken any more, the server is away, and no pace helps.
   */
  busy(beganMs: number): boolean {
    if (this.#clock.steadyMs() - this.#takenAtMs > Math.max(JUST_NOW_MS, 2 * this.#gapMs)) return false;
    if (this.#takenAtMs > this.#slowedAtMs) this.tooFast(beganMs, MOST_BUSY_GAP_MS);
    return true;
  }

  /** A request was taken. */
  wasTaken(): void {
    const nowMs = this.#clock.steadyMs();
    const sinceMs = nowMs - Math.max(this.#takenAtMs, this.#slowedAtMs);
    this.#takenAtMs = nowMs;
    if (!this.isSlow) return;
    this.#floorMs *= Math.min(FORGETS, 2 ** (-sinceMs / FORGETS_HALF_MS));
    this.#gapMs = Math.max(this.#gapMs * FASTER, this.#floorMs);
    if (this.#gapMs < LEAST_GAP_MS) this.#gapMs = 0;
  }
}
