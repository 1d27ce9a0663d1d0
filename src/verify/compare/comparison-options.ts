import type { RunRef } from '../../model/index.ts';
import type { FileFacts } from './file-facts.ts';

/** The run that is compared, and what may be expected of the lane. */
export interface RunComparisonOptions {
  readonly run: RunRef;
  /**
   * What is known of the files. Points of those that cannot judge them are left out, if the lane knows their places.
   */
  readonly facts: ReadonlyMap<string, FileFacts>;
  readonly isWanted: (tag: string) => boolean;
  /** The files are read before the lane: what they can judge is known by then. Default: the lane is read first. */
  readonly filesFirst?: boolean;
  /** A file that is mirrored again replaces all that the lane has of it. Default: nothing is ever removed. */
  readonly replacesFiles?: boolean;
  /** True if equal points may be one there. Default: they may not. */
  readonly mergesEqual?: { readonly left: boolean; readonly right: boolean };
  /** Others add points there, too: too many are no difference. Default false. */
  readonly isShared?: boolean;
  /** The left side is a lane, too: what may be there or not may be so on the left as well. Default false. */
  readonly isBetween?: boolean;
  /** Of two lanes: whether an event file ever had a series of this tag, as far as it is known. Default: it had. */
  readonly isOfFiles?: (tag: string) => boolean;
}
