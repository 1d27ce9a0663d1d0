/** The Runs view: the filter, what is done with the chosen runs, the table. */
import type { VNode } from 'preact';
import { RunTable } from './run-table.tsx';
import { RunTools } from './run-tools.tsx';
import { SelectionBar } from './selection-bar.tsx';

/** All runs. */
export function RunsView(): VNode {
  return (
    <>
      <RunTools />
      <SelectionBar />
      <RunTable />
    </>
  );
}
