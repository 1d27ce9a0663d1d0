/** The rows of the table of runs. */
import { type GroupName, grouped } from '../../model/grouping.ts';
import type { Run } from '../api/answers.ts';

/** A run, or the head of a group. */
export type Row =
  | { readonly kind: 'run'; readonly run: Run }
  | { readonly kind: 'group'; readonly name: string; readonly runs: readonly Run[]; readonly isOpen: boolean };

/** Returns the rows of runs in groups, without the runs of closed groups. */
export function groupRows(runs: Iterable<Run>, nameOf: GroupName, closed: ReadonlySet<string>): readonly Row[] {
  const rows: Row[] = [];
  for (const [name, members] of grouped(runs, nameOf)) {
    const isOpen = !closed.has(name);
    rows.push({ kind: 'group', name, runs: members, isOpen });
    if (isOpen) for (const run of members) rows.push({ kind: 'run', run });
  }
  return rows;
}
