/** A user's change to the known roots and runs: state and store make the same change, one after the other. */
export type Tidying =
  /** A root gets another name. */
  | { readonly kind: 'rename'; readonly from: string; readonly to: string }
  /** A root gets another path. */
  | { readonly kind: 'place'; readonly root: string; readonly path: string }
  | Forgetting;

/** A request to treat runs, or files of them, as if they had never been mirrored. */
export interface Forgetting {
  readonly kind: 'forget';
  readonly root: string;
  /** True if the root itself is removed, with all of its runs. */
  readonly isRoot: boolean;
  readonly runs: readonly string[];
  readonly files: readonly { readonly run: string; readonly name: string }[];
  /** True if the store keeps its points, and no longer expects their files. */
  readonly keepsPoints: boolean;
}

/** A tracker run to remove, and the lane that has it. */
export interface Removal {
  readonly lane: string;
  readonly target: string;
  readonly handle: string;
  /** A description of the run, for people. */
  readonly label: string;
}

/** The stamp of a file whose points are kept permanently: it may be deleted, and is then not reported. */
export const KEPT_STAMP = 'kept';
