/** Reading what a task holds: all events of a type, page by page. */
import { inflateSync } from 'node:zlib';
import { MirrorError, messageOf } from '../../errors.ts';
import { PageSize, Pages, valueOrThrow, wholeNumber } from '../../http/index.ts';
import type { Fields } from './answers.ts';
import type { ClearmlClient } from './client.ts';
import { EVENTS_PER_PAGE, PLOTS_PER_PAGE } from './limits.ts';

/** Longest plot that is unpacked. */
const MOST_PLOT_BYTES = 64 * 1024 * 1024;

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

/** Pages are smaller where they would be too large: a scroll id says where the next one begins, and not how long it is. */
export async function* taskEvents(
  client: ClearmlClient,
  task: string,
  type: string,
  signal: AbortSignal,
): AsyncGenerator<readonly Fields[]> {
  const pages = new Pages('reading events', client.address);
  const size = new PageSize(type === 'plot' ? PLOTS_PER_PAGE : EVENTS_PER_PAGE);
  let scroll: string | undefined;
  for (;;) {
    const body = { task, event_type: type, batch_size: size.most, order: 'asc', ...(scroll === undefined ? {} : { scroll_id: scroll }) };
    const reply = await client.call('reading events', 'events.get_task_events', body, signal);
    if (reply.kind !== 'ok' && size.shrinkFor(reply.error)) continue;
    const page = valueOrThrow(reply);
    const events = page.records('events');
    if (events.length === 0) return;
    yield events;
    scroll = pages.next(page.text('scroll_id', ''), events.length);
    if (scroll === undefined) return;
  }
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
