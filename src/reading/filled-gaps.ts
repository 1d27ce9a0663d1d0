/**
 * What happens to a file's state when gaps of it were read: each step costs as much as the gaps it is about, not as
 * all there are.
 */
import type { Batch, Damage, FileState, Gap } from '../model/index.ts';
import { isWithin } from './name-damage.ts';

/** Of stretches of a file that go out as one batch: how many, and how many bytes of them. */
export const MOST_JOINED = 4096;
/** Bytes of batches that are joined into one. */
export const MOST_JOINED_BYTES = 1 << 20;

/** A gap that was read, or the beginning of one. */
export interface FilledGap {
  readonly gap: Gap;
  readonly batch: Batch;
  /** What is left of the gap. */
  readonly gaps: readonly Gap[];
  /** What is in the place of the damage inside of it; undefined: it is as it was. */
  readonly damage: readonly Damage[] | undefined;
  /** Valid records that are not in the file's count yet. */
  readonly records: number;
  readonly fileVersion?: string | undefined;
  readonly writer?: string | undefined;
}

/** Damage of a file, in its order, to be asked for what is in a gap. */
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

/** The state behind some gaps that were read. Gaps of other tags may overlap with them: they stay. */
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
