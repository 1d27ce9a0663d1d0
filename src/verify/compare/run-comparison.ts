import type { ReadBackChunk } from '../../contract/index.ts';
import { type Batch, interpret, jsonText, type RunRef, type Series, valueJson } from '../../model/index.ts';
import type { Difference, PointDifference } from './difference.ts';
import { type FileFacts, isJudged, isOwed, type Unjudged } from './file-facts.ts';
import { compareSeriesListing, type SeriesListing, SeriesSummary } from './listing.ts';
import { matchPoints } from './match-points.ts';
import { pointDifferences } from './point-differences.ts';
import { PointTable } from './point-table.ts';
import { RepairPlan } from './repair-plan.ts';
import { ChosenPoints, type Chunk, chunksOf, type PointSink, SeriesSums } from './series-sums.ts';

/** Points compared one by one at the same time, of each side; some 60 bytes each. */
const CHUNK_POINTS = 400_000;

/** How often each kind of outcome came. */
export interface PointCounts {
  /** Points of the files that were compared. */
  points: number;
  missing: number;
  extra: number;
  changed: number;
}

/**
 * Compares one run: first sums of hashes, a few words a series; then, of the series whose sums differ, all points. The
 * caller reads; it hands every batch of the files and every chunk of the lane to `addBatch` and `addChunk`, once for
 * `sums`, and once for each of `chunks()` between `begin` and `settle`. Pure.
 */
export class RunComparison {
  readonly run: RunRef;
  readonly counts: PointCounts = { points: 0, missing: 0, extra: 0, changed: 0 };
  /** Points the lane has of files that can't say anything about them. */
  readonly unjudged: Record<Unjudged, number> = { gone: 0, replaced: 0, stale: 0, unreadable: 0 };
  readonly repair = new RepairPlan();
  readonly #facts: ReadonlyMap<string, FileFacts>;
  readonly #isWanted: (tag: string) => boolean;
  readonly #slots = new Map<string, number>();
  readonly #tags: string[] = [];
  readonly #wanted: boolean[] = [];
  readonly #mine = new SeriesSums();
  readonly #theirs = new SeriesSums();
  readonly #summaries = new Map<string, SeriesSummary>();
  #chunk: Chunk | undefined;
  #mineTable = new PointTable([]);
  #theirTable = new PointTable([]);
  #mineSink: PointSink = this.#mine;
  #theirSink: PointSink = this.#theirs;

  constructor(run: RunRef, facts: ReadonlyMap<string, FileFacts>, isWanted: (tag: string) => boolean) {
    this.run = run;
    this.#facts = facts;
    this.#isWanted = isWanted;
  }

  isWanted(tag: string): boolean {
    return this.#wanted[this.#slot(tag)] ?? false;
  }

