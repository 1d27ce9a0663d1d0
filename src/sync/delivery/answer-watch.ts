import type { Clock } from '../../clock.ts';
import { listeningFor, type TrackerListener } from '../../sign-of-life.ts';

/** A request without an answer for this long is reported. */
export const SILENT_MS = 15_000;

/** Who hears that a tracker is silent. */
export interface AnswerEvents {
  /** Nothing was heard since then, and something is asked. */
  fellSilent(sinceMs: number): void;
  /** Something was heard again, though what was asked is not done yet. */
  heardAgain(): void;
  /** A request ended with this HTTP status; undefined: there was no answer. */
  requestEnded?(status: number | undefined, ms: number): void;
}

/**
 * Notices a tracker that takes what it is asked, and does not answer: it looks healthy for as long as a request may
 * take. Of several calls that are under way, the answer to any is a sign of life.
 */
export class AnswerWatch {
  readonly #clock: Clock;
  readonly #events: AnswerEvents;
  readonly #listener: TrackerListener = {
    heard: () => this.#heard(),
    requestEnded: (status, ms) => this.#events.requestEnded?.(status, ms),
  };
  #underWay = 0;
  #heardMs = 0;
  #isSilent = false;
  /** Ends the sleep until silence would be reported; undefined if there is none. */
  #sleep: AbortController | undefined;

  constructor(clock: Clock, events: AnswerEvents) {
    this.#clock = clock;
    this.#events = events;
  }

  /** Since when nothing was heard; undefined if nothing is asked, or the last answer is not long ago. */
  get silentSinceMs(): number | undefined {
    return this.#isSilent ? this.#heardMs : undefined;
  }

  /** One call. Its caller tells what came of it; that it came is heard here. */
  async ask<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#underWay++ === 0) this.#heardMs = this.#clock.steadyMs();
    void this.#wait();
    try {
      return await listeningFor(this.#listener, work);
    } finally {
      this.#underWay--;
      this.#heardMs = this.#clock.steadyMs();
      this.#isSilent = false;
      if (this.#underWay > 0) void this.#wait();
      else this.#sleep?.abort();
    }
  }

  #heard(): void {
    this.#heardMs = this.#clock.steadyMs();
    if (!this.#isSilent) return;
    this.#isSilent = false;
    this.#events.heardAgain();
    void this.#wait();
  }

  async #wait(): Promise<void> {
    if (this.#sleep !== undefined || this.#isSilent) return;
    const sleep = new AbortController();
    this.#sleep = sleep;
    while (!sleep.signal.aborted) {
      const leftMs = this.#heardMs + SILENT_MS - this.#clock.steadyMs();
      if (leftMs <= 0) break;
      await this.#clock.sleep(leftMs, sleep.signal);
    }
    this.#sleep = undefined;
    if (this.#underWay === 0) return;
    // Calls ended and others began while it woke up.
    if (sleep.signal.aborted) void this.#wait();
    else {
      this.#isSilent = true;
      this.#events.fellSilent(this.#heardMs);
    }
  }
}
