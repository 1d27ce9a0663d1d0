import { ExponentialBackoff, type IBackoff, type IExponentialBackoffOptions } from 'cockatiel';
import type { Clock } from '../clock.ts';
import type { MirrorError } from '../errors.ts';
import { type Random, systemRandom } from '../random.ts';

/** The events that a circuit breaker reports: facts, in the past tense. */
export interface BreakerEvents {
  /** A send failed, and will be retried. */
  sendFailed(error: MirrorError): void;
  laneWaiting(error: MirrorError, retryMs: number): void;
  laneParked(error: MirrorError, retryMs: number): void;
  /** A request has had no answer since then. Nothing more is sent until it has one. */
  laneSilent(sinceMs: number): void;
  /** A send succeeded after some failed or had no answer for long. */
  laneActive(): void;
}

/** Failures in a row, of any sends, after which all other sends wait, too. */
const MOST_FAILURES = 3;
const FIRST_RETRY_MS = 500;
const MOST_RETRY_MS = 60_000;
/** Delays of a parked lane, which needs a person. It still retries, in case the problem was fixed. */
const PARKED_MS = [60_000, 300_000, 900_000, 3_600_000];
/** The longest delay after a denial: a token or a key may be renewed at any time. */
const MOST_DENIED_MS = 300_000;

/** The values that the jitter keeps between two delays. */
type JitterState = readonly [attempt: number, previous: number];

/**
 * Returns decorrelated jitter as in Polly and in cockatiel's generator of this name, but with a replaceable source of
 * random numbers. https://github.com/App-vNext/Polly/issues/530
 */
function decorrelatedJitter(random: Random): IExponentialBackoffOptions<JitterState>['generator'] {
  return (state, { exponent, initialDelay, maxDelay }) => {
    const [attempt, previous] = state ?? [0, 0];
    const t = attempt + random.fraction();
    const next = exponent ** t * Math.tanh(Math.sqrt(4 * t));
    const delay = Number.isFinite(next) ? Math.max(0, next - previous) : Infinity;
    return [Math.min((delay / 1.4) * initialDelay, maxDelay), [attempt + 1, next]];
  };
}

/**
 * A circuit breaker whose callers wait instead of failing, since the event files wait, too. It is closed while sends
 * succeed. After some failures in a row it opens. When its delay is over, it lets one send try. If that send
 * succeeds, the breaker closes and the other sends follow. A lane that a person must repair is parked: it works the
 * same way, with longer delays.
 */
export class CircuitBreaker {
  readonly #clock: Clock;
  readonly #events: BreakerEvents;
  #state: 'active' | 'waiting' | 'parked' = 'active';
  #failures = 0;
  #parkedTimes = 0;
  #dueMs = 0;
  #failingSinceMs: number | undefined;
  /** True while the one send that tries is under way. */
  #isTrying = false;
  /** True while the lane is paused: it sends nothing. */
  #isHeld = false;
  /** Aborted, and replaced, when all waiting sends should retry at once. */
  #hurry = new AbortController();
  /** True while a send has no answer: that send is the attempt, whichever run made it. */
  #isSilent = false;
  readonly #first: ExponentialBackoff<JitterState>;
  #backoff: IBackoff<unknown> | undefined;
  readonly #changed = new Set<() => void>();

  constructor(clock: Clock, events: BreakerEvents, random: Random = systemRandom) {
    this.#clock = clock;
    this.#first = new ExponentialBackoff({ initialDelay: FIRST_RETRY_MS, maxDelay: MOST_RETRY_MS, generator: decorrelatedJitter(random) });
    this.#events = events;
  }

  get isParked(): boolean {
    return this.#state === 'parked';
  }

  /** The time since which all sends have failed; undefined while they succeed. By the steady clock. */
  get failingSinceMs(): number | undefined {
    return this.#failingSinceMs;
  }

  /** Waits until a send may go. The caller reports the outcome afterwards, unless the signal has ended everything. */
  async enter(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (this.#state === 'active' && !this.#isSilent && !this.#isHeld) return;
      const waitMs = this.#dueMs - this.#clock.steadyMs();
      if (waitMs <= 0 && !this.#isTrying && !this.#isSilent && !this.#isHeld) {
        this.#isTrying = true;
        return;
      }
      await this.#changeOr(waitMs > 0 ? waitMs : MOST_RETRY_MS, signal);
    }
  }

