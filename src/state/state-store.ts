import type { GroupCommit } from './group-commit.ts';
import type { RowIds } from './row-ids.ts';
import type { Statements } from './statements.ts';

/** What the parts of an open state share. */
export interface StateStore {
  readonly commits: GroupCommit;
  readonly statements: Statements;
  readonly ids: RowIds;
  /** Itself, once every change so far can be read; throws an error with a code if that is not possible. */
  reading(): StateStore;
}
