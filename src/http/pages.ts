import { createHash } from 'node:crypto';
import { MirrorError } from '../errors.ts';
import { isTooLarge } from './too-large.ts';

/** Bounds of a listing in pages. */
export interface PageLimits {
  /** Default 100 000. */
  readonly pages?: number;
  /** Limit of all pages together, if all of them are kept. Default: no limit. */
  readonly items?: number;
  /** One after the other, with nothing in them. Default 10. */
  readonly empty?: number;
}

/** Most files or folders of one listing: they are kept in memory. */
export const MOST_LISTED = 1_000_000;
/** So deep no folders lie that anybody made: a link that leads upwards has no end. */
const DEEPEST = 64;
const MOST_FOLDERS = 100_000;

/**
 * Follows the pages of a listing, which end when the server says so: a server that never does would keep us forever.
 * A token that comes a second time, empty pages one after the other, or more pages than anybody has, are no answer of
 * an API. Every loop that follows a server's token goes through here.
 */
export class Pages {
  readonly #what: string;
  readonly #address: string;
  readonly #limits: Required<PageLimits>;
  /** Tokens by their hashes: a server may make them as long as it likes. */
  readonly #seen = new Set<string>();
  /** Pages by the hashes of their ends, for servers that give a new token for what was there already. */
  readonly #pages = new Set<string>();
  #items = 0;
  #empty = 0;

  /** `what` is being done: `listing the files of the run`. */
  constructor(what: string, address: string, { pages = 100_000, items = Infinity, empty = 10 }: PageLimits = {}) {
    this.#what = what;
    this.#address = address;
    this.#limits = { pages, items, empty };
  }

  /**
   * The token of the next page (a cursor, a scroll id); undefined after the last one. `token`: what the server says of
   * it; `items`: how much was in the page; `page`: its plain values, of which none is in two pages. Throws MB4003.
   */
  next(token: unknown, items: number, page: readonly unknown[] = []): string | undefined {
    this.#items += items;
    this.#empty = items > 0 ? 0 : this.#empty + 1;
    const { pages, items: most, empty } = this.#limits;
    if (this.#items > most) throw this.#endless(`more than ${most} of them`);
    if (typeof token !== 'string' || token === '') return undefined;
    const hash = digest(token);
    if (this.#seen.has(hash)) throw this.#endless('the server sent the same page token twice');
    this.#seen.add(hash);
    if (page.length > 0) {
      const ends = hashOf(page);
      if (this.#pages.has(ends)) throw this.#endless('the server sent the same page twice');
      this.#pages.add(ends);
    }
    if (this.#empty > empty) throw this.#endless(`${this.#empty} pages without anything in them`);
    if (this.#seen.size > pages) throw this.#endless(`more than ${pages} pages`);
    return token;
  }

  #endless(found: string): MirrorError {
    return new MirrorError('MB4003', `${this.#what}: ${this.#address} returned endless pages (${found})`, {
      // What is being listed waits, and nothing else does.
      retry: 'later',
      hint: 'Check the address of the tracker, and any proxy in front of it: a tracker does not answer like this.',
      context: { address: this.#address },
    });
  }
}

/**
 * Walks through a tree of folders, each of which is listed on its own: a server may show one that is in itself. The
 * deepest folders come first, so that such a one is found out at once. Every walk goes through here.
 */
export class FolderWalk {
  readonly #what: string;
  readonly #address: string;
  readonly #left: string[] = [''];
  #folders = 0;
  #items = 0;

  /** `what` is being done: `listing the files of the run`. */
  constructor(what: string, address: string) {
    this.#what = what;
    this.#address = address;
  }

  /** The folder to be listed now, the topmost first, as ''; undefined after the last one. */
  next(): string | undefined {
    return this.#left.pop();
  }

  /** What was in a folder: how many files, and the paths of the folders to walk through. Throws MB4003. */
  found(files: number, folders: readonly string[]): void {
    this.#items += files + folders.length;
    this.#folders += folders.length;
    const deepest = folders.find((path) => path.split('/').length > DEEPEST);
    if (deepest !== undefined) throw this.#endless(`more than ${DEEPEST} one in the other: ${deepest.slice(0, 40)}…`);
    if (this.#folders > MOST_FOLDERS) throw this.#endless(`more than ${MOST_FOLDERS}`);
    if (this.#items > MOST_LISTED) throw this.#endless(`more than ${MOST_LISTED} files in them`);
    for (const path of folders) this.#left.push(path);
  }

  #endless(found: string): MirrorError {
    return new MirrorError('MB4003', `${this.#what}: ${this.#address} gives folders without end (${found})`, {
      hint: 'Look for a link in that folder that leads to a folder above it.',
      context: { address: this.#address },
    });
  }
}

/** How much of a listing to request at a time: half as much if an answer was too large. */
export class PageSize {
  #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  get most(): number {
    return this.#most;
  }

  /** True if the same is to be asked for again, in smaller pages. */
  shrinkFor(error: MirrorError): boolean {
    if (!isTooLarge(error) || this.#most <= 1) return false;
    this.#most >>= 1;
    return true;
  }
}

/** Its first and its last value, and how many there are: so little is read of a page that may be megabytes. */
function hashOf(page: readonly unknown[]): string {
  const plain = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? `${value}n` : value);
  return digest(JSON.stringify([page.length, page[0], page.at(-1)], plain));
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}
