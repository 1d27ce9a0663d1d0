/** The parts of a lane that `verify` reads: the local store, or a tracker with its part of the state. */
import type { HeldPoint, ReadBackChunk, ReadBackOptions, Refusal } from '../contract/index.ts';
import type { FileState, RunRef, Series } from '../model/index.ts';
import type { LeftOut } from '../route/index.ts';
import type { ArtifactState } from '../state/index.ts';
import type { ArtifactCounts, Difference, MediaCounts, MediaDifference } from './compare/index.ts';
import type { AskedLane } from './verify-log.ts';
import type { Mirrored, VerifiedRun } from './verify-scope.ts';

/** A range of bytes in one generation of a file. */
export interface ByteRange {
  readonly generation: number;
  readonly start: number;
  readonly end: number;
}

/** The subject of a lane's error: one run, or the whole lane. In the latter case nothing more is asked of it. */
export type Blame = 'run' | 'lane';

/** A lane as one side of a comparison. */
export interface LaneSource extends Mirrored, AskedLane {
  readonly lane: string;
  /** The destination, without secrets. */
  readonly where: string;
  /** The lane's name in an obstacle. */
  readonly label: string;
  /**
   * True if the lane should have every point of the files as it is, so that `asHeld`, `leftOf` and `refusals` change
   * nothing. Then whole batches of columns are compared, without an object for each point.
   */
  readonly isExact: boolean;
  /**
   * True if points and positions are read at the same moment, so that points that arrive meanwhile are in neither.
   */
  readonly isSnapshot: boolean;
  /**
   * True if a file that is mirrored again replaces all that the lane has from it; otherwise nothing is ever removed.
   */
  readonly replacesFiles: boolean;
  /** True if equal points may be a single point in the lane. */
  readonly mergesEqual: boolean;
  /** Returns the files that something was mirrored from, if that is noted. */
  files(run: RunRef): readonly FileState[];
  catalogue(run: RunRef): readonly Series[];
  /** Returns about how many points the lane holds. */
  points(run: RunRef): number;
  /** True if the lane should have the run at all. */
  isMeant(run: RunRef): boolean;
  /** Returns what part of a series the lane should not have. */
  leftOf(run: RunRef, tag: string): LeftOut | undefined;
  /** True if others add points to the same tracker run: extra points are then no difference. */
  isShared(run: RunRef): boolean;
  asHeld(run: RunRef, tag: string, plugin: string, point: HeldPoint): HeldPoint | undefined;
  hasRefusals(run: RunRef): boolean;
  refusals(run: RunRef, file: string, range: ByteRange): readonly Refusal[];
  /**
   * Reads the points under the tags that the files have. Throws the lane's errors; `blame` tells what they are about.
   */
  readBack(run: RunRef, options: ReadBackOptions): AsyncIterable<ReadBackChunk>;
  /** Returns the comparison of the other things that the lane holds of a run; undefined if there are none. */
  extras(scope: ExtraScope): Extras | undefined;
  /** Tells what an error that ended reading the lane is about; undefined if it is not the lane's. */
  blame(error: unknown, signal: AbortSignal): Promise<Blame | undefined>;
}

/** The run whose extras are compared. */
export interface ExtraScope {
  readonly candidate: VerifiedRun;
  /** True for the tags of the series that are compared. */
  readonly isWanted: (tag: string) => boolean;
  /** True if only some series are compared, so that facts about the whole run cannot be checked. */
  readonly isSample: boolean;
  /** Lets other work have its turn; returns true once the comparison should end. */
  readonly turn: () => Promise<boolean>;
  readonly signal: AbortSignal;
}

/** The things that a lane holds of a run in addition to its points: listings and media, or params and files. */
export interface Extras {
  /** Receives every chunk of points that the lane gives in the first reading. */
  see?(chunk: ReadBackChunk): void;
  /** Compares the extras, once the points are compared. */
  compare(): Promise<ExtraFindings>;
}

/** The result of comparing the extras of a run. */
export interface ExtraFindings {
  readonly listing: number;
  readonly media: MediaCounts;
  readonly artifacts: ArtifactCounts;
  readonly differences: readonly Difference[];
  /** Media files that must be written again. */
  readonly badMedia?: readonly MediaDifference[];
  /** The tracker run, and those of its params and files that must be stored again. */
  readonly again?: { readonly target: RunRef; readonly artifacts: readonly ArtifactState[] };
}
