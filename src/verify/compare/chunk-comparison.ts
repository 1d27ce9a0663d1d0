import type { HeldPoint, ReadBackChunk, Refusal } from '../../contract/index.ts';
import { kindOf, type RunRef } from '../../model/index.ts';
import type { PointDifference, PointPlace } from './difference.ts';
import { byContent, Excuses, type PointStanding, type Standings } from './excuses.ts';
import { type FileFacts, isJudged, type Unjudged } from './file-facts.ts';
import type { Absence, LaneCounts, Losses } from './lane-counts.ts';
import { matchPoints } from './match-points.ts';
import { pairByStep } from './pair-by-step.ts';
import { pointDifferences } from './point-differences.ts';
import { PointTable } from './point-table.ts';
import { RepairPlan } from './repair-plan.ts';
import { ChosenPoints, type Chunk, chunksOf, type PointSink, SeriesSums } from './series-sums.ts';

/** Points compared one by one at the same time, of each side; some 60 bytes each. */
const CHUNK_POINTS = 400_000;

const ABSENCE: Readonly<Record<Exclude<PointStanding, 'due'>, Absence>> = {
  unsupported: 'noPlace',
  refused: 'refused',
  left: 'leftOut',
  owed: 'owed',
};

/** Of a point that may be there, and need not be. */
const MAY_BE_THERE: Standings = { left: 'owed', right: 'owed' };

/** The run that is compared. */
export interface LaneComparisonOptions {
  readonly run: RunRef;
  /**
   * What is known of the files; of points that the tracker knows the places of, those of files that cannot judge them
   * are left out.
   */
  readonly facts: ReadonlyMap<string, FileFacts>;
  readonly isWanted: (tag: string) => boolean;
  /** Whether equal points may be one there. */
  readonly mergesEqual: { readonly left: boolean; readonly right: boolean };
  /** Of two lanes: whether an event file ever had a series of this tag, as far as it is known. Default: it had. */
  readonly isOfFiles?: (tag: string) => boolean;
}

const STEP = 1;
const TIME = 2;
const VALUE = 4;

/** What happened to a point on its way into a tracker, as bits. */
function lossOf(point: HeldPoint, held: HeldPoint): number {
  if (point === held) return 0;
  return (
    (point.step === held.step ? 0 : STEP) |
    (Object.is(point.wallTime, held.wallTime) ? 0 : TIME) |
    (Object.is(point.value, held.value) ? 0 : VALUE)
  );
}

/**
 * Compares what a tracker run should hold (left) with what it reads back (right): first sums of hashes, a few words a
 * series; then, of the series whose sums differ, all points. The caller reads, as for `RunComparison`; in the second
 * reading it also names points that may be there and need not be (`excuse`). Pure.
 */
export class LaneComparison {
  readonly run: RunRef;
  readonly counts: LaneCounts = {
    points: 0,
    missing: 0,
    extra: 0,
    changed: 0,
    allowed: 0,
    refused: 0,
    unsupported: 0,
    leftOut: 0,
    notYet: 0,
  };
  readonly losses: Losses = { step: 0, time: 0, value: 0, notHeld: 0, merged: 0 };
  readonly absent: Record<Absence, Record<string, number>> = { noPlace: {}, refused: {}, leftOut: {}, owed: {}, gone: {}, foreign: {} };
  /** Tags of series that no event file has: others wrote them into the first lane. */
  readonly foreignTags = new Set<string>();
  /** Points of the tracker that no file can say anything about. */
  readonly unjudged: Record<Unjudged, number> = { gone: 0, replaced: 0, stale: 0, unreadable: 0 };
  readonly repair = new RepairPlan();
  /** Why a point without a place cannot be called extra: its file may be one that cannot be read. */
  doubt: Unjudged | undefined;
  /** Others add points there, too: too many are no difference. */
  isShared = false;
  /** Points the tracker has too many or with other contents, that sending again does not remove. */
  unmendable = 0;
  readonly #options: LaneComparisonOptions;
  readonly #slots = new Map<string, number>();
  readonly #tags: string[] = [];
  /** By slot; undefined if only the tracker has the tag. */
  readonly #kinds: (string | undefined)[] = [];
  readonly #wanted: boolean[] = [];
  readonly #left = new SeriesSums();
  readonly #right = new SeriesSums();
  #chunk: Chunk | undefined;
  #leftTable = new PointTable([]);
  #rightTable = new PointTable([]);
  #leftSink: PointSink = this.#left;
  #rightSink: PointSink = this.#right;
  /** Made once both sides of the chunk were read, with the first one. */
  #excuses: Excuses | undefined;
  /** Losses of rows of the left table. */
  #lossOfRow = new Map<number, number>();

