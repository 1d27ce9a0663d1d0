/** The data that is sent to a tracker run. */
import type { Batch, FileState, RunRef, Series } from '../model/index.ts';

/** The data with which a backend finds a tracker run again: small, without secrets, and opaque to all other code. */
export type Handle = string & { readonly brand: 'Handle' };

/** The unit of a send: points of one byte range of one file, and the file's whole state once accepted. */
export interface Parcel {
  readonly handle: Handle;
  readonly batch: Batch;
  /** The file's new state: it replaces generation, watermark, gaps, guard and damage. */
  readonly state: FileState;
}

/**
 * A parcel with the series of its batch: number `n` in the batch is `series[n]`, since a tracker does not have our
 * catalogue. Tags are those of the tracker run: routes may have renamed them. Several runs may go into one tracker
 * run (folding). Then `batch.run` and `batch.file` are a point's origin, and `target` and `file` are the same as the
 * tracker run sees them.
 */
export interface TrackerParcel extends Parcel {
  readonly series: readonly Series[];
  /**
   * The run of the tracker run: `batch.run`, or the run it is folded into. Parcels of one target follow each other.
   */
  readonly target: RunRef;
  /** The file's path below the target's directory: `batch.file` after the folded sub-directory. Use it in keys. */
  readonly file: string;
}
