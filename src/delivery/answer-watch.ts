import type { Clock } from '../clock.ts';
import { listeningFor, type TrackerListener } from '../sign-of-life.ts';

/** Milliseconds without an answer after which a request is reported. */
export const SILENT_MS = 15_000;

/** The events that report a silent tracker. */
export interface AnswerEvents {
  /** The tracker has not answered since then, and a request is under way. */
  fellSilent(sinceMs: number): void;
  /** The tracker answered again, though the requested work is not done yet. */
  answersAgain(): void;
  /** A request ended with this HTTP status; undefined: the tracker did not answer. */
  requestEnded?(status: number | undefined, ms: number): void;
}

/**
 * Notices a tracker that accepts requests and does not answer. Such a tracker looks healthy until the request times
 * out. If several calls are under way, the answer to any of them is a sign of life.
 */
export class AnswerWatch {
  readonly #clock: Clock;
  readonly #events: AnswerEvents;
  readonly #listener: TrackerListener = {
    answered: () => this.#answered(),
    requestEnded: (status, ms) => this.#events.requestEnded?.(status, ms),
  };
  #underWay = 0;
  #answeredMs = 0;
  #isSilent = false;
  #isWaiting = false;

  constructor(clock: Clock, events: AnswerEvents) {
    this.#clock = clock;
    this.#events = events;
  }

  /**
   * The time since which the tracker has not answered; undefined if no request is under way, or the last answer is
   * recent.
   */
  get silentSinceMs(): number | undefined {
    return this.#isSilent ? this.#answeredMs : undefined;
  }

  /** Makes one call. The caller reports the outcome; this object notices that an answer came. */
  async ask<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#underWay++ === 0) this.#answeredMs = this.#clock.steadyMs();
    this.#wait();
    try {
      return await listeningFor(this.#listener, work);
    } finally {
      this.#underWay--;
      this.#answeredMs = this.#clock.steadyMs();
      this.#isSilent = false;
      if (this.#underWay > 0) this.#wait();
    }
  }

  #answered(): void {
    this.#answeredMs = this.#clock.steadyMs();
    if (!this.#isSilent) return;
    this.#isSilent = false;
    this.#events.answersAgain();
    this.#wait();
  }

  /**
   * Looks again when the tracker could have been silent for long enough. A call that ends leaves its timer: the next
   * one uses it.
   */
  #wait(): void {
    if (this.#isWaiting || this.#isSilent) return;
    this.#isWaiting = true;
    this.#clock.after(this.#leftMs(), () => this.#look(), { keepsAlive: false });
  }

  #look(): void {
    this.#isWaiting = false;
    if (this.#underWay === 0) return;
    if (this.#leftMs() > 0) this.#wait();
    else {
      this.#isSilent = true;
      this.#events.fellSilent(this.#answeredMs);
    }
  }

  #leftMs(): number {
    return Math.max(0, this.#answeredMs + SILENT_MS - this.#clock.steadyMs());
  }
}
