import type { RunRef } from '../model/index.ts';

/** When a file was heard to have so many bytes. */
interface Mark {
  size: number;
  readonly sinceMs: number;
}

/**
 * Bytes that came so soon after others are as old as those: a share of the oldest one's age, so that few marks tell
 * of hours.
 */
const LEAST_SPACING_MS = 250;
const SPACING_SHARE = 64;
const NO_MARKS: readonly Mark[] = [];

/** What was heard of a file, how far its lane is, and since when each byte that it does not have yet could be seen. */
export class FileLag {
  readonly run: RunRef;
  readonly name: string;
  size: number;
  watermark: number;
  /** Bytes before the watermark that are to be brought, and since when. */
  #pending = 0;
  #pendingSinceMs = 0;
  /** Of bytes beyond the watermark, the oldest first. */
  #marks: readonly Mark[] = NO_MARKS;

  constructor(run: RunRef, name: string, watermark: number) {
    this.run = run;
    this.name = name;
    this.size = watermark;
    this.watermark = watermark;
  }

  get bytes(): number {
    return this.ahead + this.#pending;
  }

  /** Of those, the ones beyond the watermark. */
  get ahead(): number {
    return Math.max(0, this.size - this.watermark);
  }

  /** Since when the oldest byte that is missing could be seen; undefined if none is. */
  get sinceMs(): number | undefined {
    const aheadMs = this.ahead === 0 ? undefined : this.#marks[0]?.sinceMs;
    return this.#pending === 0 ? aheadMs : Math.min(this.#pendingSinceMs, aheadMs ?? Infinity);
  }

  /** So many bytes before the watermark are to be brought. */
  hasPending(bytes: number, nowMs: number): void {
    if (this.#pending === 0) this.#pendingSinceMs = nowMs;
    this.#pending = bytes;
  }

  /** It has so many bytes now. Returns by how much it grew. */
  heard(size: number, sinceMs: number): number {
    const grown = size - this.size;
    this.size = size;
    if (grown < 0) this.#marks = cut(this.#marks, size);
    const [oldest, last] = [this.#marks[0], this.#marks.at(-1)];
    const known = last === undefined ? this.watermark : Math.max(this.watermark, last.size);
    if (size <= known) return grown;
    if (oldest !== undefined && last !== undefined) {
      const spacingMs = Math.max(LEAST_SPACING_MS, (sinceMs - oldest.sinceMs) / SPACING_SHARE);
      if (sinceMs - last.sinceMs < spacingMs) {
        last.size = size;
        return grown;
      }
    }
    this.#marks = [...this.#marks, { size, sinceMs }];
    return grown;
  }

  /** Where the bytes end that are as old as the oldest one that is missing. */
  get oldestEnd(): number {
    return this.#marks[0]?.size ?? this.size;
  }

  /** Everything before `end` is there, or will never be. */
  settled(end: number, nowMs: number): void {
    this.watermark = end;
    const first = this.#marks.findIndex(({ size }) => size > end);
    if (first > 0) this.#marks = this.#marks.slice(first);
    // A file that was replaced starts over: all that is known of the age of its bytes is that they are there now.
    else if (first < 0) this.#marks = this.size > end ? [{ size: this.size, sinceMs: nowMs }] : NO_MARKS;
  }
}

/** Without what is beyond an end. */
function cut(marks: readonly Mark[], end: number): readonly Mark[] {
  const first = marks.findIndex(({ size }) => size >= end);
  return first < 0 ? marks : [...marks.slice(0, first), { size: end, sinceMs: (marks[first] as Mark).sinceMs }];
}
