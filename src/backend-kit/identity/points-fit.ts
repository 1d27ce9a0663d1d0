import { hash } from 'node:crypto';
import type { HeldPoint, ReadBackChunk, RunFiles } from '../../contract/index.ts';

/** How the points of a tracker run compare with the files: all are in them, there are none, or some are not in them. */
export type Fit = 'theirs' | 'nothing' | 'others';

/** Points that are kept in mind; of more than that a part is compared, chosen by a hash of what they are. */
const MOST_POINTS = 200_000;
/** Digits of a hash, hex, that a double holds. */
const KEY_DIGITS = 13;

/**
 * Compares what a tracker run holds with the files: each point it holds must be one of theirs, to the bit that the
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

/** Points by their hashes; if there are too many, every second one that is left by its hash, repeatedly. */
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
  // A step of 3 and one of 3n are one; a value of 3 and one of 3n are two. -0 has a word of its own.
  const content = [tag, String(step), numberText(wallTime), typeof value, typeof value === 'number' ? numberText(value) : String(value)];
  return Number.parseInt(hash('sha256', JSON.stringify(content)).slice(0, KEY_DIGITS), 16);
}

function numberText(x: number): string {
  return Object.is(x, -0) ? '-0' : String(x);
}
