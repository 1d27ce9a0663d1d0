/** Downloads of the chosen runs, or of all runs of the filter. */
import type { VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiProblem, apiUrl, send } from '../api/client.ts';
import { say, sayProblem } from '../shell/messages.tsx';
import { runFilter, selectedRuns } from '../state/view.ts';

const FORMATS = ['csv', 'json', 'parquet'] as const;
type Format = (typeof FORMATS)[number];

/** The export takes this many runs by name; a filter takes any number. */
const MOST_RUNS = 1000;

/** A menu of formats. */
export function DownloadMenu(): VNode {
  const box = useRef<HTMLDetailsElement>(null);
  const [isBusy, setBusy] = useState(false);
  const chosen = selectedRuns.value;
  useEffect(() => {
    const close = (event: Event): void => {
      if (box.current !== null && event.target instanceof Node && !box.current.contains(event.target)) box.current.open = false;
    };
    document.addEventListener('click', close);
    return () => document.removeEventListener('click', close);
  }, []);
  const get = (format: Format): void => {
    if (box.current !== null) box.current.open = false;
    setBusy(true);
    download(format, chosen)
      .catch(sayProblem)
      .finally(() => setBusy(false));
  };
  return (
    <details ref={box} class="menu">
      <summary class="button">{isBusy ? 'Downloading…' : 'Download'}</summary>
      <div class="menu-list">
        <p class="muted">{chosen.length === 0 ? 'Every point of all runs of the filter' : `Every point of ${chosen.length} chosen runs`}</p>
        {FORMATS.map((format) => (
          <button key={format} type="button" class="plain" onClick={() => get(format)}>
            {format === 'parquet' ? 'Parquet' : format.toUpperCase()}
          </button>
        ))}
      </div>
    </details>
  );
}

async function download(format: Format, runs: readonly string[]): Promise<void> {
  if (runs.length > MOST_RUNS) {
    throw new ApiProblem(0, '', `${runs.length} runs are too many to name`, `Choose at most ${MOST_RUNS}, or none and filter the runs.`);
  }
  const filter = runFilter.peek().trim();
  const url = apiUrl('/export', runs.length > 0 ? { format, run: runs } : { format, filter: filter === '' ? undefined : filter });
  const response = await send(url);
  const blob = await response.blob();
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = `mirrorboard.${format}`;
  link.click();
  // The browser reads it after the click.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  say(`Downloaded ${link.download}`);
}
