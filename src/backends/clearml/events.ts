/** Reading what a task holds: all events of a type, page by page. */
import { createHash } from 'node:crypto';
import { inflateSync } from 'node:zlib';
import { MirrorError, messageOf } from '../../errors.ts';
import { isTooLarge, Pages, wholeNumber } from '../../http/index.ts';
import { type Fields, valueOrThrow } from './answers.ts';
import type { ClearmlClient } from './client.ts';
import { EVENTS_PER_PAGE, PLOTS_PER_PAGE } from './limits.ts';

/** Longest plot that is unpacked. */
const MOST_PLOT_BYTES = 64 * 1024 * 1024;

/** A page that was too large is asked for again as a tenth. */
const SMALLER = 10;
/** Events that are kept in mind, in case that all begins anew with smaller pages. */
const MOST_GIVEN = 100_000;

/** Where events are read from. */
export interface EventSource extends FileSource {
  /** Events as they were written, in pages. */
  pages(type: string, signal: AbortSignal): AsyncIterable<readonly Fields[]>;
}

/** Where the files of a task are read from. */
export interface FileSource {
  /** Whether it can be asked for an address. */
  hasFile(url: string): boolean;
  /** A file by its address in an event or an artifact. */
  file(url: string, signal: AbortSignal): Promise<Buffer>;
  /** Its length; undefined where there is none. */
  lengthOf(url: string, signal: AbortSignal): Promise<number | undefined>;
}

/** Pages are smaller where they would be too large: how long they are is said with the first one, so all begins anew then. */
export async function* taskEvents(
  client: ClearmlClient,
  task: string,
  type: string,
  signal: AbortSignal,
): AsyncGenerator<readonly Fields[]> {
  const given = new GivenEvents();
  let most = type === 'plot' ? PLOTS_PER_PAGE : EVENTS_PER_PAGE;
  while ((yield* pagesOf(client, { task, type, most }, given, signal)) === 'tooLarge') most = Math.ceil(most / SMALLER);
}

async function* pagesOf(
  client: ClearmlClient,
  { task, type, most }: { readonly task: string; readonly type: string; readonly most: number },
  given: GivenEvents,
  signal: AbortSignal,
): AsyncGenerator<readonly Fields[], 'done' | 'tooLarge', void> {
  const pages = new Pages('reading events', client.address);
  let scroll: string | undefined;
  const before = given.count;
  for (;;) {
    const body = { task, event_type: type, batch_size: most, order: 'asc', ...(scroll === undefined ? {} : { scroll_id: scroll }) };
    const reply = await client.call('reading events', 'events.get_task_events', body, signal);
    if (reply.kind !== 'ok' && isTooLarge(reply.error) && most > 1 && given.canTell) return 'tooLarge';
    const page = valueOrThrow(reply);
    const events = page.records('events');
    if (events.length === 0) return 'done';
    const fresh = before === 0 ? events : events.filter((event) => !given.has(event));
    given.add(fresh);
    if (fresh.length > 0) yield fresh;
    scroll = pages.next(page.text('scroll_id', ''), events.length);
    if (scroll === undefined) return 'done';
  }
}

/** Events that were given already, for when all begins anew. */
class GivenEvents {
  readonly #hashes = new Set<string>();
  count = 0;

  /** Whether they can be told from others: so many are kept in mind, and no more. */
  get canTell(): boolean {
    return this.count <= MOST_GIVEN;
  }

  has(event: Fields): boolean {
    return this.#hashes.has(hashOf(event));
  }

  add(events: readonly Fields[]): void {
    this.count += events.length;
    if (!this.canTell) this.#hashes.clear();
    else for (const event of events) this.#hashes.add(hashOf(event));
  }
}

function hashOf({ key, metric, variant, iter, timestamp, url, value }: Fields): string {
  return createHash('sha1')
    .update(JSON.stringify([key, metric, variant, iter, timestamp, url, value]))
    .digest('base64');
}

/** Long plots come packed. */
export function plotText(event: Fields): string | undefined {
  const { plot_str: text, plot_data: packed } = event;
  if (typeof text === 'string' && text !== '') return text;
  if (typeof packed !== 'string') return undefined;
  // A few bytes may say that they are gigabytes.
  try {
    return inflateSync(Buffer.from(packed, 'base64'), { maxOutputLength: MOST_PLOT_BYTES }).toString('utf8');
  } catch (cause) {
    throw new MirrorError('MB4005', `a plot of the task cannot be unpacked: ${messageOf(cause)}`, { cause });
  }
}

/** A step as it was written; undefined for none. */
export function stepOf({ iter }: Fields): number | bigint | undefined {
  return wholeNumber(iter);
}
