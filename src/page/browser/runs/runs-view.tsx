/** The Runs view: the filter, what is done with the chosen runs, the table. */
import type { VNode } from 'preact';
import { RunTable } from './run-table.tsx';
import { RunTools } from './run-tools.tsx';
import { list } from './runs-state.ts';
import { SelectionBar } from './selection-bar.tsx';

/** All runs. */
export function RunsView(): VNode {
  return (
    <>
      <RunTools />
      <SelectionBar />
      {list.value.total.value === 0 ? <NoRuns /> : null}
      <RunTable />
    </>
  );
}

function NoRuns(): VNode {
  return (
    <p class="note" role="status">
      {list.value.listing.filter.trim() === ''
        ? 'There are no runs here yet. The page shows them as soon as mirrorboard has read something.'
        : 'No run meets the filter.'}
    </p>
  );
}
