/** Reads the events of a task: all events of a type, each once, even if the server's pages leave some out. */
import { inflateSync } from 'node:zlib';
import { MirrorError, messageOf } from '../../errors.ts';
import { type AnswerFields, PageSize, Pages, valueOrThrow, wholeNumber } from '../../http/index.ts';
import type { ClearmlReply, Fields } from './answers.ts';
import type { ClearmlClient } from './client.ts';
import { namesOf } from './keys.ts';
import { EVENTS_OF_A_STEP, EVENTS_PER_PAGE, METRICS_PER_FILTER, PLOTS_PER_PAGE } from './limits.ts';

/** Bytes of the longest plot that is unpacked. */
const MOST_PLOT_BYTES = 64 * 1024 * 1024;

/** The source of a task's events. */
export interface EventSource extends FileSource {
  /**
   * Reads events as they were written, in pages. `tags`: those that the task may hold, for a server that does not
   * list all of its own.
   */
  pages(type: string, signal: AbortSignal, tags?: () => Iterable<string>): AsyncIterable<readonly Fields[]>;
}

/** The source of a task's files. */
export interface FileSource {
  /** True if the source can read an address. */
  hasFile(url: string): boolean;
  /** Reads a file by its address in an event or an artifact. */
  file(url: string, signal: AbortSignal): Promise<Buffer>;
  /** Returns the length of a file in bytes; undefined if there is none. */
  lengthOf(url: string, signal: AbortSignal): Promise<number | undefined>;
}

type Step = number | bigint;

/** The requested events: those of some variants of a metric, or all that the metric has. */
interface Filter {
  readonly metric: string;
  readonly variants?: readonly string[];
}

interface Page {
  readonly events: readonly Fields[];
  /** The step of the last event. */
  readonly last: Step | undefined;
  readonly total: number;
}

/** Reads all events of a type that a task holds, each once. */
export function taskEvents(
  client: ClearmlClient,
  task: string,
  type: string,
  signal: AbortSignal,
  tags: () => Iterable<string> = () => [],
): AsyncGenerator<readonly Fields[]> {
  return new TaskEvents(client, task, type, signal).all(tags);
}

class TaskEvents {
  readonly #client: ClearmlClient;
  readonly #task: string;
  readonly #type: string;
  readonly #signal: AbortSignal;
  /**
   * Page size, smaller if an answer would be too large: a scroll id tells where the next page begins, not how long it
   * is.
   */
  readonly #size: PageSize;
  /** Number of all events, as the server counts them. */
  #total = 0;
  #given = 0;
  /** Variants by their metrics, for events at steps that no page holds completely. */
  readonly #names = new Map<string, Set<string>>();

  constructor(client: ClearmlClient, task: string, type: string, signal: AbortSignal) {
    this.#client = client;
    this.#task = task;
    this.#type = type;
    this.#signal = signal;
    this.#size = new PageSize(type === 'plot' ? PLOTS_PER_PAGE : EVENTS_PER_PAGE);
  }

  async *all(tags: () => Iterable<string>): AsyncGenerator<readonly Fields[]> {
    const crowded = new Set<string>();
    yield* this.#counted(this.#read([], crowded));
    if (crowded.size === 0) return;
    yield* this.#counted(this.#crowd(await this.#filters(tags), crowded));
    if (this.#given < this.#total) throw this.#leftOut(`${this.#total - this.#given} of ${this.#total} events`);
  }

  async *#counted(pages: AsyncIterable<readonly Fields[]>): AsyncGenerator<readonly Fields[]> {
    for await (const events of pages) {
      this.#given += events.length;
      if (events.length > 0) yield events;
    }
  }

