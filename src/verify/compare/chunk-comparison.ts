import type { HeldPoint } from '../../contract/index.ts';
import type { RunComparisonOptions } from './comparison-options.ts';
import type { PointDifference, ValuePosition } from './difference.ts';
import { ABSENCE, Excuses, type PointStatuses } from './excuses.ts';
import { isJudged, type Unjudged } from './file-facts.ts';
import type { Absence } from './lane-counts.ts';
import { matchPoints } from './match-points.ts';
import { pairByStep } from './pair-by-step.ts';
import { pointDifferences } from './point-differences.ts';
import { byContent, PointTable } from './point-table.ts';
import type { RepairPlan } from './repair-plan.ts';
import { ChosenPoints, type Chunk, type PointSink } from './series-sums.ts';
import type { Tally } from './tally.ts';

/** The parts of a run's comparison that all its chunks share. */
export interface ComparedSeries {
  readonly options: RunComparisonOptions;
  /** By slot. */
  readonly tags: readonly string[];
  /** By slot; undefined if only the lane has the tag. */
  readonly kinds: readonly (string | undefined)[];
  readonly tally: Tally;
  readonly repair: RepairPlan;
}

/** Compares some series of a run point by point. */
export class ChunkComparison {
  readonly chunk: Chunk;
  readonly left: PointSink;
  readonly right: PointSink;
  /** Points that only the right side has, or has with other contents. */
  surplus = 0;
  readonly #of: ComparedSeries;
  readonly #leftTable: PointTable;
  readonly #rightTable: PointTable;
  /** Losses of rows of the left table. */
  readonly #lossOfRow = new Map<number, number>();
  /** Created with the first excuse, once both sides of the chunk were read. */
  #excuses: Excuses | undefined;

