import type { RunRef } from '../model/index.ts';

/** The size of a file, and the time when it was reported. */
interface Mark {
  size: number;
  readonly sinceMs: number;
}

/**
 * Bytes that arrive soon after others get the same age. The spacing is a share of the oldest age, so that few marks
 * cover hours.
 */
const LEAST_SPACING_MS = 250;
const SPACING_SHARE = 64;
const NO_MARKS: readonly Mark[] = [];

/** The known size of a file, the lane's watermark in it, and the time since which each missing byte was visible. */
export class FileLag {
  readonly run: RunRef;
  readonly name: string;
  size: number;
  watermark: number;
  /** The generation of the content that was read last; undefined: nothing was read in this process. */
  generation: number | undefined;
  /** Bytes before the watermark that are pending, and the time since when. */
  #pending = 0;
  #pendingSinceMs = 0;
  /** Marks for bytes beyond the watermark, the oldest first. */
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

  /** The missing bytes beyond the watermark. */
  get ahead(): number {
    return Math.max(0, this.size - this.watermark);
  }

  /** The time since which the oldest missing byte was visible; undefined if no byte is missing. */
  get sinceMs(): number | undefined {
    const aheadMs = this.ahead === 0 ? undefined : this.#marks[0]?.sinceMs;
    return this.#pending === 0 ? aheadMs : Math.min(this.#pendingSinceMs, aheadMs ?? Infinity);
  }

  /** Sets the number of pending bytes before the watermark. */
  hasPending(bytes: number, nowMs: number): void {
    if (this.#pending === 0) this.#pendingSinceMs = nowMs;
    this.#pending = bytes;
  }

  /** Notes the present size. Returns by how much the file grew. */
  noteSize(size: number, sinceMs: number): number {
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

  /** The end of the bytes that are as old as the oldest missing one. */
  get oldestEnd(): number {
    return this.#marks[0]?.size ?? this.size;
  }

  /** Notes that everything before `end` is mirrored, or never will be. */
  settled(end: number, nowMs: number): void {
    this.watermark = end;
    const first = this.#marks.findIndex(({ size }) => size > end);
    if (first > 0) this.#marks = this.#marks.slice(first);
    // A file that was replaced starts over: about the age of its bytes, only their presence now is known.
    else if (first < 0) this.#marks = this.size > end ? [{ size: this.size, sinceMs: nowMs }] : NO_MARKS;
  }
}

/** Returns the marks without what is beyond an end. */
function cut(marks: readonly Mark[], end: number): readonly Mark[] {
  const first = marks.findIndex(({ size }) => size >= end);
  return first < 0 ? marks : [...marks.slice(0, first), { size: end, sinceMs: (marks[first] as Mark).sinceMs }];
}
