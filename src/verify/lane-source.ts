/** What `verify` reads of a lane, whatever it is: the local store, or a tracker with its part of the state. */
import type { HeldPoint, ReadBackChunk, ReadBackOptions, Refusal } from '../contract/index.ts';
import type { FileState, RunRef, Series } from '../model/index.ts';
import type { LeftOut } from '../route/index.ts';
import type { ArtifactState } from '../state/index.ts';
import type { ArtifactCounts, Difference, MediaCounts, MediaDifference } from './compare/index.ts';
import type { AskedLane } from './verify-log.ts';
import type { Mirrored, VerifiedRun } from './verify-scope.ts';

/** A range of bytes of a file, of one generation. */
export interface ByteRange {
  readonly generation: number;
  readonly start: number;
  readonly end: number;
}

/** What an error of a lane is about: one run, or the lane, of which nothing more is asked then. */
export type Blame = 'run' | 'lane';

/** A lane as one side of a comparison. */
export interface LaneSource extends Mirrored, AskedLane {
  readonly lane: string;
  /** Where it leads, without secrets. */
  readonly where: string;
  /** How an obstacle names it. */
  readonly label: string;
  /**
   * It is to have every point of the files, as it is: `asHeld`, `leftOf` and `refusals` change nothing. Whole batches
   * of columns are then compared, without an object for each point.
   */
  readonly isExact: boolean;
  /** Points and positions are read at the same moment, so that what arrives meanwhile is in neither. */
  readonly isSnapshot: boolean;
  /** A file that is mirrored again replaces all that the lane has of it; else nothing is ever removed. */
  readonly replacesFiles: boolean;
  /** Equal points may be one there. */
  readonly mergesEqual: boolean;
  /** The files that something was mirrored of, as far as it is noted. */
  files(run: RunRef): readonly FileState[];
  catalogue(run: RunRef): readonly Series[];
  /** About how many points it holds. */
  points(run: RunRef): number;
  /** Whether it is to have a run at all. */
  isMeant(run: RunRef): boolean;
  /** What of a series it is not to have. */
  leftOf(run: RunRef, tag: string): LeftOut | undefined;
  /** Others add points to the same tracker run: too many there are no difference. */
  isShared(run: RunRef): boolean;
  asHeld(run: RunRef, tag: string, plugin: string, point: HeldPoint): HeldPoint | undefined;
  hasRefusals(run: RunRef): boolean;
  refusals(run: RunRef, file: string, range: ByteRange): readonly Refusal[];
  /** Under the tags that the files have. Throws what is wrong; `blame` tells what it is about. */
  readBack(run: RunRef, options: ReadBackOptions): AsyncIterable<ReadBackChunk>;
  /** What a comparison makes of the rest that the lane holds of a run; undefined if that is nothing. */
  extras(scope: ExtraScope): Extras | undefined;
  /** What an error is about that reading the lane ended with; undefined: it is none of the lane's. */
  blame(error: unknown, signal: AbortSignal): Promise<Blame | undefined>;
}

/** The run whose extras are compared. */
export interface ExtraScope {
  readonly candidate: VerifiedRun;
  /** Which series are compared. */
  readonly isWanted: (tag: string) => boolean;
  /** Only some of the series are: facts about the whole run cannot be checked. */
  readonly isSample: boolean;
  /** Lets others have their turn; true once the comparison is to end. */
  readonly turn: () => Promise<boolean>;
  readonly signal: AbortSignal;
}

/** What a lane holds of a run besides its points: listings and media, or params and files. */
export interface Extras {
  /** Told of every chunk of points that the lane gives, at the first reading. */
  see?(chunk: ReadBackChunk): void;
  /** Compares the rest, once the points are compared. */
  compare(): Promise<ExtraFindings>;
}

/** What came of comparing the extras of a run. */
export interface ExtraFindings {
  readonly listing: number;
  readonly media: MediaCounts;
  readonly artifacts: ArtifactCounts;
  readonly differences: readonly Difference[];
  /** Media to be written again. */
  readonly badMedia?: readonly MediaDifference[];
  /** The tracker run, and what of its params and files must be stored again. */
  readonly again?: { readonly target: RunRef; readonly artifacts: readonly ArtifactState[] };
}
