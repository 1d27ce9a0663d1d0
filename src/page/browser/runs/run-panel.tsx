/** The runs next to the charts: which ones are drawn. */
import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import { shortNumber } from '../../model/short-text.ts';
import { selectedRuns } from '../state/view.ts';
import { FilterBox } from './filter-box.tsx';
import { RunTable } from './run-table.tsx';
import { ChoiceTools } from './selection-bar.tsx';

/** A narrow list of runs that can be put away. */
export function RunPanel(): VNode {
  const [isOpen, setOpen] = useState(() => matchMedia('(min-width: 900px)').matches);
  const count = selectedRuns.value.length;
  return (
    <aside class={`run-panel ${isOpen ? '' : 'closed'}`} aria-label="Runs">
      <div class="run-panel-head">
        <button type="button" class="plain" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {isOpen ? '◂' : '▸'} Runs
        </button>
        {isOpen ? <span class="muted">{count === 0 ? 'none chosen' : `${shortNumber(count)} chosen`}</span> : null}
      </div>
      {isOpen ? (
        <>
          <div class="run-panel-tools">
            <FilterBox />
            <ChoiceTools />
          </div>
          <RunTable isNarrow />
        </>
      ) : null}
    </aside>
  );
}
