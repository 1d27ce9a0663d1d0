import type { HeldPoint, ReadBackChunk, Refusal } from '../backends/contract.ts';
import { kindOf, type RunRef } from '../model/index.ts';
import type { PointDifference, PointPlace } from './difference.ts';
import type { FileFacts, Unjudged } from './file-facts.ts';
import { isJudged } from './file-facts.ts';
import { matchPoints } from './match-points.ts';
import { pointDifferences } from './point-differences.ts';
import { PointTable } from './point-table.ts';
import { RepairPlan } from './repair-plan.ts';
import { ChosenPoints, type Chunk, chunksOf, type PointSink, SeriesSums } from './series-sums.ts';

/** Points compared one by one at the same time, of each side; some 60 bytes each. */
const CHUNK_POINTS = 400_000;

/** What a tracker holds otherwise than the file has it, as its loss table says. A point may count for several. */
export interface Losses {
  step: number;
  time: number;
  value: number;
  /** It has no place for the point. */
  notHeld: number;
  /** One point stands there for several that are equal. */
  merged: number;
}

/** How often each kind of outcome came. Points that differ count for nothing else. */
export interface LaneCounts {
  points: number;
  missing: number;
  extra: number;
  changed: number;
  /** Points that are held with a loss that is announced. */
  allowed: number;
  /** Points that the tracker would not take. */
  refused: number;
  /** Points that were not sent, since the tracker has no place for them. */
  unsupported: number;
  /** Points of the files that a route keeps from the lane; not among `points`. */
  leftOut: number;
}

export interface LaneComparisonOptions {
  readonly run: RunRef;
  /** What is known of the files; of points that the tracker knows the places of, those of files that can't judge them are left out. */
  readonly facts: ReadonlyMap<string, FileFacts>;
  readonly isWanted: (tag: string) => boolean;
  /** Whether equal points may be one there. */
  readonly mergesEqual: { readonly left: boolean; readonly right: boolean };
}

const STEP = 1;
const TIME = 2;
const VALUE = 4;

/** What became of a point on its way into a tracker, as bits. */
function lossOf(point: HeldPoint, held: HeldPoint): number {
  if (point === held) return 0;
  return (
    (point.step === held.step ? 0 : STEP) |
    (Object.is(point.wallTime, held.wallTime) ? 0 : TIME) |
    (Object.is(point.value, held.value) ? 0 : VALUE)
  );
}

/**
 * Compares what a tracker run should hold (left) with what it reads back (right): first sums of hashes, a few words a series;
 * then, of the series whose sums differ, all points. The caller reads, as for `RunComparison`; in the second reading it also
 * names points that may be there and need not be (`excuse`). Pure.
 */
export class LaneComparison {
  readonly run: RunRef;
  readonly counts: LaneCounts = { points: 0, missing: 0, extra: 0, changed: 0, allowed: 0, refused: 0, unsupported: 0, leftOut: 0 };
  readonly losses: Losses = { step: 0, time: 0, value: 0, notHeld: 0, merged: 0 };
  /** Points by their kind (`images`) that the right side does not have, though no difference: it has no place for them, or is not to have them. */
  readonly absent: Record<string, number> = {};
  /** Points of the tracker that no file can say anything about. */
  readonly unjudged: Record<Unjudged, number> = { gone: 0, replaced: 0, stale: 0, unreadable: 0 };
  readonly repair = new RepairPlan();
  /** Why a point without a place can't be called extra: its file may be one that can't be read. */
  doubt: Unjudged | undefined;
  /** Others add points there, too: too many are no difference. */
  isShared = false;
  /** Points the tracker has too many or with other contents, that sending again does not remove. */
  unmendable = 0;
  readonly #options: LaneComparisonOptions;
  readonly #slots = new Map<string, number>();
  readonly #tags: string[] = [];
  /** By slot; undefined where only the tracker has the tag. */
  readonly #kinds: (string | undefined)[] = [];
  readonly #wanted: boolean[] = [];
  readonly #left = new SeriesSums();
  readonly #right = new SeriesSums();
  #chunk: Chunk | undefined;
  #leftTable = new PointTable([]);
  #rightTable = new PointTable([]);
  #excuseTable = new PointTable([]);
  #leftSink: PointSink = this.#left;
  #rightSink: PointSink = this.#right;
  #excuseSink: PointSink | undefined;
  /** Contents that an excuse may be about; known from the first one on. */
  #heldKeys: Set<number> | undefined;
  /** Losses of rows of the left table. */
  #lossOfRow = new Map<number, number>();

  constructor(options: LaneComparisonOptions) {
    this.#options = options;
    this.run = options.run;
  }

  /** Whether a tag is looked at, and in the chunk at hand. */
  isWanted(tag: string): boolean {
    const slot = this.#slot(tag);
    return this.#wanted[slot] === true && (this.#chunk?.slots.has(slot) ?? true);
  }

