import type { MirrorError } from '../errors.ts';
import { type PageLimits, PageSize, Pages } from './pages.ts';
import type { Failed, Ok } from './reply.ts';

/**
 * A page of a listing, and the server's token for the next one. Any non-empty text means that there is a next page.
 */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly next: unknown;
}

/** A listing that comes in pages. */
export interface Listing<Failure extends Failed> {
  /** `listing the files of the run`, for messages. */
  readonly what: string;
  readonly address: string;
  /** The number of items of a page; it is halved after an answer that was too large. */
  readonly size?: PageSize;
  readonly limits?: PageLimits;
  /** Creates the error to throw. Default: the error of the failure. */
  readonly failed?: (failure: Failure) => Error;
}

/** Yields the items of a listing, page by page. `ask` gets the token of the page; the first page has none. */
export async function* eachPage<Item, Failure extends Failed & { readonly error: MirrorError }>(
  { what, address, size = new PageSize(1), limits, failed = ({ error }) => error }: Listing<Failure>,
  ask: (token: string | undefined, most: number) => Promise<Ok<Page<Item>> | Failure>,
): AsyncGenerator<readonly Item[], void, void> {
  const pages = new Pages(what, address, limits);
  let token: string | undefined;
  for (;;) {
    const reply = await ask(token, size.most);
    if (reply.kind !== 'ok') {
      if (!size.shrinkFor(reply.error)) throw failed(reply);
      continue;
    }
    const { items, next } = reply.value;
    yield items;
    token = pages.next(next, items.length, items);
    if (token === undefined) return;
  }
}