  succeeded(): void {
    const isNews = this.#failures > 0 || this.#state !== 'active' || this.#isSilent;
    this.#failures = 0;
    this.#failingSinceMs = undefined;
    this.#isSilent = false;
    this.#parkedTimes = 0;
    this.#backoff = undefined;
    this.#isTrying = false;
    if (!isNews) return;
    this.#state = 'active';
    this.#events.laneActive();
    this.#wake();
  }

  /** Notes that a send failed for a reason that may pass. Returns how long the caller waits before it retries. */
  failed(error: MirrorError, afterMs = 0): number {
    this.#failures++;
    this.#failingSinceMs ??= this.#clock.steadyMs();
    this.#isTrying = false;
    const wasSilent = this.#isSilent;
    this.#isSilent = false;
    this.#events.sendFailed(error);
    this.#backoff = (this.#backoff ?? this.#first).next({});
    const waitMs = Math.max(this.#backoff.duration, afterMs);
    // If the tracker told a lane to come back later, the lane sends nothing meanwhile, for any run. A failure does
    // not close a breaker that silence has opened.
    if (this.#state !== 'active' || this.#failures >= MOST_FAILURES || afterMs > 0 || wasSilent) {
      this.#dueMs = this.#clock.steadyMs() + waitMs;
      this.#state = 'waiting';
      this.#events.laneWaiting(error, waitMs);
      this.#wake();
    }
    return waitMs;
  }

  /** Notes that the tracker will accept nothing until a person changes something. */
  parked(error: MirrorError): void {
    // Sends that were under way when the lane was parked report the same error again: that is not another try.
    const isLate = this.#state === 'parked' && !this.#isTrying;
    this.#isTrying = false;
    this.#isSilent = false;
    if (isLate) return;
    const pace = PARKED_MS[Math.min(this.#parkedTimes++, PARKED_MS.length - 1)] as number;
    const waitMs = error.code === 'MB4002' ? Math.min(pace, MOST_DENIED_MS) : pace;
    this.#dueMs = this.#clock.steadyMs() + waitMs;
    this.#state = 'parked';
    this.#events.laneParked(error, waitMs);
    this.#wake();
  }

  /** Notes that the send that was let in ended without an answer. */
  abandoned(): void {
    this.#isTrying = false;
    this.#isSilent = false;
    this.#wake();
  }

  /** Notes that the tracker has not answered for long, so further sends would only wait, too. */
  fellSilent(sinceMs: number): void {
    this.#isSilent = true;
    this.#failingSinceMs ??= sinceMs;
    this.#events.laneSilent(sinceMs);
  }

  /** Notes that the tracker works after all. A breaker that failures opened stays open until a send succeeds. */
  answersAgain(): void {
    if (!this.#isSilent) return;
    this.#isSilent = false;
    if (this.#state === 'active') this.#events.laneActive();
    this.#wake();
  }

  /** Holds all sends, or releases them. Sends under way continue. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
    if (!isHeld) this.#wake();
  }

  /** Makes all waiting sends retry at once; a parked lane starts its delays again. */
  retryNow(): void {
    this.#dueMs = this.#clock.steadyMs();
    this.#parkedTimes = 0;
    this.#backoff = undefined;
    this.#hurry.abort();
    this.#hurry = new AbortController();
    this.#wake();
  }

  /** Waits before the next try, unless `retryNow` is called first. */
  async pause(ms: number, signal: AbortSignal): Promise<void> {
    await this.#clock.sleep(ms, AbortSignal.any([signal, this.#hurry.signal]));
  }

  async #changeOr(ms: number, signal: AbortSignal): Promise<void> {
    const done = new AbortController();
    const changed = new Promise<void>((resolve) => {
      const notify = (): void => {
        this.#changed.delete(notify);
        resolve();
      };
      this.#changed.add(notify);
    });
    await Promise.race([changed, this.#clock.sleep(ms, AbortSignal.any([signal, done.signal]))]);
    done.abort();
  }

  #wake(): void {
    for (const notify of [...this.#changed]) notify();
  }
}
