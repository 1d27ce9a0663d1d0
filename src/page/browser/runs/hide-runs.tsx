/** Hides and archives runs: in the store, never in the files. */
import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import { shortNumber } from '../../model/short-text.ts';
import type { Visibility } from '../api/answers.ts';
import { post } from '../api/client.ts';
import { say, sayProblem } from '../shell/messages.tsx';
import { selectedRuns, setTable, table } from '../state/view.ts';
import { list } from './runs-state.ts';

const ACTIONS: readonly { readonly to: Visibility; readonly name: string; readonly done: string; readonly title: string }[] = [
  { to: 'hidden', name: 'Hide', done: 'hidden', title: 'Leave the chosen runs out of lists. Their files stay as they are.' },
  { to: 'archived', name: 'Archive', done: 'archived', title: 'Put the chosen runs away. Their files stay as they are.' },
  { to: 'visible', name: 'Unhide', done: 'in all lists again', title: 'Show the chosen runs in all lists again.' },
];

/** As many runs are named in a request. */
const PART = 10_000;

/** What hides the chosen runs. */
export function HideRuns(): VNode {
  const [isBusy, setBusy] = useState(false);
  const runs = selectedRuns.value;
  const act = (to: Visibility, done: string): void => {
    setBusy(true);
    change(runs, to)
      .then(() => say(`${shortNumber(runs.length)} ${runs.length === 1 ? 'run is' : 'runs are'} ${done}`), sayProblem)
      .finally(() => setBusy(false));
  };
  return (
    <>
      {ACTIONS.filter(({ to }) => to !== 'visible' || table.value.withHidden).map(({ to, name, done, title }) => (
        <button key={to} type="button" title={title} disabled={isBusy || runs.length === 0} onClick={() => act(to, done)}>
          {name}
        </button>
      ))}
      <label class="check">
        <input type="checkbox" checked={table.value.withHidden} onChange={() => setTable({ withHidden: !table.value.withHidden })} />
        <span>Show hidden</span>
      </label>
    </>
  );
}

async function change(runs: readonly string[], visibility: Visibility): Promise<void> {
  for (let i = 0; i < runs.length; i += PART) await post('/runs/visibility', { runs: runs.slice(i, i + PART), visibility });
  list.peek().refresh();
}
