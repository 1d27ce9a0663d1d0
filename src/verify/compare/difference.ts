import type { RunRef } from '../../model/index.ts';

/** A value as a lane gives it back: a scalar's number, or its JSON text. */
export type PointValue = number | bigint | string;

/** The position of a point. It is known for every point of a file, and for a lane's point if the lane keeps it. */
export interface ValuePosition {
  readonly file: string;
  readonly offset: number;
  readonly index: number;
}

/**
 * A point that only one of the two sides has, or both with other contents. `mine` is the file's, `theirs` the lane's.
 */
export interface PointDifference {
  readonly kind: 'missing' | 'extra' | 'changed';
  readonly run: RunRef;
  readonly tag: string;
  /** Step and time in the file; those in the lane if the point is extra. */
  readonly step: number | bigint;
  readonly wallTime: number;
  readonly position: ValuePosition | undefined;
  readonly mine: PointValue | undefined;
  readonly theirs: PointValue | undefined;
  /** Step and time in the lane, if a changed point has others than in the file. */
  readonly theirStep?: number | bigint;
  readonly theirWallTime?: number;
}

/** The listing of a run or a series differs from its points. */
export interface ListingDifference {
  readonly kind: 'listing';
  readonly run: RunRef;
  /** Undefined if the listing is that of the run. */
  readonly tag: string | undefined;
  readonly field: string;
  /** The value according to the points. */
  readonly mine: number | bigint | null;
  /** The value in the listing. */
  readonly theirs: number | bigint | null;
}

/** A media file of a lane that is missing, or whose content does not match its name. */
export interface MediaDifference {
  readonly kind: 'media';
  readonly run: RunRef;
  readonly tag: string | undefined;
  readonly path: string;
  /** The expected SHA-256. */
  readonly mine: string;
  /** The SHA-256 that was found; undefined if there is no such file. */
  readonly theirs: string | undefined;
}

/** A file or a param of a tracker run that is missing, is not as it was stored, or was refused. */
export interface StoredArtifactDifference {
  readonly kind: 'artifact';
  readonly run: RunRef;
  readonly tag: undefined;
  readonly what: 'file' | 'param';
  /** The path in the tracker run, or the param's name. */
  readonly name: string;
  /** The file's SHA-256, or the param's value. */
  readonly mine: string;
  /** A description of what is there instead; undefined if nothing is. */
  readonly theirs: string | undefined;
  /** The reason why the tracker refused it; undefined if it did not. */
  readonly refused?: string;
}

/** A deviation of a lane from the files. */
export type Difference = PointDifference | ListingDifference | MediaDifference | StoredArtifactDifference;
