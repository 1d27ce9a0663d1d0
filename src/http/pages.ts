import { createHash } from 'node:crypto';
import { MirrorError } from '../errors.ts';
import { isTooLarge } from './too-large.ts';

/** Bounds of a listing in pages. */
export interface PageLimits {
  /** The most pages. Default 100 000. */
  readonly pages?: number;
  /** The most items of all pages together, if all are kept. Default: no limit. */
  readonly items?: number;
  /** The most empty pages in a row. Default 10. */
  readonly empty?: number;
}

/** The most files or folders of one listing: they are kept in memory. */
export const MOST_LISTED = 1_000_000;
/** The deepest folder: real trees are not deeper, but a link that leads upwards has no end. */
const DEEPEST = 64;
const MOST_FOLDERS = 100_000;

/**
 * Follows the pages of a listing until the server says that it ends: a server that never does would keep us forever.
 * A repeated token, a row of empty pages, or more pages than any real listing has cannot come from an API. Every loop
 * that follows a server's token uses this.
 */
export class Pages {
  readonly #what: string;
  readonly #address: string;
  readonly #limits: Required<PageLimits>;
  /** The hashes of tokens: a server may make a token as long as it likes. */
  readonly #seen = new Set<string>();
  /** The hashes of pages' ends, for servers that return a new token for an old page. */
  readonly #pages = new Set<string>();
  #items = 0;
  #empty = 0;

  /** Creates the state of a listing. `what` names the action: `listing the files of the run`. */
  constructor(what: string, address: string, { pages = 100_000, items = Infinity, empty = 10 }: PageLimits = {}) {
    this.#what = what;
    this.#address = address;
    this.#limits = { pages, items, empty };
  }

  /**
   * Returns the token of the next page (a cursor, a scroll id); undefined after the last one. `token`: the server's
   * value; `items`: the number of items of the page; `page`: its plain values, of which none is in two pages. Throws
   * MB4003.
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
      // Only this listing waits, nothing else does.
      retry: 'later',
      hint: 'Check the address of the tracker, and any proxy in front of it: a tracker does not answer like this.',
      context: { address: this.#address },
    });
  }
}

/**
 * Walks through a tree of folders, each of which is listed on its own: a server may show a folder that contains
 * itself. The deepest folders come first, so that such a folder is found at once. Every walk uses this.
 */
export class FolderWalk {
  readonly #what: string;
  readonly #address: string;
  readonly #left: string[] = [''];
  #folders = 0;
  #items = 0;

  /** Creates the walk. `what` names the action: `listing the files of the run`. */
  constructor(what: string, address: string) {
    this.#what = what;
    this.#address = address;
  }

  /** Returns the next folder to list, '' for the topmost one, which is first; undefined after the last one. */
  next(): string | undefined {
    return this.#left.pop();
  }

  /**
   * Notes the content of a folder: the number of files, and the paths of the folders to walk through. Throws MB4003.
   */
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

/** The number of items to request at a time: it is halved if an answer was too large. */
export class PageSize {
  #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  get most(): number {
    return this.#most;
  }

  /** True if the same request must be repeated, with smaller pages. */
  shrinkFor(error: MirrorError): boolean {
    if (!isTooLarge(error) || this.#most <= 1) return false;
    this.#most >>= 1;
    return true;
  }
}

/**
 * Returns a hash of the first value, the last value and the number of values: a page may have megabytes, so this
 * reads no more.
 */
function hashOf(page: readonly unknown[]): string {
  const plain = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? `${value}n` : value);
  return digest(JSON.stringify([page.length, page[0], page.at(-1)], plain));
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}
