import type { HeldPoint, ReadBackChunk, Refusal } from '../../contract/index.ts';
import { type Batch, interpret, jsonText, kindOf, type RunRef, type Series, valueJson } from '../../model/index.ts';
import { ChunkComparison } from './chunk-comparison.ts';
import type { RunComparisonOptions } from './comparison-options.ts';
import type { PointDifference, ValuePosition } from './difference.ts';
import { ABSENCE, type PointStatuses } from './excuses.ts';
import { type FileFacts, isJudged, isPendingAt, type Unjudged } from './file-facts.ts';
import { RepairPlan } from './repair-plan.ts';
import { type Chunk, chunksOf, type PointSink, SeriesSums } from './series-sums.ts';
import { lossOf, Tally } from './tally.ts';

/** Points of each side that are compared one by one at the same time; some 60 bytes each. */
const CHUNK_POINTS = 400_000;

/** The statuses of a point that may be there, but need not be. */
const MAY_BE_THERE: PointStatuses = { left: 'pending', right: 'pending' };

/**
 * Compares what a lane should hold of a run (left) with what it gives back (right). First it compares sums of hashes,
 * a few words a series. Then it compares all points of the series whose sums differ. The caller reads both sides:
 * once for the sums, and once for each of `chunks()`, between `begin` and `settle`. In these readings it also names
 * points that may be there but need not be (`excuse`). Pure.
 */
export class RunComparison {
  readonly run: RunRef;
  readonly tally = new Tally();
  readonly repair = new RepairPlan();
  /** The reason why a point without a position cannot be called extra: its file may be one that cannot be read. */
  doubt: Unjudged | undefined;
  /** Points that the lane has in addition or with other contents. */
  surplus = 0;
  readonly #options: RunComparisonOptions;
  readonly #slots = new Map<string, number>();
  readonly #tags: string[] = [];
  readonly #kinds: (string | undefined)[] = [];
  readonly #wanted: boolean[] = [];
  readonly #left = new SeriesSums();
  readonly #right = new SeriesSums();
  #chunk: ChunkComparison | undefined;

  constructor(options: RunComparisonOptions) {
    this.#options = options;
    this.run = options.run;
  }

  /** True if a tag is compared, and belongs to the present chunk. */
  isWanted(tag: string): boolean {
    const slot = this.#slot(tag);
    return this.#wanted[slot] === true && (this.#chunk?.chunk.slots.has(slot) ?? true);
  }

