/** Charts of the chosen runs, and their other values. */
import { useComputed } from '@preact/signals';
import type { VNode } from 'preact';
import { useEffect } from 'preact/hooks';
import { onChanges } from '../api/live.ts';
import { useShortcuts } from '../state/keys.ts';
import { chartSettings } from '../state/view.ts';
import { ChartSections } from './chart-sections.tsx';
import { noteChange } from './curve-source.ts';
import { fullScreen, togglePin } from './curves-state.ts';
import { PointDialog } from './point-dialog.tsx';
import { RunList } from './run-list.tsx';
import { followShownRuns } from './shown-runs.ts';
import { TagFilter, Toolbar } from './toolbar.tsx';

/** The view of curves. */
export function CurvesView(): VNode {
  useEffect(() => {
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
    { keys: 'j', does: 'next chart', run: () => moveFocus(1) },
    { keys: 'k', does: 'previous chart', run: () => moveFocus(-1) },
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
        <TagFilter />
        {tab.value === 'scalars' ? <Toolbar /> : null}
      </div>
      <div class="curves-main">
        <RunList />
        <div class="scroll">
          <ChartSections />
        </div>
      </div>
      <PointDialog />
    </div>
  );
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
