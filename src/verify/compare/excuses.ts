import type { HeldPoint } from '../../contract/index.ts';
import type { Absence } from './lane-counts.ts';
import { byContent, PointTable } from './point-table.ts';

/**
 * The status of a point of the files in a lane: the lane should have it (`due`), or the reason why it may lack it.
 */
export type PointStatus = 'due' | 'pending' | 'unsupported' | 'refused' | 'left';

/** The kind of absence that a point counts as if the second of two lanes does not have it. */
export const ABSENCE: Readonly<Record<Exclude<PointStatus, 'due'>, Absence>> = {
  unsupported: 'noPlace',
  refused: 'refused',
  left: 'leftOut',
  pending: 'pending',
};

/** The statuses of a point in the two lanes that are compared. */
export interface PointStatuses {
  readonly left: PointStatus;
  readonly right: PointStatus;
}

/**
 * Points of the files that a chunk of two sides may contain, each with its statuses. Each point excuses one
 * difference.
 */
export class Excuses {
  readonly #table: PointTable;
  readonly #statuses: PointStatuses[] = [];
  /** Contents of the points on both sides; only these need an excuse. */
  readonly #heldKeys: ReadonlySet<number>;
  #byContent: Map<number, number[]> | undefined;

  constructor(files: string[], left: PointTable, right: PointTable) {
    this.#table = new PointTable(files);
    this.#heldKeys = new Set([...contentKeys(right), ...contentKeys(left)]);
  }

  add(slot: number, { step, wallTime, value }: HeldPoint, statuses: PointStatuses): void {
    const row = this.#table.count;
    this.#table.take(slot, step, wallTime, value, undefined, undefined, undefined);
    // Nearly always there is nothing to excuse, and a lane that is far behind must not fill the memory.
    if (this.#heldKeys.has(this.#table.contentKey(row))) this.#statuses.push(statuses);
    else this.#table.dropLast();
  }

  /** Takes out a wanted point with the content of a row, and returns its statuses; undefined if there is none. */
  take(own: PointTable, row: number, isWanted: (statuses: PointStatuses) => boolean): PointStatuses | undefined {
    this.#byContent ??= byContent(this.#table);
    const candidates = this.#byContent.get(own.contentKey(row)) ?? [];
    const at = candidates.findLastIndex(
      (candidate) => isWanted(this.#statuses[candidate] as PointStatuses) && own.hasSameContent(row, this.#table, candidate),
    );
    if (at < 0) return undefined;
    const [candidate] = candidates.splice(at, 1);
    return this.#statuses[candidate as number];
  }
}

function* contentKeys(table: PointTable): Generator<number, void, void> {
  for (let row = 0; row < table.count; row++) yield table.contentKey(row);
}
