import type { ObjectPoint, Value } from '../../model/index.ts';
import { type StoredSummary, summarize, withObject } from './map.ts';
import type { SortedScalars } from './sorted-scalars.ts';

/** A point that is not a scalar. */
interface SummarizedObject {
  readonly point: ObjectPoint;
  readonly value: Value;
}

/**
 * Summarizes the points of a batch, series by series, and in the end all of them. It keeps no summary: a run may have
 * a hundred thousand series.
 */
export class BatchSummaries {
  readonly #scalars: SortedScalars | undefined;
  /** The points that are no scalars, by series. */
  readonly #objects = new Map<number, SummarizedObject[]>();
  /** Of all series summarized so far. */
  points = 0;
  lastStep: number | bigint = Number.NEGATIVE_INFINITY;
  early = NaN;
  late = NaN;

  constructor(scalars: SortedScalars | undefined, objects: readonly SummarizedObject[]) {
    this.#scalars = scalars;
    for (const object of objects) {
      const { series } = object.point;
      const others = this.#objects.get(series);
      if (others === undefined) this.#objects.set(series, [object]);
      else others.push(object);
    }
  }

  /** Yields the numbers of the series that have points in the batch. */
  *series(): Generator<number, void, void> {
    const starts = this.#scalars?.starts ?? [];
    const hasScalars = (s: number): boolean => s + 1 < starts.length && (starts[s] as number) < (starts[s + 1] as number);
    for (let s = 0; s + 1 < starts.length; s++) if (hasScalars(s)) yield s;
    for (const s of this.#objects.keys()) if (!hasScalars(s)) yield s;
  }

  /** Summarizes a series, once; undefined if the batch has no points of it. */
  of(series: number): StoredSummary | undefined {
    let summary: StoredSummary | undefined;
    if (this.#scalars !== undefined && series + 1 < this.#scalars.starts.length) {
      const { starts } = this.#scalars;
      const [from, to] = [starts[series] as number, starts[series + 1] as number];
      if (from < to) summary = summarize(this.#scalars, from, to);
    }
    for (const { point, value } of this.#objects.get(series) ?? []) summary = withObject(summary, point, value);
    if (summary !== undefined) this.#add(summary);
    return summary;
  }

  #add({ count, lastStep, firstWallTime, lastWallTime }: StoredSummary): void {
    this.points += count;
    if (lastStep > this.lastStep) this.lastStep = lastStep;
    if (!(firstWallTime >= this.early)) this.early = Number.isNaN(firstWallTime) ? this.early : firstWallTime;
    if (!(lastWallTime <= this.late)) this.late = Number.isNaN(lastWallTime) ? this.late : lastWallTime;
  }
}
