/** Keeps the address of the page and the view the same. Each step that a person takes is one step back. */
import { batch, effect, untracked } from '@preact/signals';
import { type View, viewOf, viewText } from '../../model/view-url.ts';
import { chartSettings, picked, route, runFilter, selectedRuns, table } from './view.ts';

/** Letters of a filter and moves of a slider that follow each other faster than this are one step. */
const ONE_STEP_MS = 800;

function current(): View {
  return { route: route.value, filter: runFilter.value, picked: picked.value, table: table.value, charts: chartSettings.value };
}

function show(view: View): void {
  batch(() => {
    route.value = view.route;
    runFilter.value = view.filter;
    table.value = view.table;
    chartSettings.value = view.charts;
    picked.value = view.picked;
    if (view.picked.kind === 'list') selectedRuns.value = view.picked.runs;
    else if (view.picked.kind === 'none') selectedRuns.value = [];
  });
}

/** Returns the address of the view with some other parts. */
export function linkTo(changes: Partial<View>): string {
  return `#${viewText({ ...current(), ...changes })}`;
}

function changedParts(before: View, after: View): string {
  const parts = Object.keys(after) as (keyof View)[];
  return parts.filter((part) => before[part] !== after[part]).join();
}

/** Reads the address, and follows both from now on. */
export function followAddress(): void {
  // As this page would write it: an address that a person typed is not written again.
  let written = '';
  const read = (): void => {
    const view = viewOf(location.hash);
    written = `#${viewText(view)}`;
    show(view);
  };
  read();
  addEventListener('popstate', read);
  let before = current();
  let lastMs = Number.NEGATIVE_INFINITY;
  let lastParts = '';
  effect(() => {
    const view = current();
    const text = `#${viewText(view)}`;
    untracked(() => {
      const parts = changedParts(before, view);
      before = view;
      if (text === written) return;
      written = text;
      const now = performance.now();
      const isSameStep = now - lastMs < ONE_STEP_MS && parts === lastParts && (parts === 'filter' || parts === 'charts');
      lastMs = now;
      lastParts = parts;
      if (isSameStep) history.replaceState(null, '', text);
      else history.pushState(null, '', text);
    });
  });
}
