/** What is sent to a tracker run. */
import type { Batch, FileState, RunRef, Series } from '../model/index.ts';

/** What a backend needs to find a tracker run again: opaque to everybody else, small, without secrets. */
export type Handle = string & { readonly brand: 'Handle' };

/**
 * What leaves for a tracker run: points of one byte range of one file, and the file's whole state once they are
 * accepted.
 */
export interface Parcel {
  readonly handle: Handle;
  readonly batch: Batch;
  /** Replaces what was noted of the file: generation, watermark, gaps, guard, damage. */
  readonly state: FileState;
}

/**
 * A parcel with the series that the numbers in its batch mean (`series[n].id` is `n`): a tracker keeps no catalogue
 * of ours. Their tags are those of the tracker run: routes may have renamed them. Several runs may go into one
 * tracker run (folding), so that `batch.run` and `batch.file` say where a point comes from, and `target` and `file`
 * where that lies as seen from the tracker run.
 */
export interface TrackerParcel extends Parcel {
  readonly series: readonly Series[];
  /**
   * The run that the tracker run is made for: `batch.run`, or the one it is folded into. Parcels of one target follow
   * each other.
   */
  readonly target: RunRef;
  /**
   * The file's path below the target's directory: `batch.file`, with the folded sub-directory before it. Journals and
   * read-back name it so.
   */
  readonly file: string;
}
