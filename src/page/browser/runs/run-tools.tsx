/** The tools above the table of runs. */
import { signal } from '@preact/signals';
import type { VNode } from 'preact';
import { shortNumber } from '../../model/short-text.ts';
import { useShortcuts } from '../state/keys.ts';
import { setTable, table } from '../state/view.ts';
import { ColumnDialog } from './column-dialog.tsx';
import { DownloadMenu } from './download-menu.tsx';
import { FilterBox } from './filter-box.tsx';
import { list, rule } from './runs-state.ts';

const isChoosing = signal(false);

/** The filter, groups, columns, downloads. */
export function RunTools(): VNode {
  useShortcuts([{ keys: 'c', does: 'choose columns', run: () => (isChoosing.value = true) }]);
  const total = list.value.total.value;
  return (
    <div class="tools">
      <FilterBox />
      <span class="run-count muted" aria-live="polite">
        {total === undefined ? '' : `${shortNumber(total)} ${total === 1 ? 'run' : 'runs'}`}
      </span>
      <GroupBox />
      <button type="button" onClick={() => (isChoosing.value = true)}>
        Columns
      </button>
      <DownloadMenu />
      <ColumnDialog open={isChoosing} />
    </div>
  );
}

function GroupBox(): VNode {
  const found = rule.value;
  const why = found !== undefined && typeof found !== 'function' ? found.why : undefined;
  return (
    <div class="group-box">
      <input
        type="text"
        aria-label="Group by"
        placeholder="Group by: regex or param:NAME"
        title="A regular expression puts runs together whose matches are the same, such as ^[^/]+/[^/]+ or seed\d+. param:lr puts runs with the same lr together."
        autocomplete="off"
        spellcheck={false}
        value={table.value.groupBy}
        aria-invalid={why !== undefined}
        onChange={(event) => setTable({ groupBy: event.currentTarget.value })}
      />
      {why === undefined ? null : (
        <div class="problem" role="alert">
          {why}
        </div>
      )}
    </div>
  );
}
