import type { PointValue, ValuePosition } from './difference.ts';
import { addHash, HASH_WORDS } from './point-hash.ts';

/** Takes points one after the other; `slot` is the series' number in the comparison. */
export interface PointSink {
  take(
    slot: number,
    step: number | bigint,
    wallTime: number,
    value: PointValue,
    file: string | undefined,
    offset: number | undefined,
    index: number | undefined,
  ): void;
}

/** The number of points and an order-free sum of their hashes, for each series of one side. */
export class SeriesSums implements PointSink {
  #counts = new Float64Array(64);
  #sums = new Uint32Array(64 * HASH_WORDS);

  take(slot: number, step: number | bigint, wallTime: number, value: PointValue): void {
    if (slot >= this.#counts.length) this.#grow(slot);
    this.#counts[slot] = (this.#counts[slot] as number) + 1;
    addHash(this.#sums, slot * HASH_WORDS, step, wallTime, value);
  }

  count(slot: number): number {
    return this.#counts[slot] ?? 0;
  }

  isSame(slot: number, other: SeriesSums): boolean {
    if (this.count(slot) !== other.count(slot)) return false;
    for (let i = slot * HASH_WORDS; i < (slot + 1) * HASH_WORDS; i++) if ((this.#sums[i] ?? 0) !== (other.#sums[i] ?? 0)) return false;
    return true;
  }

  #grow(slot: number): void {
    const size = Math.max(slot + 1, this.#counts.length * 2);
    const counts = new Float64Array(size);
    counts.set(this.#counts);
    this.#counts = counts;
    const sums = new Uint32Array(size * HASH_WORDS);
    sums.set(this.#sums);
    this.#sums = sums;
  }
}

/** A sink that only takes the points of some series, or of one part of a series' steps. */
export class ChosenPoints implements PointSink {
  readonly #to: PointSink;
  readonly #chunk: Chunk;

  constructor(chunk: Chunk, to: PointSink) {
    this.#chunk = chunk;
    this.#to = to;
  }

  take(slot: number, step: number | bigint, wallTime: number, value: PointValue, ...position: Partial<PositionTuple>): void {
    const { slots, part, parts } = this.#chunk;
    if (!slots.has(slot)) return;
    if (parts > 1 && partOf(step, parts) !== part) return;
    this.#to.take(slot, step, wallTime, value, position[0], position[1], position[2]);
  }
}

type PositionTuple = [file: ValuePosition['file'] | undefined, offset: number | undefined, index: number | undefined];

/** Series that are compared point by point at the same time. */
export interface Chunk {
  readonly slots: ReadonlySet<number>;
  /** The part of the steps, counted from 0, if a series is too large for one go. */
  readonly part: number;
  readonly parts: number;
}

/** Chooses the part by the step, so that both forms of a point whose value changed are in the same part. */
function partOf(step: number | bigint, parts: number): number {
  const low = typeof step === 'bigint' ? Number(BigInt.asUintN(32, step)) : step % 0x1_0000_0000;
  return (Math.imul(low, 0x9e3779b1) >>> 8) % parts;
}

/** Groups the differing series into chunks of at most `mostPoints`, counting both sides separately. */
export function chunksOf(differing: readonly number[], mine: SeriesSums, theirs: SeriesSums, mostPoints: number): Chunk[] {
  const chunks: Chunk[] = [];
  let slots = new Set<number>();
  let points = 0;
  const close = (): void => {
    if (slots.size > 0) chunks.push({ slots, part: 0, parts: 1 });
    slots = new Set();
    points = 0;
  };
  for (const slot of differing) {
    const count = Math.max(mine.count(slot), theirs.count(slot));
    if (count > mostPoints) {
      const parts = Math.ceil(count / mostPoints);
      for (let part = 0; part < parts; part++) chunks.push({ slots: new Set([slot]), part, parts });
      continue;
    }
    if (points + count > mostPoints) close();
    slots.add(slot);
    points += count;
  }
  close();
  return chunks;
}
