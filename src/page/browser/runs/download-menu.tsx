/** Downloads of the chosen runs, or of all runs of the filter. */
import type { VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { shortNumber } from '../../model/short-text.ts';
import { ApiProblem, apiUrl, type Params, send } from '../api/client.ts';
import { say, sayProblem } from '../shell/messages.tsx';
import { selectedRuns } from '../state/view.ts';
import { list } from './runs-state.ts';

interface Choice {
  readonly text: string;
  readonly params: Params & { readonly format: 'csv' | 'json' | 'parquet' };
}

const CHOICES: readonly Choice[] = [
  // A spreadsheet runs what begins like a formula.
  { text: 'Scalars as CSV', params: { format: 'csv', safe: true } },
  { text: 'Scalars as Parquet', params: { format: 'parquet' } },
  { text: 'Everything as Parquet', params: { format: 'parquet', kind: 'all' } },
  { text: 'Everything as JSON', params: { format: 'json' } },
];

/** The API takes this many runs by name; a filter takes any number. */
const MOST_RUNS = 1000;

/** A menu of formats. */
export function DownloadMenu(): VNode {
  const box = useRef<HTMLDetailsElement>(null);
  const [isBusy, setBusy] = useState(false);
  const chosen = selectedRuns.value;
  useEffect(() => {
    const close = (event: Event): void => {
      const isInside = event.target instanceof Node && box.current?.contains(event.target) === true;
      if (box.current !== null && (!isInside || (event instanceof KeyboardEvent && event.key === 'Escape'))) box.current.open = false;
    };
    document.addEventListener('click', close);
    box.current?.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') close(event);
    });
    return () => document.removeEventListener('click', close);
  }, []);
  const get = (params: Choice['params']): void => {
    if (box.current !== null) box.current.open = false;
    setBusy(true);
    download(params, chosen)
      .catch(sayProblem)
      .finally(() => setBusy(false));
  };
  return (
    <details ref={box} class="menu">
      <summary class="button">{isBusy ? 'Downloading…' : 'Download'}</summary>
      <div class="menu-list">
        <p class="muted">{chosen.length === 0 ? 'All runs of the filter' : `${shortNumber(chosen.length)} chosen runs`}</p>
        {CHOICES.map(({ text, params }) => (
          <button key={text} type="button" class="plain" disabled={isBusy} onClick={() => get(params)}>
            {text}
          </button>
        ))}
      </div>
    </details>
  );
}

async function download(params: Choice['params'], runs: readonly string[]): Promise<void> {
  if (runs.length > MOST_RUNS) {
    throw new ApiProblem(0, '', `${shortNumber(runs.length)} runs are too many to name`, 'Choose none, and filter the runs instead.');
  }
  const { visibility, ...listing } = list.peek().listing;
  const filter = listing.filter.trim();
  const url = apiUrl('/export', {
    ...params,
    ...(runs.length > 0 ? { run: runs } : { filter: filter === '' ? undefined : filter, visibility }),
  });
  const blob = await (await send(url)).blob();
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = `mirrorboard.${params.format}`;
  link.click();
  // The browser reads it after the click.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  say(`Downloaded ${link.download}`);
}
