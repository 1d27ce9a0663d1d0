/** What is chosen, and what can be done with it. */
import type { VNode } from 'preact';
import { useRef } from 'preact/hooks';
import { regexOf } from '../../model/grouping.ts';
import { shortNumber } from '../../model/short-text.ts';
import { visibleText } from '../../model/visible-text.ts';
import { useShortcuts } from '../state/keys.ts';
import { picked, selectedRuns, selectRuns } from '../state/view.ts';
import { linkTo } from '../state/view-url.ts';
import { HideRuns } from './hide-runs.tsx';
import { invertSelection, selectAll, selectMatching } from './runs-state.ts';

/** How many runs are chosen, and what can be done with them. */
export function SelectionBar(): VNode {
  const count = selectedRuns.value.length;
  return (
    <div class="selection" aria-label="Chosen runs" role="group">
      <span class="chosen-count" aria-live="polite">
        {count === 0 ? 'None chosen' : `${shortNumber(count)} chosen`}
      </span>
      <ChoiceTools />
      <HideRuns />
      <span class="space" />
      <a class="button main" href={linkTo({ route: { view: 'curves' } })}>
        Show curves
      </a>
    </div>
  );
}

/** Chooses runs by a regular expression, all, none, the others. */
export function ChoiceTools(): VNode {
  const input = useRef<HTMLInputElement>(null);
  const count = selectedRuns.value.length;
  const choice = picked.value;
  const regex = choice.kind === 'match' ? choice.regex : '';
  const bad = regexOf(regex);
  useShortcuts([
    { keys: 'm', does: 'choose runs by a regular expression', run: () => input.current?.focus() },
    { keys: 'a', does: 'choose all runs of the filter', run: selectAll },
    { keys: 'n', does: 'choose no run', run: () => selectRuns([]) },
    { keys: 'i', does: 'choose the other runs', run: () => void invertSelection() },
  ]);
  return (
    <div class="choice">
      <input
        ref={input}
        type="text"
        aria-label="Choose runs that match a regular expression"
        placeholder="Choose by regex"
        autocomplete="off"
        spellcheck={false}
        value={regex}
        aria-invalid={!(bad instanceof RegExp)}
        title={bad instanceof RegExp ? '' : bad.why}
        onChange={(event) => {
          const text = event.currentTarget.value;
          if (text === '') selectRuns([]);
          else selectMatching(text);
        }}
      />
      <button type="button" onClick={selectAll}>
        All
      </button>
      <button type="button" onClick={() => void invertSelection()}>
        Invert
      </button>
      <button type="button" disabled={count === 0} onClick={() => selectRuns([])}>
        None
      </button>
      {bad instanceof RegExp ? null : (
        <span class="problem" role="alert">
          {visibleText(bad.why)}
        </span>
      )}
    </div>
  );
}