  constructor(chunk: Chunk, of: ComparedSeries) {
    const files: string[] = [];
    this.chunk = chunk;
    this.#of = of;
    this.#leftTable = new PointTable(files);
    this.#rightTable = new PointTable(files);
    this.left = new ChosenPoints(chunk, this.#leftTable);
    this.right = new ChosenPoints(chunk, this.#rightTable);
  }

  /** Points taken on the left so far. */
  get rows(): number {
    return this.#leftTable.count;
  }

  /** Notes that the lane should hold the point of a row with a loss. Ignores a row that was not taken. */
  noteLoss(row: number, loss: number): void {
    if (this.rows > row) this.#lossOfRow.set(row, loss);
  }

  excuse(slot: number, held: HeldPoint, statuses: PointStatuses): void {
    this.#excuses ??= new Excuses([], this.#leftTable, this.#rightTable);
    this.#excuses.add(slot, held, statuses);
  }

  /**
   * Yields the differences in the order of the rows; those that only the right side has come last. For `doubt` see
   * `RunComparison`.
   */
  *settle(doubt: Unjudged | undefined): Generator<PointDifference, void, void> {
    const [left, right] = [this.#leftTable, this.#rightTable];
    const { options, tally, repair, tags } = this.#of;
    const { run, facts, mergesEqual, isShared, isBetween = false, replacesFiles = false } = options;
    const matches = matchPoints(left, right);
    let { missing, extra } = matches;
    const changed: (readonly [number, number])[] = [...matches.changed];
    if (mergesEqual?.right === true) missing = this.#withoutMerged(missing, left, right, true);
    if (mergesEqual?.left === true) extra = this.#withoutMerged(extra, right, left, false);
    extra = extra.filter(
      (row) => this.#takeExcuse(right, row, ({ left: to, right: from }) => to !== 'due' || from !== 'due') === undefined,
    );
    if (isBetween) missing = missing.filter((row) => !this.#isAbsent(row));
    [missing, extra] = pairByStep(missing, extra, left, right, changed);
    if (isBetween) {
      for (const row of missing) {
        if (this.#takeExcuse(left, row, () => true) === undefined) this.#countGone(left.slot[row] as number);
      }
    }
    const isInFiles = (row: number): boolean => isBetween && this.#takeExcuse(right, row, () => true) !== undefined;
    extra = isShared === true ? [] : extra.filter((row) => isInFiles(row) || !this.#isDoubtful(row, doubt));
    for (const row of [...missing, ...changed.map(([row]) => row)]) this.#takeLossBack(row);
    tally.counts.missing += missing.length;
    tally.counts.extra += extra.length;
    tally.counts.changed += changed.length;
    this.surplus = extra.length + changed.length;
    const again = [...missing, ...changed.map(([row]) => row)].sort((a, b) => a - b);
    repair.add(
      left,
      right,
      // A lane that does not replace files never removes anything: changed points are sent again like missing ones.
      replacesFiles ? { missing, extra, changed } : { missing: again, extra: [], changed: [] },
      facts,
      tags,
      // Rows of one file follow each other. In a part of a series, it is unknown what is between two rows.
      this.chunk.parts === 1,
    );
    yield* pointDifferences(run, tags, left, right, { missing, extra, changed });
  }

  /** Leaves out points that have an equal on the other side, because that one represents them. */
  #withoutMerged(rows: readonly number[], own: PointTable, other: PointTable, isLeft: boolean): readonly number[] {
    if (rows.length === 0) return rows;
    const { counts, losses } = this.#of.tally;
    const there = byContent(other);
    return rows.filter((row) => {
      const isThere = there.get(own.contentKey(row))?.some((candidate) => own.hasSameContent(row, other, candidate)) === true;
      if (isThere && isLeft) {
        if (!this.#lossOfRow.has(row)) counts.allowed++;
        losses.merged++;
      }
      return !isThere;
    });
  }

  #takeExcuse(own: PointTable, row: number, isWanted: (statuses: PointStatuses) => boolean): PointStatuses | undefined {
    return this.#excuses?.take(own, row, isWanted);
  }

  /**
   * True if the second lane should not have a point of the first lane, or not yet. Counts it as that, and as nothing
   * else.
   */
  #isAbsent(row: number): boolean {
    const status = this.#takeExcuse(this.#leftTable, row, (statuses) => statuses.right !== 'due')?.right;
    if (status === undefined || status === 'due') return false;
    const { counts } = this.#of.tally;
    this.#takeLossBack(row);
    this.#countAbsent(this.#leftTable.slot[row] as number, ABSENCE[status]);
    if (status === 'pending') counts.notYet++;
    else if (status !== 'left') counts[status]++;
    else {
      counts.points--;
      counts.leftOut++;
    }
    return true;
  }

  /**
   * True if the point may be from a file that can no longer be checked. Its position decides; if the tracker does not
   * know it, the point may be from any file.
   */
  #isDoubtful(row: number, doubt: Unjudged | undefined): boolean {
    if (this.#of.options.filesFirst === true) return false;
    const position = this.#rightTable.positionAt(row);
    const why = position === undefined ? doubt : this.#whyUnjudged(position, this.#of.tags[this.#rightTable.slot[row] as number] ?? '');
    if (why !== undefined) this.#of.tally.unjudged[why]++;
    return why !== undefined;
  }

  #whyUnjudged({ file, offset }: ValuePosition, tag: string): Unjudged | undefined {
    const facts = this.#of.options.facts.get(file);
    if (facts === undefined) return undefined;
    return facts.unjudged ?? (!isJudged(facts, tag, offset) ? 'unreadable' : facts.wasReplaced === true ? 'replaced' : undefined);
  }

  /** Counts a point that no file holds: a file held it once, or never. */
  #countGone(slot: number): void {
    const { options, tags, tally } = this.#of;
    const tag = tags[slot] ?? '';
    const isForeign = options.isOfFiles?.(tag) === false;
    if (isForeign) tally.foreignTags.add(tag);
    this.#countAbsent(slot, isForeign ? 'foreign' : 'gone');
  }

  #countAbsent(slot: number, why: Absence): void {
    this.#of.tally.countAbsent(this.#of.kinds[slot], why);
  }

  /** Takes a loss back: a point that is missing is not held with a loss either. */
  #takeLossBack(row: number): void {
    this.#of.tally.countLoss(this.#lossOfRow.get(row) ?? 0, -1);
  }
}
