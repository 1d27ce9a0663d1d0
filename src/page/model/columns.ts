/** The columns of the table of runs: `points`, `last_step`, …, `last:TAG`, `min:TAG`, `max:TAG`, `param:NAME`. */

/** What a column shows. */
export interface Column {
  /** Its name in links; also the API's `order`, if it can be sorted. */
  readonly key: string;
  readonly title: string;
  readonly kind: 'count' | 'bytes' | 'time' | 'step' | 'metric' | 'param';
  readonly canSort: boolean;
  /** The tag or param. */
  readonly name?: string;
  /** The number of a metric. */
  readonly of?: 'last' | 'min' | 'max';
}

/** The columns that every run has. */
export const PLAIN_COLUMNS: readonly Column[] = [
  { key: 'last_step', title: 'Last step', kind: 'step', canSort: true },
  { key: 'points', title: 'Points', kind: 'count', canSort: true },
  { key: 'tags', title: 'Tags', kind: 'count', canSort: false },
  { key: 'files', title: 'Files', kind: 'count', canSort: false },
  { key: 'bytes', title: 'Size', kind: 'bytes', canSort: false },
  { key: 'first_wall_time', title: 'Started', kind: 'time', canSort: true },
  { key: 'last_wall_time', title: 'Last point', kind: 'time', canSort: true },
];

/** Returns the column of a key; undefined if there is none. */
export function columnOf(key: string): Column | undefined {
  const plain = PLAIN_COLUMNS.find((one) => one.key === key);
  if (plain !== undefined) return plain;
  const [, kind, name] = /^(last|min|max|param):(.+)$/s.exec(key) ?? [];
  if (name === undefined) return undefined;
  if (kind === 'param') return { key, title: name, kind: 'param', canSort: true, name };
  const of = kind as 'last' | 'min' | 'max';
  return { key, title: of === 'last' ? name : `${of} ${name}`, kind: 'metric', canSort: true, name, of };
}

/** Returns the columns of some keys, without those that are none. */
export function columnsOf(keys: readonly string[]): readonly Column[] {
  return [...new Set(keys)].flatMap((key) => columnOf(key) ?? []);
}

/** Returns the order after a click on a column: numbers and times begin with the largest. */
export function nextOrder(order: string, { key, kind }: Pick<Column, 'key' | 'kind'>): string {
  if (order === key) return `-${key}`;
  if (order === `-${key}`) return key;
  return kind === 'metric' || kind === 'param' ? key : `-${key}`;
}

/** Returns the text of a param: texts as they are, everything else as JSON. */
export function paramText(value: unknown): string {
  if (value === undefined) return '';
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}
