/**
 * Updates a file's state after some of its gaps were read. The cost of each step depends on the gaps concerned, not
 * on all gaps.
 */
import type { Batch, Damage, FileState, Gap } from '../model/index.ts';
import { isWithin } from './name-damage.ts';

/** The largest number of stretches of a file that are sent as one batch. */
export const MOST_JOINED = 4096;
/** The largest number of bytes of batches that are joined into one. */
export const MOST_JOINED_BYTES = 1 << 20;

/** A gap that was read completely, or from its start. */
export interface FilledGap {
  readonly gap: Gap;
  readonly batch: Batch;
  /** The unread rest of the gap. */
  readonly gaps: readonly Gap[];
  /** The damage that replaces the damage inside the gap; undefined if it is unchanged. */
  readonly damage: readonly Damage[] | undefined;
  /** Valid records not yet in the file's count. */
  readonly records: number;
  readonly fileVersion?: string | undefined;
  readonly writer?: string | undefined;
}

/** The damage of a file, ordered by offset, so that the damage inside a gap can be found. */
export class DamageByOffset {
  readonly #damage: readonly Damage[];

  constructor(damage: readonly Damage[]) {
    this.#damage = damage.toSorted((a, b) => a.start - b.start);
  }

  within(gap: Gap): readonly Damage[] {
    const found: Damage[] = [];
    for (let i = this.#firstFrom(gap.start); i < this.#damage.length; i++) {
      const item = this.#damage[i] as Damage;
      if (item.start >= gap.end) break;
      if (isWithin(item, gap)) found.push(item);
    }
    return found;
  }

  #firstFrom(start: number): number {
    let [low, high] = [0, this.#damage.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#damage[middle] as Damage).start < start) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Joins gaps of damage that touch each other, up to `mostBytes` each. */
export function joinDamage(gaps: readonly Gap[], mostBytes: number): readonly Gap[] {
  const joined: Gap[] = [];
  for (const gap of gaps) {
    const last = joined.at(-1);
    const isNext = last?.reason === 'damage' && gap.reason === 'damage' && last.end === gap.start && gap.end - last.start <= mostBytes;
    if (isNext) joined[joined.length - 1] = { ...last, end: gap.end };
    else joined.push(gap);
  }
  return joined;
}

/** Returns the state after some gaps were read. Gaps of other tags that overlap with them stay. */
export function stateBehind(before: FileState, filled: readonly FilledGap[], inGap: (gap: Gap) => readonly Damage[]): FileState {
  const left = new Map(filled.map(({ gap, gaps }) => [gap, gaps]));
  const gone = new Set(filled.flatMap(({ gap, damage }) => (damage === undefined ? [] : inGap(gap))));
  const found = filled.flatMap(({ damage }) => damage ?? []);
  const fileVersion = filled.findLast((each) => each.fileVersion !== undefined)?.fileVersion ?? before.fileVersion;
  const writer = filled.findLast((each) => each.writer !== undefined)?.writer ?? before.writer;
  return {
    ...before,
    position: { ...before.position, gaps: before.position.gaps.flatMap((gap) => left.get(gap) ?? [gap]) },
    damage: gone.size + found.length === 0 ? before.damage : inOrder([...before.damage.filter((item) => !gone.has(item)), ...found]),
    records: filled.reduce((sum, { records }) => sum + records, before.records),
    stamp: '',
    ...(fileVersion === undefined ? {} : { fileVersion }),
    ...(writer === undefined ? {} : { writer }),
  };
}

function inOrder(damage: readonly Damage[]): readonly Damage[] {
  return damage.toSorted((a, b) => a.start - b.start);
}
