/** Keeps the address of the page and the view the same. Each step that a person takes is one step back. */
import { batch, effect, untracked } from '@preact/signals';
import { type View, viewOf, viewText } from '../../model/view-url.ts';
import { chartSettings, picked, route, runFilter, selectedRuns, table } from './view.ts';

/** Changes that follow each other faster than this, such as letters of a filter, are one step. */
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
  let lastMs = 0;
  let lastRoute = route.peek();
  effect(() => {
    const view = current();
    const text = `#${viewText(view)}`;
    untracked(() => {
      if (text === written) return;
      written = text;
      const now = performance.now();
      const isStep = now - lastMs > ONE_STEP_MS || view.route !== lastRoute;
      lastMs = now;
      lastRoute = view.route;
      if (isStep) history.pushState(null, '', text);
      else history.replaceState(null, '', text);
    });
  });
}