  /**
   * Expects all points of a batch as they are, except those that are pending. `catalogue` is that of the run as it is
   * now.
   */
  expectBatch(batch: Batch, catalogue: readonly Series[]): void {
    const facts = this.#options.facts.get(batch.file);
    if (facts === undefined) return;
    const { scalars, objects, file } = batch;
    const slots = catalogue.map(({ tag }) => (this.isWanted(tag) ? this.#slot(tag) : -1));
    const sink = this.#leftSink;
    const hasPending = facts.gaps.some(({ tags }) => tags !== undefined);
    const { count, series, step, wallTime, value, offset, index, wideSteps, wideValues } = scalars;
    const isWide = wideSteps.size > 0 || wideValues.size > 0;
    let points = 0;
    for (let row = 0; row < count; row++) {
      const slot = slots[series[row] as number] as number;
      if (slot < 0) continue;
      const at = offset[row] as number;
      if (hasPending && isPendingAt(facts, this.#tags[slot] as string, at)) continue;
      const s = step[row] as number;
      const v = value[row] as number;
      points++;
      if (isWide) sink.take(slot, wideSteps.get(row) ?? s, wallTime[row] as number, wideValues.get(row) ?? v, file, at, index[row]);
      else sink.take(slot, s, wallTime[row] as number, v, file, at, index[row]);
    }
    for (const point of objects) {
      const slot = slots[point.series] ?? -1;
      const known = catalogue[point.series];
      if (known === undefined || slot < 0) continue;
      if (hasPending && isPendingAt(facts, known.tag, point.offset)) continue;
      const text = jsonText(valueJson(interpret(known.plugin, point), () => {}));
      points++;
      sink.take(slot, point.step, point.wallTime, text, file, point.offset, point.index);
    }
    if (this.#chunk === undefined) this.tally.counts.points += points;
  }

  /** Expects a point in the form `held`, which is undefined if the lane has no place for it. */
  expect(tag: string, plugin: string, point: HeldPoint, held: HeldPoint | undefined, position?: Partial<ValuePosition>): void {
    const slot = this.#slot(tag);
    this.#kinds[slot] ??= kindOf(plugin);
    if (this.#wanted[slot] !== true) return;
    const { counts, losses } = this.tally;
    const isFirstTime = this.#chunk === undefined;
    if (isFirstTime) counts.points++;
    if (held === undefined) {
      if (!isFirstTime) return;
      counts.allowed++;
      losses.notHeld++;
      this.tally.countAbsent(this.#kinds[slot], 'noPlace');
      return;
    }
    const loss = lossOf(point, held);
    if (isFirstTime) this.tally.countLoss(loss, 1);
    const row = this.#chunk?.rows ?? 0;
    this.#leftSink.take(slot, held.step, held.wallTime, held.value, position?.file, position?.offset, position?.index);
    if (loss !== 0) this.#chunk?.noteLoss(row, loss);
  }

  /** Counts a point that should be there but was refused. */
  refuse(tag: string, plugin: string, kind: Refusal['kind']): void {
    if (this.#chunk !== undefined || !this.isWanted(tag)) return;
    const slot = this.#slot(tag);
    this.#kinds[slot] ??= kindOf(plugin);
    this.tally.countAbsent(this.#kinds[slot], ABSENCE[kind]);
    this.tally.counts.points++;
    this.tally.counts[kind]++;
  }

  /** Counts a point that a route keeps from the lane. */
  leaveOut(tag: string): void {
    if (this.#chunk === undefined && this.isWanted(tag)) this.tally.counts.leftOut++;
  }

  /**
   * Notes a point that may be there but need not be: it is pending, was refused, or is after the position. Call this
   * after naming what is there. If two lanes are compared, the caller names every point of the files, with its
   * statuses in both.
   */
  excuse(tag: string, held: HeldPoint | undefined, statuses = MAY_BE_THERE): void {
    if (held !== undefined) this.#chunk?.excuse(this.#slot(tag), held, statuses);
  }

  /**
   * Adds points that are there. If the files were read first, counts those of files that cannot judge them
   * separately.
   */
  addRight({ tag, points }: ReadBackChunk): void {
    const slot = this.#slot(tag);
    if (this.#wanted[slot] !== true) return;
    const { facts: all, filesFirst = false } = this.#options;
    const sink = this.#rightSink;
    let name: string | undefined;
    let facts: FileFacts | undefined;
    let isPlain = true;
    for (const { step, wallTime, value, file, offset, index } of points) {
      if (filesFirst && file !== name) {
        name = file;
        facts = file === undefined ? undefined : all.get(file);
        isPlain = facts === undefined || (facts.unjudged === undefined && facts.lost.length === 0 && facts.gaps.length === 0);
      }
      if (!isPlain && facts !== undefined) {
        const unjudged = facts.unjudged ?? (isJudged(facts, tag, offset) ? undefined : 'unreadable');
        if (unjudged !== undefined) {
          if (this.#chunk === undefined) this.tally.unjudged[unjudged]++;
          continue;
        }
      }
      sink.take(slot, step, wallTime, value, file, offset, index);
    }
  }

  /** Returns the chunks that must be read again. Call this once both sides were read. */
  chunks(): Chunk[] {
    const differing = [...this.#tags.keys()].filter((slot) => !this.#left.isSame(slot, this.#right));
    return chunksOf(differing, this.#left, this.#right, CHUNK_POINTS);
  }

  begin(chunk: Chunk): void {
    this.#chunk = new ChunkComparison(chunk, {
      options: this.#options,
      tags: this.#tags,
      kinds: this.#kinds,
      tally: this.tally,
      repair: this.repair,
    });
  }

  /** Yields the differences of the chunk. */
  *settle(): Generator<PointDifference, void, void> {
    if (this.#chunk === undefined) return;
    yield* this.#chunk.settle(this.doubt);
    this.surplus += this.#chunk.surplus;
  }

  get #leftSink(): PointSink {
    return this.#chunk?.left ?? this.#left;
  }

  get #rightSink(): PointSink {
    return this.#chunk?.right ?? this.#right;
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
