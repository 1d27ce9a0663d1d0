/** What the page shows: signals that the address of the page follows. */
import { computed, signal } from '@preact/signals';
import type { ChartSettings } from '../../model/chart-settings.ts';
import type { Theme } from '../../model/run-colour.ts';
import { DEFAULT_VIEW, type Picked, type Route, type TableSettings } from '../../model/view-url.ts';
import type { Visibility } from '../api/answers.ts';
import { keepText, keptText } from './kept.ts';

/** The part of the page in view. */
export const route = signal<Route>(DEFAULT_VIEW.route);
/** The filter of runs, in the language of the API. */
export const runFilter = signal(DEFAULT_VIEW.filter);
/** How the chosen runs are described. */
export const picked = signal<Picked>(DEFAULT_VIEW.picked);
/** The chosen runs, as ids `ROOT/PATH`. For `match`, the runs that matched when it was last looked. */
export const selectedRuns = signal<readonly string[]>([]);
/** The same, to look one up. */
export const selectedSet = computed(() => new Set(selectedRuns.value));
/** What the table of runs shows. */
export const table = signal<TableSettings>(DEFAULT_VIEW.table);
/** How charts draw. */
export const chartSettings = signal<ChartSettings>(DEFAULT_VIEW.charts);

/** Which runs are listed and drawn, in the words of the API. */
export const shownVisibility = computed<readonly Visibility[]>(() =>
  table.value.withHidden ? ['visible', 'hidden', 'archived'] : ['visible'],
);

/** Changes some settings of the charts. */
export function setCharts(changes: Partial<ChartSettings>): void {
  chartSettings.value = { ...chartSettings.value, ...changes };
}

/** Changes some settings of the table. */
export function setTable(changes: Partial<TableSettings>): void {
  table.value = { ...table.value, ...changes };
}

/** Chooses runs. */
export function selectRuns(ids: Iterable<string>): void {
  const runs = [...new Set(ids)];
  picked.value = runs.length === 0 ? { kind: 'none' } : { kind: 'list', runs };
  selectedRuns.value = runs;
}

const THEME_KEY = 'mirrorboard-theme';
const system = matchMedia('(prefers-color-scheme: dark)');
const systemIsDark = signal(system.matches);
system.addEventListener('change', ({ matches }) => {
  systemIsDark.value = matches;
});

/** What the user chose. It belongs to the person, not to the link. */
export const themeChoice = signal<Theme | 'system'>(readTheme());
/** The colours in use. */
export const theme = computed<Theme>(() => (themeChoice.value === 'system' ? (systemIsDark.value ? 'dark' : 'light') : themeChoice.value));

function readTheme(): Theme | 'system' {
  const kept = keptText('person', THEME_KEY);
  return kept === 'light' || kept === 'dark' ? kept : 'system';
}

/** Keeps the user's choice of colours. */
export function chooseTheme(choice: Theme | 'system'): void {
  themeChoice.value = choice;
  keepText('person', THEME_KEY, choice);
}
