import type { RunRef } from './identity.ts';
import type { Series } from './series.ts';

/**
 * The scalars of one batch in columns: one row a point, in the order of the file. Typed arrays may be longer than
 * `count`. A step or value that no double can hold exactly is in `wideSteps` or `wideValues` under its row.
 */
export interface ScalarColumns {
  readonly count: number;
  /** `Series.id` in the run's catalogue. */
  readonly series: Uint32Array;
  readonly step: Float64Array;
  /** Seconds since 1970, as written: may be NaN, infinite or negative. */
  readonly wallTime: Float64Array;
  readonly value: Float64Array;
  /** Byte offset of the record in the file. */
  readonly offset: Float64Array;
  /** The record's masked data checksum in the file. */
  readonly checksum: Uint32Array;
  /** The index of the value in its record, counted from 0 over all values of the record. */
  readonly index: Uint32Array;
  readonly wideSteps: ReadonlyMap<number, bigint>;
  readonly wideValues: ReadonlyMap<number, bigint>;
}

/**
 * The form on disk of a value that is not a scalar. `content` is a message in the metadata's plugin data (hparams).
 */
export type PointForm = 'simple_value' | 'histo' | 'image' | 'audio' | 'tensor' | 'content' | 'none' | 'graph_def' | 'tagged_run_metadata';

/** One point that is not a scalar, with its unchanged payload: the bytes of the message (or graph) in the file. */
export interface ObjectPoint {
  readonly series: number;
  readonly step: number | bigint;
  readonly wallTime: number;
  readonly offset: number;
  readonly checksum: number;
  readonly index: number;
  readonly form: PointForm;
  readonly payload: Uint8Array;
}

/** The content of an event without values. */
export type MarkKind = 'session_log' | 'log_message' | 'meta_graph_def' | 'empty';

/** An event without a value of a tag: session starts and stops, log messages, meta graphs, events without content. */
export interface Mark {
  readonly kind: MarkKind;
  readonly step: number | bigint;
  readonly wallTime: number;
  readonly offset: number;
  readonly checksum: number;
  /** The bytes of the message in the file. */
  readonly payload: Uint8Array;
}

/** Points of one run, decoded from one byte range of one file. A batch is never changed. */
export interface Batch {
  readonly run: RunRef;
  readonly file: string;
  readonly generation: number;
  /** The byte range, `end` exclusive; the ranges of one file follow each other. */
  readonly start: number;
  readonly end: number;
  readonly records: number;
  /** Series that appear for the first time in this batch. */
  readonly newSeries: readonly Series[];
  readonly scalars: ScalarColumns;
  readonly objects: readonly ObjectPoint[];
  readonly marks: readonly Mark[];
}

/** Counts the points of every kind in a batch. */
export function pointCount(batch: Batch): number {
  return batch.scalars.count + batch.objects.length;
}

/** Returns the largest step of a batch; null if it has no points. */
export function lastStepOf({ scalars, objects }: Batch): number | bigint | null {
  let last: number | bigint | null = null;
  for (let row = 0; row < scalars.count; row++) {
    const step = scalars.step[row] as number;
    if (last === null || step > last) last = scalars.wideSteps.get(row) ?? step;
  }
  for (const { step } of objects) if (last === null || step > last) last = step;
  return last;
}

/** A point of a file, with its tag and position. */
export interface WrittenPoint {
  readonly tag: string;
  readonly offset: number;
  readonly index: number;
  readonly step: number | bigint;
  readonly wallTime: number;
  /** Undefined if it is not a scalar. */
  readonly value: number | bigint | undefined;
}