  /** A point that should be there, and how it should be held; undefined where the tracker has no place for it. */
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
      this.#countAbsent(slot);
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
    this.#countAbsent(slot);
    this.counts.points++;
    this.counts[kind]++;
  }

  /** A point that a route keeps from the lane. */
  leaveOut(tag: string): void {
    if (this.#chunk === undefined && this.isWanted(tag)) this.counts.leftOut++;
  }

  /** A point that may be there, and need not be: it is owed, was refused, or stands behind the position. To be named after what is there. */
  excuse(tag: string, held: HeldPoint | undefined): void {
    const table = this.#excuseTable;
    const before = table.count;
    if (held !== undefined) this.#excuseSink?.take(this.#slot(tag), held.step, held.wallTime, held.value, undefined, undefined, undefined);
    if (table.count === before) return;
    // Nearly always there is nothing to excuse: a lane that is far behind must not fill the memory.
    this.#heldKeys ??= new Set([...contentKeys(this.#rightTable), ...contentKeys(this.#leftTable)]);
    if (!this.#heldKeys.has(table.contentKey(before))) table.dropLast();
  }

  /** Points that are there. */
  addRight({ tag, points }: ReadBackChunk): void {
    const slot = this.#slot(tag);
    if (this.#wanted[slot] !== true) return;
    for (const { step, wallTime, value, file, offset, index } of points) {
      this.#rightSink.take(slot, step, wallTime, value, file, offset, index);
    }
  }

  /** Once both sides were read: what has to be read again. */
  chunks(): Chunk[] {
    const differing = [...this.#tags.keys()].filter((slot) => !this.#left.isSame(slot, this.#right));
    return chunksOf(differing, this.#left, this.#right, CHUNK_POINTS);
  }

  begin(chunk: Chunk): void {
    const files: string[] = [];
    this.#chunk = chunk;
    this.#leftTable = new PointTable(files);
    this.#rightTable = new PointTable(files);
    this.#excuseTable = new PointTable(files);
    this.#leftSink = new ChosenPoints(chunk, this.#leftTable);
    this.#rightSink = new ChosenPoints(chunk, this.#rightTable);
    this.#excuseSink = new ChosenPoints(chunk, this.#excuseTable);
    this.#heldKeys = undefined;
    this.#lossOfRow = new Map();
  }

  /** The differences of the chunk. `excusesMissing`: what may be there or not may be so on the left, too. */
  *settle(excusesMissing = false): Generator<PointDifference, void, void> {
    const [left, right] = [this.#leftTable, this.#rightTable];
    const matches = matchPoints(left, right);
    let { missing, extra } = matches;
    const changed: (readonly [number, number])[] = [...matches.changed];
    const { mergesEqual } = this.#options;
    if (mergesEqual.right) missing = this.#withoutMerged(missing, left, right, true);
    if (mergesEqual.left) extra = this.#withoutMerged(extra, right, left, false);
    extra = this.#withoutExcused(extra, right);
    if (excusesMissing) {
      const before = missing;
      missing = this.#withoutExcused(missing, left);
      const still = new Set(missing);
      for (const row of before) if (!still.has(row)) this.#countAbsent(left.slot[row] as number);
    }
    [missing, extra] = pairByStep(missing, extra, left, right, changed);
    extra = this.isShared ? [] : this.#withoutDoubtful(extra);
    for (const row of [...missing, ...changed.map(([row]) => row)]) {
      const loss = this.#lossOfRow.get(row) ?? 0;
      if (loss !== 0) this.#countLoss(loss, -1);
    }
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

  #withoutExcused(rows: readonly number[], own: PointTable): readonly number[] {
    if (rows.length === 0 || this.#excuseTable.count === 0) return rows;
    const excuses = byContent(this.#excuseTable);
    return rows.filter((row) => {
      const candidates = excuses.get(own.contentKey(row));
      const at = candidates?.findLastIndex((candidate) => own.hasSameContent(row, this.#excuseTable, candidate)) ?? -1;
      if (candidates === undefined || at < 0) return true;
      candidates.splice(at, 1);
      return false;
    });
  }

  /** Without those of files that can't be asked any more: by their place, or, where the tracker does not know it, all of them. */
  #withoutDoubtful(rows: readonly number[]): readonly number[] {
    return rows.filter((row) => {
      const place = this.#rightTable.placeAt(row);
      const why = place === undefined ? this.doubt : this.#whyUnjudged(place, this.#tags[this.#rightTable.slot[row] as number] ?? '');
      if (why !== undefined) this.unjudged[why]++;
      return why === undefined;
    });
  }

  #whyUnjudged({ file, offset }: PointPlace, tag: string): Unjudged | undefined {
    const facts = this.#options.facts.get(file);
    if (facts === undefined) return undefined;
    return facts.unjudged ?? (isJudged(facts, tag, offset) ? undefined : 'unreadable');
  }

  #countAbsent(slot: number): void {
    const kind = this.#kinds[slot] ?? kindOf('');
    this.absent[kind] = (this.absent[kind] ?? 0) + 1;
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

function* contentKeys(table: PointTable): Generator<number, void, void> {
  for (let row = 0; row < table.count; row++) yield table.contentKey(row);
}

function byContent(table: PointTable): Map<number, number[]> {
  const rows = new Map<number, number[]>();
  for (let row = 0; row < table.count; row++) {
    const key = table.contentKey(row);
    const known = rows.get(key);
    if (known === undefined) rows.set(key, [row]);
    else known.push(row);
  }
  return rows;
}

/** A tracker that does not know where its points come from: of one step, one too few and one too many are one that changed. */
function pairByStep(
  missing: readonly number[],
  extra: readonly number[],
  left: PointTable,
  right: PointTable,
  changed: (readonly [number, number])[],
): [missing: readonly number[], extra: readonly number[]] {
  const keyOf = (table: PointTable, row: number): string => `${table.slot[row]} ${table.stepAt(row)}`;
  const placeless = new Map<string, number[]>();
  for (const row of extra) {
    if (right.fileAt(row) !== undefined) continue;
    const key = keyOf(right, row);
    placeless.set(key, [...(placeless.get(key) ?? []), row]);
  }
  if (placeless.size === 0) return [missing, extra];
  const paired = new Set<number>();
  const alone = missing.filter((row) => {
    const other = placeless.get(keyOf(left, row))?.shift();
    if (other === undefined) return true;
    paired.add(other);
    changed.push([row, other]);
    return false;
  });
  return [alone, extra.filter((row) => !paired.has(row))];
}
