// How a ClearML server takes a batch of events: 500 at a time, the good ones of a chunk that failed stay, later chunks
// never come.
import { type Fields, Refused, type Store, type StoredEvent } from './store.ts';

const CHUNK = 500;
const MOST = 3.4028234663852886e38;
const KINDS = new Set(['training_stats_scalar', 'training_stats_vector', 'training_debug_image', 'plot', 'log']);
const KNOWN = new Set(['type', 'task', 'metric', 'variant', 'iter', 'timestamp', 'value', 'values', 'key', 'url', 'plot_str', 'worker']);

export interface BatchOptions {
  /** Whether an event is one that this server does not take. */
  isBad(event: Fields): boolean;
  /** Stores the first half, then fails. */
  readonly isPart: boolean;
}

export function addBatch(store: Store, body: string, options: BatchOptions): Fields {
  if (body === '') throw new Refused(400, 17, 'Batch request contains no items');
  const events = body.split(/\r?\n/).flatMap((line, i, all) => (line === '' && i === all.length - 1 ? [] : [parsed(line)]));
  const problems: Record<string, number> = {};
  const ready: StoredEvent[] = [];
  for (const event of events) {
    strict(event.fields);
    const { type, task } = event.fields;
    const found = store.tasks.get(String(task));
    const problem = !KINDS.has(String(type))
      ? `Invalid event type ${String(type)}`
      : found === undefined || found.status === 'published'
        ? `Invalid task id ${String(task)}`
        : undefined;
    if (problem === undefined) ready.push(event);
    else problems[problem] = (problems[problem] ?? 0) + 1;
  }
  let added = 0;
  let failed = 0;
  for (const [i, event] of ready.entries()) {
    if (failed > 0 && i % CHUNK === 0) break;
    if (options.isPart && i >= ready.length / 2) break;
    if (isUnfit(event) || options.isBad(event.fields)) {
      failed++;
      continue;
    }
    store.put(event);
    added++;
  }
  if (failed > 0) throw new Refused(500, 100, `General data error: err=('${failed} document(s) failed to index.', ...)`);
  if (added === 0 && !options.isPart) throw new Refused(400, 131, `Events not added: ${JSON.stringify(problems)}`);
  return { added, errors: Object.values(problems).reduce((sum, n) => sum + n, 0), errors_info: problems };
}

/** Numbers that JSON has not, or that no double is, break the whole request. */
function parsed(line: string): StoredEvent {
  const broken = new Refused(400, 0, 'The browser (or proxy) sent a request that this server could not understand.');
  if (line === '' || /\\ud[89ab][0-9a-f]{2}(?!\\ud[c-f])/i.test(line)) throw broken;
  let fields: Fields;
  try {
    fields = JSON.parse(line) as Fields;
  } catch {
    throw broken;
  }
  const digits = /,"iter":(-?\d+),/.exec(line)?.[1];
  if (typeof fields !== 'object' || fields === null) throw broken;
  if (fields['value'] === Infinity || fields['value'] === -Infinity) throw broken;
  const kind = String(fields['type']);
  return { kind, task: String(fields['task']), iter: BigInt(digits ?? Number(fields['iter'] ?? 0)), text: line, fields };
}

function strict(event: Fields): void {
  const odd = Object.keys(event).filter((name) => !KNOWN.has(name));
  if (odd.length > 0) throw new Refused(400, 12, `contract: unknown event field(s): ${odd.join(', ')}`);
  const { iter, timestamp, metric, variant, type, key, url, plot_str: plot } = event;
  if (!Number.isInteger(iter)) throw new Refused(400, 12, `contract: iter must be an integer, got ${String(iter)}`);
  if (!Number.isInteger(timestamp) || (timestamp as number) < 0)
    throw new Refused(400, 12, `contract: timestamp, got ${String(timestamp)}`);
  if (typeof metric !== 'string' || typeof variant !== 'string') throw new Refused(400, 12, 'contract: metric and variant must be texts');
  if (typeof key !== 'string' || key === '') throw new Refused(400, 12, 'contract: an event of a mirror has a key');
  if (type === 'training_debug_image' && (typeof url !== 'string' || url === ''))
    throw new Refused(400, 12, 'contract: a sample needs a url');
  if (type !== 'training_debug_image' && key.includes('-')) throw new Refused(400, 12, `contract: a dash in the key ${key}`);
  if (type === 'plot') {
    try {
      JSON.parse(String(plot));
    } catch {
      throw new Refused(400, 12, 'contract: plot_str is not JSON');
    }
  }
}

function isUnfit({ fields, iter }: StoredEvent): boolean {
  const { value, metric, variant } = fields;
  if (value !== undefined && value !== null && (typeof value !== 'number' || Math.abs(value) > MOST)) return true;
  if (iter >= 2n ** 63n || iter < -(2n ** 63n)) return true;
  const names = fields['type'] === 'training_debug_image' ? [metric, variant, fields['key'], fields['url']] : [metric, variant];
  return names.some((name) => Buffer.byteLength(String(name)) > 32_766);
}
