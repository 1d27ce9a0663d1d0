import type { RunRef } from '../../model/index.ts';
import type { ListingDifference, PointValue } from './difference.ts';

/** What a lane lists of a series, so that nobody has to read its points. */
export interface SeriesListing {
  readonly tag: string;
  readonly count: number;
  readonly firstStep: number | bigint | null;
  readonly lastStep: number | bigint | null;
  readonly min: number | null;
  readonly max: number | null;
}

/** The same of a run. */
export interface RunListing {
  readonly points: number;
  readonly lastStep: number | bigint | null;
}

/** What the points of a series say, as they are read back. NaN counts for nothing but `count`. */
export class SeriesSummary {
  count = 0;
  firstStep: number | bigint | null = null;
  lastStep: number | bigint | null = null;
  min: number | null = null;
  max: number | null = null;

  add(step: number | bigint, value: PointValue): void {
    this.count++;
    if (this.firstStep === null || step < this.firstStep) this.firstStep = step;
    if (this.lastStep === null || step > this.lastStep) this.lastStep = step;
    if (typeof value === 'string') return;
    const x = Number(value);
    if (Number.isNaN(x)) return;
    if (this.min === null || x < this.min) this.min = x;
    if (this.max === null || x > this.max) this.max = x;
  }
}

const SERIES_FIELDS = ['count', 'firstStep', 'lastStep', 'min', 'max'] as const;
const FIELD_NAMES = { count: 'count', firstStep: 'first_step', lastStep: 'last_step', min: 'min', max: 'max' } as const;

/** Compares what the store lists of a series with its points. */
export function compareSeriesListing(run: RunRef, listed: SeriesListing, found: SeriesSummary): ListingDifference[] {
  return SERIES_FIELDS.filter((field) => !isSame(listed[field], found[field])).map((field) => ({
    kind: 'listing',
    run,
    tag: listed.tag,
    field: FIELD_NAMES[field],
    mine: found[field],
    theirs: listed[field],
  }));
}

/** Compares what the store lists of a run with its series. */
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

/** A column of numbers has no -0: 0 and -0 are the same here. */
function isSame(a: number | bigint | null, b: number | bigint | null): boolean {
  return a === b;
}