  constructor(options: LaneComparisonOptions) {
    this.#options = options;
    this.run = options.run;
  }

  /** Whether a tag is checked, and in the chunk at hand. */
  isWanted(tag: string): boolean {
    const slot = this.#slot(tag);
    return this.#wanted[slot] === true && (this.#chunk?.slots.has(slot) ?? true);
  }

  /** A point that should be there, and how it should be held; undefined if the tracker has no place for it. */
  expect(tag: string, plugin: string, point: HeldPoint, held: HeldPoint | undefined, place?: Partial<PointPlace>): void {
    const slot = this.#slot(tag);
    this.#kinds[slot] ??= kindOf(plugin);
    if (this.#wanted[slot] !== true) return;
    const isFirstTime = this.#chunk === undefined;
    if (isFirstTime) this.counts.points++;
    if (held === undefined) {
      if (!isFirstTime) return;
      this.counts.allowed++;
      this.losses.notHeld++;
      this.#countAbsent(slot, 'noPlace');
      return;
    }
    const loss = lossOf(point, held);
    if (isFirstTime && loss !== 0) this.#countLoss(loss, 1);
    const row = this.#leftTable.count;
    this.#leftSink.take(slot, held.step, held.wallTime, held.value, place?.file, place?.offset, place?.index);
    if (loss !== 0 && !isFirstTime && this.#leftTable.count > row) this.#lossOfRow.set(row, loss);
  }

  /** A point that should have been there and was refused: it counts as such. */
  refuse(tag: string, plugin: string, kind: Refusal['kind']): void {
    if (this.#chunk !== undefined || !this.isWanted(tag)) return;
    const slot = this.#slot(tag);
    this.#kinds[slot] ??= kindOf(plugin);
    this.#countAbsent(slot, ABSENCE[kind]);
    this.counts.points++;
    this.counts[kind]++;
  }

  /** A point that a route keeps from the lane. */
  leaveOut(tag: string): void {
    if (this.#chunk === undefined && this.isWanted(tag)) this.counts.leftOut++;
  }

  /**
   * A point that may be there, and need not be: it is pending, was refused, or follows the position. To be
   * named after what is there. Of two lanes every point of the files is named, with how both stand to it.
   */
  excuse(tag: string, held: HeldPoint | undefined, standings = MAY_BE_THERE): void {
    if (this.#chunk === undefined || held === undefined) return;
    this.#excuses ??= new Excuses([], this.#leftTable, this.#rightTable);
    this.#excuses.add(this.#slot(tag), held, standings);
  }

  /** Points that are there. */
  addRight({ tag, points }: ReadBackChunk): void {
    const slot = this.#slot(tag);
    if (this.#wanted[slot] !== true) return;
    for (const { step, wallTime, value, file, offset, index } of points) {
      this.#rightSink.take(slot, step, wallTime, value, file, offset, index);
    }
  }

  /** Once both sides were read: what must be read again. */
  chunks(): Chunk[] {
    const differing = [...this.#tags.keys()].filter((slot) => !this.#left.isSame(slot, this.#right));
    return chunksOf(differing, this.#left, this.#right, CHUNK_POINTS);
  }

  begin(chunk: Chunk): void {
    const files: string[] = [];
    this.#chunk = chunk;
    this.#leftTable = new PointTable(files);
    this.#rightTable = new PointTable(files);
    this.#leftSink = new ChosenPoints(chunk, this.#leftTable);
    this.#rightSink = new ChosenPoints(chunk, this.#rightTable);
    this.#excuses = undefined;
    this.#lossOfRow = new Map();
  }

  /**
   * The differences of the chunk. `isBetween`: the left side is a lane, too, so that what may be there or not may be
   * so on the left as well.
   */
  *settle(isBetween = false): Generator<PointDifference, void, void> {
    const [left, right] = [this.#leftTable, this.#rightTable];
    const matches = matchPoints(left, right);
    let { missing, extra } = matches;
    const changed: (readonly [number, number])[] = [...matches.changed];
    const { mergesEqual } = this.#options;
    if (mergesEqual.right) missing = this.#withoutMerged(missing, left, right, true);
    if (mergesEqual.left) extra = this.#withoutMerged(extra, right, left, false);
    extra = extra.filter(
      (row) => this.#takeExcuse(right, row, ({ left: to, right: from }) => to !== 'due' || from !== 'due') === undefined,
    );
    if (isBetween) missing = missing.filter((row) => !this.#isAbsent(left, row));
    [missing, extra] = pairByStep(missing, extra, left, right, changed);
    if (isBetween) {
      for (const row of missing) {
        if (this.#takeExcuse(left, row, () => true) === undefined) this.#countGone(left.slot[row] as number);
      }
    }
    const isInFiles = (row: number): boolean => isBetween && this.#takeExcuse(right, row, () => true) !== undefined;
    extra = this.isShared ? [] : extra.filter((row) => isInFiles(row) || !this.#isDoubtful(row));
    for (const row of [...missing, ...changed.map(([row]) => row)]) this.#takeLossBack(row);
    this.counts.missing += missing.length;
    this.counts.extra += extra.length;
    this.counts.changed += changed.length;
    this.unmendable += extra.length + changed.length;
    const owed = [...missing, ...changed.map(([row]) => row)].sort((a, b) => a - b);
    this.repair.add(
      left,
      right,
      { missing: owed, extra: [], changed: [] },
      this.#options.facts,
      this.#tags,
      // Rows of one file follow each other; of a part of a series nobody knows what lies between two.
      this.#chunk?.parts === 1,
    );
    yield* pointDifferences(this.run, this.#tags, left, right, { missing, extra, changed });
  }

  /** Without those that have an equal on the other side: that one stands for them. */
  #withoutMerged(rows: readonly number[], own: PointTable, other: PointTable, isLeft: boolean): readonly number[] {
    if (rows.length === 0) return rows;
    const there = byContent(other);
    return rows.filter((row) => {
      const isThere = there.get(own.contentKey(row))?.some((candidate) => own.hasSameContent(row, other, candidate)) === true;
      if (isThere && isLeft) {
        if (!this.#lossOfRow.has(row)) this.counts.allowed++;
        this.losses.merged++;
      }
      return !isThere;
    });
  }

  #takeExcuse(own: PointTable, row: number, isWanted: (standings: Standings) => boolean): Standings | undefined {
    return this.#excuses?.take(own, row, isWanted);
  }

  /**
   * Whether the second lane is not to have a point of the first one, or not yet: it is counted as that, and as
   * nothing else.
   */
  #isAbsent(left: PointTable, row: number): boolean {
    const standing = this.#takeExcuse(left, row, (standings) => standings.right !== 'due')?.right;
    if (standing === undefined || standing === 'due') return false;
    this.#takeLossBack(row);
    this.#countAbsent(left.slot[row] as number, ABSENCE[standing]);
    if (standing === 'owed') this.counts.notYet++;
    else if (standing !== 'left') this.counts[standing]++;
    else {
      this.counts.points--;
      this.counts.leftOut++;
    }
    return true;
  }

  /**
   * Whether a point may be of a file that cannot be asked any more: by its place, or, where the tracker does not know
   * it, any of them.
   */
  #isDoubtful(row: number): boolean {
    const place = this.#rightTable.placeAt(row);
    const why = place === undefined ? this.doubt : this.#whyUnjudged(place, this.#tags[this.#rightTable.slot[row] as number] ?? '');
    if (why !== undefined) this.unjudged[why]++;
    return why !== undefined;
  }

  #whyUnjudged({ file, offset }: PointPlace, tag: string): Unjudged | undefined {
    const facts = this.#options.facts.get(file);
    if (facts === undefined) return undefined;
    return facts.unjudged ?? (!isJudged(facts, tag, offset) ? 'unreadable' : facts.wasReplaced === true ? 'replaced' : undefined);
  }

  /** What no file holds was in one once, or never. */
  #countGone(slot: number): void {
    const tag = this.#tags[slot] ?? '';
    const isForeign = this.#options.isOfFiles?.(tag) === false;
    if (isForeign) this.foreignTags.add(tag);
    this.#countAbsent(slot, isForeign ? 'foreign' : 'gone');
  }

  #countAbsent(slot: number, why: Absence): void {
    const kind = this.#kinds[slot] ?? kindOf('');
    this.absent[why][kind] = (this.absent[why][kind] ?? 0) + 1;
  }

  /** A point that is not there is not held with a loss either. */
  #takeLossBack(row: number): void {
    const loss = this.#lossOfRow.get(row) ?? 0;
    if (loss !== 0) this.#countLoss(loss, -1);
  }

  #countLoss(loss: number, by: 1 | -1): void {
    this.counts.allowed += by;
    if ((loss & STEP) !== 0) this.losses.step += by;
    if ((loss & TIME) !== 0) this.losses.time += by;
    if ((loss & VALUE) !== 0) this.losses.value += by;
  }

  #slot(tag: string): number {
    let slot = this.#slots.get(tag);
    if (slot === undefined) {
      slot = this.#tags.push(tag) - 1;
      this.#slots.set(tag, slot);
      this.#wanted.push(this.#options.isWanted(tag));
    }
    return slot;
  }
}
