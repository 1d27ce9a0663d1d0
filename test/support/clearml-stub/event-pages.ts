// How a ClearML server gives events back, with its traps: a page that ends at step 0 can't be continued (its scroll id
// stands for the beginning), and of the step it ends with a page holds 10,000 at most.
import { deflateSync } from 'node:zlib';
import { type Fields, newId, Refused, type Store, type StoredEvent } from './store.ts';

const PACKED_LENGTH = 100_000;
/** Most that the search store gives at once. */
const WINDOW = 10_000;
const MOST_METRICS = 8000;
const METRIC_PAGE = 500;

interface Scroll {
  readonly after: string | undefined;
  readonly total: number;
  readonly request: Fields;
}

/** The data of `events.get_task_events`, as JSON text: numbers are given as they came. */
export function taskEvents(store: Store, body: Fields): string {
  const task = String(body['task']);
  if (!store.tasks.has(task)) throw new Refused(400, 101, `Invalid task id: ids=(${task})`);
  const scroll = body['scroll_id'] === undefined ? undefined : scrollOf(String(body['scroll_id']));
  // Of the first request all stands but the size.
  const request = scroll === undefined ? body : { ...scroll.request, batch_size: body['batch_size'] ?? scroll.request['batch_size'] };
  const { event_type: kind = 'all', batch_size: size = 500, order = 'asc', metrics } = request;
  if (Number(size) > WINDOW) throw new Refused(500, 100, `General data error: Result window is too large: [${WINDOW}] but was [${size}]`);
  const all = store.eventsOf(task, kind === 'all' ? undefined : String(kind)).filter(isMeant(metrics));
  const total = scroll?.total ?? all.length;
  if (scroll !== undefined && scroll.after === undefined) return pageText([], total, String(body['scroll_id']));
  const after = BigInt(scroll?.after ?? 0);
  if (order === 'desc') all.reverse();
  // A 0 is nothing to it.
  const rest = after === 0n ? all : all.filter(({ iter }) => (order === 'desc' ? iter < after : iter > after));
  const head = rest.slice(0, Number(size));
  const last = head.at(-1)?.iter;
  const there = new Set(head);
  const atLast = all.filter(({ iter }) => iter === last).slice(0, WINDOW);
  const page = [...head, ...atLast.filter((event) => !there.has(event))];
  const next: Scroll = { after: last === undefined ? undefined : String(last), total, request };
  return pageText(page, total, Buffer.from(JSON.stringify(next)).toString('base64url'));
}

/** The same of `events.get_scalar_metric_data`: a cursor that the server keeps, under one name. */
export class MetricScrolls {
  readonly #left = new Map<string, StoredEvent[]>();

  page(store: Store, { task, metric, scroll_id: scroll }: Fields): string {
    store.task(task);
    const all = store.eventsOf(String(task), 'training_stats_scalar').filter(({ fields }) => fields['metric'] === metric);
    const id = scroll === undefined ? newId() : String(scroll);
    const left = scroll === undefined ? all.toReversed() : (this.#left.get(id) ?? []);
    this.#left.set(id, left.slice(METRIC_PAGE));
    const page = left.slice(0, METRIC_PAGE);
    return pageText(page, all.length, page.length === 0 ? 'FFFF' : id);
  }
}

/** Metrics of a task in their order; not all, where there are many. */
export function taskMetrics(store: Store, { tasks, event_type: kind }: Fields): Fields {
  return {
    metrics: (tasks as string[]).map((task) => {
      store.task(task);
      const names = new Set(store.eventsOf(task, String(kind)).map(({ fields }) => String(fields['metric'])));
      return { task, metrics: [...names].sort().slice(0, MOST_METRICS) };
    }),
  };
}

function scrollOf(text: string): Scroll {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as Scroll;
  } catch {
    throw new Refused(400, 1104, `Invalid scroll id: scroll_id=${text}`);
  }
}

function isMeant(metrics: unknown): (event: StoredEvent) => boolean {
  if (!Array.isArray(metrics) || metrics.length === 0) return () => true;
  if (metrics.length > 1024) throw new Refused(500, 100, 'General data error: too_many_clauses');
  const variants = new Map((metrics as Fields[]).map((one) => [one['metric'], (one['variants'] ?? []) as unknown[]]));
  return ({ fields }) => {
    const wanted = variants.get(fields['metric']);
    return wanted !== undefined && (wanted.length === 0 || wanted.includes(fields['variant']));
  };
}

function pageText(page: readonly StoredEvent[], total: number, scroll: string): string {
  const head = JSON.stringify({ returned: page.length, total, scroll_id: scroll });
  return `${head.slice(0, -1)},"events":[${page.map(textOf).join(',')}]}`;
}

/** As it came, with who sent it. Long plots are stored packed, and come so. */
function textOf({ text, fields, iter, kind }: StoredEvent): string {
  const plot = fields['plot_str'];
  if (kind !== 'plot' || typeof plot !== 'string' || plot.length < PACKED_LENGTH) return `${text.slice(0, -1)},"worker":"<unknown>"}`;
  const { plot_str: _, ...rest } = fields;
  return JSON.stringify({ ...rest, iter: '@iter@', plot_data: deflateSync(plot).toString('base64') }).replace('"@iter@"', String(iter));
}
