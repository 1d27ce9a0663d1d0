import type { RunRef } from '../../model/index.ts';

/** A value as a lane gives it back: a scalar's number, or its JSON text. */
export type PointValue = number | bigint | string;

/** The position of a point: known for every point of a file, and for a lane's point if the lane keeps it. */
export interface ValuePosition {
  readonly file: string;
  readonly offset: number;
  readonly index: number;
}

/** A point in one of the two places, or in both with other contents. `mine` is the file's, `theirs` the lane's. */
export interface PointDifference {
  readonly kind: 'missing' | 'extra' | 'changed';
  readonly run: RunRef;
  readonly tag: string;
  /** As the file has them; of an extra point as the lane has them. */
  readonly step: number | bigint;
  readonly wallTime: number;
  readonly position: ValuePosition | undefined;
  readonly mine: PointValue | undefined;
  readonly theirs: PointValue | undefined;
  /** Of a changed point, if they are not the file's. */
  readonly theirStep?: number | bigint;
  readonly theirWallTime?: number;
}

/** The listing of a run or a series differs from its points. */
export interface ListingDifference {
  readonly kind: 'listing';
  readonly run: RunRef;
  /** Undefined where it is the run's. */
  readonly tag: string | undefined;
  readonly field: string;
  /** What its points say. */
  readonly mine: number | bigint | null;
  /** What the listing says. */
  readonly theirs: number | bigint | null;
}

/** A file of a lane's media that is not there, or not what its name says. */
export interface MediaDifference {
  readonly kind: 'media';
  readonly run: RunRef;
  readonly tag: string | undefined;
  readonly path: string;
  /** The SHA-256 it should have. */
  readonly mine: string;
  /** What was found instead; undefined if there is no such file. */
  readonly theirs: string | undefined;
}

/** A file or a param of a tracker run is not there, or not as it was stored; or it was refused. */
export interface StoredArtifactDifference {
  readonly kind: 'beside';
  readonly run: RunRef;
  readonly tag: undefined;
  readonly what: 'file' | 'param';
  /** The path in the tracker run, the param's name. */
  readonly name: string;
  /** The file's SHA-256, the param's value. */
  readonly mine: string;
  /** What is there instead, in words; undefined: nothing. */
  readonly theirs: string | undefined;
  /** Why the tracker did not take it; undefined if it did. */
  readonly refused?: string;
}

/** Something that a lane has otherwise than the files. */
export type Difference = PointDifference | ListingDifference | MediaDifference | StoredArtifactDifference;
