/** Chooses the columns of the table. */
import type { Signal } from '@preact/signals';
import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { columnOf, PLAIN_COLUMNS } from '../../model/columns.ts';
import { shortNumber } from '../../model/short-text.ts';
import { visibleText } from '../../model/visible-text.ts';
import type { Tag } from '../api/answers.ts';
import { get, isAbort } from '../api/client.ts';
import { Dialog } from '../shell/dialog.tsx';
import { sayProblem } from '../shell/messages.tsx';
import { runFilter, setTable, shownVisibility, table } from '../state/view.ts';

interface Names {
  readonly metrics: readonly Tag[];
  readonly params: readonly string[];
}

/** As many names are listed; the search finds the others. */
const MOST = 200;

/** The window in which columns are chosen. */
export function ColumnDialog({ open }: { readonly open: Signal<boolean> }): VNode {
  return (
    <Dialog title="Columns" open={open}>
      <Choice />
    </Dialog>
  );
}

function Choice(): VNode {
  const [names, setNames] = useState<Names>();
  const [search, setSearch] = useState('');
  useEffect(() => {
    const controller = new AbortController();
    findNames(controller.signal).then(setNames, (error: unknown) => {
      if (!isAbort(error)) sayProblem(error);
    });
    return () => controller.abort();
  }, []);
  const words = search.toLowerCase();
  const has = (name: string): boolean => name.toLowerCase().includes(words);
  const metrics = names?.metrics.filter(({ tag }) => has(tag)) ?? [];
  const params = names?.params.filter(has) ?? [];
  return (
    <div class="columns">
      <Shown />
      <label class="search">
        Search <input type="search" value={search} onInput={(event) => setSearch(event.currentTarget.value)} />
      </label>
      <h3>Of every run</h3>
      <ul>
        {PLAIN_COLUMNS.filter(({ title }) => has(title)).map(({ key, title }) => (
          <li key={key}>
            <Check column={key} text={title} />
          </li>
        ))}
      </ul>
      <h3>
        Metrics <span class="muted">{metrics.length > MOST ? `${MOST} of ${shortNumber(metrics.length)}` : metrics.length}</span>
      </h3>
      <ul>
        {metrics.slice(0, MOST).map(({ tag, runs }) => (
          <li key={tag} class="metric">
            <span class="cut" title={visibleText(tag)}>
              {tag.trim() === '' ? JSON.stringify(tag) : visibleText(tag)}{' '}
              <span class="muted">
                {shortNumber(runs)} {runs === 1 ? 'run' : 'runs'}
              </span>
            </span>
            {(['last', 'min', 'max'] as const).map((of) => (
              <Check key={of} column={`${of}:${tag}`} text={of} />
            ))}
          </li>
        ))}
      </ul>
      <h3>
        Params <span class="muted">{params.length > MOST ? `${MOST} of ${shortNumber(params.length)}` : params.length}</span>
      </h3>
      <ul>
        {params.slice(0, MOST).map((name) => (
          <li key={name}>
            <Check column={`param:${name}`} text={visibleText(name)} />
          </li>
        ))}
      </ul>
    </div>
  );
}

function Check({ column, text }: { readonly column: string; readonly text: string }): VNode {
  const shown = table.value.columns;
  const isOn = shown.includes(column);
  return (
    <label class="check">
      <input
        type="checkbox"
        checked={isOn}
        aria-label={column}
        onChange={() => setTable({ columns: isOn ? shown.filter((one) => one !== column) : [...shown, column] })}
      />
      <span class="cut">{text}</span>
    </label>
  );
}

/** The chosen columns, in their order. */
function Shown(): VNode {
  const { columns } = table.value;
  const move = (i: number, by: number): void => {
    const moved = [...columns];
    const [one] = moved.splice(i, 1);
    if (one !== undefined) moved.splice(Math.max(0, i + by), 0, one);
    setTable({ columns: moved });
  };
  return (
    <ol class="shown-columns">
      {columns.map((key, i) => (
        <li key={key}>
          <button type="button" class="plain" aria-label={`Move ${key} to the left`} disabled={i === 0} onClick={() => move(i, -1)}>
            ←
          </button>
          <span class="cut">{visibleText(columnOf(key)?.title ?? key, 60)}</span>
          <button
            type="button"
            class="plain"
            aria-label={`Move ${key} to the right`}
            disabled={i === columns.length - 1}
            onClick={() => move(i, 1)}
          >
            →
          </button>
          <button
            type="button"
            class="plain"
            aria-label={`Remove ${key}`}
            onClick={() => setTable({ columns: columns.filter((one) => one !== key) })}
          >
            ✕
          </button>
        </li>
      ))}
    </ol>
  );
}

/** The tags and params of the first runs of the filter: all of them may be many megabytes. */
async function findNames(signal: AbortSignal): Promise<Names> {
  const filter = runFilter.peek().trim() === '' ? undefined : runFilter.peek();
  const visibility = shownVisibility.peek();
  const [{ tags }, { names }] = await Promise.all([
    get<{ readonly tags: readonly Tag[] }>('/tags', { filter, visibility, plugin: 'scalars' }, signal),
    get<{ readonly names: readonly string[] }>('/hparams', { filter, visibility, limit: 1000 }, signal),
  ]);
  return { metrics: tags, params: names };
}
