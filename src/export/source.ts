import type { ReadBackPoint } from '../contract/index.ts';
import type { FileState, Series } from '../model/index.ts';

/** The facts of a series that an export needs. */
type SeriesFacts = Pick<Series, 'tag' | 'plugin' | 'dataClass' | 'displayName' | 'description'>;

/** A series and its points, in the order of the files. */
export interface ExportSeries extends SeriesFacts {
  /**
   * Reads the points again at each call. A source may demand that one series is read to its end before the next one
   * begins.
   */
  points(): Iterable<ReadBackPoint>;
}

/** The facts of an event file that an export needs. */
export type ExportedFile = Pick<FileState, 'name' | 'size' | 'records' | 'position' | 'damage'>;

/** A run that can be exported, with its series. */
export interface ExportRun {
  /** The path relative to the root, with `/`; `.` is the root itself. */
  readonly run: string;
  /** The files in the order in which they are read. */
  readonly files: readonly ExportedFile[];
  readonly series: Iterable<ExportSeries>;
}

/**
 * The runs to export: from the store or from the files. A caller finishes one run before it asks for the next one.
 */
export interface ExportSource {
  runs(): Iterable<ExportRun> | AsyncIterable<ExportRun>;
}

/** The result of an export. */
export interface ExportCount {
  runs: number;
  /** The series with at least one point written. */
  series: number;
  points: number;
  /**
   * The points of the chosen series that the format cannot hold: values that are not a number, in a series of
   * scalars.
   */
  leftOut: number;
}

/** Returns the count before anything was written. */
export function nothingYet(): ExportCount {
  return { runs: 0, series: 0, points: 0, leftOut: 0 };
}
