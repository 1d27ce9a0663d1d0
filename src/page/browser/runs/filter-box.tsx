/** The box of the filter, with what is wrong with it. */
import type { VNode } from 'preact';
import { useId, useRef } from 'preact/hooks';
import { useShortcuts } from '../state/keys.ts';
import { runFilter } from '../state/view.ts';
import { listProblem, startRuns } from './runs-state.ts';

/** Takes a filter in the language of the API. */
export function FilterBox(): VNode {
  startRuns();
  const input = useRef<HTMLInputElement>(null);
  const id = useId();
  const problem = listProblem.value;
  useShortcuts([
    {
      keys: '/',
      does: 'filter the runs',
      run: () => {
        input.current?.focus();
        input.current?.select();
      },
    },
  ]);
  return (
    <div class="filter">
      <input
        ref={input}
        type="search"
        aria-label="Filter of runs"
        placeholder="Filter: resnet lr>1e-4 val/loss<0.3 has:val/*"
        autocomplete="off"
        spellcheck={false}
        value={runFilter.value}
        aria-invalid={problem !== undefined}
        aria-describedby={problem === undefined ? undefined : id}
        onInput={(event) => {
          runFilter.value = event.currentTarget.value;
        }}
      />
      {problem === undefined ? null : (
        <div id={id} class="problem" role="alert">
          {problem.message}
          {problem.hint === undefined ? null : <span class="hint">{problem.hint}</span>}
        </div>
      )}
    </div>
  );
}
