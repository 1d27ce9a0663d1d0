/** The known cells of a sequence: all of them, or those that the last points needed. */
import { type Cell, INCOMPLETE } from './cells.ts';
import { rangeKey, type StepRange } from './shown-position.ts';

/** A cell as the server has it. `incomplete`: the server died while its columns were being replaced. */
export type FoundCell = Cell | typeof INCOMPLETE;

/** Cells by step, and what is stored with them. */
export class KnownCells {
  readonly #cells = new Map<number, Cell>();
  /** Steps whose cell was being replaced when the server died: their content belongs to no single point. */
  readonly incomplete = new Set<number>();
  /** Contents of points that are stored next to the cells. */
  readonly collapsed = new Set<string>();
  /** True if `collapsed` has the contents of all such points. */
  isCollapsedWhole = false;
  #isWhole = false;
  /** Ranges by their keys; undefined if they were not read. */
  #ranges: Map<string, StepRange> | undefined;

  /** True if a step that is not in `#cells` has no cell. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  get cells(): ReadonlyMap<number, Cell> {
    return this.#cells;
  }

  /** The number of held items, each some two hundred bytes. */
  get size(): number {
    return this.#cells.size + this.collapsed.size + (this.#ranges?.size ?? 0);
  }

  get hasRanges(): boolean {
    return this.#ranges !== undefined;
  }

  get ranges(): Iterable<StepRange> {
    return this.#ranges?.values() ?? [];
  }

  /** True if the content of a step's cell is known. */
  knows(step: number): boolean {
    return this.#isWhole || this.#cells.has(step) || this.incomplete.has(step);
  }

  set(step: number, cell: Cell): void {
    // The cell that was set last comes last in the map.
    this.#cells.delete(step);
    this.#cells.set(step, cell);
  }

  /** Adds cells that the server has; `isWhole`: it has no others. */
  take(found: ReadonlyMap<number, FoundCell>, isWhole: boolean): void {
    for (const [step, cell] of found) {
      if (cell === INCOMPLETE) this.incomplete.add(step);
      else this.set(step, cell);
    }
    if (isWhole) this.#isWhole = true;
  }

  takeRanges(ranges: readonly StepRange[]): void {
    this.#ranges = new Map(ranges.map((range) => [rangeKey(range), range]));
  }

  /** Adds a range, or replaces the range that it continues. */
  addRange(range: StepRange): void {
    this.#ranges?.set(rangeKey(range), range);
  }

  /** Forgets all cells except the ones set last. */
  trim(most: number): void {
    let over = this.#cells.size - most;
    if (over > 0) this.#isWhole = false;
    for (const step of this.#cells.keys()) {
      if (over-- <= 0) break;
      this.#cells.delete(step);
    }
    this.collapsed.clear();
    this.isCollapsedWhole = false;
    this.#ranges = undefined;
  }
}
