import type { RunRef } from '../../model/index.ts';
import type { FileFacts } from './file-facts.ts';

/** The run that is compared, and what to expect from the lane. */
export interface RunComparisonOptions {
  readonly run: RunRef;
  /**
   * The known facts about the files. Points of files that cannot judge them are left out, if the lane knows their
   * positions.
   */
  readonly facts: ReadonlyMap<string, FileFacts>;
  readonly isWanted: (tag: string) => boolean;
  /**
   * True if the files are read before the lane, so that it is known by then what they can judge. Default: the lane is
   * read first.
   */
  readonly filesFirst?: boolean;
  /**
   * True if a file that is mirrored again replaces all that the lane has from it. Default: nothing is ever removed.
   */
  readonly replacesFiles?: boolean;
  /** True if equal points may be a single point on that side. Default: they may not. */
  readonly mergesEqual?: { readonly left: boolean; readonly right: boolean };
  /** True if others add points there, too: extra points are then no difference. Default false. */
  readonly isShared?: boolean;
  /**
   * True if the left side is a lane, too: then its points may be missing or extra just like those on the right.
   * Default false.
   */
  readonly isBetween?: boolean;
  /**
   * Set if two lanes are compared: true if an event file ever had a series of this tag, if that is known. Default: it
   * had.
   */
  readonly isOfFiles?: (tag: string) => boolean;
}