  /**
   * Reads events of some names, except at steps that a page does not hold completely: it notes these. A server treats
   * a scroll id that means step 0 as if it meant nothing, and begins again. So the events after step 0 are read from
   * the other end.
   */
  async *#read(metrics: readonly Filter[], crowded: Set<string>): AsyncGenerator<readonly Fields[]> {
    let seen = 0;
    let total = 0;
    for await (const page of this.#pages('asc', metrics)) {
      seen += page.events.length;
      total = Math.max(total, page.total);
      if (metrics.length === 0) this.#total = total;
      yield this.#withoutCrowd(page, crowded);
      if (Number(page.last) !== 0) continue;
      // Some servers count only up to the length of a page.
      if (seen >= total && total > 0 && total < EVENTS_PER_PAGE) return;
      for await (const later of this.#pages('desc', metrics)) {
        const events = later.events.filter((event) => isBehindZero(stepOf(event)));
        yield this.#withoutCrowd({ ...later, events }, crowded);
        if (events.length < later.events.length) return;
      }
      return;
    }
  }

  /**
   * Reads events at steps of which a page holds only a part: with fewer names at a time, until each page holds all.
   */
  async *#crowd(filters: readonly Filter[], steps: ReadonlySet<string>): AsyncGenerator<readonly Fields[]> {
    for (let at = 0; at < filters.length; at += METRICS_PER_FILTER) {
      const group = filters.slice(at, at + METRICS_PER_FILTER);
      const still = new Set<string>();
      for await (const events of this.#read(group, still)) yield atSteps(events, steps);
      const left = new Set([...still].filter((step) => steps.has(step)));
      if (left.size > 0) yield* this.#parted(group, left);
    }
  }

  async *#parted(group: readonly Filter[], steps: ReadonlySet<string>): AsyncGenerator<readonly Fields[]> {
    const [only] = group;
    if (only === undefined) return;
    if (group.length > 1) yield* this.#crowdOfHalves(group, steps);
    else if (this.#type !== 'training_stats_scalar' || !(yield* this.#scalarsOf(only.metric, steps))) yield* this.#byVariants(only, steps);
  }

  async *#byVariants({ metric, variants: asked }: Filter, steps: ReadonlySet<string>): AsyncGenerator<readonly Fields[]> {
    const variants = [...(asked ?? this.#names.get(metric) ?? [])];
    if (variants.length < 2) throw this.#leftOut(`all events of ${metric} at step ${[...steps][0]}`);
    const half = variants.length >> 1;
    for (const part of [variants.slice(0, half), variants.slice(half)]) yield* this.#crowd([{ metric, variants: part }], steps);
  }

  async *#crowdOfHalves(group: readonly Filter[], steps: ReadonlySet<string>): AsyncGenerator<readonly Fields[]> {
    const half = group.length >> 1;
    yield* this.#crowd(group.slice(0, half), steps);
    yield* this.#crowd(group.slice(half), steps);
  }

  /**
   * Reads all scalars of a metric, in pages whose position the server keeps by itself. Returns false if this server
   * has no such pages.
   */
  async *#scalarsOf(metric: string, steps: ReadonlySet<string>): AsyncGenerator<readonly Fields[], boolean> {
    const pages = new Pages(`reading the metric ${metric}`, this.#client.address);
    let scroll: string | undefined;
    for (let number = 0; ; number++) {
      const body = { task: this.#task, metric, ...(scroll === undefined ? {} : { scroll_id: scroll }) };
      const reply = await this.#client.call(`reading the metric ${metric}`, 'events.get_scalar_metric_data', body, this.#signal);
      if (number === 0 && lacksEndpoint(reply)) return false;
      const page = valueOrThrow(reply);
      const events = page.records('events');
      scroll = page.text('scroll_id', '');
      if (events.length === 0 || scroll === '') return true;
      yield atSteps(events, steps);
      // The scroll id is the same for every page, so the number identifies the page.
      pages.next(`${number}`, events.length, events);
    }
  }

  /**
   * Returns the names by which the crowded steps are read: seen ones, expected ones, and those that the server lists.
   * It does not list all of them, and some servers list none. If events have no known name, the count shows that they
   * are missing.
   */
  async #filters(tags: () => Iterable<string>): Promise<readonly Filter[]> {
    const metrics = new Set(this.#names.keys());
    const body = { tasks: [this.#task], event_type: this.#type };
    const reply = await this.#client.call('listing metrics', 'events.get_task_metrics', body, this.#signal);
    const listed = lacksEndpoint(reply) ? [] : valueOrThrow(reply).list('metrics');
    for (const task of listed) for (const metric of task.texts('metrics')) metrics.add(metric);
    for (const tag of tags()) {
      const { metric, variant } = namesOf(tag);
      metrics.add(metric);
      this.#names.get(metric)?.add(variant);
    }
    return [...metrics].map((metric) => ({ metric }));
  }

  async *#pages(order: 'asc' | 'desc', metrics: readonly Filter[]): AsyncGenerator<Page> {
    const pages = new Pages('reading events', this.#client.address);
    let scroll: string | undefined;
    for (;;) {
      const body = {
        task: this.#task,
        event_type: this.#type,
        batch_size: this.#size.most,
        order,
        ...(metrics.length === 0 ? {} : { metrics }),
        ...(scroll === undefined ? {} : { scroll_id: scroll }),
      };
      const reply = await this.#client.call('reading events', 'events.get_task_events', body, this.#signal);
      if (reply.kind !== 'ok' && this.#size.shrinkFor(reply.error)) continue;
      const page: AnswerFields = valueOrThrow(reply);
      const events = page.records('events');
      if (events.length === 0) return;
      yield { events, last: stepOf(events.at(-1) as Fields), total: page.number('total', 0) };
      scroll = pages.next(page.text('scroll_id', ''), events.length, events);
      if (scroll === undefined) return;
    }
  }

  /** Leaves out the step with which a page ends if the page may hold only a part of it. */
  #withoutCrowd({ events, last }: Page, crowded: Set<string>): readonly Fields[] {
    if (events.length < EVENTS_OF_A_STEP) return events;
    const step = String(last);
    const others = events.filter((event) => String(stepOf(event)) !== step);
    if (events.length - others.length < EVENTS_OF_A_STEP) return events;
    crowded.add(step);
    for (const { metric, variant } of events) {
      if (typeof metric !== 'string' || typeof variant !== 'string') continue;
      const variants = this.#names.get(metric);
      if (variants === undefined) this.#names.set(metric, new Set([variant]));
      else variants.add(variant);
    }
    return others;
  }

  #leftOut(what: string): MirrorError {
    return new MirrorError('MB4006', `the ClearML server does not return ${what} of the task ${this.#task}`, {
      hint: `It returns at most ${EVENTS_OF_A_STEP} of one step, and does not list more names. So mirrorboard cannot compare the task.`,
      context: { task: this.#task },
    });
  }
}

/** True if the server seems to lack an endpoint, as another version may. Then its other answers must be enough. */
function lacksEndpoint(reply: ClearmlReply<AnswerFields>): boolean {
  return reply.kind !== 'ok' && (reply.cause === 'address' || reply.cause === 'refused');
}

function atSteps(events: readonly Fields[], steps: ReadonlySet<string>): readonly Fields[] {
  return events.filter((event) => steps.has(String(stepOf(event))));
}

function isBehindZero(step: Step | undefined): boolean {
  return step !== undefined && step > 0;
}

/** Returns the text of a plot. Long plots come compressed. */
export function plotText(event: Fields): string | undefined {
  const { plot_str: text, plot_data: packed } = event;
  if (typeof text === 'string' && text !== '') return text;
  if (typeof packed !== 'string') return undefined;
  // A few bytes may unpack to gigabytes.
  try {
    return inflateSync(Buffer.from(packed, 'base64'), { maxOutputLength: MOST_PLOT_BYTES }).toString('utf8');
  } catch (cause) {
    throw new MirrorError('MB4005', `a plot of the task cannot be unpacked: ${messageOf(cause)}`, { cause });
  }
}

/** Returns a step as it was written; undefined for none. */
export function stepOf({ iter }: Fields): Step | undefined {
  return wholeNumber(iter);
}
