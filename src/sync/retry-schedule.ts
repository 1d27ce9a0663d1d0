/**
 * Schedules retries for files with unreadable or pending bytes: by the clock, at growing intervals, and across
 * restarts.
 */

import { asDueMs, asWallMs, type Clock, systemClock } from '../clock.ts';
import { keyOfFile, type RunRef } from '../model/index.ts';
import { LONGEST_RETRY_MS, nextRetry, type StateFile } from '../state/index.ts';
import type { SyncEvents } from './lane-sync.ts';

/** A delay that is longer than the required time between two checks of an undecided file end. */
const SOON_MS = 2500;

interface FileRetry {
  readonly run: RunRef;
  readonly name: string;
  /** Lanes that still miss something of the file. */
  readonly lanes: Set<string>;
  /** Those of them whose last read of the file failed. */
  readonly unread: Set<string>;
  /** When the file is due, by `steadyMs`. The state keeps it by the wall clock. */
  dueMs: number;
  attempts: number;
}

/** The times when files with gaps are read again. */
export class RetrySchedule implements SyncEvents {
  readonly #state: StateFile;
  readonly #clock: Clock;
  readonly #retries = new Map<string, FileRetry>();

  constructor(state: StateFile, clock: Clock = systemClock) {
    this.#state = state;
    this.#clock = clock;
  }

  /** Restores the schedule from before a restart. */
  restore(lanes: readonly string[], isOurs: (run: RunRef) => boolean): void {
    for (const { file, attempts, nextMs } of this.#state.retries()) {
      if (!isOurs(file.run)) continue;
      this.#retries.set(keyOfFile(file.run, file.name), {
        run: file.run,
        name: file.name,
        lanes: new Set(lanes),
        unread: new Set(),
        attempts,
        dueMs: asDueMs(nextMs, LONGEST_RETRY_MS, this.#clock),
      });
    }
  }

  has(run: RunRef, name: string): boolean {
    return this.#retries.has(keyOfFile(run, name));
  }

  fileTroubled(lane: string, run: RunRef, name: string, isSoon = false): void {
    this.#retry(lane, run, name, isSoon ? this.#clock.steadyMs() + SOON_MS : Infinity);
  }

  readFailed(lane: string, run: RunRef, name: string): void {
    this.#retry(lane, run, name, Infinity).unread.add(lane);
  }

  fileRead(lane: string, run: RunRef, name: string): void {
    if (this.#retries.size > 0) this.#retries.get(keyOfFile(run, name))?.unread.delete(lane);
  }

  fileValid(lane: string, run: RunRef, name: string): void {
    if (this.#retries.size === 0 || this.#retries.get(keyOfFile(run, name))?.unread.has(lane) === true) return;
    this.fileGone(lane, run, name);
  }

  fileGone(lane: string, run: RunRef, name: string): void {
    const key = keyOfFile(run, name);
    const retry = this.#retries.get(key);
    if (retry === undefined) return;
    retry.lanes.delete(lane);
    retry.unread.delete(lane);
    if (retry.lanes.size > 0) return;
    this.#retries.delete(key);
    this.#state.keepRetry({ run, name }, undefined);
  }

  /** Schedules a retry for a lane, at `soonMs` or earlier. */
  #retry(lane: string, run: RunRef, name: string, soonMs: number): FileRetry {
    const key = keyOfFile(run, name);
    const known = this.#retries.get(key);
    if (known !== undefined) {
      known.lanes.add(lane);
      known.dueMs = Math.min(known.dueMs, soonMs);
      return known;
    }
    const dueMs = Math.min(nextRetry(0, this.#clock.steadyMs()), soonMs);
    const retry = { run, name, lanes: new Set([lane]), unread: new Set<string>(), attempts: 0, dueMs };
    this.#retries.set(key, retry);
    this.#keep(retry);
    return retry;
  }

  /** Makes due now what a lane waits to read, as if it had not been tried. */
  retryNow(lane: string): void {
    for (const retry of this.#retries.values()) {
      if (!retry.lanes.has(lane)) continue;
      retry.attempts = 0;
      retry.dueMs = this.#clock.steadyMs();
    }
  }

  /** Yields the files that are due, with the lanes that need them, and sets their next time. */
  *due(nowMs: number): Generator<{ readonly run: RunRef; readonly name: string; readonly lanes: ReadonlySet<string> }, void, void> {
    for (const retry of this.#retries.values()) {
      if (retry.dueMs > nowMs) continue;
      retry.attempts++;
      retry.dueMs = nextRetry(retry.attempts, nowMs);
      this.#keep(retry);
      yield retry;
    }
  }

  #keep({ run, name, attempts, dueMs }: FileRetry): void {
    this.#state.keepRetry({ run, name }, { attempts, nextMs: Math.round(asWallMs(dueMs, this.#clock)) });
  }
}
