import type { GroupCommit } from './group-commit.ts';
import type { RowIds } from './row-ids.ts';
import type { Statements } from './statements.ts';

/** The objects that the parts of an open state share. */
export interface StateStore {
  readonly commits: GroupCommit;
  readonly statements: Statements;
  readonly ids: RowIds;
  /**
   * Returns this object once every change so far can be read. Throws an error with a code if that is not possible.
   */
  reading(): StateStore;
}
