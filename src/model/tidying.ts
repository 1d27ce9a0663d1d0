/**
 * What a person changes in what is known of roots and runs: state and store make the same change, one after the
 * other.
 */
export type Tidying =
  /** A root has another name. */
  | { readonly kind: 'rename'; readonly from: string; readonly to: string }
  /** A root is elsewhere. */
  | { readonly kind: 'place'; readonly root: string; readonly path: string }
  | Forgetting;

/** Runs, or files of them, are to be as if they had never been mirrored. */
export interface Forgetting {
  readonly kind: 'forget';
  readonly root: string;
  /** The root itself goes, with all of its runs. */
  readonly isRoot: boolean;
  readonly runs: readonly string[];
  readonly files: readonly { readonly run: string; readonly name: string }[];
  /** The store keeps its points, and expects no files of them any more. */
  readonly keepsPoints: boolean;
}

/** A tracker run that is to be removed, and the lane that has it. */
export interface Removal {
  readonly lane: string;
  readonly target: string;
  readonly handle: string;
  /** What it was, for people. */
  readonly label: string;
}

/** The stamp of a file whose points are kept permanently: it may be deleted, and is no longer reported. */
export const KEPT_STAMP = 'kept';
