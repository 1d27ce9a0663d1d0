import { type Clock, systemClock } from '../clock.ts';

/** The gap between two requests, after they came too fast for the first time. */
const FIRST_GAP_MS = 100;
const MOST_GAP_MS = 10_000;
/**
 * After a refusal the gap grows by a factor: 2 if no request was accepted since the last refusal, and less with each
 * one that was, down to this factor. Then it was not the pace that was wrong: a server that counts the requests of
 * others too refuses at random, and doubling would end at the longest gap.
 */
const LEAST_GROWTH = 0.25;
const HALF_GROWTH_REQUESTS = 2;
/**
 * A pace that was too fast is not retried soon. The pace stays this much slower, and approaches the limit with each
 * successful request and with time. A slow pace has few requests: with these alone, it would stay slow for more than
 * an hour.
 */
const MARGIN = 1.25;
const FASTER = 0.95;
const FORGETS = 0.998;
const FORGETS_HALF_MS = 30_000;
/** A shorter gap makes no noticeable difference. */
const LEAST_GAP_MS = 5;
/** If a busy server accepted a request this recently, it is busy because requests come too fast. */
const JUST_NOW_MS = 2000;
/** The longest gap for a busy server: 503 is weaker evidence than a status that names the reason. */
const MOST_BUSY_GAP_MS = 2000;

/**
 * The speed of requests to one server. They are not delayed until the server says that they come too fast (429, or
 * 503 between requests that it accepts). From then on, they go one after the other with a gap, which grows while the
 * server says so, and shrinks while it accepts them.
 */
export class Pace {
  readonly #clock: Clock;
  #gapMs = 0;
  /** A gap up to this length was too short. */
  #floorMs = 0;
  #nextMs = 0;
  #slowedAtMs = Number.NEGATIVE_INFINITY;
  #takenAtMs = Number.NEGATIVE_INFINITY;
  /** Requests that were accepted since the last refusal. */
  #taken = 0;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** True if there is a gap between requests. */
  get isSlow(): boolean {
    return this.#gapMs > 0;
  }

  /** Waits for the turn of a request. Returns its start time. Throws the signal's reason. */
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
   * Notes that a request with this start time was refused for coming too fast. The requests that were under way with
   * it repeat the same message, so they do not count.
   */
  tooFast(startedMs: number, mostMs = MOST_GAP_MS): void {
    if (startedMs <= this.#slowedAtMs) return;
    const most = Math.max(mostMs, this.#gapMs);
    this.#floorMs = Math.min(this.#gapMs * MARGIN, most);
    const growth = 1 + Math.max(LEAST_GROWTH, 1 / (1 + this.#taken / HALF_GROWTH_REQUESTS));
    this.#gapMs = this.isSlow ? Math.min(growth * this.#gapMs, most) : FIRST_GAP_MS;
    this.#taken = 0;
    this.#slowedAtMs = this.#clock.steadyMs();
    this.#nextMs = Math.max(this.#nextMs, this.#slowedAtMs + this.#gapMs);
  }

  /**
   * Notes that a request with this start time met a busy server (503). Some servers say this to clients that come too
   * fast, but accept other requests in between. True in that case; if the server accepts nothing any more, it is
   * unreachable, and no pace helps.
   */
  busy(startedMs: number): boolean {
    if (this.#clock.steadyMs() - this.#takenAtMs > Math.max(JUST_NOW_MS, 2 * this.#gapMs)) return false;
    if (this.#takenAtMs > this.#slowedAtMs) this.tooFast(startedMs, MOST_BUSY_GAP_MS);
    return true;
  }

  /** Notes that a request was accepted. */
  wasTaken(): void {
    const nowMs = this.#clock.steadyMs();
    const sinceMs = nowMs - Math.max(this.#takenAtMs, this.#slowedAtMs);
    this.#taken++;
    this.#takenAtMs = nowMs;
    if (!this.isSlow) return;
    this.#floorMs *= Math.min(FORGETS, 2 ** (-sinceMs / FORGETS_HALF_MS));
    this.#gapMs = Math.max(this.#gapMs * FASTER, this.#floorMs);
    if (this.#gapMs < LEAST_GAP_MS) this.#gapMs = 0;
  }
}
