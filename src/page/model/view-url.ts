/** The whole view as the short text of a link, and back. What is as in a new view does not stand in it. */
import { type ChartSettings, DEFAULT_CHART_SETTINGS, MOST_SMOOTHING } from './chart-settings.ts';
import { runSetText, runsOfSet } from './run-set.ts';

/** The page's parts. */
export type Route =
  | { readonly view: 'runs' }
  | { readonly view: 'curves' }
  | { readonly view: 'lanes' }
  | { readonly view: 'run'; readonly run: string };

/** The chosen runs: a list, all that match a regular expression, or the newest ones. */
export type Picked =
  | { readonly kind: 'list'; readonly runs: readonly string[] }
  | { readonly kind: 'match'; readonly regex: string }
  | { readonly kind: 'none' };

/** What the table of runs shows. */
export interface TableSettings {
  /** As the API's `order`. */
  readonly order: string;
  /** The columns besides the name: `points`, `last:TAG`, `min:TAG`, `max:TAG`, `param:NAME`, … */
  readonly columns: readonly string[];
  /** What puts rows together: a regular expression, `param:NAME`, or nothing. */
  readonly groupBy: string;
  /** True if hidden and archived runs are listed too. */
  readonly withHidden: boolean;
}

/** Everything that a link carries. */
export interface View {
  readonly route: Route;
  /** The filter of runs, in the language of the API. */
  readonly filter: string;
  readonly picked: Picked;
  readonly table: TableSettings;
  readonly charts: ChartSettings;
}

/** The columns of a new view. */
export const DEFAULT_COLUMNS: readonly string[] = ['first_wall_time', 'last_wall_time', 'last_step', 'points'];

/** What the page shows at first. */
export const DEFAULT_VIEW: View = {
  route: { view: 'runs' },
  filter: '',
  picked: { kind: 'none' },
  table: { order: '-first_wall_time', columns: DEFAULT_COLUMNS, groupBy: '', withHidden: false },
  charts: DEFAULT_CHART_SETTINGS,
};

/** Characters that links keep as they are, and that do not end a part of ours. */
const READABLE = /%(?:2F|3A|2C|28|29|2A|40|21|24|27|3B|3D|5B|5D|3F|7C)/g;

function escaped(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(READABLE, decodeURIComponent).replaceAll('%20', '+');
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', '%20'));
  } catch {
    return text;
  }
}

/** Lists of names: a comma ends a name, and a backslash keeps the next character. */
function listText(names: readonly string[]): string {
  return names.map((name) => name.replace(/[\\,]/g, '\\$&')).join(',');
}

function listOf(text: string): readonly string[] {
  return [...text.matchAll(/((?:\\.|[^\\,])*)(?:,|$)/gs)]
    .slice(0, -1)
    .map(([, name = '']) => name.replace(/\\(.)/gs, '$1'))
    .filter((name) => name !== '');
}

/** Returns the text of a view, to stand after `#`. */
export function viewText({ route, filter, picked, table, charts }: View): string {
  const parts: string[] = [];
  const add = (name: string, value: string, usual = ''): void => {
    if (value !== usual) parts.push(`${name}=${escaped(value)}`);
  };
  const d = DEFAULT_VIEW;
  if (route.view === 'run') add('run', route.run);
  add('filter', filter);
  if (picked.kind === 'list') parts.push(`runs=${escaped(runSetText(picked.runs))}`);
  if (picked.kind === 'match') parts.push(`match=${escaped(picked.regex)}`);
  add('order', table.order, d.table.order);
  if (listText(table.columns) !== listText(DEFAULT_COLUMNS)) parts.push(`columns=${escaped(listText(table.columns))}`);
  add('group', table.groupBy);
  if (table.withHidden) add('hidden', 'true');
  add('tab', charts.tab, d.charts.tab);
  add('tags', charts.tagFilter);
  add('pins', listText(charts.pins));
  add('smooth', String(charts.smoothing), '0');
  add('x', charts.x, d.charts.x);
  add('xscale', charts.xScale, d.charts.xScale);
  add('yscale', charts.yScale, d.charts.yScale);
  if (charts.ignoreOutliers) add('outliers', 'ignore');
  add('shown', charts.shown, d.charts.shown);
  if (charts.xRange !== null) add('range', charts.xRange.join('..'));
  add('seeds', charts.groupBy);
  return `/${route.view}${parts.length === 0 ? '' : `?${parts.join('&')}`}`;
}

/** Returns the view of a text, with or without `#`. What it does not say, or says wrongly, is as in a new view. */
export function viewOf(text: string): View {
  const [path = '', query = ''] = split(text.replace(/^#/, ''), '?');
  const given = new Map(
    query.split('&').map((part) => {
      const [name, value] = split(part, '=');
      return [name, unescaped(value)] as const;
    }),
  );
  const d = DEFAULT_VIEW;
  const get = (name: string, usual = ''): string => given.get(name) ?? usual;
  const one = <Word extends string>(name: string, words: readonly Word[]): Word | undefined => words.find((word) => word === get(name));
  const columns = given.get('columns');
  const scales = ['linear', 'log', 'arcsinh'] as const;
  return {
    route: routeOf(path.replace(/^\//, ''), get('run')),
    filter: get('filter'),
    picked: given.has('runs')
      ? { kind: 'list', runs: runsOfSet(get('runs')) }
      : given.has('match')
        ? { kind: 'match', regex: get('match') }
        : { kind: 'none' },
    table: {
      order: get('order', d.table.order),
      columns: columns === undefined ? DEFAULT_COLUMNS : listOf(columns),
      groupBy: get('group'),
      withHidden: get('hidden') === 'true',
    },
    charts: {
      smoothing: numberIn(get('smooth'), 0, MOST_SMOOTHING) ?? 0,
      x: one('x', ['step', 'wall', 'relative']) ?? d.charts.x,
      xScale: one('xscale', scales) ?? d.charts.xScale,
      yScale: one('yscale', scales) ?? d.charts.yScale,
      ignoreOutliers: get('outliers') === 'ignore',
      shown: one('shown', ['tensorboard', 'python', 'all']) ?? d.charts.shown,
      xRange: rangeOf(get('range')),
      tagFilter: get('tags'),
      pins: listOf(get('pins')),
      groupBy: get('seeds'),
      tab: get('tab', d.charts.tab),
    },
  };
}

function routeOf(name: string, run: string): Route {
  if (name === 'run' && run !== '') return { view: 'run', run };
  return name === 'curves' || name === 'lanes' ? { view: name } : { view: 'runs' };
}

function numberIn(text: string, least: number, most: number): number | undefined {
  const value = Number(text);
  return text.trim() !== '' && value >= least && value <= most ? value : undefined;
}

function rangeOf(text: string): readonly [number, number] | null {
  const ends = text.split('..').map((end) => numberIn(end, -Number.MAX_VALUE, Number.MAX_VALUE));
  const [from, to] = ends;
  return ends.length === 2 && from !== undefined && to !== undefined && from < to ? [from, to] : null;
}

function split(text: string, at: string): readonly [string, string] {
  const place = text.indexOf(at);
  return place < 0 ? [text, ''] : [text.slice(0, place), text.slice(place + 1)];
}