  /** Points of a file, with the run's catalogue as it is now: it says what a batch's series numbers mean. */
  addBatch(batch: Batch, catalogue: readonly Series[]): void {
    const facts = this.#facts.get(batch.file);
    if (facts === undefined) return;
    const { scalars, objects, file } = batch;
    const slots = catalogue.map(({ tag }) => (this.isWanted(tag) ? this.#slot(tag) : -1));
    const sink = this.#mineSink;
    const hasOwed = facts.gaps.some(({ tags }) => tags !== undefined);
    const { count, series, step, wallTime, value, offset, index, wideSteps, wideValues } = scalars;
    const isWide = wideSteps.size > 0 || wideValues.size > 0;
    for (let row = 0; row < count; row++) {
      const slot = slots[series[row] as number] as number;
      if (slot < 0) continue;
      const at = offset[row] as number;
      if (hasOwed && isOwed(facts, this.#tags[slot] as string, at)) continue;
      const s = step[row] as number;
      const v = value[row] as number;
      if (isWide) sink.take(slot, wideSteps.get(row) ?? s, wallTime[row] as number, wideValues.get(row) ?? v, file, at, index[row]);
      else sink.take(slot, s, wallTime[row] as number, v, file, at, index[row]);
    }
    for (const point of objects) {
      const facts_ = catalogue[point.series];
      const slot = slots[point.series] ?? -1;
      if (facts_ === undefined || slot < 0 || (this.#chunk !== undefined && !this.#chunk.slots.has(slot))) continue;
      if (hasOwed && isOwed(facts, facts_.tag, point.offset)) continue;
      const text = jsonText(valueJson(interpret(facts_.plugin, point), () => {}));
      sink.take(slot, point.step, point.wallTime, text, file, point.offset, point.index);
    }
  }

  /** Points of the lane. Those of files that can't judge them are counted apart. */
  addChunk({ tag, points }: ReadBackChunk): void {
    const slot = this.#slot(tag);
    const isFirstTime = this.#chunk === undefined;
    const summary = this.#summaryOf(tag);
    const sink = this.#theirSink;
    let name: string | undefined;
    let facts: FileFacts | undefined;
    let isPlain = true;
    for (const { step, wallTime, value, file, offset, index } of points) {
      if (isFirstTime) summary.add(step, value);
      if (file !== name) {
        name = file;
        facts = file === undefined ? undefined : this.#facts.get(file);
        isPlain = facts === undefined || (facts.unjudged === undefined && facts.lost.length === 0 && facts.gaps.length === 0);
      }
      if (!isPlain && facts !== undefined) {
        const unjudged = facts.unjudged ?? (isJudged(facts, tag, offset) ? undefined : 'unreadable');
        if (unjudged !== undefined) {
          if (isFirstTime) this.unjudged[unjudged]++;
          continue;
        }
      }
      sink.take(slot, step, wallTime, value, file, offset, index);
    }
  }

  /** Listings against what was read. */
  *listingDifferences(listed: readonly SeriesListing[]): Generator<Difference, void, void> {
    for (const series of listed) {
      if (this.isWanted(series.tag)) yield* compareSeriesListing(this.run, series, this.#summaryOf(series.tag));
    }
  }

  get summaries(): Iterable<SeriesSummary> {
    return this.#summaries.values();
  }

  /** Once both sides were read: what has to be read again. */
  chunks(): Chunk[] {
    const differing: number[] = [];
    for (const slot of this.#tags.keys()) {
      this.counts.points += this.#mine.count(slot);
      if (!this.#mine.isSame(slot, this.#theirs)) differing.push(slot);
    }
    return chunksOf(differing, this.#mine, this.#theirs, CHUNK_POINTS);
  }

  isInChunk(tag: string): boolean {
    return this.#chunk?.slots.has(this.#slot(tag)) ?? true;
  }

  begin(chunk: Chunk): void {
    const files: string[] = [];
    this.#chunk = chunk;
    this.#mineTable = new PointTable(files);
    this.#theirTable = new PointTable(files);
    this.#mineSink = new ChosenPoints(chunk, this.#mineTable);
    this.#theirSink = new ChosenPoints(chunk, this.#theirTable);
  }

  /** The differences of the chunk, in the order of the files, what only the lane has last. */
  *settle(): Generator<PointDifference, void, void> {
    const mine = this.#mineTable;
    const theirs = this.#theirTable;
    const matches = matchPoints(mine, theirs);
    this.counts.missing += matches.missing.length;
    this.counts.extra += matches.extra.length;
    this.counts.changed += matches.changed.length;
    this.repair.add(mine, theirs, matches, this.#facts, this.#tags, this.#chunk?.parts === 1);
    yield* pointDifferences(this.run, this.#tags, mine, theirs, matches);
  }

  #slot(tag: string): number {
    let slot = this.#slots.get(tag);
    if (slot === undefined) {
      slot = this.#tags.push(tag) - 1;
      this.#slots.set(tag, slot);
      this.#wanted.push(this.#isWanted(tag));
    }
    return slot;
  }

  #summaryOf(tag: string): SeriesSummary {
    let summary = this.#summaries.get(tag);
    if (summary === undefined) {
      summary = new SeriesSummary();
      this.#summaries.set(tag, summary);
    }
    return summary;
  }
}
