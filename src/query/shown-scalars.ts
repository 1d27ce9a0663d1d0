/** Reads the scalars of a series that are shown after restarts, without their positions where no rule needs them. */
import type { BareScalar, BucketReader, PreparedStatements, StoreReader } from '../backends/local/index.ts';
import type { Shown } from './questions.ts';
import { type PlacedScalar, readBareScalars, readScalars } from './scalars.ts';
import { shownPoints, withoutOvertaken } from './shown.ts';
import { sessionStarts } from './values.ts';

/** What reads a store. */
export interface ScalarSources {
  readonly db: PreparedStatements;
  readonly store: StoreReader;
  readonly buckets: BucketReader;
}

/** The rows of a series and its run. */
export interface SeriesRows {
  readonly series: number;
  readonly run: number;
}

/** Returns the scalars with their positions. */
export function shownPlaced(
  { db, store }: Pick<ScalarSources, 'db' | 'store'>,
  { series, run }: SeriesRows,
  shown: Shown,
  isStopped: () => boolean,
): readonly PlacedScalar[] {
  return shownPoints(readScalars(store, series, isStopped), shown, () => sessionStarts(db, run));
}

/** Returns the scalars alone: positions take most of the time, and only session starts are compared with them. */
export function shownScalars(sources: ScalarSources, rows: SeriesRows, shown: Shown, isStopped: () => boolean): readonly BareScalar[] {
  const bare = shown === 'python' ? undefined : readBareScalars(sources.buckets, rows.series, isStopped);
  if (bare === undefined) return shownPlaced(sources, rows, shown, isStopped);
  return shown === 'all' ? bare : withoutOvertaken(bare);
}
