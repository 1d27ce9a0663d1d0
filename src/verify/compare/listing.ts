import type { ReadBackChunk, ReadBackPoint } from '../../contract/index.ts';
import type { RunRef } from '../../model/index.ts';
import type { ListingDifference } from './difference.ts';

/** The facts that a lane lists about a series, so that readers need not read its points. */
export interface SeriesListing {
  readonly tag: string;
  readonly count: number;
  readonly firstStep: number | bigint | null;
  readonly lastStep: number | bigint | null;
  readonly min: number | null;
  readonly max: number | null;
  /** The value of the last point; null for NaN and for what is no scalar. Undefined if the lane does not list it. */
  readonly last: number | bigint | null | undefined;
}

/** The facts that a lane lists about a run. */
export interface RunListing {
  readonly points: number;
  readonly lastStep: number | bigint | null;
}

/** The facts that the points of a series give, as read back in the order of the files. NaN counts only in `count`. */
export class SeriesSummary {
  count = 0;
  firstStep: number | bigint | null = null;
  lastStep: number | bigint | null = null;
  min: number | null = null;
  max: number | null = null;
  last: number | bigint | null = null;

  add(points: readonly Pick<ReadBackPoint, 'step' | 'value'>[]): void {
    let { firstStep, lastStep, min, max } = this;
    for (const { step, value } of points) {
      if (firstStep === null || step < firstStep) firstStep = step;
      if (lastStep === null || step > lastStep) lastStep = step;
      if (typeof value === 'string') continue;
      const x = Number(value);
      if (Number.isNaN(x)) continue;
      if (min === null || x < min) min = x;
      if (max === null || x > max) max = x;
    }
    const end = points.at(-1)?.value;
    if (end !== undefined) this.last = typeof end === 'string' || Number.isNaN(end) ? null : end;
    this.count += points.length;
    Object.assign(this, { firstStep, lastStep, min, max });
  }
}

/** Compares what a lane lists of a run and its series with the points that it gives back. */
export class Listings {
  readonly #summaries = new Map<string, SeriesSummary>();

  /** Adds a chunk. Expects every point of the compared series exactly once. */
  add({ tag, points }: ReadBackChunk): void {
    this.#of(tag).add(points);
  }

  /** Yields the listings that differ. `run` is undefined if only some of its series were read. */
  *differences(ref: RunRef, series: Iterable<SeriesListing>, run: RunListing | undefined): Generator<ListingDifference, void, void> {
    for (const listed of series) yield* compareSeriesListing(ref, listed, this.#of(listed.tag));
    if (run !== undefined) yield* compareRunListing(ref, run, this.#summaries.values());
  }

  #of(tag: string): SeriesSummary {
    let summary = this.#summaries.get(tag);
    if (summary === undefined) {
      summary = new SeriesSummary();
      this.#summaries.set(tag, summary);
    }
    return summary;
  }
}

const SERIES_FIELDS = ['count', 'firstStep', 'lastStep', 'min', 'max', 'last'] as const;
const FIELD_NAMES = { count: 'count', firstStep: 'first_step', lastStep: 'last_step', min: 'min', max: 'max', last: 'last' } as const;

/** Compares the store's listing of a series with its points. */
export function compareSeriesListing(run: RunRef, listed: SeriesListing, found: SeriesSummary): ListingDifference[] {
  return SERIES_FIELDS.flatMap((field): ListingDifference[] => {
    const [mine, theirs] = [found[field], listed[field]];
    if (theirs === undefined || isSame(theirs, mine)) return [];
    return [{ kind: 'listing', run, tag: listed.tag, field: FIELD_NAMES[field], mine, theirs }];
  });
}

/** Compares the store's listing of a run with its series. */
export function compareRunListing(run: RunRef, listed: RunListing, found: Iterable<SeriesSummary>): ListingDifference[] {
  let points = 0;
  let lastStep: number | bigint | null = null;
  for (const series of found) {
    points += series.count;
    if (series.lastStep !== null && (lastStep === null || series.lastStep > lastStep)) lastStep = series.lastStep;
  }
  const differences: ListingDifference[] = [];
  if (points !== listed.points)
    differences.push({ kind: 'listing', run, tag: undefined, field: 'points', mine: points, theirs: listed.points });
  if (!isSame(lastStep, listed.lastStep)) {
    differences.push({ kind: 'listing', run, tag: undefined, field: 'last_step', mine: lastStep, theirs: listed.lastStep });
  }
  return differences;
}

/** Compares two numbers; 0 and -0 count as equal, because a column of numbers has no -0. */
function isSame(a: number | bigint | null, b: number | bigint | null): boolean {
  return a === b;
}
