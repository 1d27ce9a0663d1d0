/** Charts of the chosen runs, and their other values. */
import { useComputed } from '@preact/signals';
import type { VNode } from 'preact';
import { useEffect } from 'preact/hooks';
import { onChanges } from '../api/live.ts';
import { MediaTab } from '../media/media-tab.tsx';
import { isMediaKind, PLUGINS, TABS } from '../media/tabs.ts';
import { startRuns } from '../runs/runs-state.ts';
import { useShortcuts } from '../state/keys.ts';
import { chartSettings, selectedRuns, setCharts } from '../state/view.ts';
import { ChartSections } from './chart-sections.tsx';
import { noteChange } from './curve-source.ts';
import { fullScreen, togglePin } from './curves-state.ts';
import { PointDialog } from './point-dialog.tsx';
import { followShownRuns, isNewest, MOST_RUNS, shownRuns, shownTags } from './shown-runs.ts';
import { TagFilter, Toolbar } from './toolbar.tsx';

/** The view of curves. */
export function CurvesView(): VNode {
  useEffect(() => {
    // A choice by a regular expression needs the list, also while the panel with it is closed.
    startRuns();
    followShownRuns();
    // Before the charts look for changes: they are mounted later.
    const ends = onChanges(({ all, runs }) => noteChange(all ? undefined : runs.map(({ id }) => id)));
    return () => {
      ends();
      noteChange(undefined);
      fullScreen.value = null;
    };
  }, []);
  useShortcuts([
    { keys: ']', does: 'next chart', run: () => moveFocus(1) },
    { keys: '[', does: 'previous chart', run: () => moveFocus(-1) },
    { keys: 'f', does: 'full screen, or back', run: toggleFullScreen },
    {
      keys: 'p',
      does: 'pin the chart',
      run: () => {
        const tag = currentTag();
        if (tag !== undefined) togglePin(tag);
      },
    },
  ]);
  const tab = useComputed(() => chartSettings.value.tab);
  return (
    <div class="curves">
      <div class="curves-top">
        <Tabs />
        <TagFilter />
        {isMediaKind(tab.value) ? null : <Toolbar />}
      </div>
      {/* Each part begins at its top. */}
      <div key={tab.value} class="scroll">
        {tab.value === 'hparams' ? null : <ShownNote />}
        {isMediaKind(tab.value) ? <MediaTab kind={tab.value} /> : <ChartSections />}
      </div>
      <PointDialog />
    </div>
  );
}

/** The parts of the view that these runs have anything for. */
function Tabs(): VNode {
  const { tab } = chartSettings.value;
  const plugins = new Set((shownTags.value ?? []).map(({ plugin }) => plugin));
  return (
    <nav class="tabs" aria-label="Kinds of values">
      {TABS.filter(([id]) => id === 'scalars' || id === tab || PLUGINS[id].some((plugin) => plugins.has(plugin))).map(([id, name]) => (
        <button key={id} type="button" class="plain" aria-current={id === tab} onClick={() => setCharts({ tab: id })}>
          {name}
        </button>
      ))}
    </nav>
  );
}

/** Says which runs are shown, where that is not what was chosen. */
function ShownNote(): VNode | null {
  const count = shownRuns.value?.length ?? 0;
  if (isNewest.value && count > 0) {
    return <p class="shown-note muted">No run is chosen: these are the {count === 1 ? 'newest one' : `${count} newest ones`}.</p>;
  }
  const chosen = selectedRuns.value.length;
  return chosen > MOST_RUNS ? (
    <p class="shown-note muted">
      {chosen} runs are chosen: these are the first {MOST_RUNS}.
    </p>
  ) : null;
}

/** Returns the tag of the chart that has the focus, or the pointer. */
function currentTag(): string | undefined {
  const card = document.activeElement?.closest('.card') ?? document.querySelector('.card:hover');
  return card instanceof HTMLElement ? card.dataset['tag'] : undefined;
}

function toggleFullScreen(): void {
  fullScreen.value = fullScreen.peek() === null ? (currentTag() ?? null) : null;
}

/** Moves the focus to the chart after or before the one that has it. */
function moveFocus(by: number): void {
  const cards = [...document.querySelectorAll<HTMLElement>('.card')];
  const at = cards.findIndex((card) => card.contains(document.activeElement));
  const next = cards[at < 0 ? 0 : Math.max(0, Math.min(cards.length - 1, at + by))];
  next?.scrollIntoView({ block: 'nearest' });
  // The chart itself exists only when it is in view.
  const focus = (): void => (next?.querySelector<HTMLElement>('.chart') ?? next?.querySelector<HTMLElement>('button'))?.focus();
  focus();
  requestAnimationFrame(() => requestAnimationFrame(focus));
}
