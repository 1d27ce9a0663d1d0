import type { ReadBackPoint } from '../contract/index.ts';
import type { FileState, Series } from '../model/index.ts';

/** What an export needs to know of a series. */
type SeriesFacts = Pick<Series, 'tag' | 'plugin' | 'dataClass' | 'displayName' | 'description'>;

/** A series and its points, in the order of the files. */
export interface ExportSeries extends SeriesFacts {
  /**
   * Reads them again at each call. A source may demand that one series is read to its end before the next one begins.
   */
  points(): Iterable<ReadBackPoint>;
}

/** What an export needs to know of an event file. */
export type ExportedFile = Pick<FileState, 'name' | 'size' | 'records' | 'position' | 'damage'>;

/** A run that can be exported, with its series. */
export interface ExportRun {
  /** Relative to the root, with `/`; `.` is the root itself. */
  readonly run: string;
  /** In the order in which they are read. */
  readonly files: readonly ExportedFile[];
  readonly series: Iterable<ExportSeries>;
}

/** Runs to write out: from the store or from the files. One run is done with before the next one is asked for. */
export interface ExportSource {
  runs(): Iterable<ExportRun> | AsyncIterable<ExportRun>;
}

/** What an export came to. */
export interface ExportCount {
  runs: number;
  /** Series with at least one point written. */
  series: number;
  points: number;
  /**
   * Points of the chosen series that the format has no place for: values that are no number, in a series of scalars.
   */
  leftOut: number;
}

/** The count before anything was written. */
export function nothingYet(): ExportCount {
  return { runs: 0, series: 0, points: 0, leftOut: 0 };
}
