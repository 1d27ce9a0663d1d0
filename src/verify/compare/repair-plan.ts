import type { Gap } from '../../model/index.ts';
import type { FileFacts } from './file-facts.ts';
import type { Matches } from './match-points.ts';
import type { PointTable } from './point-table.ts';

/** Records of a file between which all points of a tag are missing, so that they become pending for that tag. */
export interface MissingStretch {
  readonly tag: string;
  /** Offsets of the first and the last record. */
  readonly first: number;
  readonly last: number;
}

/** The repair that one file needs. */
export interface FileRepair {
  readonly stretches: MissingStretch[];
  /** The tags of all stretches there ever were. */
  readonly tags: Set<string>;
  /**
   * True if there are points that do not belong there or cannot be added one by one: the file must be mirrored again.
   */
  isDistrusted: boolean;
}

/** The largest number of gaps in one file; more of them cost more than mirroring the file again. */
const MOST_STRETCHES = 1000;

/** The plan that would repair the differences of one run. Pure; receives one chunk after another. */
export class RepairPlan {
  readonly files = new Map<string, FileRepair>();

  /**
   * Adds the differences of a chunk. `isWhole` is true if the files' table has every point of its series, so that it
   * shows what is between two points.
   */
  add(
    mine: PointTable,
    theirs: PointTable,
    matches: Matches,
    facts: ReadonlyMap<string, FileFacts>,
    tags: readonly string[],
    isWhole: boolean,
  ): void {
    for (const row of matches.extra) this.#distrust(theirs.fileAt(row));
    for (const [row, other] of matches.changed) {
      this.#distrust(mine.fileAt(row));
      this.#distrust(theirs.fileAt(other));
    }
    const missing = new Set(matches.missing);
    /** The open stretch of consecutive missing points, per series. */
    const open = new Map<number, { file: string; first: number; last: number }>();
    const close = (slot: number): void => {
      const stretch = open.get(slot);
      open.delete(slot);
      if (stretch === undefined) return;
      const tag = tags[slot] ?? '';
      const { stretches, tags: touched } = this.#of(stretch.file);
      stretches.push({ tag, first: stretch.first, last: stretch.last });
      touched.add(tag);
    };
    /** The record of each series' last point that is not missing: gaps consist of whole records. */
    const present = new Map<number, number>();
    for (let row = 0; row < mine.count; row++) {
      const slot = mine.slot[row] as number;
      const position = mine.positionAt(row);
      if (position === undefined) continue;
      const stretch = open.get(slot);
      if (!missing.has(row)) {
        if (stretch?.file === position.file && stretch.last === position.offset) this.#distrust(position.file);
        close(slot);
        present.set(slot, position.offset);
        continue;
      }
      if (present.get(slot) === position.offset) this.#distrust(position.file);
      const goesOn =
        stretch !== undefined &&
        isWhole &&
        stretch.file === position.file &&
        !hasGapBetween(facts.get(position.file), stretch.last, position.offset);
      if (goesOn) {
        stretch.last = position.offset;
      } else {
        close(slot);
        open.set(slot, { file: position.file, first: position.offset, last: position.offset });
      }
    }
    for (const slot of [...open.keys()]) close(slot);
    for (const repair of this.files.values()) {
      if (repair.stretches.length > MOST_STRETCHES) repair.isDistrusted = true;
      if (repair.isDistrusted) repair.stretches.length = 0;
    }
  }

  #distrust(file: string | undefined): void {
    if (file !== undefined) this.#of(file).isDistrusted = true;
  }

  #of(file: string): FileRepair {
    let repair = this.files.get(file);
    if (repair === undefined) {
      repair = { stretches: [], tags: new Set(), isDistrusted: false };
      this.files.set(file, repair);
    }
    return repair;
  }
}

/**
 * Turns the records of missing points into byte ranges; tags that miss the same records share a gap. `endOf` returns
 * the end of the record at an offset.
 */
export function gapsOf(stretches: readonly MissingStretch[], endOf: (offset: number) => number): Gap[] {
  const gaps = new Map<string, { start: number; end: number; tags: string[] }>();
  for (const { tag, first, last } of stretches) {
    const key = `${first} ${last}`;
    const gap = gaps.get(key);
    if (gap === undefined) gaps.set(key, { start: first, end: endOf(last), tags: [tag] });
    else gap.tags.push(tag);
  }
  return [...gaps.values()].sort((a, b) => a.start - b.start).map((gap) => ({ ...gap, reason: 'repair' }));
}

/** True if there are pending or unreadable bytes between two offsets: these must not become pending twice. */
function hasGapBetween(facts: FileFacts | undefined, from: number, to: number): boolean {
  const isBetween = ({ start }: { readonly start: number }): boolean => from < start && start <= to;
  return facts !== undefined && (facts.gaps.some(isBetween) || facts.lost.some(isBetween));
}
