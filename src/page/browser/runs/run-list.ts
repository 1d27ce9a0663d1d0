/** The runs of the table: pages of the API in order, fetched when they come into view, and again when they changed. */
import { signal } from '@preact/signals';
import type { Run, RunPage, Visibility } from '../api/answers.ts';
import { get, isAbort, type Params } from '../api/client.ts';

/** What is listed. */
export interface Listing {
  readonly filter: string;
  /** As the API's `order`. */
  readonly order: string;
  readonly metrics: readonly string[];
  readonly params: readonly string[];
  readonly visibility: readonly Visibility[];
}

/** Runs at a time: the first page is small, since everybody waits for it. */
const FIRST = 100;
const NEXT = 300;
/** For a user who jumps far ahead. */
const LARGE = 2000;

interface Page {
  readonly start: number;
  /** The cursor that begins it; undefined for the first. */
  readonly cursor: string | undefined;
  readonly limit: number;
  runs: readonly Run[];
  isStale: boolean;
}

/** The parameters that select and describe runs. */
export function listingParams({ filter, order, metrics, params, visibility }: Listing): Params {
  return {
    filter: filter.trim() === '' ? undefined : filter,
    order,
    metric: metrics,
    param: params,
    lanes: true,
    visibility,
  };
}

/** Keeps the pages of one listing. */
export class RunList {
  /** The number of runs; undefined before the first answer. */
  readonly total = signal<number | undefined>(undefined);
  /** Counts up with everything that arrives. */
  readonly version = signal(0);
  /** The last failure; undefined while all is well. */
  readonly failure = signal<unknown>(undefined);
  readonly listing: Listing;
  #pages: Page[] = [];
  /** The cursor after the last page: undefined at the start, null at the end. */
  #next: string | null | undefined = undefined;
  readonly #ended = new AbortController();
  #work: Promise<void> | undefined;
  #from = 0;
  #to = FIRST;

  constructor(listing: Listing) {
    this.listing = listing;
  }

  /** The run of a row, if it is here. */
  at(row: number): Run | undefined {
    const page = this.#pageOf(row);
    return page?.runs[row - page.start];
  }

  /** The rows whose runs are here, from the first. */
  get known(): number {
    const last = this.#pages.at(-1);
    return last === undefined ? 0 : last.start + last.runs.length;
  }

  /** All runs that are here. */
  *runs(): IterableIterator<Run> {
    for (const page of this.#pages) yield* page.runs;
  }

  /** Says which rows are in view: what is missing or old there is fetched. */
  show(from: number, to: number): void {
    this.#from = from;
    this.#to = to;
    this.#fetch();
  }

  /** Fetches again what is in view, and the rest when it comes into view. */
  refresh(): void {
    for (const page of this.#pages) page.isStale = true;
    this.#fetch();
  }

  /** Replaces runs that changed, where they are. */
  patch(change: (run: Run) => Run): void {
    for (const page of this.#pages) page.runs = page.runs.map(change);
    this.version.value++;
  }

  /** Ends all requests. */
  close(): void {
    this.#ended.abort();
  }

  #pageOf(row: number): Page | undefined {
    return this.#pages.find(({ start, runs }) => row >= start && row < start + runs.length);
  }

  #fetch(): void {
    this.#work ??= this.#run().finally(() => {
      this.#work = undefined;
    });
  }

  async #run(): Promise<void> {
    try {
      while (!this.#ended.signal.aborted && (await this.#step()));
      this.failure.value = undefined;
    } catch (error) {
      if (!isAbort(error)) this.failure.value = error;
    }
  }

  /** Fetches one page that is missing or old; returns false if there is none. */
  async #step(): Promise<boolean> {
    const old = this.#pages.find((page) => page.isStale && page.start < this.#to && page.start + page.runs.length >= this.#from);
    if (old !== undefined) {
      await this.#again(old);
      return true;
    }
    if (this.#next === null || (this.#next !== undefined && this.known >= this.#to)) return false;
    const start = this.known;
    const limit = this.#next === undefined ? FIRST : this.#to - start > NEXT ? LARGE : NEXT;
    const cursor = this.#next;
    const answer = await this.#ask(cursor, limit);
    this.#pages.push({ start, cursor, limit, runs: answer.runs, isStale: false });
    this.#take(answer);
    return true;
  }

  async #again(page: Page): Promise<void> {
    const { total, runs, next } = await this.#ask(page.cursor, page.limit);
    page.isStale = false;
    const isSame = runs.length === page.runs.length;
    page.runs = runs;
    // Runs came or went: the pages after this one begin elsewhere now.
    if (total !== this.total.peek() || !isSame) {
      this.#pages = this.#pages.slice(0, this.#pages.indexOf(page) + 1);
      this.#take({ total, runs, next });
    } else this.version.value++;
  }

  #take({ total, next }: RunPage): void {
    this.#next = next;
    this.total.value = next === null ? this.known : total;
    this.version.value++;
  }

  #ask(cursor: string | undefined, limit: number): Promise<RunPage> {
    return get<RunPage>('/runs', { ...listingParams(this.listing), limit, cursor }, this.#ended.signal);
  }
}
