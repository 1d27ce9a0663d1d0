import { hash } from 'node:crypto';
import type { HeldPoint, ReadBackChunk, RunFiles } from '../../contract/index.ts';

/**
 * The result of comparing the points of a tracker run with the files: all are in the files, there are none, or some
 * are not in the files.
 */
export type Fit = 'theirs' | 'nothing' | 'others';

/** The most points kept in memory. Of more points, mirrorboard compares a part, chosen by a hash of their content. */
const MOST_POINTS = 200_000;
/** The hex digits of a hash that a double holds. */
const KEY_DIGITS = 13;

/**
 * Compares the points of a tracker run with the files: each of its points must be in the files, to the bit that the
 * tracker keeps.
 */
export async function pointsFit(
  held: AsyncIterable<ReadBackChunk>,
  files: RunFiles,
  signal: AbortSignal,
  mostPoints: number = MOST_POINTS,
): Promise<Fit> {
  const chosen = new ChosenPoints(mostPoints);
  let isAny = false;
  for await (const { tag, points } of held) {
    signal.throwIfAborted();
    isAny ||= points.length > 0;
    for (const point of points) chosen.add(tag, point);
  }
  if (!isAny) return 'nothing';
  for await (const { tag, point } of files.points(signal)) {
    chosen.remove(tag, point);
    if (chosen.isEmpty) break;
  }
  return chosen.isEmpty ? 'theirs' : 'others';
}

/** Points by their hashes. If there are too many, it drops about half of them by hash, repeatedly. */
class ChosenPoints {
  readonly #most: number;
  readonly #keys = new Set<number>();
  #every = 1;

  constructor(most: number) {
    this.#most = most;
  }

  get isEmpty(): boolean {
    return this.#keys.size === 0;
  }

  add(tag: string, point: HeldPoint): void {
    const key = keyOf(tag, point);
    if (key % this.#every !== 0) return;
    this.#keys.add(key);
    while (this.#keys.size > this.#most) {
      this.#every *= 2;
      for (const each of this.#keys) if (each % this.#every !== 0) this.#keys.delete(each);
    }
  }

  remove(tag: string, point: HeldPoint): void {
    this.#keys.delete(keyOf(tag, point));
  }
}

function keyOf(tag: string, { step, wallTime, value }: HeldPoint): number {
  // A step of 3 equals one of 3n, but a value of 3 differs from one of 3n. -0 has its own text.
  const content = [tag, String(step), numberText(wallTime), typeof value, typeof value === 'number' ? numberText(value) : String(value)];
  return Number.parseInt(hash('sha256', JSON.stringify(content)).slice(0, KEY_DIGITS), 16);
}

function numberText(x: number): string {
  return Object.is(x, -0) ? '-0' : String(x);
}
