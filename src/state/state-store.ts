import type { GroupCommit } from './group-commit.ts';
import type { RowIds } from './row-ids.ts';
import type { Statements } from './statements.ts';

/** What the parts of an open state share. */
export interface StateStore {
  readonly commits: GroupCommit;
  readonly statements: Statements;
  readonly ids: RowIds;
  /** Itself, once every change made so far can be read; throws a coded error where that cannot be. */
  reading(): StateStore;
}
