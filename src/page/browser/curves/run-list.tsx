/** The runs in the charts: their colours and names. */
import type { VNode } from 'preact';
import { runColour } from '../../model/run-colour.ts';
import { visibleText } from '../../model/visible-text.ts';
import { selectedRuns, selectRuns, theme } from '../state/view.ts';
import { linkTo } from '../state/view-url.ts';
import { highlighted } from './curves-state.ts';
import { isNewest, MOST_RUNS, runGroups, runNames, shownRuns } from './shown-runs.ts';

/** A list of runs, or of their groups. */
export function RunList(): VNode {
  const runs = shownRuns.value ?? [];
  const groups = runGroups.value;
  const all = isNewest.value ? runs.length : selectedRuns.value.length;
  return (
    <aside class="run-list" aria-label="Runs in the charts">
      <p class="muted">
        {isNewest.value ? `The ${runs.length} newest runs` : `${all} chosen ${all === 1 ? 'run' : 'runs'}`}
        {all > MOST_RUNS ? `, the first ${MOST_RUNS} are drawn` : ''}
      </p>
      <ul onMouseLeave={() => (highlighted.value = null)}>
        {groups === undefined
          ? runs.map((id) => <Entry key={id} id={id} name={runNames.value.get(id) ?? id} isGroup={false} />)
          : [...groups].map(([label, members]) => <Entry key={label} id={label} name={`${label} (${members.length})`} isGroup />)}
      </ul>
    </aside>
  );
}

interface Props {
  readonly id: string;
  readonly name: string;
  readonly isGroup: boolean;
}

function Entry({ id, name, isGroup }: Props): VNode {
  const text = visibleText(name);
  return (
    <li class={highlighted.value === id ? 'is-high' : ''} onMouseEnter={() => (highlighted.value = id)}>
      <span class="chip" style={{ background: runColour(id, theme.value) }} />
      {isGroup ? (
        <span class="cut" title={visibleText(id)}>
          {text}
        </span>
      ) : (
        <>
          <a
            class="cut"
            title={visibleText(id)}
            href={linkTo({ route: { view: 'run', run: id } })}
            onFocus={() => (highlighted.value = id)}
            onBlur={() => (highlighted.value = null)}
          >
            {text}
          </a>
          <button type="button" class="plain" title="Show only this run" aria-label={`Show only ${text}`} onClick={() => selectRuns([id])}>
            only
          </button>
        </>
      )}
    </li>
  );
}
